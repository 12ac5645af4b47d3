"""``python -m observability.dashboards`` writes the dashboards' JSON; ``--check`` says which are out of step instead."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from observability.dashboards.bot import one_bot
from observability.dashboards.chinese import translate
from observability.dashboards.health import health
from observability.dashboards.overview import bots_overview

ROOT: Final = Path(__file__).parents[2]
PLACES: Final = (Path("observability/dashboards"), Path("helm/oifde-exporter/dashboards"))
"""To be imported from, and the chart's copy, which must lie in the chart."""

DASHBOARDS: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {"bots-overview": bots_overview, "one-bot": one_bot, "health": health}
)


def main() -> int:
    """The exit status: 1 if ``--check`` found a file that is out of step."""
    parser = argparse.ArgumentParser(prog="python -m observability.dashboards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and name the files that are out of step")
    check = parser.parse_args().check
    stale = []
    for name, write in DASHBOARDS.items():
        english = write()
        for path, text in ((f"{name}.json", english), (f"zh/{name}.zh.json", translate(english))):
            for place in PLACES:
                file = ROOT / place / path
                if not check:
                    file.write_text(text, encoding="utf-8")
                elif not file.is_file() or file.read_text(encoding="utf-8") != text:
                    stale.append(str(place / path))
    for path in stale:
        print(f"{path} is out of step: run `python -m observability.dashboards`", file=sys.stderr)  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
