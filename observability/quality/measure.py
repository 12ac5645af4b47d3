"""The whole measurement: traffic, a Prometheus with its history, the rules that ship over all of it, and the verdict."""

import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.simulator import SimTenant
from exporter.simulator.characters import DAY, HOUR, WEEK
from observability.quality.fleet import BEGIN, QUIET_WEEKS, WEEKS, Fleet
from observability.quality.history import openmetrics
from observability.quality.judge import Episode, episodes
from observability.quality.server import Rules, Server

_RULES: Final = sorted((Path(__file__).parents[1] / "rules").glob("*.yaml"))
_UNITS: Final = {"s": 1, "m": 60, "h": HOUR, "d": DAY, "w": WEEK}
_ALERTS: Final = "OifdeBot"

NAIVE: Final[Mapping[str, str]] = {
    "below 50 % for an hour": "max by (access_code) (oifde_hour_autonomy_ratio) < 0.5",
    "15 points below its mean of a week for an hour": (
        "max by (access_code) (oifde_hour_autonomy_ratio)"
        " < max by (access_code) (avg_over_time(oifde_hour_autonomy_ratio[1w])) - 0.15"
    ),
}
"""What comes to mind first, on the last complete hour's ratio; each has to hold for an hour."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a fleet went through, and the pages about it, by the shipped alerts and by each naive one."""

    fleet: Fleet
    tenant: SimTenant
    step: int
    pages: Sequence[Episode]
    naive: Mapping[str, Sequence[Episode]]

    @property
    def since(self) -> float:
        """From when on pages count."""
        return BEGIN + QUIET_WEEKS * WEEK

    @property
    def bot_months(self) -> float:
        """How much was watched, in months of 30 days of one bot."""
        return len(self.fleet.bots) * (WEEKS - QUIET_WEEKS) * WEEK / (30 * DAY)


def measure(
    fleet: Fleet,
    step: int,
    directory: Path,
    find_program: Callable[[str], Path],
    progress: Callable[[str], None],
) -> Measured:
    """Measures a fleet, sampled and judged every ``step`` seconds, in an empty directory.

    ``find_program`` gives the path of ``prometheus`` and of ``promtool``.
    """
    (tenant,) = fleet.world.tenants()
    rules = Rules.read(_RULES)
    rules = Rules(rules.recording, [alert for alert in rules.alerts if alert["alert"].startswith(_ALERTS)])
    first, *levels = rules.levels()
    server = Server(find_program("prometheus"), find_program("promtool"), directory, step, _free_port())
    end = BEGIN + WEEKS * WEEK
    with server.running():
        constant = [rule for rule in first if rule["expr"].startswith("vector(")]
        server.record(constant, BEGIN, end)
    with server.running():
        begin = server.moments(constant[0]["record"], BEGIN + 2 * HOUR)[0]
    times = [begin + step * number for number in range(int((end - begin) // step))]
    progress(f"{len(fleet.bots)} bots, {len(times):,} samples of each series: writing the history")
    _write(fleet, tenant, times, directory / "history")
    progress("importing the history")
    server.import_history(directory / "history")
    (directory / "history").unlink()
    rest = [rule for rule in first if rule not in constant]
    for number, level in enumerate([rest, *levels]):
        if level:
            progress(f"evaluating {len(level)} recording rules, level {number + 1} of {len(levels) + 1}")
            with server.running():
                server.record(level, begin, end)
    progress("evaluating the alerts")
    with server.running():
        pages = [page for alert in rules.alerts for page in _pages(server, alert, times)]
        naive = {name: _episodes(server, name, expr, times, HOUR, 0) for name, expr in NAIVE.items()}
    return Measured(fleet, tenant, step, pages, naive)


def _write(fleet: Fleet, tenant: SimTenant, times: Sequence[float], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for _, bot in fleet.bots:
            file.writelines(openmetrics(fleet.world, tenant, bot, times))
        file.write("# EOF\n")


def _pages(server: Server, alert: Mapping[str, str], times: Sequence[float]) -> Sequence[Episode]:
    hold, keep = seconds(alert.get("for", "0s")), seconds(alert.get("keep_firing_for", "0s"))
    return _episodes(server, alert["alert"], alert["expr"], times, hold, keep)


def _episodes(
    server: Server, name: str, expr: str, times: Sequence[float], hold: float, keep: float
) -> Sequence[Episode]:
    firing: dict[str, list[float]] = {}
    for labels, moment, _ in server.query(expr, times[0], times[-1]):
        firing.setdefault(labels["access_code"], []).append(moment)
    return episodes(name, firing, server.step, hold, keep)


def seconds(duration: str) -> float:
    """A duration as Prometheus writes it, such as 1h30m."""
    return float(sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", duration)))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
