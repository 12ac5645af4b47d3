"""Make the rules with Chinese texts: ``python -m observability.chinese_rules``.

Only the annotations differ, so both sets fire at the same moments.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import yaml

from observability.dashboards.chinese import LABELS

_FOLDER: Final = Path(__file__).parent
_TEXTS: Final = _FOLDER / "chinese_alerts.yaml"
_ANNOTATIONS: Final = re.compile(
    r"(?P<before>- alert: (?P<alert>\w+)\n(?:.*\n)*?) {8}annotations:\n(?P<annotations>(?: {10}.*\n)+)"
)
_REASON: Final = (
    "{{ with . | first | label `reason` }}"
    + "".join(f'{{{{ if eq . "{reason}" }}}}{words}{{{{ end }}}}' for reason, words in LABELS["{{reason}}"].items())
    + "（{{ . }}）{{ end }}"
)
_QUERY: Final = re.compile(r"with ((?:printf `[^`]*`|query)[^`]*?) -?}}")


def translate(rules: str) -> str:
    """Replace the annotations in a file of rules by the Chinese ones."""
    texts = yaml.safe_load(_TEXTS.read_text(encoding="utf-8"))

    def replace(match: re.Match[str]) -> str:
        annotations = _translate_annotations(yaml.safe_load(match["annotations"]), texts[match["alert"]])
        lines = "".join(f"{name}: >-\n  {text}\n" for name, text in annotations.items())
        return f"{match['before']}        annotations:\n{indent(lines, ' ' * 10)}"

    return _ANNOTATIONS.sub(replace, rules)


def _translate_annotations(english: Mapping[str, str], texts: Mapping[str, str]) -> Mapping[str, Any]:
    queries = _QUERY.findall(english["description"])
    return {
        name: re.sub(
            r"<(\d+)>",
            lambda match: queries[int(match[1]) - 1],
            "".join(text.splitlines()).replace("<reason>", _REASON),
        )
        for name, text in texts.items()
    } | {"runbook_url": english["runbook_url"].replace("/runbooks/", "/zh/runbooks/")}


if __name__ == "__main__":
    for path in sorted(_FOLDER.glob("rules/*.yaml")):
        (path.parent / "zh" / path.name).write_text(translate(path.read_text(encoding="utf-8")), encoding="utf-8")
