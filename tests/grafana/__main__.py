"""``PYTHONPATH=tests python -m grafana docs/images`` draws the dashboards anew; it takes about six minutes."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from playwright.async_api import async_playwright

from grafana.answers import Answers, ask
from grafana.page import draw
from harness import troubled_demo
from harness.dashboards import CHINESE_FILES, FILES, Dashboard
from harness.programs import PROGRAMS

_VALUES: Final = {"tenant": ".*", "platform": ".*", "__rate_interval": "30s"}
_ONE_BOT: Final = {"tenant": troubled_demo.TENANT, "bot": troubled_demo.BOT}


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--minutes", type=click.FloatRange(min=1), default=4.0, show_default=True, help="How long to look on.")
def main(directory: Path, minutes: float) -> None:
    """Draw each dashboard into DIRECTORY, from a real Prometheus that has seen the demo.

    The files are dashboard-NAME.png and dashboard-NAME-chinese.png.
    """
    asyncio.run(_draw_all(directory, minutes * 60))


async def _draw_all(directory: Path, length: float) -> None:
    async with AsyncExitStack() as stack:
        # Entered first, so that it is left last: the processes write into it until they end.
        temporary = Path(stack.enter_context(TemporaryDirectory(prefix="oifde-pictures-")))
        answers = await _look_on(temporary, length)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=_program("chromium"), args=["--no-sandbox"])
        stack.push_async_callback(browser.close)
        for path in (*FILES, *CHINESE_FILES):
            name, _, chinese = path.stem.partition(".")
            page, _ = await draw(browser, _program("grafana"), Dashboard.load(path), answers[name])
            await page.screenshot(path=directory / f"dashboard-{name}{'-chinese' if chinese else ''}.png")


async def _look_on(temporary: Path, length: float) -> dict[str, Answers]:
    """The answers to each dashboard's queries, after some seconds of scraping: what there is no past of begins there."""
    async with AsyncExitStack() as stack:
        programs = troubled_demo.Programs(_program("prometheus"), _program("promtool"))
        seen = await troubled_demo.start(stack, temporary, programs, past=30, levels=None, trouble=9)
        await asyncio.sleep(length)
        answers = {}
        for path in FILES:
            dashboard = Dashboard.load(path)
            values = _VALUES | (_ONE_BOT if path.stem == "one-bot" else {})
            shown = int(length) if path.stem == "health" else dashboard.range
            answers[path.stem] = await ask(seen.prometheus, dashboard, values, shown)
        return answers


def _program(name: str) -> Path:
    path = PROGRAMS[name].find()
    if path is None:
        raise click.ClickException(f"needs {PROGRAMS[name]}: `make programs` installs it where that is possible")
    return path


if __name__ == "__main__":
    main()
