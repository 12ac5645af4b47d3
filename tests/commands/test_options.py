"""Valid and invalid values of flags and variables."""

import socket

import click
import pytest
from click.testing import CliRunner

from exporter.cli import main
from exporter.commands.parameters import parse_listen_address, parse_shard
from exporter.commands.run import run


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":10230", (None, 10230)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:9", ("::1", 9)),
        ("exporter.example.com:80", ("exporter.example.com", 80)),
    ],
)
def test_listen_addresses(text: str, expected: tuple[str | None, int]) -> None:
    """The syntax is that of Prometheus' own programs."""
    assert expected == parse_listen_address(text)


@pytest.mark.parametrize(
    "text", ["", "10230", "localhost", ":", ":x", ":99999", "http://a:1", "user@a:1", "a:1/path", "::1:9"]
)
def test_invalid_listen_addresses(text: str) -> None:
    """The error shows an example."""
    with pytest.raises(click.BadParameter, match="write an address like :10230"):
        parse_listen_address(text)


@pytest.mark.parametrize(
    ("host", "expected"), [("exporter-0", 0), ("my-exporter-12", 12), ("exporter-1.exporter.example.com", 1)]
)
def test_the_shard_of_a_statefulset_pod_is_its_ordinal(
    monkeypatch: pytest.MonkeyPatch, host: str, expected: int
) -> None:
    """``--shard auto`` reads the end of the host name."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)

    assert expected == parse_shard("auto")


def test_a_host_name_without_an_ordinal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error: as shard 0, the tenants of shard 0 would be polled twice."""
    monkeypatch.setattr(socket, "gethostname", lambda: "exporter-6d9f7c-x2x4z")

    with pytest.raises(click.BadParameter, match="does not end in -N"):
        parse_shard("auto")


@pytest.mark.parametrize("url", ["https://example.com", "http://example.com/oifde/", "/oifde/", "/"])
def test_external_urls(url: str) -> None:
    """A path alone is valid, as in Prometheus."""
    with run.make_context("run", [f"--web.external-url={url}"]) as context:
        assert url == context.params["web_external_url"]


@pytest.mark.parametrize(
    "url", ["example.com", "ftp://example.com/", "//example.com/oifde", "https://", "http://[", ""]
)
def test_invalid_external_urls(url: str) -> None:
    """They are errors, not paths."""
    with pytest.raises(click.BadParameter, match=r"neither an http or https URL nor a path|is not a URL"):
        run.make_context("run", [f"--web.external-url={url}"])


def test_a_file_name_in_the_variable_for_yaml() -> None:
    """The error names the variable for a file."""
    result = CliRunner().invoke(main, ["check"], env={"OIFDE_EXPORTER_CONFIG": "config.yaml"})

    assert 1 == result.exit_code
    assert "contains the YAML itself; to name a file, set OIFDE_EXPORTER_CONFIG_FILE" in result.stderr


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_misspelt_variable_causes_a_warning(command: str) -> None:
    """Commands print it, and the daemon logs it. Variables of other commands and of Kubernetes are fine."""
    env = {
        "OIFDE_EXPORTER_CONFIG_FLIE": "x",
        "OIFDE_EXPORTER_CONFIG": "",
        "OIFDE_EXPORTER_WEB_LISTEN_ADDRESS": ":0",
        "OIFDE_EXPORTER_BOT": "billing",
        "OIFDE_EXPORTER_SERVICE_HOST": "10.0.0.1",
        "OIFDE_EXPORTER_PORT_10230_TCP": "tcp://10.0.0.1:10230",
    }
    lines = CliRunner().invoke(main, [command], env=env).stderr.splitlines()

    (warning,) = [line for line in lines if "OIFDE_EXPORTER_CONFIG:" not in line]
    assert "OIFDE_EXPORTER_CONFIG_FLIE" in warning
    assert warning.endswith(("did you mean OIFDE_EXPORTER_CONFIG_FILE?", "similar=OIFDE_EXPORTER_CONFIG_FILE"))
