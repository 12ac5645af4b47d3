"""What is logged of a tenant's login."""

from exporter.reasons import FailureReason
from exporter.upstream.errors import UpstreamError
from exporter.upstream.standing import Standing

from .conftest import Rig


def test_times_in_the_log_have_milliseconds() -> None:
    """A longer fraction of a second is noise."""
    rig = Rig()
    standing = Standing(rig.clock, rig.log, lambda: None)
    standing.record_failure(UpstreamError(FailureReason.HTTP, "HTTP 503"), blocked=False, delay=1.23456)
    assert rig.events[-1] == {
        "event": "login_failed",
        "level": "warning",
        "reason": "http",
        "error": "HTTP 503",
        "retry_in_seconds": 1.235,
    }
    rig.clock.advance(2.34567)
    standing.record_recovery()
    assert rig.events[-1] == {"event": "login_recovered", "level": "info", "duration_seconds": 2.346}
