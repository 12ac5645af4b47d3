"""Valid configurations, and the values that they load as."""

import json
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from exporter.config import (
    Auth,
    Bot,
    Calendar,
    Config,
    ConfigError,
    Discovery,
    History,
    Platform,
    Secret,
    SessionSettings,
    Tenant,
    TlsConfig,
    load,
)

TESTDATA = Path(__file__).with_name("testdata")
ENVIRON = {"APP_SECRET": "open sesame", "RATE": "0.5", "MANY": "0755", "SURE": "true", "TLS": "TLS10", "PORT": "8443"}

Errors = Callable[..., list[str]]


def test_defaults(smallest: str) -> None:
    """Defaults are those of the documentation."""
    expected = Config(
        poll_interval=60,
        settle_delay=600,
        empty_hour_delay=7200,
        stale_after=300,
        reports=("hour",),
        history=History(35, None),
        platforms=(
            Platform(
                name="aicc.example.com",
                url="https://aicc.example.com:28090",
                request_timeout=10,
                max_concurrency=8,
                requests_per_second=20,
                proxy_url=None,
                proxy_ca_file=None,
                tls_config=TlsConfig(None, None, None, None, insecure_skip_verify=False),
                tenants=(
                    Tenant(
                        tenant_id="1",
                        name=None,
                        timezone=ZoneInfo("Asia/Shanghai"),
                        poll_interval=60,
                        stale_after=300,
                        auth=Auth("1", Secret("open sesame"), None, None),
                        bots=(Bot("7", "7", {}),),
                        discovery=None,
                        calendar=Calendar("", "", ()),
                    ),
                ),
            ),
        ),
    )

    assert expected == load(smallest, {})


def test_every_key() -> None:
    """Every key has its value: variables are replaced, and files are relative to the configuration."""
    config = load(TESTDATA / "full.good.yaml", ENVIRON)

    expected = Config(
        poll_interval=30,
        settle_delay=900,
        empty_hour_delay=86400,
        stale_after=600,
        reports=("hour",),
        history=History(90, TESTDATA),
        platforms=(
            Platform(
                name="main",
                url="https://aicc.example.com:8443/a/prefix",
                request_timeout=0.5,
                max_concurrency=755,
                requests_per_second=0.5,
                proxy_url="http://user:pass@proxy:3128",
                proxy_ca_file=TESTDATA / "ca.pem",
                tls_config=TlsConfig(
                    TESTDATA / "ca.pem",
                    TESTDATA / "client.pem",
                    TESTDATA / "client.key",
                    "aicc.internal",
                    insecure_skip_verify=True,
                    min_version="TLS10",
                ),
                tenants=(
                    Tenant(
                        tenant_id="202104237142",
                        name="acme",
                        timezone=ZoneInfo("Asia/Kolkata"),
                        poll_interval=5400,
                        stale_after=600,
                        auth=Auth("0755", Secret("open sesame"), None, "ipcc"),
                        bots=(Bot("0755", "billing", {"team": "care", "floor": "客服"}),),
                        calendar=Calendar("IN", "KA", (date(2026, 12, 24), date(2026, 12, 31))),
                    ),
                    Tenant(
                        tenant_id="2",
                        name=None,
                        timezone=ZoneInfo("Asia/Shanghai"),
                        poll_interval=30,
                        stale_after=600,
                        auth=Auth("2", None, Secret(path=TESTDATA / "secret"), None),
                        bots=(Bot("0755", "0755", {}),),
                        discovery=Discovery(90, re.compile("bank-.*|0755"), re.compile(".*-test")),
                    ),
                ),
            ),
        ),
    )
    assert expected == config


def test_series_outlive_three_polls_by_default(smallest: str) -> None:
    """Series do not disappear between two polls, even with long intervals."""
    tenant = """\
      - tenant_id: "2"
        poll_interval: 1h
        auth: {token: x}
        bots: [{access_code: "7"}]
"""
    config = load("poll_interval: 2m\n" + smallest + tenant, {})

    assert 360 == config.stale_after
    assert [360, 10_800] == [tenant.stale_after for tenant in config.platforms[0].tenants]


