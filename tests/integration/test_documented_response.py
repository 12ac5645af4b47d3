"""The vendor's documented response, byte for byte, through the whole program."""

from contextlib import AsyncExitStack
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

from harness.processes import ExporterProcess
from harness.waiting import wait_for

from .conftest import StartExporter

RESPONSE = b"""\
[{"recordTime": 1628820000000, "tenantId": "202104237142", "accessCode": "943370855474270208", "callCount": 1,
  "exitNoConsultCount": 0, "callStaffNoConsultCount": 0, "callStaffConsultCount": 0, "exitConsultingCount": 1,
  "interactCount": 2, "autonomyRate": "1.0000", "averageInteractPerCall": "2.00", "dbRecordTime": 1628820000000,
  "type": "hour", "interfaceRequestCount": 0, "interfaceSuccessCount": 0, "interfaceSuccessRate": "-1.0000"}]
"""
CONFIG = """
history: {{days: 0}}
platforms:
  - name: main
    url: {url}
    tenants:
      - tenant_id: "202104237142"
        auth:
          token: "3f9c"
        bots:
          - access_code: "943370855474270208"
            name: billing
"""
GAUGES = {
    ("calls", None): 1,
    ("call_outcomes", "immediate_exit"): 0,
    ("call_outcomes", "direct_transfer"): 0,
    ("call_outcomes", "consulted_transfer"): 0,
    ("call_outcomes", "contained"): 1,
    ("interactions", None): 2,
    ("interactions_per_call", None): 2,
    ("autonomy_ratio", None): 1,
    ("interface_requests", None): 0,
    ("interface_successes", None): 0,
    ("start_timestamp_seconds", None): 1628820000,
}
EXPECTED = (
    {
        (f"oifde_{window}_{name}", outcome): value
        for window in ("hour", "live_hour")
        for (name, outcome), value in GAUGES.items()
    }
    | {("oifde_hour_reported", None): 1}
    | {
        ("oifde_calls_total", None): 1,
        ("oifde_call_outcomes_total", "immediate_exit"): 0,
        ("oifde_call_outcomes_total", "direct_transfer"): 0,
        ("oifde_call_outcomes_total", "consulted_transfer"): 0,
        ("oifde_call_outcomes_total", "contained"): 1,
        ("oifde_interactions_total", None): 2,
        ("oifde_interface_requests_total", None): 0,
        ("oifde_interface_successes_total", None): 0,
    }
)
IDENTITY = {"tenant_id": "202104237142", "access_code": "943370855474270208", "bot": "billing"}
HEALTH = {"oifde_up", "oifde_last_success_timestamp_seconds", "oifde_poll_failures_total", "oifde_bot_info"}


async def test_every_documented_figure_is_on_the_metrics_page(
    start_exporter: StartExporter, running: AsyncExitStack
) -> None:
    """Half an hour after the documented hour ended, each of its values is served, and its rate of -1 is absent."""
    asked: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.Response(body=RESPONSE, content_type="application/json")

    app = web.Application()
    app.router.add_post("/oifde/rest/api/queryCallStatisticsReport", answer)
    platform = await running.enter_async_context(TestServer(app))

    exporter = await start_exporter(config=CONFIG.format(url=platform.make_url("")), at="2021-08-13T11:30:00+08:00")
    page = await wait_for(lambda: _with_data(exporter), "the bot's data")

    assert {
        "type": "hour",
        "tenantId": "202104237142",
        "accessCode": "943370855474270208",
        "timestamp": 1628784000000,
        "authToken": "3f9c",
    } == asked[0]
    samples = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if IDENTITY.items() <= sample.labels.items() and sample.name not in HEALTH:
                further = sample.labels.keys() - IDENTITY.keys()
                assert further <= {"outcome"}
                samples[sample.name, sample.labels.get("outcome")] = sample.value
    assert EXPECTED == samples
    assert 'oifde_up{tenant_id="202104237142",access_code="943370855474270208",bot="billing",report="hour"} 1.0' in page


async def _with_data(exporter: ExporterProcess) -> str | None:
    page = (await exporter.fetch("/metrics")).text
    return page if "oifde_hour_calls{" in page else None
