"""Make up fleets for a measurement: their configuration, their platform and their clock."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from exporter.simulator import CALM, SimBot, SimTenant, SimulatedWorld, World, default_secret

ZONE: Final = ZoneInfo("Asia/Shanghai")
EVENING: Final = datetime(2026, 5, 20, 23, 5, tzinfo=ZONE).timestamp()
"""The start of the clock: a report has 24 records by then, the most it can have; no measurement runs over midnight
unless it means to."""

_BOTS_PER_TENANT: Final = 100


@dataclass(frozen=True, slots=True)
class BenchmarkClock:
    """A clock that starts at ``start`` (epoch seconds) and may run faster; the same in all processes of the machine."""

    start: float = EVENING
    speed: float = 1.0
    origin: float = 0.0

    @classmethod
    def started(cls, *, start: float = EVENING, speed: float = 1.0) -> "BenchmarkClock":
        """Return a clock that starts now."""
        return cls(start, speed, time.monotonic())

    def now(self) -> float:
        """Return the time in epoch seconds."""
        return self.start + (time.monotonic() - self.origin) * self.speed

    def elapsed(self) -> float:
        """Return the seconds that have passed."""
        return time.monotonic() * self.speed


def tenants(bots: int) -> Sequence[SimTenant]:
    """``bots`` bots that are called day and night, a hundred to a tenant."""
    made = [SimBot(f"{943370855474270208 + number}", f"bot-{number:05d}") for number in range(bots)]
    return [
        SimTenant(f"{202104237142 + number}", tuple(made[first : first + _BOTS_PER_TENANT]), timezone=ZONE)
        for number, first in enumerate(range(0, bots, _BOTS_PER_TENANT))
    ]


def world(bots: int) -> World:
    """Return the platform's answers for ``tenants(bots)``."""
    return SimulatedWorld(1, tenants(bots), CALM)


def write_config(path: Path, bots: int, *, url: str, requests_per_second: float, history_days: int = 0) -> None:
    """Writes a configuration of ``tenants(bots)``, in the form that README and the example have."""
    lines = [
        "poll_interval: 60s",
        f"history: {{days: {history_days}}}",
        "platforms:",
        "  - name: main",
        f"    url: {url}",
        "    max_concurrency: 32",
        f"    requests_per_second: {requests_per_second:g}",
        "    tenants:",
    ]
    for tenant in tenants(bots):
        lines += [
            f'      - tenant_id: "{tenant.tenant_id}"',
            f"        name: tenant-{tenant.tenant_id}",
            "        auth:",
            f"          app_secret: {default_secret(tenant.tenant_id)}",
            "        bots:",
        ]
        for bot in tenant.bots:
            lines += [
                f"          - access_code: {json.dumps(bot.access_code)}",
                f"            name: {bot.name}",
                "            labels: {team: care}",
            ]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
