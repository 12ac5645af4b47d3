"""The colours: those of Okabe and Ito, which people with any kind of colour-blindness can tell apart.

Source: M. Okabe, K. Ito, "Color Universal Design", https://jfly.uni-koeln.de/color/. Their black and yellow, which do not
show on a dark or a light background, are grey here and left out.
"""

from typing import Final

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#999999"

GOOD: Final = BLUE
DOUBTFUL: Final = ORANGE
BAD: Final = VERMILLION
