"""The rules' generator and their measurement are no part of what is installed; they are found in the project itself."""

import sys
from pathlib import Path

# At the end, so that the exporter is still the installed one.
sys.path.append(str(Path(__file__).parents[2]))
