"""The faults of platforms, at random moments for random bots, tenants and whole platforms."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from aiohttp import web

from exporter.clock import Clock
from exporter.simulator import Request, SimTenant, SimulatedWorld, Simulator
from exporter.simulator.faults import Fault, Respond
from harness import faults
from lab.soak.ledger import BotKey, Ledger
from lab.soak.world import MOODS, Mood, MoodyWorld, Statement, heard

HARMLESS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "slow": faults.Delay(0.2),
        "wrong content type": faults.ContentType(),
        "duplicate keys": faults.DuplicateKeys(),
        "clock skew": faults.ClockSkew(300),
    }
)
"""Faults after which the answer is still correct."""

_LATE: Final = "late"

FAILING: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        **{f"status {status}": faults.HttpStatus(status) for status in (400, 401, 403, 404, 429, 500, 503)},
        "status 429 with Retry-After": faults.HttpStatus(429, {"Retry-After": "1"}),
        "status 503 with Retry-After": faults.HttpStatus(503, {"Retry-After": "30"}),
        "status 502 with a page": faults.HttpStatus(502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>"),
        **{
            f"code {code}": faults.ErrorCode(code)
            for code in (900001, 900002, 10000001, 200900002, 10000002, 10000003, 200900003, 4711)
        },
        "code as text": faults.ErrorCode("10000001"),
        "empty body": faults.EMPTY_BODY,
        "null": faults.NULL_BODY,
        "invalid UTF-8": faults.INVALID_UTF8,
        "deep nesting": faults.deep_nesting(),
        "truncated": faults.Truncated(),
        "cut off": faults.Truncated(announced=True),
        "wrapped in an object": faults.Wrapped(),
        "12 MB body": faults.HugeBody(12 << 20),
        "gzip bomb": faults.GzipBomb(32 << 20),
        "redirect": faults.Redirect("http://127.0.0.1:9/"),
        _LATE: faults.Delay(30),
        "hang before the headers": faults.Hang("before"),
        "hang in the headers": faults.Hang("headers"),
        "hang in the body": faults.Hang("body"),
        "a byte in ten seconds": faults.Drip(10.0),
        "reset": faults.Reset(),
        "closed": faults.Close(),
    }
)
"""Faults without a correct answer."""

_LOGIN: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        **{
            name: FAILING[name]
            for name in ("status 400", "status 500", "status 429 with Retry-After", "code 10000001", "empty body")
        },
        **{name: FAILING[name] for name in ("hang before the headers", "truncated", "reset", _LATE)},
        "login: key unknown": faults.ErrorCode(200800001),
        "login: key wrong": faults.ErrorCode(200800002),
        "login: account locked": faults.ErrorCode(200800003),
        "login: no token": faults.Body(b'{"errorCode": 0}'),
    }
)
_OUTAGE: Final[Mapping[str, Fault]] = MappingProxyType(
    {name: FAILING[name] for name in ("status 503", "hang before the headers", "reset", "status 502 with a page")}
)
_REFUSED: Final = "connections refused"

_COSTLY: Final = ("12 MB body", "gzip bomb", "deep nesting")
_FINAL_REFUSALS: Final = ("login: key unknown", "login: key wrong")


class Spell(NamedTuple):
    """A fault for some time; times in epoch seconds."""

    kind: str
    fault: Fault
    share: float
    since: float
    until: float


@dataclass(slots=True, eq=False)
class Weather:
    """The only fault of a platform's simulator: it applies one of these faults at a time."""

    clock: Clock
    ledger: Ledger
    rng: random.Random
    count: Counter[str]
    bots: dict[BotKey, Spell]
    logins: dict[str, Spell]
    everything: Spell | None = None
    on_login: Callable[[str, str | None], None] = lambda _tenant, _kind: None
    """Called for every login with the tenant and the kind of fault."""

    async def __call__(self, request: web.Request, asked: Request, respond: Respond) -> web.StreamResponse:
        spell = self._spell(asked)
        if spell:
            self.count[spell.kind] += 1
        if asked.operation == "get_token":
            self.on_login(asked.tenant_id, spell.kind if spell else None)
        # A late answer comes early when the platform closes.
        if spell and spell.kind not in HARMLESS and spell.kind != _LATE:
            return await spell.fault(request, asked, respond)
        statements: list[Statement] = []
        token = heard.set(statements)
        try:
            response = await (spell.fault(request, asked, respond) if spell else respond())
        finally:
            heard.reset(token)
        # Only what is about to be sent counts as said. The exporter may have given up and closed the connection.
        gone = request.transport is None or request.transport.is_closing()
        for statement in () if gone else statements:
            if statement.period == "day":
                self.ledger.note_days(statement.bot, statement.rows)
            else:
                self.ledger.note(statement.bot, statement.day, statement.rows, statement.at)
        return response

    def _spell(self, asked: Request) -> Spell | None:
        bot = (asked.tenant_id, asked.access_code)
        of_one = self.logins.get(asked.tenant_id) if asked.operation == "get_token" else self.bots.get(bot)
        for spell in (self.everything, of_one):
            if spell and spell.since <= asked.at < spell.until and self.rng.random() < spell.share:
                return spell
        return None


