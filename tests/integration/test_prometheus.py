"""A real Prometheus scrapes the running exporter, and promtool reads its page."""

import subprocess
from pathlib import Path

from harness.programs import FindProgram
from harness.waiting import wait_for

from .conftest import StartExporter, StartPrometheus

# As Prometheus 2.42 and 3 ask.
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


async def test_prometheus_scrapes_the_demo(start_exporter: StartExporter, start_prometheus: StartPrometheus) -> None:
    """Every bot is up in Prometheus, with its names in every script, and the scrape leaves nothing out."""
    exporter = await start_exporter("demo")
    job = {"job_name": "oifde", "static_configs": [{"targets": [exporter.address]}]}
    prometheus = await start_prometheus(
        {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}
    )

    bots = await wait_for(lambda: prometheus.query("oifde_up == 1"), "the first scrape")
    await wait_for(lambda: prometheus.query("count(oifde_hour_calls) > 10"), "the bots' data")

    assert "账单助手" in {sample.labels["bot"] for sample in bots}
    (target,) = (await prometheus.api("targets", state="active"))["activeTargets"]
    assert ("up", "") == (target["health"], target["lastError"])
    (scraped,) = await prometheus.query("scrape_samples_scraped")
    (stored,) = await prometheus.query("scrape_samples_post_metric_relabeling")
    assert scraped.value == stored.value > 13 * 30
    types = {name: entries[0]["type"] for name, entries in (await prometheus.api("metadata")).items()}
    assert ("gauge", "counter") == (types["oifde_hour_autonomy_ratio"], types["oifde_calls"])


async def test_promtool_has_nothing_to_say(start_exporter: StartExporter, program: FindProgram) -> None:
    """Names, types, units and help are as Prometheus' own linter wants them."""
    exporter = await start_exporter("demo")
    await wait_for(lambda: exporter.fetch("/-/ready"), "the exporter")
    page = (await exporter.fetch("/metrics")).text

    checked = _promtool(program("promtool"), page)

    assert (0, "", "") == (checked.returncode, checked.stdout, checked.stderr)


def test_promtool_has_nothing_to_say_of_reports_that_were_asked_for(program: FindProgram) -> None:
    """The names that only some have are no worse."""
    page = (Path(__file__).parents[1] / "serving" / "golden" / "every-report.txt").read_text(encoding="utf-8")

    checked = _promtool(program("promtool"), page)

    assert (0, "", "") == (checked.returncode, checked.stdout, checked.stderr)


async def test_both_generations_of_prometheus_get_openmetrics(start_exporter: StartExporter) -> None:
    """And a browser the classic text."""
    exporter = await start_exporter("demo")

    for accept in (PROMETHEUS_2, PROMETHEUS_3):
        answer = await exporter.fetch("/metrics", headers={"Accept": accept})
        assert "application/openmetrics-text; version=1.0.0; charset=utf-8" == answer.headers["content-type"]
        assert answer.text.endswith("# EOF\n")
    answer = await exporter.fetch("/metrics", headers={"Accept": "text/html,*/*;q=0.8"})
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]


def _promtool(path: Path, page: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [path, "check", "metrics"], input=page, capture_output=True, text=True, timeout=60, check=False
    )
