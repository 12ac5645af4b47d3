"""The examples of the README."""

import re
import subprocess
from pathlib import Path

import pytest

from exporter.config import load
from harness.programs import FindProgram

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")


def block(start: str) -> str:
    """Return the YAML block that begins with a word."""
    (text,) = [
        match[2].replace("\n" + match[1], "\n").removeprefix(match[1])
        for match in re.finditer(r"^( *)```yaml\n(.*?)^ *```", README, re.MULTILINE | re.DOTALL)
        if re.search(rf"^ *{start}:", match[2], re.MULTILINE)
    ]
    return text


def test_the_configuration_loads() -> None:
    """With the variable that the text says to set."""
    config = load(block("platforms"), {"OIFDE_APP_SECRET": "x"})

    assert "billing" == config.platforms[0].tenants[0].bots[0].name


@pytest.mark.parametrize("start", ["scrape_configs", "rule_files"])
def test_promtool_accepts_the_prometheus_blocks(start: str, tmp_path: Path, program: FindProgram) -> None:
    """Each in a file of its own, after the rules were copied as described."""
    etc, file = "/etc/prometheus", tmp_path / "block.yml"
    file.write_text(block(start).replace(etc, str(tmp_path)), encoding="utf-8")
    (copy,) = re.findall(r"^install .*$", README, re.MULTILINE)
    subprocess.run(copy.replace(etc, str(tmp_path)), shell=True, cwd=ROOT, check=True, timeout=60)  # noqa: S602 - ours

    checked = subprocess.run(
        [program("promtool"), "check", "config", file], capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == checked.returncode, checked.stderr
    assert ("3 rule files found" in checked.stdout) == (start == "rule_files")


def test_every_metric_named_exists() -> None:
    """In the text and in the rules."""
    reference = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\boifde_[a-z_]*[a-z]\b", README))

    assert named
    assert [] == [name for name in named if f"`{name}`" not in reference]


def test_every_page_linked_exists() -> None:
    """No link is broken."""
    links = re.findall(r"\]\((?!http)([^)#]+)", README)

    assert links
    assert [] == [link for link in links if not (ROOT / link).exists()]


def outline(text: str) -> list[str]:
    """Return what a translation must keep: levels of headings, code blocks, links, and the widths of tables."""
    blocks = re.findall(r"^ *```.*?^ *```$", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)]+)\)", prose)
    headings = re.findall(r"^#+", prose, re.MULTILINE)
    widths = [str(line.count(" |")) for line in prose.splitlines() if line.startswith("|")]
    commands = [re.sub(r" +# .*", "", block) for block in blocks]
    return [*headings, *commands, *sorted(set(links)), *widths]


def test_the_chinese_readme_matches() -> None:
    """The translation has the same commands, links and tables; links and rules may be the Chinese ones."""
    chinese = CHINESE.replace("(README.md)", "(README.zh-CN.md)").replace("status-overview-chinese", "status-overview")
    assert outline(README) == outline(re.sub(r"(\(docs|rules)/zh/", r"\1/", chinese))
