"""Files that are not usable YAML: hostile files and wrong encodings."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from exporter.config import load

Errors = Callable[..., list[str]]
WriteConfig = Callable[[str | bytes], Path]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "a: ["])
def test_deep_nesting_is_an_error(opening: str, errors: Errors) -> None:
    """A file of brackets does not overflow the stack, and fails fast."""
    assert ["OIFDE_EXPORTER_CONFIG:1: the nesting is deeper than 64 levels"] == errors(opening * 100_000)


def test_billion_laughs_are_an_error(errors: Errors) -> None:
    """Aliases of aliases are not expanded without a limit."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{last}'] * 10)}]" for last, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]

    assert ["OIFDE_EXPORTER_CONFIG:6: aliases expand to more than 200000 values; use fewer"] == errors("\n".join(lines))


def test_laughs_in_merge_keys_are_an_error(errors: Errors) -> None:
    """Merge keys have the same limit."""
    lines = ["a: &a {x: x}"]
    lines += [
        f"{name}: &{name} {{<<: [{', '.join([f'*{last}'] * 100)}]}}" for last, name in zip("abcd", "bcde", strict=True)
    ]

    assert ["OIFDE_EXPORTER_CONFIG:4: aliases expand to more than 200000 values; use fewer"] == errors("\n".join(lines))


def test_control_characters_are_an_error(errors: Errors) -> None:
    """The error names the line of a NUL byte, not its offset."""
    assert ["OIFDE_EXPORTER_CONFIG:2: the text contains a control character (U+0000); remove it"] == errors(
        "reports:\n- \0"
    )


def test_other_encodings_are_an_error(write_config: WriteConfig, errors: Errors) -> None:
    """The error names the line of the first byte that is not UTF-8."""
    path = write_config(b"reports: [hour]\n# caf\xe9\n")

    assert [f"{path}:2: the text is not UTF-8; save the file in that encoding"] == errors(path)


def test_a_byte_order_mark_is_ignored(write_config: WriteConfig, smallest: str) -> None:
    """Editors on Windows write one."""
    assert load(smallest, {}) == load(write_config(b"\xef\xbb\xbf" + smallest.encode()), {})


def test_windows_line_ends_work(write_config: WriteConfig, smallest: str) -> None:
    """They count as one line end each."""
    assert load(smallest, {}) == load(write_config(smallest.replace("\n", "\r\n")), {})


def test_a_missing_file_is_an_error(tmp_path: Path, errors: Errors) -> None:
    """The error names the file and suggests the demo."""
    path = tmp_path / "config.yaml"

    (error,) = errors(path)
    assert error.startswith(f"{path}: cannot read the file: No such file or directory; ")
    assert "oifde-exporter demo" in error


def test_a_directory_is_an_error(tmp_path: Path, errors: Errors) -> None:
    """A volume may be mounted in place of the file."""
    assert [f"{tmp_path}: cannot read the file: Is a directory"] == errors(tmp_path)


def test_merge_keys_and_aliases_work() -> None:
    """Tenants can share settings; a tenant's own key wins."""
    text = """
platforms:
  - url: https://aicc.example.com
    tenants:
      - &first
        tenant_id: "1"
        timezone: UTC
        auth: &auth {token: x}
        bots: &bots [{access_code: "7"}]
      - tenant_id: "2"
        <<: *first
      - {tenant_id: "3", auth: *auth, bots: *bots, <<: [{timezone: Asia/Tokyo}, {timezone: UTC}]}
"""
    tenants = load(text, {}).platforms[0].tenants

    assert [("1", "UTC"), ("2", "UTC"), ("3", "Asia/Tokyo")] == [(t.tenant_id, t.timezone.key) for t in tenants]
    assert tenants[0].bots == tenants[1].bots == tenants[2].bots


def test_keys_are_text_as_written() -> None:
    """A label with the name `on` is not a boolean."""
    text = """
platforms:
  - url: https://aicc.example.com
    tenants:
      - {tenant_id: "1", auth: {token: x}, bots: [{access_code: "7", labels: {on: a, null: b, "y": c}}]}
"""
    assert {"on": "a", "null": "b", "y": "c"} == load(text, {}).platforms[0].tenants[0].bots[0].labels


def test_works_without_libyaml(smallest: str, errors: Errors, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's Python parser reads the same as its C parser, and its errors quote no text either."""
    expected = load(smallest, {})
    monkeypatch.setattr("exporter.config.document._Loader", yaml.SafeLoader)

    assert expected == load(smallest, {})
    assert ["OIFDE_EXPORTER_CONFIG:1: the nesting is deeper than 64 levels"] == errors("[" * 1000)
    assert not [error for error in errors("token: !hunter2!x y") if "hunter2" in error]
