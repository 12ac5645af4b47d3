"""Compare each Chinese page with the version of its English page that it was last read against.

``python scripts/chinese-docs.py`` lists the English pages that have changed since. With names of Chinese pages, it records that
these agree with their English pages.
"""

import hashlib
import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = re.compile(r"\A<!-- source: (\S+) (\S*) -->\n")


def hash_blob(content: bytes) -> str:
    """Return git's name of a file's content, which `git diff` accepts."""
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def find_changes() -> list[str]:
    """Return a line for each English page that has changed."""
    changes = []
    for page in [ROOT / "README.zh-CN.md", *sorted(ROOT.glob("docs/zh/**/*.md"))]:
        source = SOURCE.match(page.read_text(encoding="utf-8"))
        if source and source[2] != hash_blob((ROOT / source[1]).read_bytes()):
            changes.append(f"{page.relative_to(ROOT)}: see git diff {source[2][:12]} HEAD:{source[1]}")
    return changes


def record(page: Path) -> None:
    """Write the present version of the English page into the Chinese one."""
    text = page.read_text(encoding="utf-8")
    page.write_text(
        SOURCE.sub(lambda source: f"<!-- source: {source[1]} {hash_blob((ROOT / source[1]).read_bytes())} -->\n", text),
        encoding="utf-8",
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        record(Path(name))
    changes = find_changes() if len(sys.argv) == 1 else []
    if changes:
        sys.exit("\n".join(["These Chinese pages may be out of date (see CONTRIBUTING.md):", *changes]))
