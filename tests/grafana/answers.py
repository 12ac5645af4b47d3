"""Ask a Prometheus the queries of a dashboard."""

from dataclasses import dataclass
from typing import Any

from harness.dashboards import Dashboard, interpolated, seconds
from harness.processes import Prometheus

_POINTS = 400


@dataclass(frozen=True)
class Answers:
    """A dashboard's answers: Prometheus' own series, by the panel's id and the query's name."""

    start: float
    end: float
    series: dict[str, dict[str, list[dict[str, Any]]]]


async def ask(prometheus: Prometheus, dashboard: Dashboard, values: dict[str, str], length: int) -> Answers:
    """Ask all queries of a dashboard for its last ``length`` seconds; ``values`` are those of its variables."""
    end = await prometheus.now()
    start = end - length

    async def answer(target: dict[str, Any]) -> list[dict[str, Any]]:
        query = interpolated(target["expr"], values)
        if target["instant"]:
            return list((await prometheus.api("query", query=query, time=str(end)))["result"])
        step = max(1, length // _POINTS, min(seconds(target.get("interval", "0s")), length // 50))
        of = {"query": query, "start": str(start), "end": str(end), "step": str(step)}
        return list((await prometheus.api("query_range", **of))["result"])

    series = {
        str(panel["id"]): {target["refId"]: await answer(target) for target in panel["targets"]}
        for panel in dashboard.panels
    }
    return Answers(start, end, series)
