"""Ask a Prometheus the queries of a dashboard."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from harness.dashboards import Dashboard, interpolated, seconds
from harness.processes import Prometheus

_POINTS = 400


@dataclass(frozen=True)
class Answers:
    """A dashboard's answers, by the panel's id and the query's name: Prometheus' own series."""

    start: float
    end: float
    series: dict[tuple[int, str], list[dict[str, Any]]]
    marks: list[dict[str, Any]]
    """The series of its annotations."""


async def ask(prometheus: Prometheus, dashboard: Dashboard, values: dict[str, str], length: int) -> Answers:
    """Ask all queries of a dashboard for its last ``length`` seconds; ``values`` are those of its variables."""
    end = time.time()
    start = end - length

    async def answer(expression: str, step: int | None) -> list[dict[str, Any]]:
        query = interpolated(expression, values)
        if step is None:
            return list((await prometheus.api("query", query=query, time=str(end)))["result"])
        of = {"query": query, "start": str(start), "end": str(end), "step": str(step)}
        return list((await prometheus.api("query_range", **of))["result"])

    finest = max(1, length // _POINTS)
    series = {}
    for panel in dashboard.panels:
        for target in panel["targets"]:
            step = None if target["instant"] else max(finest, min(seconds(target.get("interval", "0s")), length // 50))
            series[panel["id"], target["refId"]] = await answer(target["expr"], step)
            await asyncio.sleep(0)
    marks = [await answer(annotation["expr"], finest) for annotation in dashboard.annotations]
    return Answers(start, end, series, [series for found in marks for series in found])
