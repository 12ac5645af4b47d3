"""The pages as their readers have them: with and without JavaScript, in the dark, on a phone, by keyboard, in Chinese."""

import itertools
import re
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from exporter.polling.store import Store

from .conftest import Open, day

BOT = f"/bots/202104237142/code-{quote('信用卡中心')}"

BROKEN_WORDS = """() => {
  const broken = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/(?<!\\S)[a-z]+(?!\\S)/gi)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((box) => box.top)).size > 1) broken.push(word[0]);
    }
  }
  return broken;
}"""
"""JavaScript: the words that stand on more than one line."""


def names(page: Page) -> list[str]:
    """The bots on the list."""
    return page.locator("#results tbody th a").all_inner_texts()


def does_not_scroll_sideways(page: Page) -> bool:
    """Whether the page is no wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("path", ["/", "/?sort=calls&q=o", BOT, "/configuration", "/help", "/bots/1/none"])
def test_nobody_is_shut_out(open_page: Open, site: str, path: str, locale: str) -> None:
    """Axe-core finds no violation on any page, light or dark, wide or narrow, and no phone has to scroll sideways."""
    page = open_page(site + path, locale=locale, complains=["404"])
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 900})
            found = Axe().run(page)
            assert 0 == found.violations_count, f"{scheme}, {width}: {found.generate_report()}"
    for width in (320, 360, 390, 768, 1024):
        page.set_viewport_size({"width": width, "height": 900})
        assert does_not_scroll_sideways(page), width


def test_search_without_a_page_load(open_page: Open, site: str) -> None:
    """Typing filters the list at once. The address keeps the filter, and "back" removes it."""
    page = open_page(site)
    page.evaluate("window.sameDocument = true")
    assert 7 == len(names(page))
    page.get_by_role("searchbox").press_sequentially("retail")
    expect(page.locator("#results tbody th a")).to_have_text(["Loans"])
    expect(page.get_by_role("status")).to_have_text("1 bot found")
    assert f"{site}/?q=retail" == page.url
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("searchbox").fill("")
    expect(page.locator("#results tbody th a")).to_have_count(7)
    page.go_back()
    expect(page.locator("#results tbody th a")).to_have_text(["Loans"])
    expect(page.get_by_role("searchbox")).to_have_value("retail")
    assert page.evaluate("window.sameDocument")


def test_sort_without_a_page_load(open_page: Open, site: str) -> None:
    """By mouse or by keyboard; the column says how it is sorted, and keeps the focus."""
    page = open_page(site)
    page.evaluate("window.sameDocument = true")
    calls = page.get_by_role("columnheader", name="Calls today")
    calls.get_by_role("link").click()
    expect(calls).to_have_attribute("aria-sort", "descending")
    assert ["账单助手", "信用卡中心"] == names(page)[:2]
    page.keyboard.press("Enter")
    expect(calls).to_have_attribute("aria-sort", "ascending")
    expect(calls.get_by_role("link")).to_be_focused()
    assert "sort=today&dir=asc" in page.url
    page.get_by_role("list", name="Bots by state").get_by_role("link", name="Failing").click()
    expect(page.locator("#results tbody th a")).to_have_text(["Nightshift"])
    assert "sort=today" in page.url
    page.get_by_role("link", name="Show all, worst first").click()
    expect(page.locator("#results tbody th a")).to_have_count(7)
    assert page.evaluate("window.sameDocument")


def test_renewal(open_page: Open, site: str, store: Store) -> None:
    """On a wall the page keeps up by itself, if it is asked to."""
    page = open_page("about:blank", complains=["ERR_INTERNET_DISCONNECTED"])
    page.clock.install()
    page.goto(site)
    page.get_by_label("Refresh every 30 s").check()
    page.get_by_text("Platforms and tenants").click()
    bot = next(bot for bot in store.bots if bot.bot == "Brand new")
    store.put(bot, "hour", day(5, 0.5))
    expect(page.locator("#state-waiting")).to_contain_text("1")
    page.clock.run_for(31_000)
    expect(page.locator("#state-waiting")).to_contain_text("0")
    expect(page.get_by_text("Last answer").first).to_be_hidden()  # folded away, it stays so
    page.context.set_offline(True)
    page.clock.run_for(31_000)
    page.context.set_offline(False)
    assert "Bots" == page.get_by_role("heading", level=1).inner_text()  # an exporter that restarts is waited for
    store.put(bot, "hour", day(5, 0.5)._replace(up=False, last_attempt=None, last_success=None, expires=-1.0))


def test_without_javascript(open_page: Open, site: str) -> None:
    """Everything is there, by forms and links: searching, sorting, states, a bot's page, the other language."""
    page = open_page(site, java_script_enabled=False)
    assert 7 == page.locator("#results tbody tr").count()
    page.get_by_role("searchbox").fill("code")
    page.get_by_role("button", name="Search").click()
    assert "?q=code" in page.url
    assert 6 == page.locator("#results tbody tr").count()
    page.get_by_role("link", name="Autonomy").click()
    assert f"{site}/?q=code&sort=autonomy" == page.url
    page.get_by_role("link", name="中文").click()
    assert page.get_by_role("heading", level=1).inner_text() == "机器人"
    page.get_by_role("button", name="搜索").click()
    assert "lang=zh" in page.url
    assert "sort=autonomy" in page.url
    page.get_by_role("link", name="信用卡中心").click()
    assert "净自助解决率" in page.inner_text("main")
    assert page.get_by_label("每 30 秒刷新").count() == 0
    page.get_by_role("link", name="English").click()
    assert "Hour by hour" in page.inner_text("main")


