"""Prints a chart's values.schema.json with the exporter's schema of its configuration made anew: ``chart-schema.py CHART``.

That one's definitions stand among the chart's, under names that begin with "config".
"""

import json
import sys
from pathlib import Path
from typing import Any

from exporter.config.schema import make_json_schema


def for_helm(part: Any) -> Any:
    """A part of the exporter's schema in draft-07, which every Helm knows, with the definitions' names in the chart."""
    if isinstance(part, list):
        return [for_helm(one) for one in part]
    if not isinstance(part, dict):
        return part.replace("#/$defs/", "#/$defs/config") if isinstance(part, str) else part
    return {"dependencies" if key == "dependentRequired" else key: for_helm(value) for key, value in part.items()}


def main(chart: Path) -> None:
    """The schema, on standard output."""
    schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    config = make_json_schema()
    del config["$schema"]
    definitions = {"": config, **config.pop("$defs")}
    ours = {name: part for name, part in schema["$defs"].items() if not name.startswith("config")}
    schema["$defs"] = ours | {f"config{name}": for_helm(part) for name, part in definitions.items()}
    json.dump(schema, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