class _MoodSpell(NamedTuple):
    mood: Mood
    until: float


class Platform:
    """A simulated platform with faults, which can also be down."""

    def __init__(
        self, name: str, tenants: Sequence[SimTenant], world: SimulatedWorld, ledger: Ledger, clock: Clock, port: int
    ) -> None:
        self.name = name
        self.tenants = tenants
        self.clock = clock
        self.moods: dict[BotKey, _MoodSpell] = {}
        self.weather = Weather(clock, ledger, random.Random(name), Counter(), {}, {})
        self.simulator = Simulator(
            MoodyWorld(world, self._mood), clock=clock, port=port, token_lifetime=60.0, single_token=True
        )
        self.simulator.faults.add(self.weather)
        self.port = port
        self._running = AsyncExitStack()
        self.absence: Spell | None = None
        """The latest time during which it did not listen."""
        self._back_at = 0.0

    @property
    def bots(self) -> Iterator[BotKey]:
        """Return all bots."""
        return ((tenant.tenant_id, bot.access_code) for tenant in self.tenants for bot in tenant.bots)

    async def come(self) -> None:
        """Listen."""
        await self._running.enter_async_context(self.simulator)

    async def go(self) -> None:
        """Stop listening, and close all connections."""
        await self._running.aclose()

    async def leave(self, seconds: float) -> None:
        """Stop listening for at least this many seconds, until `come_back` is called after that."""
        now = self.clock.now()
        self.weather.count[_REFUSED] += 1
        self.absence = Spell(_REFUSED, faults.Close(), 1.0, now, float("inf"))
        self._back_at = now + seconds
        await self.go()

    async def come_back(self, *, early: bool = False) -> None:
        """Listen again if it was down for long enough, or ``early``."""
        now = self.clock.now()
        if self.absence and self.absence.until > now and (early or self._back_at <= now):
            await self.come()
            self.absence = self.absence._replace(until=self.clock.now())

    def _mood(self, bot: BotKey) -> Mood | None:
        spell = self.moods.get(bot)
        return spell.mood if spell and self.clock.now() < spell.until else None


