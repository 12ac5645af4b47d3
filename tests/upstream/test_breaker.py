import gc
import random
import weakref
from collections.abc import Iterator

import pytest

from exporter.reasons import FailureReason
from exporter.upstream.breaker import FAILURES_TO_OPEN, MAX_PROBE_DELAY, CircuitBreaker
from exporter.upstream.errors import CircuitOpen, ProxyRefused, UpstreamError

from .conftest import Rig

REFUSED = UpstreamError(FailureReason.CONNECT, "cannot connect: Connection refused")


@pytest.fixture
def breaker(rig: Rig) -> CircuitBreaker:
    """Return a closed breaker."""
    return CircuitBreaker(clock=rig.clock, log=rig.log, rng=random.Random(1))


def _fail(breaker: CircuitBreaker, callers: Iterator[object]) -> None:
    for caller in callers:
        breaker.record_failure(caller, REFUSED, probe=breaker.admit(caller))


def _succeed(breaker: CircuitBreaker, caller: object) -> None:
    breaker.admit(caller)
    breaker.record_success()


def _probes(breaker: CircuitBreaker, rig: Rig, seconds: int) -> int:
    """Return how many failing requests got through at ten tries a second."""
    probes = 0
    for _ in range(seconds * 10):
        rig.clock.advance(0.1)
        try:
            breaker.record_failure("any", REFUSED, probe=breaker.admit("any"))
        except CircuitOpen:
            continue
        probes += 1
    return probes


def test_opens_when_every_bot_fails(breaker: CircuitBreaker, rig: Rig) -> None:
    """Five requests go to a platform that refuses every bot, and the log has one line."""
    _fail(breaker, iter(range(4)))
    assert not breaker.open
    _fail(breaker, iter([4]))
    with pytest.raises(CircuitOpen, match="nothing was sent: cannot connect: Connection refused") as caught:
        breaker.admit("another")
    assert ("connect", False) == (caught.value.reason, caught.value.transient)
    assert rig.logged() == ["platform_unreachable"]


def test_a_proxy_that_refuses_is_asked_seldom(breaker: CircuitBreaker, rig: Rig) -> None:
    """Its account may be locked after some wrong passwords: one request, then one after a minute, later every five or ten."""
    refused = ProxyRefused(FailureReason.CONNECT, "the proxy does not connect: HTTP status 407")
    for caller in range(3):
        _succeed(breaker, caller)
    breaker.record_failure(0, refused, probe=breaker.admit(0))
    probes: list[float] = []
    began = rig.clock.elapsed()
    while len(probes) < 20:
        rig.clock.advance(1)
        try:
            breaker.record_failure(1, refused, probe=breaker.admit(1))
        except CircuitOpen:
            continue
        probes.append(rig.clock.elapsed() - began)
        began = rig.clock.elapsed()
    assert 60 <= probes[0] <= 121
    assert 120 <= probes[1] <= 241
    assert all(300 <= pause <= 601 for pause in probes[3:])


def test_a_refusal_of_the_proxy_that_comes_late_puts_off_the_next_probe(breaker: CircuitBreaker, rig: Rig) -> None:
    """It was under way when the circuit opened for another reason. What else comes late changes nothing."""
    _fail(breaker, iter(range(5)))
    assert not breaker.open_for_proxy

    refused = ProxyRefused(FailureReason.CONNECT, "the proxy does not connect: HTTP status 407")
    breaker.record_failure(5, refused, probe=False)
    breaker.record_failure(6, REFUSED, probe=False)
    rig.clock.advance(59)

    with pytest.raises(CircuitOpen, match="407"):
        breaker.admit(7)
    rig.clock.advance(62)
    assert breaker.admit(7)


def test_one_bad_bot_among_healthy_ones(breaker: CircuitBreaker) -> None:
    """A bot that always fails does not stop the polls of others."""
    for caller in range(10):
        _succeed(breaker, caller)
    _fail(breaker, iter([3] * 100))
    assert not breaker.open


def test_healthy_bots_in_between(breaker: CircuitBreaker) -> None:
    """Many failing bots among healthy ones do not open it either."""
    for caller in range(40):
        _fail(breaker, iter([f"bad {caller}"] * 2))
        _succeed(breaker, "good")
    assert not breaker.open


def test_single_bot(breaker: CircuitBreaker, rig: Rig) -> None:
    """If a platform has one bot, the bot's failures open it, and its next poll is the probe."""
    _fail(breaker, iter(["only"] * FAILURES_TO_OPEN))
    assert breaker.open
    rig.clock.advance(60)
    assert breaker.admit("only")
    breaker.record_success()
    assert not breaker.open


