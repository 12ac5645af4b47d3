"""The exact errors of invalid configurations: testdata/*.bad.yaml and *.bad.txt."""

import re
from pathlib import Path

import pytest

from exporter.config import ConfigError, load
from exporter.language import BY_CODE

TESTDATA = Path(__file__).with_name("testdata")
BAD = sorted(path.name for path in TESTDATA.glob("*.bad.yaml"))

SECRET = "hunter2"
ENVIRON = {
    "EMPTY": "",
    "OFF": "false",
    "LATIN1": "caf\udce9",  # as Python has a byte of the environment that is not UTF-8
    "NAN": "nan",
    "SECRET": SECRET,
    "WORD": SECRET,
}


@pytest.mark.parametrize("name", BAD)
def test_errors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All errors are reported together, each with file, line, path and fix."""
    monkeypatch.chdir(TESTDATA)

    with pytest.raises(ConfigError) as caught:
        load(Path(name), ENVIRON)

    errors = [error.replace(str(TESTDATA), "TESTDATA") for error in caught.value.errors]
    assert Path(name).with_suffix(".txt").read_text(encoding="utf-8").splitlines() == errors
    assert "\n".join(caught.value.errors) == str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_errors_in_chinese(name: str) -> None:
    """They begin like the English ones, with the file and the line, which editors and terminals recognise."""
    with pytest.raises(ConfigError) as caught:
        load(TESTDATA / name, ENVIRON)

    for error in caught.value.errors:
        assert re.fullmatch(rf"{re.escape(str(TESTDATA / name))}:[0-9]+: .*[一-鿿].*", BY_CODE["zh"].text(error))


@pytest.mark.parametrize("name", BAD)
def test_errors_are_in_the_order_of_the_lines(name: str) -> None:
    """Users fix a file from top to bottom."""
    lines = [
        int(error.split(":")[1])
        for error in TESTDATA.joinpath(name).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    ]

    assert sorted(lines) == lines


@pytest.mark.parametrize("name", BAD)
def test_errors_contain_no_secret(name: str) -> None:
    """Errors never print a secret, even from the wrong place."""
    with pytest.raises(ConfigError) as caught:
        load(TESTDATA / name, ENVIRON)

    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not [text for error in chain for text in (str(error), repr(error)) if SECRET in text or "31415926" in text]


def test_every_expected_text_has_its_configuration() -> None:
    """Every *.bad.txt has a *.bad.yaml."""
    assert BAD == sorted(path.with_suffix(".yaml").name for path in TESTDATA.glob("*.bad.txt"))
