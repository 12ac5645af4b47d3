"""The measurements are not installed with the exporter; they are imported from the project's root."""

import sys
from pathlib import Path

# At the end of the path, so that the installed exporter is tested.
sys.path.append(str(Path(__file__).parents[2]))
