"""Takes the pictures of the status page for the docs: ``PYTHONPATH=tests python scripts/screenshots.py docs/images``.

Of the demo, at a moment that is always the same, in Chromium. Its bots have Chinese names: a font for them (Debian's
package fonts-noto-cjk) must be installed.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal, NamedTuple

from playwright.async_api import async_playwright

from harness.processes import ExporterProcess
from harness.programs import PROGRAMS
from harness.waiting import wait_for

MOMENT: Final = "2026-03-12T15:21:40+08:00"
_BOT: Final = "bots/202104237142/943370855474270311"


class Picture(NamedTuple):
    """A page, and how it is looked at."""

    name: str
    path: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"


PICTURES: Final = (
    Picture("overview", "", 1200, 860),
    Picture("overview-dark", "", 1200, 860, "dark"),
    Picture("overview-chinese", "?lang=zh", 1200, 860),
    Picture("overview-phone", "", 390, 1100),
    Picture("bot", _BOT, 1200, 900),
)


async def main(directory: Path) -> None:
    """Writes every picture into the directory."""
    chromium = PROGRAMS["chromium"].find()
    if chromium is None:
        sys.exit(f"needs {PROGRAMS['chromium']}")
    with tempfile.TemporaryDirectory() as temporary:
        flags = ["--web.listen-address=127.0.0.1:0", "--log.format=json"]
        demo = ExporterProcess(["demo", *flags], Path(temporary, "demo"), {}, at=MOMENT)
        try:
            await demo.started()
            # Yesterday's values come with the second poll, a quarter of a minute after the first.
            await wait_for(lambda: _compares(demo), "the day before")
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium)
                for picture in PICTURES:
                    page = await browser.new_page(
                        viewport={"width": picture.width, "height": picture.height},
                        color_scheme=picture.scheme,
                        locale="en-GB",
                    )
                    await page.goto(f"{demo.url}/{picture.path}")
                    await page.screenshot(path=directory / f"status-{picture.name}.png")
                    await page.close()
                await browser.close()
        finally:
            await demo.stop()


async def _compares(demo: ExporterProcess) -> bool:
    page = (await demo.fetch("/")).text
    charts = page.count("<title>Calls by hour")
    return 1 < charts <= page.count("Yesterday: ") + 1  # one bot hardly ever has a call; and one alone has just begun


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
