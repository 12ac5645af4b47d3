"""The examples of the README."""

import re
import subprocess
from pathlib import Path

import pytest

from exporter.config import load
from exporter.upstream.reports import REPORTS
from harness.programs import FindProgram

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")


PAGES = ["README.md", "README.zh-CN.md", "docs/quick-start.md", "docs/zh/quick-start.md"]

of_each_page = pytest.mark.parametrize("page", PAGES)


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a page in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.finditer(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [match[2].replace("\n" + match[1], "\n").removeprefix(match[1]) for match in found]


@of_each_page
def test_the_configuration_loads(page: str) -> None:
    """With the variable that the text says to set."""
    (text,) = [block for block in blocks(page, "yaml") if "platforms:" in block]

    assert load(text, {"OIFDE_APP_SECRET": "x"}).platforms


@of_each_page
def test_promtool_accepts_the_prometheus_blocks(page: str, tmp_path: Path, program: FindProgram) -> None:
    """Each in a file of its own, after the rules were copied as described."""
    etc, file = "/etc/prometheus", tmp_path / "block.yml"
    (copy,) = re.findall(r"^install .*$", "".join(blocks(page, "sh")), re.MULTILINE)
    subprocess.run(copy.replace(etc, str(tmp_path)), shell=True, cwd=ROOT, check=True, timeout=60)  # noqa: S602 - ours
    for block in blocks(page, "yaml"):
        if "platforms:" not in block:
            file.write_text(block.replace(etc, str(tmp_path)), encoding="utf-8")
            checked = subprocess.run(
                [program("promtool"), "check", "config", file], capture_output=True, text=True, timeout=60, check=False
            )

            assert 0 == checked.returncode, checked.stderr
            assert ("3 rule files found" in checked.stdout) == ("rule_files:" in block)


def test_every_metric_named_exists() -> None:
    """In the text and in the rules."""
    reference = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\boifde_[a-z_]*[a-z]\b", README))

    assert named
    assert [] == [name for name in named if f"`{name}`" not in reference]


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
    chinese = CHINESE.replace("(README.md)", "(README.zh-CN.md)").replace("-chinese.png", ".png")
    without_terms = re.sub("^## 字段、术语与指标\n.*?(?=^## )", "", chinese, flags=re.MULTILINE | re.DOTALL)
    assert outline(README) == outline(re.sub(r"(\(docs|rules)/zh/", r"\1/", without_terms))


def test_the_chinese_readme_has_a_term_for_every_field() -> None:
    """Beside the metric that the field becomes."""
    rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| `([^`]+)` \|$", CHINESE, re.MULTILINE))
    metrics = {
        field.name: field.metric + "".join(f'{{{name}="{value}"}}' for name, value in field.labels)
        for report in REPORTS.values()
        for field in report.fields
    }

    assert metrics == {name: rows.get(name) for name in metrics}


@pytest.mark.parametrize("text", [README, CHINESE], ids=["English", "Chinese"])
def test_the_sample_agrees_with_the_definition_of_the_rate(text: str) -> None:
    """The outcomes of the sample add up, and the rate follows from them."""
    outcomes = {name: float(value) for name, value in re.findall(r'outcome="(\w+)"\} ([0-9.]+)', text)}
    (calls,) = re.findall(r"^oifde_hour_calls\{.*\} ([0-9.]+)$", text, re.MULTILINE)
    (rate,) = re.findall(r"^oifde_hour_autonomy_ratio\{.*\} ([0-9.]+)$", text, re.MULTILINE)

    assert float(calls) == sum(outcomes.values())
    assert float(rate) == round(outcomes["contained"] / (float(calls) - outcomes["immediate_exit"]), 4)