def test_chinese_by_the_browsers_settings(open_page: Open, site: str) -> None:
    """A browser set to Chinese shows Chinese without a click, with the reason in words."""
    page = open_page(site, locale="zh-CN")
    assert "zh-Hans" == page.locator("html").get_attribute("lang")
    text = page.inner_text("main")
    assert "登录被拒绝：密钥（app secret）错误；下次尝试：42 分钟后" in text
    assert "响应超时，已持续 12 分钟" in text


def test_dark(open_page: Open, site: str) -> None:
    """The pages are dark if the system is."""
    shades = {}
    for scheme in ("light", "dark"):
        page = open_page(site, color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades[scheme] = sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(","))
    assert shades["dark"] < 100
    assert shades["light"] > 600


def test_by_keyboard(open_page: Open, site: str) -> None:
    """The first stop leads past the navigation."""
    page = open_page(site)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_to_a_screen_reader(open_page: Open, site: str) -> None:
    """The tables are tables also on a phone, charts have words, and each bot is its row's head."""
    page = open_page(site, width=320)
    row = page.get_by_role("table", name="Bots", exact=True).get_by_role("row", name="信用卡中心")
    expect(row.get_by_role("rowheader")).to_contain_text("信用卡中心")
    expect(row.get_by_role("img")).to_have_accessible_name(
        "Calls by hour: Most in an hour today: 360. Yesterday: 4,320 calls."
    )
    page.goto(site + BOT)
    expect(page.get_by_role("img", name="Autonomy")).to_have_accessible_description(
        "The line with points is today, the dashed line is yesterday, the band is the usual range."
        " The table below has every value."
    )
    expect(page.get_by_role("table", name="Hour by hour").get_by_role("row")).to_have_count(25)


def test_a_bots_name_does_nothing(open_page: Open, site: str) -> None:
    """A name that is a script is shown, and is not run: not on the list, not in a search, not on its own page."""
    page = open_page(site)
    page.get_by_role("searchbox").fill("<script>")
    expect(page.locator("#results tbody th a")).to_have_text(["<script>alert('bot')</script>"])
    page.locator("#results tbody th a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("<script>alert('bot')</script>")


def test_ten_thousand_bots(open_page: Open, large_site: str) -> None:
    """With so many bots the list is paged, and any one of them found."""
    page = open_page(large_site)
    expect(page.locator("#state-any")).to_contain_text("10,000")
    assert 100 == len(names(page))
    assert [f"bot {number:05}" for number in range(0, 10_000, 500)] == names(page)[:20]
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of 100")).to_be_visible()
    page.get_by_role("searchbox").fill("code-9876")
    expect(page.locator("#results tbody th a")).to_have_text(["bot 09876"])
    assert Axe().run(page).violations_count == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("path", ["/", BOT, "/configuration", "/help"])
def test_no_word_is_broken_apart(open_page: Open, site: str, path: str, width: int) -> None:
    """However narrow a column is; what is no word, like a metric's name, may be."""
    page = open_page(site + path, width=width)
    assert [] == page.evaluate(BROKEN_WORDS)


def test_a_charts_words_keep_apart(open_page: Open, site: str) -> None:
    """Also on a phone, where they are larger in comparison; and the legend shows yesterday's line as it is drawn."""
    page = open_page(site + BOT, width=390)
    charts = page.locator("figure svg").all()
    for chart in charts:
        boxes = [box for text in chart.locator("text").all() if (box := text.bounding_box())]
        assert 9 == len(boxes)
        for one, other in itertools.combinations(boxes, 2):
            across = one["x"] < other["x"] + other["width"] and other["x"] < one["x"] + one["width"]
            assert not (across and one["y"] < other["y"] + other["height"] and other["y"] < one["y"] + one["height"])
    yesterday = page.locator("figure", has_text="Autonomy").locator(".legend .other")
    expect(yesterday).to_have_css("background-image", re.compile("^repeating-"))
