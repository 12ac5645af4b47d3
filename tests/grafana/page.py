"""Draw dashboards with Grafana's code in a browser."""

from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Route

from grafana.answers import Answers
from harness.dashboards import Dashboard

WIDTH = 1366
"""Of the page, in pixels."""

_ROW = 38
_BLANK = '<!doctype html><body style="margin: 0"><main style="position: relative"></main>'
# Grafana's code reads the storage of the browser, which a page without an address has not.
_ADDRESS = "http://dashboard.invalid/"


async def draw(
    browser: Browser, library: Path, dashboard: Dashboard, answers: Answers
) -> tuple[Page, list[dict[str, Any]]]:
    """Return the page with the dashboard, and what each of its panels shows.

    Panels have ``titleCut``, whether a part of the title is not seen. Tables also have ``columns`` and ``rows`` of text as
    drawn, the titles of columns that are ``cut``, and whether it ``scrolls`` sideways; other panels with data have ``series``
    with ``name``, ``text``, ``colour`` and ``inLegend``.
    """
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard.content["panels"]) * _ROW + 8
    page = await browser.new_page(viewport={"width": WIDTH, "height": height})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    async def serve(route: Route) -> None:
        # Icons are not drawn.
        await (route.fulfill(body=_BLANK, content_type="text/html") if route.request.url == _ADDRESS else route.abort())

    await page.route("**/*", serve)
    await page.clock.set_fixed_time(answers.end)
    await page.goto(_ADDRESS)
    await page.add_style_tag(path=library.with_suffix(".css"))
    await page.add_script_tag(path=library)
    await page.add_script_tag(path=Path(__file__).with_name("panels.js"))
    shown = await page.evaluate(
        "([dashboard, series, start, end]) => panels.draw(dashboard, series, start, end)",
        [dashboard.content, answers.series, answers.start, answers.end],
    )
    assert errors == []
    return page, list(shown)


async def count_rows(page: Page, panel: dict[str, Any], series: dict[str, dict[str, list[dict[str, Any]]]]) -> int:
    """Return how many rows Grafana makes of these series for a table, on a page that ``draw`` returned."""
    return int(await page.evaluate("([panel, series]) => panels.countRows(panel, series)", [panel, series]))
