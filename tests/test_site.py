"""The documentation's site: built strictly, so that every page, link and anchor exists."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LATEST = "https://oifde-exporter.example.org/latest/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; a warning is an error."""
    directory = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", f"--site-dir={directory}"],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == built.returncode, built.stderr
    return directory


def test_every_alert_links_to_a_page(site: Path) -> None:
    """The runbook links of the rules lead to pages of the latest version."""
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in ROOT.glob("observability/rules/**/*.yaml")]
    rules = [rule for file in files for group in file["groups"] for rule in group["rules"] if "alert" in rule]
    links = {rule["annotations"]["runbook_url"] for rule in rules}

    assert links
    assert [] == [link for link in links if not (site / link.removeprefix(LATEST) / "index.html").exists()]


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    """Readers without internet access see all of it, and no other server learns of readers."""
    loaded = re.compile(
        r'<(?:script|img|iframe)\b[^>]*\bsrc="(?:https?:)?//|<link\b[^>]*rel="(?:stylesheet|preconnect)"[^>]*//'
    )

    assert [] == [page for page in site.rglob("*.html") if loaded.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(
    ("place", "language", "title"),
    [
        ("", "en", "oifde-exporter"),
        ("zh", "zh", "概览"),
        ("quick-start", "en", "Quick start"),
        ("zh/quick-start", "zh", "快速入门"),
        ("chart", "en", "Helm chart"),
        ("changelog", "en", "Changelog"),
    ],
)
def test_a_page_is_in_its_language(site: Path, place: str, language: str, title: str) -> None:
    """The page, its title and the navigation."""
    page = (site / place / "index.html").read_text(encoding="utf-8")

    assert f'<html lang="{language}"' in page
    assert re.search(rf"<title>{title}\b", page)
    assert (language == "zh") == (">监控<" in re.sub(r"\s+", "", page))
    assert (language == "en") == (">Monitor<" in re.sub(r"\s+", "", page))


def test_chinese_words_are_found(site: Path) -> None:
    """The search index separates them."""
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    (page,) = [entry for entry in index["docs"] if entry["location"] == "zh/quick-start/"]

    assert "快速\u200b入门" == page["title"]


def test_links_of_the_package_index_work(site: Path, tmp_path: Path) -> None:
    """The description of the package leads to pages and pictures of the site, and to files of the repository."""
    command = [sys.executable, "setup.py", "--quiet", "egg_info", f"--egg-base={tmp_path}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    description = (tmp_path / "oifde_exporter.egg-info" / "PKG-INFO").read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)\s#]+)", description))
    pages = {link.removeprefix(LATEST) for link in links if link.startswith(LATEST)}
    files = {link.partition("/blob/main/")[2] for link in links if "/blob/main/" in link}

    assert {"quick-start/", "runbooks/", "images/status-overview.png"} <= pages
    assert "LICENSE" in files
    assert [] == [link for link in links if not link.startswith("http")]
    assert [] == [page for page in pages if not (site / page).exists()]
    assert [] == [file for file in files if not (ROOT / file).exists()]
