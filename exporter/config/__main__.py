"""Print the JSON Schema of the configuration: `python -m exporter.config > config.schema.json`."""

import json
import sys

from exporter.config.schema import make_json_schema

json.dump(make_json_schema(), sys.stdout, indent=2)
sys.stdout.write("\n")
