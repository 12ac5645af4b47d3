"""The exporter's own metrics, collected by prometheus-client.

The metrics of bots and tenants are written elsewhere: there are too many for prometheus-client's renderer.
"""

import platform as machine
from collections.abc import Iterable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from exporter.reasons import FailureReason

_DURATION_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LAG_BUCKETS: Final = (0.01, 0.1, 0.5, 1, 5, 15, 60, 300)


class Health:
    """The metric families of the platforms, the process and its configuration.

    The label values are, in this order: the platform's name, the operation, and the reason or the platform's error code.
    """

    def __init__(self, registry: CollectorRegistry, *, version: str, revision: str = "") -> None:
        """Register each family in ``registry``; ``revision`` is the commit the exporter was built from, if known."""
        self._operations: dict[str, frozenset[str]] = {}
        operation = ("platform", "operation")
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self.requests: Final = counter("oifde_upstream_requests", "Requests sent to the platform", operation)
        self.failures: Final = counter(
            "oifde_upstream_request_failures", "Requests to the platform that failed, by reason", (*operation, "reason")
        )
        self.api_errors: Final = counter(
            "oifde_upstream_api_errors",
            "Errors that the platform answered, by its own error code",
            (*operation, "code"),
        )
        self.duration: Final = histogram(
            "oifde_upstream_request_duration_seconds",
            "Time from sending a request to the platform to the end of its answer",
            operation,
            buckets=_DURATION_BUCKETS,
        )
        self.retries: Final = counter(
            "oifde_upstream_retries", "Requests to the platform that repeated a failed request", operation
        )
        self.clock_skew: Final = gauge(
            "oifde_upstream_clock_skew_seconds",
            "Time by which the platform's clock is ahead of this machine's, according to the Date header of its answers",
            ("platform",),
        )
        self._healthy: Final = gauge(
            "oifde_upstream_healthy",
            "1 if the platform's own health check reports no problem, 0 if it reports one or the platform is unreachable; absent without health_check",
            ("platform",),
        )
        self.poll_lag: Final = histogram(
            "oifde_exporter_poll_lag_seconds",
            "Delay from the scheduled to the actual start of a poll",
            buckets=_LAG_BUCKETS,
        )
        self.bots: Final = gauge("oifde_exporter_bots", "Bots that are polled")
        self.shard: Final = gauge(
            "oifde_exporter_shard", "Number of this process, from 0, among the processes that share the tenants"
        )
        self.total_shards: Final = gauge(
            "oifde_exporter_total_shards",
            "Number of processes that share the tenants, according to this process's flags",
        )
        self.config_reload_successful: Final = gauge(
            "oifde_exporter_config_last_reload_successful", "1 if the last load of the configuration succeeded, else 0"
        )
        self.config_reload_timestamp: Final = gauge(
            "oifde_exporter_config_last_reload_success_timestamp_seconds",
            "Time of the last successful load of the configuration",
        )
        gauge(
            "oifde_exporter_build_info",
            "Always 1; the labels are the version and the revision of the exporter, and the version of Python",
            ("version", "revision", "pythonversion"),
        ).labels(version, revision, machine.python_version()).set(1)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def init_platform(self, name: str, operations: Iterable[str]) -> None:
        """Create the series of a platform's operations with 0, and remove those of its other operations.

        Error codes and the clock skew have no series until they are seen.
        """
        wanted = frozenset(operations)
        for operation in self._operations.get(name, frozenset()) - wanted:
            for family in self._by_operation:
                family.remove_by_labels({"platform": name, "operation": operation})
        self._operations[name] = wanted
        for operation in wanted:
            self.requests.labels(name, operation)
            self.duration.labels(name, operation)
            self.retries.labels(name, operation)
            for reason in FailureReason:
                self.failures.labels(name, operation, reason)

    def forget_platform(self, name: str) -> None:
        """Remove all series of a platform that is no longer configured."""
        for family in (*self._by_operation, self.clock_skew, self._healthy):
            family.remove_by_labels({"platform": name})
        self._operations.pop(name, None)

    def set_healthy(self, name: str, healthy: bool | None) -> None:
        """Set a platform's health; None removes the series."""
        if healthy is None:
            self._healthy.remove_by_labels({"platform": name})
        else:
            self._healthy.labels(name).set(healthy)

    @property
    def _by_operation(self) -> tuple[Counter | Histogram, ...]:
        return self.requests, self.failures, self.api_errors, self.duration, self.retries
