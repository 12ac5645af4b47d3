"""The texts in Chinese: the vendor's terms, punctuation, comments in commands, and the English pages they follow."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from exporter.commands.query_output import choose_heading
from exporter.language import BY_CODE
from exporter.serving.pages.rendering import name_field
from exporter.upstream.reports import REPORTS, Field

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [ROOT / "README.zh-CN.md", *sorted(ROOT.glob("docs/zh/**/*.md"))]
FORBIDDEN: Final = re.compile(
    "呼叫量|未咨询即退出|机器人独立服务|交互次数|(?<!净)自助率|来电者|答复|好评|坐席|客户(?!端)|令牌|app key 不存在|幽灵|守规矩的访客"
    "|不倒退|没有可统计对象|数据的来路|机器人变差|抓取者|已知的最新小时|当地时间今日累计|排在最前|\\bCST\\b"
)
"""Words for which the vendor, or a native speaker, has another one."""

OTHERS: Final = [
    path
    for folder in ("exporter", "observability", "helm", "examples", "scripts")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".html", ".json", ".py", ".tmpl", ".tpl", ".txt", ".yaml"}
]
"""Files with words for pages, commands, alerts, dashboards and notifications."""
TABLES: Final = [
    path for path in OTHERS if path.stem in ("chinese", "chinese_alerts") or path.parent.match("alertmanager/zh")
]
FIELDS: Final = {field.name: field for report in REPORTS.values() for field in report.fields}
TERMS: Final = dict(
    re.findall(
        r"^\| `(\w+)` \| ([^＝（|]+?)(?: ?[＝（].*)? \| .+ \|$", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE
    )
)
"""The vendor's term for each of its fields, as README.zh-CN.md has them."""
of_each_field = pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
of_each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def read_prose(page: Path) -> str:
    """Return a page without its code and the targets of its links."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`|(?<=\])\([^)]*\)", "", text)


@of_each_page
def test_the_terms_are_the_vendors(page: Path) -> None:
    """The words are those of the platform's own documents and pages."""
    assert [] == FORBIDDEN.findall(page.read_text(encoding="utf-8"))


def test_no_text_has_another_word() -> None:
    """Neither does a page, a command, an alert, a dashboard or a notification."""
    found = {
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path in OTHERS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"[\u4e00-\u9fff]", line)
        for word in FORBIDDEN.findall(line)
    }
    assert set() == found


@of_each_field
def test_a_field_has_the_vendors_term(field: Field) -> None:
    """On the status page as in README.zh-CN.md."""
    assert TERMS[field.name] == BY_CODE["zh"].words[name_field(field)]


@of_each_field
def test_the_heading_of_a_field_is_its_term_or_a_part_of_it(field: Field) -> None:
    """`query` has little room for a column."""
    assert BY_CODE["zh"].words[choose_heading(field).template].replace("\n", "") in TERMS[field.name]


@of_each_page
def test_the_punctuation_is_chinese(page: Path) -> None:
    """No ASCII punctuation follows a Chinese character."""
    assert [] == re.findall(r".*[\u4e00-\u9fff][,;:!?(].*", read_prose(page))


@pytest.mark.parametrize("path", TABLES, ids=[str(path.relative_to(ROOT)) for path in TABLES])
def test_the_punctuation_of_messages_is_chinese(path: Path) -> None:
    """On the status page, in commands, alerts, dashboards and notifications."""
    assert [] == re.findall(r".*[\u4e00-\u9fff][,;:!?(].*", path.read_text(encoding="utf-8"))


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


def test_a_changed_english_page_is_found(tmp_path: Path) -> None:
    """Until someone records that the Chinese page agrees again."""
    english, chinese = tmp_path / "docs" / "page.md", tmp_path / "docs" / "zh" / "page.md"
    readme, script = tmp_path / "README.zh-CN.md", tmp_path / "scripts" / "chinese-docs.py"
    for file in (english, chinese, script):
        file.parent.mkdir(exist_ok=True, parents=True)
    shutil.copy(ROOT / "scripts" / "chinese-docs.py", script)
    english.write_text("# Page\n")
    for page in (chinese, readme):
        page.write_text("<!-- source: docs/page.md - -->\n\n# 页面\n", encoding="utf-8")

    def run(*pages: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, script, *pages], capture_output=True, text=True, check=False, timeout=60)

    run(chinese, readme)
    assert (0, "") == (run().returncode, run().stderr)

    english.write_text("# Another page\n")
    run(readme)
    found = run()
    assert 1 == found.returncode
    assert "docs/zh/page.md" in found.stderr
    assert "README" not in found.stderr
