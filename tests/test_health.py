"""The exporter's own metrics."""

import platform

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from exporter.health import Health
from exporter.reasons import FailureReason


@pytest.fixture
def registry() -> CollectorRegistry:
    """Return the registry of the metrics."""
    return CollectorRegistry()


@pytest.fixture
def health(registry: CollectorRegistry) -> Health:
    """Return the metrics."""
    return Health(registry, version="1.2.3", revision="abc")


def test_series_of_a_platform_exist_before_the_first_request(registry: CollectorRegistry, health: Health) -> None:
    """rate() and alerts start from 0, so that they see the first failure."""
    health.init_platform("main", ["get_token", "query_call_statistics"])

    labels = {"platform": "main", "operation": "get_token"}
    assert 0.0 == registry.get_sample_value("oifde_upstream_requests_total", labels)
    assert 0.0 == registry.get_sample_value("oifde_upstream_retries_total", labels)
    assert 0.0 == registry.get_sample_value("oifde_upstream_request_duration_seconds_count", labels)
    for reason in FailureReason:
        assert 0.0 == registry.get_sample_value("oifde_upstream_request_failures_total", labels | {"reason": reason})


def test_what_is_not_known_in_advance_is_absent(registry: CollectorRegistry, health: Health) -> None:
    """There is no clock skew before the platform's first answer, and no error code before the first error."""
    health.init_platform("main", ["get_token"])

    names = {sample.name for family in registry.collect() for sample in family.samples}
    assert set() == names & {"oifde_upstream_clock_skew_seconds", "oifde_upstream_api_errors_total"}


def test_initialising_again_keeps_the_counts(registry: CollectorRegistry, health: Health) -> None:
    """A reload does not reset the counters."""
    health.init_platform("main", ["get_token"])
    health.requests.labels("main", "get_token").inc(3)
    health.init_platform("main", ["get_token"])

    labels = {"platform": "main", "operation": "get_token"}
    assert 3.0 == registry.get_sample_value("oifde_upstream_requests_total", labels)


def test_a_forgotten_platform_leaves_nothing_behind(registry: CollectorRegistry, health: Health) -> None:
    """After a reload without a platform, only the series of the others are left."""
    for name in ("gone", "kept"):
        health.init_platform(name, ["get_token"])
        health.api_errors.labels(name, "get_token", "900001").inc()
        health.clock_skew.labels(name).set(1.5)
    health.forget_platform("gone")

    text = generate_latest(registry).decode()
    assert 'platform="gone"' not in text
    assert 1.5 == registry.get_sample_value("oifde_upstream_clock_skew_seconds", {"platform": "kept"})


def test_build_info_says_which_exporter_this_is(registry: CollectorRegistry, health: Health) -> None:
    """One query shows the versions in use."""
    labels = {"version": "1.2.3", "revision": "abc", "pythonversion": platform.python_version()}
    assert 1.0 == registry.get_sample_value("oifde_exporter_build_info", labels)


def test_process_and_python_are_there(registry: CollectorRegistry, health: Health) -> None:
    """The usual dashboards for processes work."""
    names = {family.name for family in registry.collect()}
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "python_info"} <= names