def test_stale_after_applies_to_all_tenants(smallest: str) -> None:
    """A value in the file overrides the default for every tenant."""
    config = load("poll_interval: 1h\nstale_after: 7m\n" + smallest, {})

    assert 420 == config.stale_after == config.platforms[0].tenants[0].stale_after


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("plain", "plain"),
        ("$", "$"),
        ("a$", "a$"),
        ("a$b$c", "a$b$c"),
        ("$$", "$"),
        ("$$$", "$$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$ä: {x}\n#"),
        ("${A}${A}", "ä: {x}\n#ä: {x}\n#"),
        ("$A", "$A"),
        ("{A}", "{A}"),
        ("${N}", "0755"),
        ("${NULL}", "null"),
        ("${DOLLARS}", "$$ ${A}"),
    ],
)
def test_variables(written: str, expected: str) -> None:
    """Variables are replaced once, and their content stays text."""
    environ = {"A": "ä: {x}\n#", "N": "0755", "NULL": "null", "DOLLARS": "$$ ${A}"}
    bot = {"access_code": "1", "name": written, "labels": {"label": written}}
    tenant = {"tenant_id": "1", "auth": {"token": "x"}, "bots": [bot]}
    text = json.dumps({"platforms": [{"url": "https://h", "tenants": [tenant]}]}, ensure_ascii=False)

    loaded = load(text, environ).platforms[0].tenants[0].bots[0]

    assert (expected, {"label": expected}) == (loaded.name, loaded.labels)


@pytest.mark.parametrize("folder", ["secrets", "run/nested"], ids=["exists", "is missing"])
def test_a_missing_secret_file_is_named(tmp_path: Path, folder: str) -> None:
    """A path is named in full, which shows a volume that is not mounted; a single word may be the secret itself."""
    (tmp_path / "secrets").mkdir()
    path = tmp_path / folder / "app-secret"
    for value, named in ((str(path), f"({path})"), ("hunter2", f"(in {tmp_path})"), ("hun/ter2", f"(in {tmp_path})")):
        tenant = {"tenant_id": "1", "auth": {"app_secret_file": value}, "bots": [{"access_code": "1"}]}
        file = tmp_path / "config.yaml"
        file.write_text(json.dumps({"platforms": [{"url": "https://h", "tenants": [tenant]}]}))

        with pytest.raises(ConfigError, match=re.escape(f"No such file or directory {named}")) as caught:
            load(file, {})

        assert not re.search("hun.?ter2", str(caught.value))


def test_secrets_from_files_are_not_expanded(tmp_path: Path, smallest: str) -> None:
    """A secret may contain what looks like a variable."""
    tmp_path.joinpath("secret").write_text("${HOME}$$\n")
    path = tmp_path / "config.yaml"
    path.write_text(smallest.replace('app_secret: "open sesame"', "app_secret_file: secret"))

    secret = load(path, {"HOME": "/root"}).platforms[0].tenants[0].auth.app_secret

    assert secret is not None
    assert "${HOME}$$" == secret.read()


def test_files_of_a_text_are_relative_to_the_working_directory(
    tmp_path: Path, smallest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A configuration in OIFDE_EXPORTER_CONFIG has no folder of its own."""
    tmp_path.joinpath("secret").write_text("open sesame")
    monkeypatch.chdir(tmp_path)

    config = load(smallest.replace('app_secret: "open sesame"', "token_file: secret"), {})

    assert Secret(path=tmp_path / "secret") == config.platforms[0].tenants[0].auth.token


@pytest.mark.parametrize(
    ("written", "url", "name"),
    [
        ("https://aicc.example.com/", "https://aicc.example.com", "aicc.example.com"),
        ("http://AICC:80/a//", "http://AICC:80/a", "aicc"),
        ("https://[::1]:28090", "https://[::1]:28090", "::1"),
        ("https://10.0.0.1/p/q", "https://10.0.0.1/p/q", "10.0.0.1"),
    ],
)
def test_urls(written: str, url: str, name: str, smallest: str) -> None:
    """A URL keeps its path prefix and loses a trailing slash. Its host is the platform's name."""
    platform = load(smallest.replace("https://aicc.example.com:28090", written), {}).platforms[0]

    assert (url, name) == (platform.url, platform.name)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1s", 1),
        ("1500ms", 1.5),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("1w1d1h1m1s1ms", 694_861.001),
        ("100y", 3_153_600_000),
    ],
)
def test_durations(written: str, seconds: float, smallest: str) -> None:
    """Durations have Prometheus' syntax."""
    assert seconds == load(f"poll_interval: {written}\n{smallest}", {}).poll_interval


