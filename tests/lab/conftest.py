"""Import the measurements from the project's root: they are not installed with the exporter."""

import sys
from pathlib import Path

# At the end of the path, so that the installed exporter is tested.
sys.path.append(str(Path(__file__).parents[2]))
