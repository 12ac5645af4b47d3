"""Any text loads, or its errors name their place and contain no secret."""

import json
import re
from pathlib import Path

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.config import Config, ConfigError, load
from exporter.config.schema import BLOCKS

SECRET = "hunter2-and-more"
ENVIRON = {"SECRET": SECRET, "NUMBER": "0755", "BROKEN": "\udce9"}

unhurried = settings(deadline=None)  # a machine may be slow

# Every error begins with its place.
PLACE = re.compile(r"OIFDE_EXPORTER_CONFIG:[1-9][0-9]*: .")

KEYS = sorted({key for block in BLOCKS.values() for key in block.model_fields})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(
        [
            "hour",
            "10s",
            "0s",
            "1d",
            "https://h:1/p",
            "UTC",
            "${SECRET}",
            "${NUMBER}",
            "${BROKEN}",
            "${X}",
            "$$",
            "/",
            ".",
        ]
    ),
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)
NAMES = st.sampled_from(["1", "2", "${NUMBER}"]) | SCALARS


def block(**kinds: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Return a mapping whose keys are all optional, and mostly of the right type."""
    return st.fixed_dictionaries({}, optional={key: kind | ANY for key, kind in kinds.items()})


BOTS = block(access_code=NAMES, name=NAMES, labels=st.dictionaries(st.text(max_size=4), NAMES, max_size=3))
AUTH = block(app_key=NAMES, app_secret=st.just("${SECRET}"), token_file=st.just("${SECRET}"), header_user=NAMES)
DISCOVERY = block(
    enabled=st.booleans(),
    interval=SCALARS,
    include=st.text() | st.text("(?P<hunter>)[]{1,9}*+|\\\\", max_size=12),
    exclude=st.just("${SECRET}("),
)
CALENDAR = block(
    country=st.sampled_from(["CN", "DE", "x"]),
    subdivision=st.sampled_from(["BY", "${SECRET}"]),
    special_days=st.lists(st.sampled_from(["2026-12-24", "${SECRET}"]) | SCALARS, max_size=3),
)
TENANTS = block(
    tenant_id=NAMES,
    timezone=st.just("UTC"),
    calendar=CALENDAR,
    auth=AUTH,
    bots=st.lists(BOTS, max_size=3),
    discovery=DISCOVERY,
)
PLATFORMS = block(
    name=NAMES,
    url=st.sampled_from(["https://h", "https://user:${SECRET}@h", "https://h:${SECRET}"]),
    requests_per_second=st.floats(),
    max_concurrency=st.integers(),
    proxy_url=st.just("http://u:${SECRET}@p"),
    tls_config=block(ca_file=st.just("${SECRET}"), cert_file=st.text(), insecure_skip_verify=st.booleans()),
    tenants=st.lists(TENANTS, max_size=3),
)
CONFIGS = block(
    settle_delay=SCALARS,
    stale_after=SCALARS,
    history=block(days=SCALARS, path=st.just("${SECRET}")),
    platforms=st.lists(PLATFORMS, max_size=3),
)


def attempt(text: str) -> Config | None:
    """Load a text. Each error is a line that begins with its place and contains no secret."""
    try:
        return load(text, ENVIRON)
    except ConfigError as error:
        errors = error.errors
    assert errors
    assert [] == [line for line in errors if not PLACE.match(line) or len(line.splitlines()) != 1 or SECRET in line]
    assert len(set(errors)) == len(errors)
    return None


@unhurried
@given(st.text())
@example("\ud800")
@example("? ? ?")
@example("? {}")
@example("<<: 1")
@example("a: &a {<<: *a}")
def test_any_text(text: str) -> None:
    """No text causes a traceback."""
    attempt(text)


@unhurried
@given(
    st.lists(
        st.sampled_from([*"[]{},:-?&*!|>'\"%@`# \n\t~$ax1=<", "platforms", ": ", "- ", "<<", "\n  ", "---\n", "${"])
    ).map("".join)
)
def test_any_yaml_like_text(text: str) -> None:
    """No text that resembles YAML does, either."""
    attempt(text)


@unhurried
@given(CONFIGS | ANY)
def test_any_data_as_json(data: object) -> None:
    """Any value in any place loads or is an error."""
    attempt(json.dumps(data, ensure_ascii=False))


@unhurried
@given(CONFIGS)
@example({"platforms": {"\r": None}})
def test_any_data_as_yaml(data: object) -> None:
    """The same is true for blocks and aliases."""
    attempt(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))


@unhurried
@given(data=st.data())
def test_any_damage(data: st.DataObject) -> None:
    """A file with cut or added text loads or has errors."""
    text = Path(__file__).with_name("testdata").joinpath("full.good.yaml").read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    attempt(text[:start] + data.draw(st.text(max_size=3)) + text[end:])


PLAIN = st.one_of(
    st.from_regex(r"[-+]?[0-9][0-9_.:xobe+-]{0,8}", fullmatch=True),
    st.from_regex(
        r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?(Z|[-+][0-9]{1,2}(:[0-9]{2})?)?)?",
        fullmatch=True,
    ),
    st.sampled_from(
        ["yes", "no", "on", "Off", "~", "null", ".inf", "-.INF", ".NaN", "0b_", "0x_", "0o7", "=", "<<", "1" * 5000]
    ),
    st.from_regex(r"[a-z0-9][a-z0-9. -]{0,6}[a-z0-9]", fullmatch=True),
)


@unhurried
@given(PLAIN)
def test_identifiers_stay_as_written(written: str) -> None:
    """An access code stays as written or is an error: 0755 is never 493 or 755."""
    config = attempt(
        f'platforms: [{{url: "https://h", tenants: [{{tenant_id: "1", auth: {{token: x}}, bots: [{{access_code: {written} }}]}}]}}]'
    )

    assert config is None or written == config.platforms[0].tenants[0].bots[0].access_code