@pytest.mark.parametrize("written", ["0", '"0"', "0s", "0h0m"])
def test_zero_needs_no_unit(written: str, smallest: str) -> None:
    """Prometheus accepts 0 without a unit, too."""
    assert 0 == load(f"settle_delay: {written}\n{smallest}", {}).settle_delay


def test_an_internal_system_logs_in_as_its_user(smallest: str) -> None:
    """Its app key is the `header_user`, unless another one is written."""
    auth = "auth: {app_secret: s, header_user: ipcc"
    assert smallest.count("auth: {") == 1
    ((_, tenant),) = load(re.sub(r"auth: \{[^}]*", auth, smallest), {}).tenants()
    assert tenant.auth.app_key == "ipcc"
    ((_, tenant),) = load(re.sub(r"auth: \{[^}]*", f"{auth}, app_key: k", smallest), {}).tenants()
    assert tenant.auth.app_key == "k"


def test_the_scheme_of_a_url_is_lowered(smallest: str) -> None:
    """`HTTPS://` is as much TLS as `https://`."""
    (platform,) = load(smallest.replace("https://", "HTTPS://"), {}).platforms
    assert platform.url == "https://aicc.example.com:28090"


def test_every_key_of_a_tenant_acts_at_a_reload() -> None:
    """Every key of a tenant is in `SessionSettings`, or is listed here because it changes no request."""
    no_requests = {"name", "timezone", "poll_interval", "stale_after", "bots", "discovery", "calendar"}

    assert {key.name for key in fields(Tenant)} == no_requests | {key.name for key in fields(SessionSettings)}


def test_equal_configurations(smallest: str) -> None:
    """A reload can compare configurations."""
    first, again = load(smallest, {}), load(f"# a comment\n{smallest}", {})
    other = load(smallest.replace("open sesame", "close sesame"), {})

    assert first == again
    assert hash(first) == hash(again)
    assert first != other


def test_secrets_are_not_shown(smallest: str) -> None:
    """A configuration in a log line or a traceback contains no secret."""
    text = smallest.replace("    tenants:", "    proxy_url: http://user:hunter2@proxy\n    tenants:")

    shown = repr(load(text, {}))

    assert "<secret>" in shown
    assert "sesame" not in shown
    assert "hunter2" not in shown


def test_ten_thousand_bots(smallest: str) -> None:
    """A large configuration loads."""
    bots = "".join(f'\n        - {{access_code: "{n}", name: bot {n}}}' for n in range(10_000))
    text = smallest.replace(' [{access_code: "7"}]', bots)

    assert 10_000 == len(load(text, {}).platforms[0].tenants[0].bots)


@pytest.mark.parametrize(("written", "days"), [("0", 0), ("7", 7), ("90", 90), ("${DAYS}", 14)])
def test_history_days(written: str, days: int, smallest: str) -> None:
    """A history is long enough to judge by, or disabled."""
    assert days == load(f"history: {{days: '{written}'}}\n{smallest}", {"DAYS": "14"}).history.days


def test_special_days_need_no_quotes(smallest: str) -> None:
    """YAML reads a plain date as a date, which is correct here."""
    (tenant,) = load(smallest + "        calendar: {special_days: [2026-12-24]}\n", {}).platforms[0].tenants

    assert (date(2026, 12, 24),) == tenant.calendar.special_days


@pytest.mark.parametrize("block", ["{}", "{enabled: true}", "{enabled: '${SURE}'}"])
def test_discovery_defaults(smallest: str, block: str) -> None:
    """An empty block enables discovery of all bots, every ten minutes."""
    text = smallest.replace('bots: [{access_code: "7"}]', f"discovery: {block}")

    (tenant,) = load(text, ENVIRON).platforms[0].tenants

    assert ((), Discovery(600, re.compile(".*"), re.compile(""))) == (tenant.bots, tenant.discovery)


def test_discovery_can_be_disabled(smallest: str) -> None:
    """The block can stay, and listed bots stay too."""
    (tenant,) = load(smallest + "        discovery: {enabled: false}\n", {}).platforms[0].tenants

    assert (1, None) == (len(tenant.bots), tenant.discovery)


def test_the_same_bot_on_two_tenants(smallest: str) -> None:
    """Two tenants may have the same access code."""
    tenant = """\
      - tenant_id: "2"
        auth: {token: x}
        bots: [{access_code: "7"}]
"""
    assert 2 == len(load(smallest + tenant, {}).platforms[0].tenants)
