"""The Chinese pages: the vendor's terms, punctuation, comments in commands, and the English pages they follow."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [ROOT / "README.zh-CN.md", *sorted(ROOT.glob("docs/zh/**/*.md"))]
FORBIDDEN: Final = re.compile(
    "呼叫量|未咨询即退出|机器人独立服务|交互次数|(?<!净)自助率|来电者|答复|好评|坐席|客户(?!端)|令牌|app key 不存在|幽灵|守规矩的访客"
    "|不倒退|没有可统计对象|数据的来路|机器人变差|抓取者|已知的最新小时|当地时间今日累计|排在最前|CST"
)
"""Words for which the vendor, or a native speaker, has another one."""

of_each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def read_prose(page: Path) -> str:
    """Return a page without its code and the targets of its links."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`|(?<=\])\([^)]*\)", "", text)


@of_each_page
def test_the_terms_are_the_vendors(page: Path) -> None:
    """The words are those of the platform's own documents and pages."""
    assert [] == FORBIDDEN.findall(page.read_text(encoding="utf-8"))


@of_each_page
def test_the_punctuation_is_chinese(page: Path) -> None:
    """No ASCII punctuation follows a Chinese character."""
    assert [] == re.findall(r".*[\u4e00-\u9fff][,;:!?(].*", read_prose(page))


@of_each_page
def test_the_comments_in_commands_are_chinese(page: Path) -> None:
    """A reader need not change the language within a block."""
    blocks = re.findall(r"^ *```(?:sh|yaml)\n(.*?)^ *```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    comments = re.findall(r"^(?: *|.* {2,})# (.*)", "".join(blocks), re.MULTILINE)
    commented_keys = (r"yaml-language-server: .*", r"[a-z_]+:.*", r"- .*")
    translatable = [text for text in comments if not any(re.fullmatch(key, text) for key in commented_keys)]

    assert [] == [text for text in translatable if not re.search(r"[\u4e00-\u9fff]", text)]


@of_each_page
def test_a_page_names_the_english_page_it_follows(page: Path) -> None:
    """`make docs-zh-check` says which of these have changed since."""
    source = re.match(r"<!-- source: (\S+) [0-9a-f]{40} -->\n\n# ", page.read_text(encoding="utf-8"))

    assert source
    assert (ROOT / source[1]).exists()