def test_logins_alone(breaker: CircuitBreaker) -> None:
    """Before any bot was polled, logins can open it; afterwards one tenant's logins cannot."""
    _succeed(breaker, "bot")
    _fail(breaker, iter([None] * FAILURES_TO_OPEN))
    assert breaker.open
    for caller in range(FAILURES_TO_OPEN):
        _succeed_at_once(breaker, caller)
    _fail(breaker, iter([None] * 100))
    assert not breaker.open


def _succeed_at_once(breaker: CircuitBreaker, caller: object) -> None:
    breaker.record_success()
    _succeed(breaker, caller)


def test_one_probe_at_a_time(breaker: CircuitBreaker, rig: Rig) -> None:
    """While a probe is under way, no other request gets through."""
    _fail(breaker, iter(range(FAILURES_TO_OPEN)))
    rig.clock.advance(1)
    assert breaker.admit("probe")
    rig.clock.advance(1000)
    with pytest.raises(CircuitOpen):
        breaker.admit("other")


def test_probes_are_few(breaker: CircuitBreaker, rig: Rig) -> None:
    """An outage of an hour needs few requests and two log lines."""
    _fail(breaker, iter(range(FAILURES_TO_OPEN)))
    probes = _probes(breaker, rig, 3600)
    assert 3600 / MAX_PROBE_DELAY <= probes <= 2 * 3600 / MAX_PROBE_DELAY
    rig.clock.advance(MAX_PROBE_DELAY)
    _succeed(breaker, "any")
    assert rig.logged() == ["platform_unreachable", "platform_reachable"]
    assert rig.events[-1]["duration_seconds"] == pytest.approx(3600 + MAX_PROBE_DELAY)


def test_abandoned_probe(breaker: CircuitBreaker, rig: Rig) -> None:
    """After a cancelled probe, another request can be the probe."""
    _fail(breaker, iter(range(FAILURES_TO_OPEN)))
    rig.clock.advance(1)
    breaker.record_abandonment(probe=breaker.admit("impatient"))
    rig.clock.advance(1)
    assert breaker.admit("other")


def test_another_cancelled_request_is_not_the_probe(breaker: CircuitBreaker, rig: Rig) -> None:
    """It neither lets a second probe through nor delays the next one."""
    _fail(breaker, iter(range(FAILURES_TO_OPEN)))
    rig.clock.advance(1)
    assert breaker.admit("probe")
    breaker.record_abandonment(probe=False)
    with pytest.raises(CircuitOpen):
        breaker.admit("other")
    breaker.record_failure("probe", REFUSED, probe=True)
    rig.clock.advance(1.9)
    breaker.record_abandonment(probe=False)
    rig.clock.advance(0.1)
    assert breaker.admit("other")


def test_every_other_request_of_a_bot_fails(breaker: CircuitBreaker) -> None:
    """A success resets the count of failures, even if there is a single bot."""
    for _ in range(10 * FAILURES_TO_OPEN):
        _fail(breaker, iter(["only"]))
        _succeed(breaker, "only")
    assert not breaker.open


def test_the_delay_of_probes_doubles(rig: Rig) -> None:
    """From one second up to five, and it starts again at one second after a recovery."""

    class Longest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return max(a, b)

    breaker = CircuitBreaker(clock=rig.clock, log=rig.log, rng=Longest())
    for _ in range(2):
        _fail(breaker, iter(range(FAILURES_TO_OPEN)))
        for delay in (1, 2, 4, 5, 5):
            rig.clock.advance(delay - 0.01)
            with pytest.raises(CircuitOpen):
                breaker.check()
            rig.clock.advance(0.01)
            breaker.record_failure("any", REFUSED, probe=breaker.admit("any"))
        rig.clock.advance(MAX_PROBE_DELAY)
        breaker.admit("any")
        breaker.record_success()


def test_stragglers(breaker: CircuitBreaker, rig: Rig) -> None:
    """Failures of requests from before it opened change nothing; a success closes it."""
    before = [breaker.admit(caller) for caller in range(10)]
    _fail(breaker, iter(range(FAILURES_TO_OPEN)))
    for probe in before:
        breaker.record_failure("late", REFUSED, probe=probe)
    rig.clock.advance(1)
    assert breaker.admit("probe")
    breaker.record_success()
    assert not breaker.open
    assert breaker.recoveries == 1


def test_stopped_requests_leave_no_garbage(breaker: CircuitBreaker) -> None:
    """The error is freed as soon as it is handled: during an outage, collections would block the event loop."""
    _fail(breaker, iter(range(FAILURES_TO_OPEN)))
    kept = []
    gc.disable()
    try:
        try:
            breaker.check()
        except CircuitOpen as error:
            kept.append(weakref.ref(error))
        assert [None] == [error() for error in kept]
    finally:
        gc.enable()
