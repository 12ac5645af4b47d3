"""The dashboards against a real Prometheus that has seen the demo, with a past, drawn by Grafana's code in Chromium."""

import itertools
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from playwright.async_api import Browser, Page, async_playwright

from grafana.answers import Answers, ask
from grafana.page import count_rows, draw
from harness import troubled_demo
from harness.dashboards import DIRECTORY, FILES, Dashboard, Query, interpolated, options, query_result
from harness.processes import Prometheus
from harness.programs import FindProgram
from harness.waiting import wait_for

POINTS = 300
"""About as many as a panel is wide."""
BY_DEFAULT = {"tenant": ".*", "platform": ".*", "__rate_interval": "1m"}
ONE_BOT = {"tenant": troubled_demo.TENANT, "bot": troubled_demo.BOT}
EXPECTED = yaml.safe_load(Path(__file__).with_name("shown.yaml").read_text(encoding="utf-8"))

Series: TypeAlias = dict[str, Any]


@pytest.mark.real_time
async def test_the_dashboards_show_what_the_demo_did(
    program: FindProgram, tmp_path: Path, running: AsyncExitStack
) -> None:
    """An imported dashboard offers all tenants and bots, and each panel shows what it is meant to.

    One test, because what it needs takes long to start: a past of eight days, an exporter scraped as if it were two
    replicas, and a bot in trouble for hours.
    """
    programs = troubled_demo.Programs(program("prometheus"), program("promtool"))
    seen = await troubled_demo.start(running, tmp_path, programs, past=8, levels=2, trouble=7)

    shown = {path.stem: _Shown(seen.prometheus, Dashboard.load(path)) for path in FILES}
    assert {"bots-overview", "health", "one-bot"} == shown.keys()
    shown["one-bot"].values.update(ONE_BOT)
    for name, one in shown.items():
        await wait_for(one.every_query_answered, f"data in every panel of {name}")
        await one.check_that_replicas_count_once()
    await wait_for(shown["bots-overview"].counts_what_one_replica_shows, "the same of two replicas as of one")

    assert {("demo", "demo")} == await shown["health"].offered("platform")
    for name in ("bots-overview", "one-bot"):
        offered = await shown[name].offered("tenant")
        assert offered > {("Monsoon Telecom", "202206018301"), ("东方银行", "202104237142")}
        await wait_for(shown[name].marks_the_bot_in_trouble, f"the alert in {name}")
    assert ("Recharge helper", troubled_demo.BOT) in await shown["one-bot"].offered("bot")
    await shown["health"].marks()  # the pipeline works, so there may be none

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        for name, one in shown.items():
            answers = await ask(seen.prometheus, one.dashboard, one.values, one.dashboard.range)
            english = _Drawn(browser, program("grafana"), one.dashboard, answers)
            chinese = replace(english, dashboard=Dashboard.load(DIRECTORY / "zh" / f"{name}.zh.json"))
            assert await english.check(EXPECTED[name]) == await chinese.check(None), name
        await browser.close()


@dataclass
class _Drawn:
    """A dashboard as Grafana draws it with Prometheus' answers."""

    browser: Browser
    library: Path
    dashboard: Dashboard
    answers: Answers

    async def check(self, expected: list[dict[str, Any]] | None) -> list[list[list[str]]]:
        """Compare what the panels show with what they are meant to, if that is given; return the numbers that they show."""
        page, drawn = await draw(self.browser, self.library, self.dashboard, self.answers)
        panels = self.dashboard.panels
        assert [] == [panel["title"] for panel, shown in zip(panels, drawn, strict=True) if shown["titleCut"]]
        for panel, shown in zip(panels, drawn, strict=True):
            if panel["type"] == "table":
                assert ([], False) == (shown["cut"], shown["scrolls"]), f"{panel['title']}: columns that are not seen"
                await self._check_that_rows_need_no_other_query(page, panel)
                if "Score" in self.answers.series[str(panel["id"])]:
                    self._check_bots(panel, _texts(panel, shown))
                    await self._check_a_single_bot(panel, _texts(panel, shown)[0])
            if panel["type"] == "timeseries":
                colours = [line["colour"] for line in shown["series"] if line["inLegend"]]
                assert len(set(colours)) == len(colours), f"{panel['title']}: two lines of one colour"
        texts = [_texts(panel, shown) for panel, shown in zip(panels, drawn, strict=True)]
        if expected is not None:
            assert [panel["title"] for panel in panels] == [title for entry in expected for title in entry]
            for rows, entry in zip(texts, expected, strict=True):
                for title, meant in entry.items():
                    for row in rows:
                        _check_texts(title, {"": meant} if isinstance(meant, str) else meant, row)
        return [[re.findall(r"[\d.]+", text) for row in rows for _, text in row] for rows in texts]

    async def _check_that_rows_need_no_other_query(self, page: Page, panel: dict[str, Any]) -> None:
        """A table keeps its rows when another query than the first has no series."""
        count = await count_rows(page, panel, self.answers.series)
        for target in panel["targets"][1:]:
            if "NaN" not in target["expr"]:
                without = self.answers.series[str(panel["id"])] | {target["refId"]: []}
                assert count == await count_rows(page, panel, {str(panel["id"]): without}), target["refId"]

    def _check_bots(self, panel: dict[str, Any], shown: list[list[tuple[str, str]]]) -> None:
        """Each row has the values of its bot, and the bots are sorted by their score."""
        titles = panel["transformations"][-1]["options"]["renameByName"]
        answers = self.answers.series[str(panel["id"])]
        rows = [dict(row) for row in shown]
        scores = [float(row[titles["Value #Score"]].replace("–", "-1")) for row in rows]
        assert sorted(scores, reverse=True) == scores
        names = {series["metric"]["access_code"]: series["metric"]["bot"] for series in answers["Bot"]}
        calls = {names[series["metric"]["access_code"]]: series["value"][1] for series in answers["Calls"]}
        assert calls == {row[titles["bot"]]: row[titles["Value #Calls"]] for row in rows}

    async def _check_a_single_bot(self, panel: dict[str, Any], expected: list[tuple[str, str]]) -> None:
        """The row of the first bot is the same when there is no other bot."""
        bot = dict(expected)[panel["transformations"][-1]["options"]["renameByName"]["bot"]]
        answers = self.answers.series[str(panel["id"])]
        (code,) = (series["metric"]["access_code"] for series in answers["Bot"] if series["metric"]["bot"] == bot)
        only = {
            query: [series for series in found if series["metric"]["access_code"] == code]
            for query, found in answers.items()
        }
        alone = Dashboard({"panels": [panel]})
        _, (shown,) = await draw(
            self.browser, self.library, alone, replace(self.answers, series={str(panel["id"]): only})
        )
        assert [expected] == _texts(panel, shown)


