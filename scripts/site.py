"""Hooks of MkDocs: the pages outside docs/, links to files of the repository, and Chinese beside English (mkdocs.yml)."""

import copy
import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[1]
# MkDocs ends with an error after a warning, because mkdocs.yml says `strict`.
_log = logging.getLogger("mkdocs.hooks.site")

# Pages outside docs/, by their place on the site.
_PAGES = {
    "index.md": "README.md",
    "zh/index.md": "README.zh-CN.md",
    "changelog.md": "CHANGELOG.md",
    "chart.md": "helm/oifde-exporter/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
}
_CHINESE = {"Start": "开始使用", "Monitor": "监控", "Runbooks": "告警处理手册", "Operate": "运维", "Develop": "开发"}
# The English page that a Chinese page was last compared with (scripts/chinese-docs.py). MkDocs takes a title only from the top.
_SOURCE = re.compile(r"\A<!-- source: .* -->\s*")
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the runbooks to the navigation, and the same pages in Chinese where they exist."""
    docs = Path(config.docs_dir)
    english: list[Any] = config.nav or []
    for section in english:
        if isinstance(section, dict) and "Runbooks" in section:
            section["Runbooks"] += sorted(f"runbooks/{page.name}" for page in docs.glob("runbooks/Oifde*.md"))
    chinese: list[Any] = [{"概览": "zh/index.md"}]
    for section in english[1:]:
        ((title, pages),) = section.items()
        translated = [f"zh/{page}" for page in pages if isinstance(page, str) and (docs / "zh" / page).exists()]
        chinese += [{_CHINESE[title]: translated}] if translated else []
    config.nav = [*english, {"中文": chinese}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/."""
    for place, name in _PAGES.items():
        files.append(File.generated(config, place, abs_src_path=str(_ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to other files of the repository lead to their page on the site, or else to the repository."""
    here = page.file.src_uri
    source = _PAGES.get(here, f"docs/{here}")
    places = {name: place for place, name in _PAGES.items()}

    def lead(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        for name in (target, f"{target}/README.md"):
            place = places.get(name, name.removeprefix("docs/") if name.startswith("docs/") else "")
            if files.get_file_from_path(place):
                return posixpath.relpath(place, posixpath.dirname(here) or ".")
        if not (_ROOT / target).exists():
            _log.warning("%s links to %s, which does not exist", source, target)
        kind = "tree" if (_ROOT / target).is_dir() else "blob"
        return f"{config.repo_url}/{kind}/main/{target}"

    return _LINK.sub(lead, _SOURCE.sub("", markdown))


def on_page_context(context: dict[str, Any], page: Page, config: MkDocsConfig, nav: Navigation) -> dict[str, Any]:
    """Show a page in its own language, with the navigation of that language."""
    chinese = page.file.src_uri.startswith("zh/")
    config.theme["language"] = "zh" if chinese else "en"
    *english, translated = nav.items
    own = copy.copy(nav)
    own.items = list(translated.children or []) if chinese else english
    own.homepage = own.items[0] if isinstance(own.items[0], Page) else None
    return context | {"nav": own}
