"""A soak: the platforms, the exporter, Prometheus, and the checks."""

import asyncio
import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.clock import SystemClock
from exporter.simulator import SimTenant, SimulatedWorld, default_secret
from harness.processes import ExporterProcess, Prometheus
from harness.waiting import wait_for
from lab.soak import page
from lab.soak.invariants import Checker, Expectation
from lab.soak.ledger import BotKey, Delays, Ledger, local_date
from lab.soak.log import LogReader
from lab.soak.process import Usage, usage
from lab.soak.storm import Platform, Storm, ends_within
from lab.soak.world import HABITS, tenants

DELAYS: Final = Delays(settle=15.0, empty=60.0, stale_after=30.0)

CALM: Final = 30.0
"""Seconds without faults at the beginning and at the end."""

_REQUEST_TIMEOUT: Final = 3.0
_MAX_CONCURRENCY: Final = 64
_INTERVALS: Final = (1.0, 1.0, 2.0, 5.0)
"""The tenants' poll intervals in turn, in seconds."""
_FETCH_INTERVAL: Final = 2.0
_SCRAPE_INTERVAL: Final = 5
"""Seconds between two scrapes, and the limit of one: the machine may be busy."""
_PARSE_EVERY: Final = 30
_REPORTS: Final = ("hour", "day")
_DISCOVERED_OF: Final = 5
"""One of this many tenants has its bots discovered."""
_DISCOVERY_INTERVAL: Final = 10
_DROPPED_OF: Final = 10
"""One of this many bots is removed and added by reloads."""