def _texts(panel: dict[str, Any], shown: dict[str, Any]) -> list[list[tuple[str, str]]]:
    """Return the rows of a table, or all series as one row: names with texts. The name of a single number is not shown."""
    if panel["type"] == "table":
        return [list(zip(shown["columns"], row, strict=True)) for row in shown["rows"]]
    return [[("" if panel["type"] == "stat" else line["name"], line["text"]) for line in shown["series"]]]


def _check_texts(title: str, meant: dict[str, str], shown: list[tuple[str, str]]) -> None:
    """Compare names and texts with regular expressions, in their order; several names may match one expression."""
    matched = [next((name for name in meant if re.fullmatch(name, one)), one) for one, _ in shown]
    assert list(meant) == [name for name, _ in itertools.groupby(matched)], title
    wrong = [
        (one, text) for name, (one, text) in zip(matched, shown, strict=True) if not re.fullmatch(meant[name], text)
    ]
    assert [] == wrong, title


@dataclass
class _Shown:
    """A dashboard and the Prometheus it asks."""

    prometheus: Prometheus
    dashboard: Dashboard

    def __post_init__(self) -> None:
        self.values = dict(BY_DEFAULT)

    async def every_query_answered(self) -> bool:
        """Fails with the queries that have no answer."""
        queries = list(self.dashboard.queries())
        assert [] == [f"{query.panel}: {query.expression}" for query in queries if not await self._answer(query)]
        return True

    async def check_that_replicas_count_once(self) -> None:
        """No two rows of a table are of the same bot."""
        for query in self.dashboard.queries():
            if query.instant:
                answer = await self._answer(query)
                bots = [series["metric"].get("access_code") for series in answer if "alertname" not in series["metric"]]
                assert len(set(bots)) == len(bots) or {None} == set(bots), f"{query.panel}: {query.expression}"

    async def counts_what_one_replica_shows(self) -> bool:
        """Fails unless the sums over all bots are what one of the replicas alone has."""
        one = f'{{instance="{troubled_demo.REPLICAS[0]}"}}'
        for title, expected in {
            "Bots": f"count(oifde_bot_info{one})",
            "Calls, last hour": f"sum(oifde_hour_calls{one})",
        }.items():
            (query,) = (query for query in self.dashboard.queries() if query.panel == title)
            (total,), (alone,) = await self._answer(query), await self._ask(expected, None)
            assert float(alone["value"][1]) == float(total["value"][1]), title
        return True

    async def offered(self, name: str) -> set[tuple[str, str]]:
        """Return the choices of a variable: the text shown, and the value used in queries."""
        (variable,) = (variable for variable in self.dashboard.variables if variable["name"] == name)
        query = interpolated(variable["query"]["query"], self.values)
        if match := re.fullmatch(r"query_result\((.*)\)", query):
            result = await self._ask(match[1], None)
            answers = [query_result(series["metric"], series["value"][1], series["value"][0]) for series in result]
        else:
            match = re.fullmatch(r"label_values\((\w+), (\w+)\)", query)
            assert match
            answers = await self.prometheus.api(f"label/{match[2]}/values", **{"match[]": match[1]})
        return set(options(variable["regex"], answers))

    async def marks_the_bot_in_trouble(self) -> bool:
        """Whether an alert of that bot is marked; polls that fail may be marked too."""
        labels = ("bot", "tenant_id", "access_code")
        marked = {tuple(map(mark.get, labels)) for mark in await self.marks()}
        return ("Recharge helper", troubled_demo.TENANT, troubled_demo.BOT) in marked

    async def marks(self) -> list[dict[str, str]]:
        """The labels of all that is marked on the dashboard's panels."""
        (annotation,) = self.dashboard.annotations
        answer = await self._ask(interpolated(annotation["expr"], self.values), 60)
        return [series["metric"] for series in answer]

    async def _answer(self, query: Query) -> list[Series]:
        step = None if query.instant else max(query.step, self.dashboard.range // POINTS)
        return [
            series for series in await self._ask(interpolated(query.expression, self.values), step) if _known(series)
        ]

    async def _ask(self, expression: str, step: int | None) -> list[Series]:
        """The answer for the dashboard's time range in steps of some seconds, or for now."""
        if step is None:
            return list((await self.prometheus.api("query", query=expression))["result"])
        now = await self.prometheus.now()
        start, end = str(now - self.dashboard.range), str(now)
        answer = await self.prometheus.api("query_range", query=expression, start=start, end=end, step=str(step))
        return list(answer["result"])


def _known(series: Series) -> bool:
    """Whether a series has any value; NaN stands for none."""
    return any(value != "NaN" for _, value in series.get("values", [series.get("value")]))