class Storm:
    """Changes the faults of some platforms; the same seed gives the same changes at the same intervals."""

    def __init__(self, platforms: Sequence[Platform], clock: Clock, seed: int) -> None:
        self._platforms = platforms
        self._clock = clock
        self._rng = random.Random(seed)
        self._of_tenant = {tenant.tenant_id: platform for platform in platforms for tenant in platform.tenants}
        self._bots = [bot for platform in platforms for bot in platform.bots]
        self._login_trouble: set[str] = set()
        self._reloaded = float("-inf")
        self._reloading = False
        self._refused: set[str] = set()
        self.logins_after_refusal = 0
        """Logins that were sent after the secret had been refused, without a change since."""
        for platform in platforms:
            platform.weather.on_login = self._note_login

    @property
    def counts(self) -> Counter[str]:
        """The number of requests that each kind of fault struck, of moods and of outages."""
        return sum((platform.weather.count for platform in self._platforms), Counter())

    @property
    def struck(self) -> int:
        """The number of requests that faults struck."""
        return sum(count for kind, count in self.counts.items() if kind in {*FAILING, *HARMLESS, *_LOGIN})

    async def rage(self, over: asyncio.Event) -> None:
        """Change the faults twice a second until it is ``over``."""
        while not await ends_within(over, self._rng.expovariate(2.0)):
            await self._change()

    async def calm(self) -> None:
        """Stop everything."""
        now = self._clock.now()
        for platform in self._platforms:
            weather = platform.weather
            weather.bots = {bot: spell._replace(until=min(spell.until, now)) for bot, spell in weather.bots.items()}
            weather.logins.clear()
            if weather.everything:
                weather.everything = weather.everything._replace(until=min(weather.everything.until, now))
            platform.moods.clear()
            await platform.come_back(early=True)

    def reloading(self) -> None:
        """Record that a reload was requested; `reloaded` or `not_reloaded` must follow."""
        self._reloading = True

    def not_reloaded(self) -> None:
        """Record that it was rejected."""
        self._reloading = False

    def reloaded(self) -> None:
        """Record that it was done, which lets every tenant log in again."""
        now = self._clock.now()
        self._reloading = False
        self._reloaded = now
        self._login_trouble = {
            tenant
            for platform in self._platforms
            for tenant, spell in platform.weather.logins.items()
            if spell.until > now
        }
        self._refused.clear()

    def clear_since(self, bot: BotKey) -> float | None:
        """Return since when the bot's requests succeed (epoch seconds); None while one fails, or its login does."""
        platform = self._of_tenant[bot[0]]
        spells = [platform.weather.bots.get(bot), platform.weather.everything, platform.absence]
        ends = [spell.until for spell in spells if spell]
        if bot[0] in self._login_trouble or any(end > self._clock.now() for end in ends):
            return None
        return max([*ends, self._reloaded])

    def failing_since(self, bot: BotKey) -> float | None:
        """Return since when all requests of the bot fail (epoch seconds); None while one can succeed."""
        now = self._clock.now()
        platform = self._of_tenant[bot[0]]
        certain = [
            spell.since
            for spell in (platform.weather.bots.get(bot), platform.weather.everything, platform.absence)
            if spell and spell.share == 1 and spell.kind not in HARMLESS and spell.since <= now < spell.until
        ]
        return min(certain, default=None)

    async def _change(self) -> None:
        now = self._clock.now()
        for platform in self._platforms:
            await platform.come_back()
        dice = self._rng.random()
        if dice < 0.8:
            self._strike_bot(now)
        elif dice < 0.9:
            self._change_mood(now)
        elif dice < 0.99:
            self._trouble_login(now)
        else:
            await self._break_down(now)

    def _strike_bot(self, now: float) -> None:
        bot = self._rng.choice(self._bots)
        kind = self._rng.choice([*HARMLESS, *FAILING, *FAILING])
        share = self._rng.choice([0.3, 0.7, 1.0, 1.0])
        # Long enough now and then for the series to be withdrawn.
        length = self._rng.uniform(1, 4) if kind in _COSTLY else self._rng.choice([3, 8, 20, 60])
        weather = self._of_tenant[bot[0]].weather
        former = weather.bots.get(bot)
        if not former or former.until <= now:
            fault = HARMLESS.get(kind) or FAILING[kind]
            weather.bots[bot] = Spell(kind, fault, share, now, now + length)

    def _change_mood(self, now: float) -> None:
        bot, name, length = self._rng.choice(self._bots), self._rng.choice(list(MOODS)), self._rng.uniform(2, 10)
        platform = self._of_tenant[bot[0]]
        if bot not in platform.moods or platform.moods[bot].until <= now:
            platform.moods[bot] = _MoodSpell(MOODS[name], now + length)
            platform.weather.count[f"records: {name}"] += 1

    def _trouble_login(self, now: float) -> None:
        platform = self._rng.choice(self._platforms)
        tenant = self._rng.choice(platform.tenants).tenant_id
        self._login_trouble.add(tenant)
        what = self._rng.choice(["expired", "forgotten", "login", "login"])
        kind, length = self._rng.choice(list(_LOGIN)), self._rng.uniform(2, 15)
        if what == "login":
            platform.weather.logins[tenant] = Spell(kind, _LOGIN[kind], 1.0, now, now + length)
        else:
            platform.weather.count[f"tokens {what}"] += 1
        if what == "expired":
            platform.simulator.accounts.expire_tokens(tenant)
        else:
            platform.simulator.accounts.forget_tokens(tenant)

    async def _break_down(self, now: float) -> None:
        platform = self._rng.choice(self._platforms)
        kind, length = self._rng.choice([_REFUSED, *_OUTAGE]), self._rng.choice([5, 15, 40])
        if any(spell and spell.until > now for spell in (platform.absence, platform.weather.everything)):
            return
        if kind == _REFUSED:
            await platform.leave(length)
        else:
            platform.weather.everything = Spell(kind, _OUTAGE[kind], 1.0, now, now + length)

    def _note_login(self, tenant: str, kind: str | None) -> None:
        if tenant in self._refused and not self._reloading:
            self.logins_after_refusal += 1
        if kind in _FINAL_REFUSALS:
            self._refused.add(tenant)


async def ends_within(over: asyncio.Event, seconds: float) -> bool:
    """Wait; return whether it was over in time."""
    try:
        async with asyncio.timeout(seconds):
            return await over.wait()
    except TimeoutError:
        return False