_READABLE: Final = "every page arrives, and prometheus-client's parser accepts it"
_NO_LOGIN: Final = "after a refused secret there is no further login until a reload"
_COUNTED_REQUESTS: Final = "the exporter counts every request that arrives"
_LOG: Final = "the log has no error, no traceback, no secret"
_ALL_UP: Final = "at the end every bot is up"
_MEMORY: Final = "memory is flat"
_FILES: Final = (
    "at the end there are no more files and threads than at the beginning, except idle connections to the platforms"
)
_SCRAPED: Final = "Prometheus: every scrape succeeds"
_COMPLETE: Final = "Prometheus: every sample of a page is stored"
_RESETS: Final = "Prometheus: the day's counters were reset once at each midnight, and at no other time"


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The machine's clock plus an offset in seconds."""

    offset: float

    def now(self) -> float:
        return time.time() + self.offset

    def elapsed(self) -> float:
        return SystemClock().elapsed()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run."""

    checks: Counter[str]
    violations: Counter[str]
    details: Sequence[str]
    faults: Counter[str]
    figures: Sequence[tuple[str, str]]
    """Further results, by name."""


class Soak:
    """A run."""

    def __init__(
        self, directory: Path, program: Path, *, minutes: float, seed: int, bots: int, start: datetime
    ) -> None:
        """Put all files into ``directory``; ``program`` is Prometheus; all other clocks begin at ``start``."""
        self._directory = directory
        self._program = program
        self._seconds = minutes * 60
        self._rng = random.Random(seed)
        self._start = start
        self._clock = ShiftedClock(start.timestamp() - time.time())
        made = tenants(bots, seed)
        self._ledger = Ledger({tenant.tenant_id: tenant.timezone for tenant in made}, DELAYS)
        self._platforms = [
            self._platform(name, made[number::2], seed) for number, name in enumerate(("north", "south"))
        ]
        self._storm = Storm(self._platforms, self._clock, seed)
        self._tenants = {tenant.tenant_id: (number, tenant) for number, tenant in enumerate(made)}
        self._bots = [bot for platform in self._platforms for bot in platform.bots]
        self._configured = set(self._bots)
        self._label = "first"
        self._checker = Checker(
            self._ledger,
            DELAYS,
            {bot: self._expectation(bot) for bot in self._bots},
            clear_since=self._storm.clear_since,
            failing_since=self._storm.failing_since,
        )
        self._pages = 0
        self._reloads: Counter[str] = Counter()
        self._usages: list[Usage] = []
        self._others: dict[str, float] = {}
        # No page is fetched while a reload is under way: which bots it should have is not certain then.
        self._steady = asyncio.Lock()

    async def run(self) -> Result:
        """Run to the end."""
        async with AsyncExitStack() as stack:
            for platform in self._platforms:
                stack.push_async_callback(platform.go)
                await platform.come()
            self._write_config()
            self._exporter = await self._start_exporter(stack)
            secrets = [default_secret(tenant) for tenant in self._tenants]
            self._log = LogReader(self._exporter.log_file, secrets)
            self._prometheus = await self._start_prometheus(stack)
            began = time.monotonic()
            await self._watch(CALM)
            calm = self._usages[len(self._usages) // 2 :]
            await self._in_storm(max(0.0, self._seconds - 2 * CALM))
            stormy = self._usages[len(calm) :]
            await self._storm.calm()
            await self._reload("all bots again")
            await self._watch(CALM)
            await self._conclude(calm, stormy, time.monotonic() - began)
            return self._result(calm, time.monotonic() - began)

    async def _in_storm(self, seconds: float) -> None:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._storm.rage(over))
            group.create_task(self._keep_reloading(over))
            await self._watch(seconds)
            over.set()

    async def _watch(self, seconds: float) -> None:
        """Fetch and check pages for this long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            async with self._steady:
                await self._fetch()
            self._log.read()
            self._usages.append(usage(self._exporter.pid))
            if self._pages % 30 == 0:
                self._tell()
            await asyncio.sleep(_FETCH_INTERVAL)

    async def _fetch(self) -> None:
        began = self._clock.now()
        answer = await self._exporter.fetch("/metrics")
        ended = self._clock.now()
        self._pages += 1
        self._checker.claim(_READABLE, answer.status == 200, answer.status)
        if self._pages % _PARSE_EVERY == 1:
            families = await asyncio.to_thread(list, text_string_to_metric_families(answer.text))
            self._checker.claim(_READABLE, len(families) > 0, "no families")
        shown = page.read(answer.text)
        self._others = dict(shown.others)
        self._checker.observe(shown, self._configured, began, ended)

    async def _keep_reloading(self, over: asyncio.Event) -> None:
        while not await ends_within(over, self._rng.uniform(15, 45)):
            kind = self._rng.choice(["no change", "a bad file", "other labels", "bots go", "all bots again"])
            await self._reload(kind)

    async def _reload(self, kind: str) -> None:
        async with self._steady:
            await self._take_over(kind)

    async def _take_over(self, kind: str) -> None:
        self._reloads[kind] += 1
        gone = set(self._bots[::_DROPPED_OF]) if kind == "bots go" else set()
        if kind in ("bots go", "all bots again"):
            for bot in set(self._bots) - gone - self._configured:
                self._ledger.forget(bot)
            wanted = set(self._bots) - gone
        else:
            wanted = set(self._configured)
        if kind == "other labels":
            self._label = f"since reload {self._reloads.total()}"
        dropped, self._configured = self._configured - wanted, wanted
        self._write_config("nonsense: true\n" if kind == "a bad file" else "")
        event = "config_invalid" if kind == "a bad file" else "config_reloaded"
        self._log.read()
        former = self._log.events[event]
        self._storm.reloading()
        self._exporter.send_signal(signal.SIGHUP)
        await wait_for(lambda: self._log.read().events[event] > former, f"a reload: {kind}")
        if kind == "a bad file":
            self._storm.not_reloaded()
            self._write_config()
            return
        self._storm.reloaded()
        for bot in dropped:
            self._checker.forget(bot)
            self._ledger.forget(bot)

    async def _conclude(self, calm: Sequence[Usage], stormy: Sequence[Usage], seconds: float) -> None:
        claim = self._checker.claim
        claim(_NO_LOGIN, self._storm.logins_after_refusal == 0, "logins", self._storm.logins_after_refusal)
        for line in self._log.alarming[:10]:
            claim(_LOG, False, "line", line)
        claim(_LOG, not self._log.alarming, "log")
        await self._check_counted()
        down = await self._prometheus.query('oifde_up{report="hour"} != 1')
        claim(_ALL_UP, not down, "down", [sample.labels for sample in down[:5]])
        if stormy:
            fifth = max(1, len(stormy) // 5)
            early, late = (
                median(usage.resident for usage in part) for part in (stormy[fifth : 2 * fifth], stormy[-fifth:])
            )
            claim(_MEMORY, late <= early * 1.1 + (5 << 20), "resident bytes", early, late)
        for name, idle in (("files", _MAX_CONCURRENCY * len(self._platforms) // 2), ("threads", 0)):
            first, last = (median(getattr(usage, name) for usage in part) for part in (calm, self._usages[-5:]))
            claim(_FILES, last <= first + 6 + idle, name, first, last)
        await self._ask_prometheus(int(seconds) + 60)

    async def _check_counted(self) -> None:
        arrived = {
            f'oifde_upstream_requests_total{{operation="{operation}",platform="{platform.name}"}}': count
            for platform in self._platforms
            for operation, count in platform.simulator.journal.counts.items()
        }
        await self._fetch()
        for series, count in arrived.items():
            counted = self._others.get(series, 0.0)
            self._checker.claim(_COUNTED_REQUESTS, count <= counted, series, count, counted)

    async def _ask_prometheus(self, seconds: int) -> None:
        claim, query = self._checker.claim, self._prometheus.query
        (scrapes,) = await query(f"count_over_time(up[{seconds}s])")
        (failed,) = await query(f"count_over_time(up[{seconds}s]) - sum_over_time(up[{seconds}s])")
        self._scrapes = int(scrapes.value)
        self._checker.checks[_SCRAPED] += self._scrapes - 1
        claim(_SCRAPED, failed.value == 0, "scrapes failed", failed.value)
        (left_out,) = await query(
            f"max_over_time((scrape_samples_scraped - scrape_samples_post_metric_relabeling)[{seconds}s:{_SCRAPE_INTERVAL}s])"
        )
        claim(_COMPLETE, left_out.value == 0, "samples left out", left_out.value)
        kept = set(self._bots) - set(self._bots[::_DROPPED_OF])
        for sample in await query(f"resets(oifde_interactions_total[{seconds}s])"):
            bot = (sample.labels["tenant_id"], sample.labels["access_code"])
            if bot in kept:
                zone = self._ledger.zone(bot)
                midnights = (local_date(self._clock.now(), zone) - local_date(self._start.timestamp(), zone)).days
                claim(_RESETS, sample.value <= midnights, bot, sample.value, midnights)

    def _result(self, calm: Sequence[Usage], seconds: float) -> Result:
        def requests(operation: str) -> int:
            return int(
                sum(
                    value
                    for name, value in self._others.items()
                    if name.startswith("oifde_upstream_requests_total{") and f'operation="{operation}"' in name
                )
            )

        first, last = calm[-1], self._usages[-1]
        peak = max(usage.resident for usage in self._usages)
        figures = (
            ("began, by the shifted clocks", self._start.isoformat()),
            ("minutes", f"{seconds / 60:.1f}"),
            ("platforms, tenants, bots", f"{len(self._platforms)}, {len(self._tenants)}, {len(self._bots)}"),
            ("requests for reports", f"{requests('query_call_statistics'):,}"),
            ("logins", f"{requests('get_token'):,}"),
            ("requests for bots, to find them", f"{requests('query_bindings'):,}"),
            ("requests struck by a fault", f"{self._storm.struck:,}"),
            ("reloads", ", ".join(f"{count} {kind}" for kind, count in sorted(self._reloads.items()))),
            ("scrapes by Prometheus", f"{self._scrapes:,}"),
            ("pages held against the platform", f"{self._pages:,}"),
            (
                "resident memory, MiB",
                f"{first.resident >> 20} at first, {last.resident >> 20} at last, {peak >> 20} at most",
            ),
            (
                "open files",
                f"{first.files} at first, {last.files} at last, {max(e.files for e in self._usages)} at most",
            ),
            ("threads", f"{first.threads} at first, {last.threads} at last"),
            ("CPU", f"{(last.cpu - first.cpu) / seconds:.0%} of a core"),
            ("log events", ", ".join(f"{count:,} {level}" for level, count in sorted(self._log.levels.items()))),
        )
        checker = self._checker
        return Result(checker.checks, checker.violations, checker.details, self._storm.counts, figures)

    def _tell(self) -> None:
        checker, held = self._checker, self._usages[-1]
        click.echo(
            f"{datetime.fromtimestamp(self._clock.now(), UTC):%H:%M:%S} pages {self._pages},"
            f" checks {checker.checks.total():,}, violations {checker.violations.total()},"
            f" faults {self._storm.counts.total():,}, memory {held.resident >> 20} MiB, files {held.files}",
            err=True,
        )

    def _platform(self, name: str, of: Sequence[SimTenant], seed: int) -> Platform:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return Platform(name, of, SimulatedWorld(seed, of, HABITS), self._ledger, self._clock, port)

    def _expectation(self, bot: BotKey) -> Expectation:
        interval = _INTERVALS[self._tenants[bot[0]][0] % len(_INTERVALS)]
        return Expectation(interval, min(interval, 3 * _REQUEST_TIMEOUT))

    def _write_config(self, further: str = "") -> None:
        config = {
            "settle_delay": f"{DELAYS.settle:.0f}s",
            "empty_hour_delay": f"{DELAYS.empty:.0f}s",
            "stale_after": f"{DELAYS.stale_after:.0f}s",
            "reports": list(_REPORTS),
            "platforms": [
                {
                    "name": platform.name,
                    "url": f"http://127.0.0.1:{platform.port}",
                    "request_timeout": f"{_REQUEST_TIMEOUT:.0f}s",
                    "max_concurrency": _MAX_CONCURRENCY,
                    "requests_per_second": 500,
                    "tenants": [self._tenant(tenant) for tenant in platform.tenants],
                }
                for platform in self._platforms
            ],
        }
        text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
        self._config_file.write_text(text + further, encoding="utf-8")

    def _tenant(self, tenant: SimTenant) -> dict[str, Any]:
        number, _ = self._tenants[tenant.tenant_id]
        discovered = number % _DISCOVERED_OF == _DISCOVERED_OF - 1
        return {
            "tenant_id": tenant.tenant_id,
            "timezone": tenant.timezone.key,
            "poll_interval": f"{_INTERVALS[number % len(_INTERVALS)]:.0f}s",
            "auth": {"app_secret": default_secret(tenant.tenant_id)},
            **(self._discovery(tenant) if discovered else self._listed(tenant)),
        }

    def _listed(self, tenant: SimTenant) -> dict[str, Any]:
        bots = [
            {"access_code": bot.access_code, "name": bot.name, "labels": {"team": self._label}}
            for bot in tenant.bots
            if (tenant.tenant_id, bot.access_code) in self._configured
        ]
        return {"bots": bots}

    def _discovery(self, tenant: SimTenant) -> dict[str, Any]:
        codes = [bot.access_code for bot in tenant.bots]
        gone = [code for code in codes if (tenant.tenant_id, code) not in self._configured]
        return {"discovery": {"interval": f"{_DISCOVERY_INTERVAL}s", "exclude": "|".join(gone)}}

    @property
    def _config_file(self) -> Path:
        return self._directory / "config.yaml"

    async def _start_exporter(self, stack: AsyncExitStack) -> ExporterProcess:
        exporter = ExporterProcess(
            ["--web.listen-address=127.0.0.1:0", "--log.format=json", f"--config.file={self._config_file}"],
            self._directory / "exporter",
            {},
            at=f"{self._clock.offset:+f}",
        )
        stack.push_async_callback(exporter.stop)
        await exporter.started()
        await wait_for(partial(_is_ready, exporter), "every bot to be found and tried")
        return exporter

    async def _start_prometheus(self, stack: AsyncExitStack) -> Prometheus:
        times = {"scrape_interval": f"{_SCRAPE_INTERVAL}s", "scrape_timeout": f"{_SCRAPE_INTERVAL}s"}
        job = {"job_name": "oifde", "static_configs": [{"targets": [self._exporter.address]}]}
        config = {"global": times, "scrape_configs": [job]}
        prometheus = Prometheus(self._program, config, self._directory / "prometheus", [])
        stack.push_async_callback(prometheus.stop)
        await prometheus.started()
        return prometheus


async def _is_ready(exporter: ExporterProcess) -> bool:
    return (await exporter.fetch("/-/ready")).status == 200
