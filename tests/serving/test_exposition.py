"""The metrics page, compared with prometheus-client's renderer and parsers."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.health import Health
from exporter.judging.judge import Signal
from exporter.judging.verdict import Verdict
from exporter.polling.snapshot import BotId, DiscoveryStatus, Hour, Snapshot, TenantId, TenantStatus
from exporter.serving.catalogue import JUDGEMENT, LAYOUTS, list_families
from exporter.serving.exposition import Exposition
from exporter.upstream.anomalies import AnomalyKind
from exporter.upstream.reports import CHATBOT, DAY, HOUR, MAX_COUNT, Record, Value
from exporter.upstream.standing import SessionState
from harness.records import make_record, make_totals


class DocumentedField(NamedTuple):
    """A report's field: its metric, whether it is a count, and its outcome, if any."""

    metric: str
    counted: bool = True
    outcome: str = ""


class Promise(NamedTuple):
    """A report in the documented interface: its fields in order, and the prefixes of its windows."""

    fields: Sequence[DocumentedField]
    prefixes: Mapping[str, str]


CALLS = (
    DocumentedField("calls"),
    *(
        DocumentedField("call_outcomes", outcome=outcome)
        for outcome in ("immediate_exit", "direct_transfer", "consulted_transfer")
    ),
    DocumentedField("call_outcomes", outcome="contained"),
    DocumentedField("interactions"),
    DocumentedField("interactions_per_call", counted=False),
    DocumentedField("autonomy_ratio", counted=False),
    DocumentedField("interface_requests"),
    DocumentedField("interface_successes"),
    DocumentedField("interface_success_ratio", counted=False),
)
REPLIES = (
    DocumentedField("replies"),
    DocumentedField("reply_successes"),
    DocumentedField("unknown_replies"),
    DocumentedField("reply_success_ratio", counted=False),
    DocumentedField("feedback"),
    DocumentedField("positive_feedback"),
    DocumentedField("positive_feedback_ratio", counted=False),
)
PROMISES = {
    "hour": Promise(CALLS, {"hour": "oifde_hour_", "live": "oifde_live_hour_"}),
    "day": Promise(CALLS, {"day": "oifde_day_"}),
    "chatbot": Promise(REPLIES, {"hour": "oifde_chatbot_hour_", "live": "oifde_chatbot_live_hour_"}),
}


class Page(Protocol):
    """Returns the page."""

    def __call__(self, *, openmetrics: bool = False) -> str: ...


class StillClock:
    """A clock that stands still."""

    def now(self) -> float:
        """The wall clock."""
        return 1628823600.0

    def elapsed(self) -> float:
        """The monotonic clock."""
        return 0.0


class Families(Collector):
    """Gives families to prometheus-client's renderer."""

    def __init__(self, given_families: Iterable[Metric]) -> None:
        self._families = list(given_families)

    def collect(self) -> Iterable[Metric]:
        return self._families


counts = st.none() | st.integers(0, 1_000) | st.integers(0, MAX_COUNT)
others = st.none() | st.floats(0, MAX_COUNT) | st.floats(0, 1) | st.integers(0, 100)
moments = st.floats(0, 2.5e11)


def generate_snapshots(report: str) -> st.SearchStrategy[Snapshot]:
    """Any snapshot that a report can lead to."""
    fields, prefixes = PROMISES[report]
    values = st.tuples(*(counts if field.counted else others for field in fields))
    records = st.builds(Record, moments, values, moments)
    windows = {
        "hour": st.none() | st.builds(Hour, moments, st.none() | records),
        "live": st.none() | records,
        "day": st.none() | records,
    }
    totals = st.none() | st.tuples(*(counts if field.counted else st.none() for field in fields))
    return st.builds(
        Snapshot,
        **{window: windows[window] for window in prefixes},
        totals=st.none() if report == "day" else totals,
        up=st.booleans(),
        failures=st.integers(0, 10**9),
        last_success=st.none() | moments,
        expires=st.sampled_from([-1.0, 0.0, 300.0]),
    )


reports = st.fixed_dictionaries(
    {"hour": generate_snapshots("hour")},
    optional={"day": generate_snapshots("day"), "chatbot": generate_snapshots("chatbot")},
)
label_names = st.sampled_from(["team", "line", "_x", "Y2"])
bots = st.builds(
    BotId,
    platform=st.text(),
    tenant_id=st.text(),
    access_code=st.text(),
    bot=st.text() | st.text('\\"\n\r\u2028{},=# '),
    tenant=st.text(),
    labels=st.dictionaries(label_names, st.text()).map(lambda labels: tuple(sorted(labels.items()))),
)
statuses = st.builds(
    TenantStatus,
    anomalies=st.dictionaries(
        st.tuples(st.sampled_from([*PROMISES]), st.sampled_from([*AnomalyKind])), st.integers(0, 10**9)
    ),
    revisions=st.dictionaries(st.sampled_from([*PROMISES]), st.integers(0, 10**9)),
    login=st.builds(SessionState, token_expiry=st.none() | moments, blocked=st.booleans()),
    discovery=st.none()
    | st.builds(DiscoveryStatus, up=st.booleans(), bots=st.integers(0, 10**5), last_success=st.none() | moments),
)
tenants = st.builds(TenantId, st.text(), st.text(), st.text())


Promised: TypeAlias = Iterator[tuple[str, str, Mapping[str, str], Value]]
"""Documented series: the sample's name, its type, its labels and its value."""


def list_values(
    name: str, kind: str, identity: Mapping[str, str], fields: Sequence[DocumentedField], shown: Sequence[Value]
) -> Promised:
    """A record as gauges, or the totals as counters; ``name`` has a placeholder for the metric."""
    for field, value in zip(fields, shown, strict=True):
        if kind == "gauge" or field.counted:
            labels = {**identity, "outcome": field.outcome} if field.outcome else identity
            yield name.format(field.metric), kind, labels, value


def list_data(report: str, identity: Mapping[str, str], snapshot: Snapshot) -> Promised:
    """The values of a bot's report."""
    fields, prefixes = PROMISES[report]
    for window, prefix in prefixes.items():
        shown = getattr(snapshot, window)
        if shown is None:
            continue
        record = shown.record if isinstance(shown, Hour) else shown
        empty = [0 if field.counted else None for field in fields]
        yield from list_values(f"{prefix}{{}}", "gauge", identity, fields, record.values if record else empty)
        yield f"{prefix}start_timestamp_seconds", "gauge", identity, (record or shown).start
        if window == "hour":
            yield f"{prefix}reported", "gauge", identity, 1 if record else 0
    if snapshot.totals:
        yield from list_values("oifde_{}_total", "counter", identity, fields, snapshot.totals)


def list_bot(bot: BotId, of_bot: Mapping[str, Snapshot]) -> Promised:
    """All series of a bot."""
    identity = {"tenant_id": bot.tenant_id, "access_code": bot.access_code, "bot": bot.bot}
    yield (
        "oifde_bot_info",
        "gauge",
        {**identity, "platform": bot.platform, "tenant": bot.tenant, **dict(bot.labels)},
        1,
    )
    for report, snapshot in of_bot.items():
        of_report = {**identity, "report": report}
        yield "oifde_up", "gauge", of_report, int(snapshot.up)
        yield "oifde_last_success_timestamp_seconds", "gauge", of_report, snapshot.last_success
        yield "oifde_poll_failures_total", "counter", of_report, snapshot.failures
        if snapshot.expires > StillClock().elapsed():
            yield from list_data(report, identity, snapshot)


def list_tenant(tenant: TenantId, status: TenantStatus) -> Promised:
    """All series of a tenant."""
    identity = {"platform": tenant.platform, "tenant_id": tenant.tenant_id}
    for (report, reason), count in status.anomalies.items():
        yield "oifde_report_anomalies_total", "counter", {**identity, "report": report, "reason": reason}, count
    for report, count in status.revisions.items():
        yield "oifde_record_revisions_total", "counter", {**identity, "report": report}, count
    yield "oifde_token_expiry_timestamp_seconds", "gauge", identity, status.login.token_expiry
    yield "oifde_auth_blocked", "gauge", identity, int(status.login.blocked)
    if discovery := status.discovery:
        yield "oifde_discovery_up", "gauge", identity, int(discovery.up)
        yield "oifde_discovery_last_success_timestamp_seconds", "gauge", identity, discovery.last_success
        yield "oifde_discovered_bots", "gauge", identity, discovery.bots


def make_families(promised: Iterable[tuple[str, str, Mapping[str, str], Value]]) -> Iterable[Metric]:
    """The same series as prometheus-client's families."""
    found: dict[str, Metric] = {}
    for sample, type_, labels, value in promised:
        if value is not None:
            metric = found.setdefault(sample, Metric(sample.removesuffix("_total"), "help", type_))
            metric.add_sample(sample, dict(labels), value)
    return found.values()


def samples(parsed: Iterable[Metric]) -> dict[str, tuple[str, list[tuple[str, list[tuple[str, str]], float]]]]:
    """The families that have samples, by name, with sorted samples."""
    return {
        family.name: (
            family.type,
            sorted((sample.name, sorted(sample.labels.items()), sample.value) for sample in family.samples),
        )
        for family in parsed
        if family.samples
    }


@given(
    st.lists(st.tuples(bots, reports), max_size=4, unique_by=lambda pair: pair[0].access_code),
    st.lists(st.tuples(tenants, statuses), max_size=3, unique_by=lambda pair: (pair[0].platform, pair[0].tenant_id)),
)
def test_page_matches_prometheus_client(
    of_bots: Sequence[tuple[BotId, Mapping[str, Snapshot]]], of_tenants: Sequence[tuple[TenantId, TenantStatus]]
) -> None:
    """For any report and any names, Prometheus reads the correct values in both formats."""
    exposition = Exposition(CollectorRegistry(), clock=StillClock())
    for bot, of_bot in of_bots:
        for report, snapshot in of_bot.items():
            exposition.bot_changed(bot, report, snapshot)
    for tenant, status in of_tenants:
        exposition.tenant_changed(tenant, status)

    promised = chain(
        *(list_bot(bot, of_bot) for bot, of_bot in of_bots),
        *(list_tenant(tenant, status) for tenant, status in of_tenants),
    )
    reference = Families(make_families(promised))
    classic = b"".join(exposition.chunks(openmetrics=False)).decode()
    openmetrics = b"".join(exposition.chunks(openmetrics=True)).decode()
    assert samples(parse_classic(generate_latest(reference).decode())) == samples(parse_classic(classic))
    expected = generate_openmetrics(reference).decode()  # type: ignore[no-untyped-call]
    assert samples(parse_openmetrics(expected)) == samples(parse_openmetrics(openmetrics))  # type: ignore[no-untyped-call]


@given(st.integers(0, MAX_COUNT) | st.floats(allow_nan=False))
def test_numbers_match_prometheus_client(number: float) -> None:
    """The format of a value does not change between versions."""
    exposition = Exposition(CollectorRegistry(), clock=StillClock())
    exposition.bot_changed(BotId("p", "t", "a", "b", "t"), "hour", Snapshot(last_success=number))

    page = b"".join(exposition.chunks(openmetrics=False)).decode()
    labels = '{tenant_id="t",access_code="a",bot="b",report="hour"}'
    expected = floatToGoString(number)  # type: ignore[no-untyped-call]
    assert f"\noifde_last_success_timestamp_seconds{labels} {expected}\n" in page


def test_headers_match_prometheus_client(
    page: Page, exposition: Exposition, bot: BotId, verdicts: dict[BotId, Verdict], verdict: Verdict
) -> None:
    """HELP and TYPE of every family are present before the first poll, in the syntax of each format."""
    verdicts[bot] = verdict
    for report in LAYOUTS:
        exposition.bot_changed(bot, report, Snapshot())
    reference = Families(Metric(family.name, family.help, family.type) for family in list_families())

    def headers(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith("#")]

    assert headers(generate_latest(reference).decode()) == headers(page())
    expected = generate_openmetrics(reference).decode()  # type: ignore[no-untyped-call]
    assert headers(expected) == headers(page(openmetrics=True))


def test_a_report_that_no_bot_has_is_absent(page: Page, exposition: Exposition, bot: BotId, snapshot: Snapshot) -> None:
    """The page has only the reports in use, and no trace of a removed report."""
    exposition.bot_changed(bot, "hour", snapshot)
    before = page()
    exposition.bot_changed(bot, "chatbot", Snapshot(totals=(1,) * 7, up=True, expires=400.0))
    assert "oifde_replies_total{" in page()
    exposition.report_removed(bot, "chatbot")

    assert "chatbot" not in before
    assert "oifde_day_" not in before
    assert before == page()


GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize("form", ["classic", "openmetrics"])
def test_the_page_of_one_bot_byte_for_byte(
    form: str,
    *,
    exposition: Exposition,
    page: Page,
    bot: BotId,
    snapshot: Snapshot,
    tenant: TenantId,
    verdicts: dict[BotId, Verdict],
    verdict: Verdict,
    check_golden: Callable[[Path, bytes], None],
) -> None:
    """A change of a name, a label or a help text, on which dashboards rely, does not go unnoticed."""
    verdicts[bot] = verdict
    exposition.bot_changed(bot, "hour", snapshot)
    anomalies: dict[tuple[str, str], int] = {("hour", kind): 0 for kind in AnomalyKind}
    discovery = DiscoveryStatus(up=True, bots=7, last_success=1628824500.0)
    exposition.tenant_changed(
        tenant, TenantStatus(anomalies, {"hour": 1}, login=SessionState(token_expiry=1628827200.5), discovery=discovery)
    )

    check_golden(GOLDEN / f"{form}.txt", page(openmetrics=form == "openmetrics").encode())


def test_the_page_of_one_bot_with_every_report_byte_for_byte(
    exposition: Exposition,
    page: Page,
    bot: BotId,
    snapshot: Snapshot,
    record: Record,
    check_golden: Callable[[Path, bytes], None],
) -> None:
    """The names of the optional reports do not change unnoticed either."""
    day = make_record(
        DAY,
        record.start - 122_400.0,
        stored=record.stored,
        callCount=240,
        exitNoConsultCount=24,
        callStaffNoConsultCount=36,
        callStaffConsultCount=48,
        exitConsultingCount=120,
        interactCount=960,
        averageInteractPerCall=4.0,
        autonomyRate=0.5882,
        interfaceRequestCount=80,
        interfaceSuccessCount=76,
        interfaceSuccessRate=0.95,
    )
    replies = make_record(
        CHATBOT,
        record.start,
        consultCount=40,
        responseSuccessCount=37,
        unknowCount=3,
        responseRate=0.925,
        feedbackCount=4,
        positiveFeedbackCount=3,
        positiveFeedbackRate=0.75,
    )
    live = make_record(
        CHATBOT,
        record.start + 3600.0,
        consultCount=12,
        responseSuccessCount=12,
        responseRate=1.0,
        positiveFeedbackRate=None,
    )
    exposition.bot_changed(bot, "hour", snapshot)
    exposition.bot_changed(bot, "day", Snapshot(day=day, up=True, last_success=record.start, expires=1900.0))
    exposition.bot_changed(
        bot,
        "chatbot",
        Snapshot(
            hour=Hour(replies.start, replies),
            live=live,
            totals=make_totals(
                CHATBOT,
                consultCount=52,
                responseSuccessCount=49,
                unknowCount=3,
                feedbackCount=4,
                positiveFeedbackCount=3,
            ),
            up=True,
            last_success=record.start,
            expires=400.0,
        ),
    )

    check_golden(GOLDEN / "every-report.txt", page().encode())


def test_a_judged_bot(
    exposition: Exposition,
    page: Page,
    bot: BotId,
    snapshot: Snapshot,
    verdicts: dict[BotId, Verdict],
    verdict: Verdict,
    wait: Callable[[float], None],
) -> None:
    """The comparison with the past has few series, follows each poll, and disappears with the data it is based on."""

    def read() -> dict[str, str]:
        lines = [
            line for line in page().splitlines() if line.startswith(("oifde_history", "oifde_hour_exp", "oifde_anom"))
        ]
        return {re.sub(r"{.*?(,signal=(.*))?} .*", r" \2", line): line.rpartition(" ")[2] for line in lines}

    exposition.bot_changed(bot, "hour", snapshot)
    assert "expected" not in page()
    verdicts[bot] = verdict
    exposition.bot_changed(bot, "hour", snapshot)
    assert read() == {
        "oifde_history_seconds ": "3.024e+06",
        "oifde_hour_expected_calls ": "212.0",
        "oifde_hour_expected_calls_low ": "150.5",
        "oifde_hour_expected_calls_high ": "280.0",
        "oifde_hour_expected_autonomy_ratio ": "0.71",
        "oifde_hour_expected_autonomy_low_ratio ": "0.65",
        "oifde_hour_expected_autonomy_high_ratio ": "0.77",
        'oifde_anomaly_score "autonomy_drop"': "5.625",
        'oifde_anomaly_score "direct_transfers_rise"': "1.5",
        'oifde_anomaly_score "calls_drop"': "0.0",
        'oifde_anomaly_score "calls_rise"': "0.0",
        'oifde_anomaly_size_ratio "autonomy_drop"': "0.23",
        'oifde_anomaly_size_ratio "direct_transfers_rise"': "0.04",
        'oifde_anomaly_size_ratio "calls_drop"': "0.0",
        'oifde_anomaly_size_ratio "calls_rise"': "0.0",
        'oifde_anomaly_window_seconds "autonomy_drop"': "10800.0",
        'oifde_anomaly_window_seconds "direct_transfers_rise"': "3600.0",
        'oifde_anomaly_window_seconds "calls_drop"': "3600.0",
        'oifde_anomaly_window_seconds "calls_rise"': "3600.0",
    }
    verdicts[bot] = replace(verdict, expected=None, signals={"calls_drop": Signal(7.5, 1.0, 7200)})
    exposition.bot_changed(bot, "hour", snapshot)
    assert read()['oifde_anomaly_score "calls_drop"'] == "7.5"
    assert len(read()) == 4
    wait(300.0)
    assert read() == {}


def test_judging_adds_few_series_to_a_bot() -> None:
    """Prometheus can afford the comparison: each signal has a series in three families, all other families one."""
    assert 26 >= sum(len(column.series) for column in JUDGEMENT)


def test_a_ratio_with_the_denominator_0_is_absent(
    exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot
) -> None:
    """Neither -1 nor 0 nor NaN gets into an average."""
    exposition.bot_changed(bot, "hour", snapshot)

    names = {line.split("{")[0] for line in page().splitlines()}
    assert "oifde_live_hour_interface_success_ratio" in names
    assert "oifde_hour_interface_success_ratio" not in names


def test_an_hour_inferred_to_be_empty_has_counts_and_no_ratios(
    exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot
) -> None:
    """An hour without calls shows 0 calls, and differs from an hour that the platform has reported."""
    exposition.bot_changed(bot, "hour", snapshot._replace(hour=Hour(1628820000.0, None)))

    found = {line.split("{")[0]: line.split()[-1] for line in page().splitlines() if line.startswith("oifde_hour_")}
    assert "1.62882e+09" == found.pop("oifde_hour_start_timestamp_seconds")
    assert {"oifde_hour_calls", "oifde_hour_call_outcomes", "oifde_hour_reported"} <= found.keys()
    assert {"0.0"} == set(found.values())
    assert not any("ratio" in name or "per_call" in name for name in found)


def test_old_values_are_removed_and_the_scrape_health_stays(
    exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot, wait: Callable[[float], None]
) -> None:
    """The last values before an outage do not look current."""
    exposition.bot_changed(bot, "hour", snapshot._replace(up=False))
    wait(299.0)
    assert "oifde_hour_calls{" in page()
    wait(1.0)

    left = {line.split("{")[0] for line in page().splitlines() if "943370855474270208" in line}
    assert left == {
        "oifde_bot_info",
        "oifde_up",
        "oifde_last_success_timestamp_seconds",
        "oifde_poll_failures_total",
    }


def test_a_poll_replaces_every_line_of_the_former_one(
    exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot, record: Record
) -> None:
    """The page shows only the latest poll."""
    exposition.bot_changed(bot, "hour", snapshot)
    newer = Snapshot(
        hour=Hour(record.start, make_record(HOUR, record.start, callCount=7)), up=True, expires=snapshot.expires
    )
    exposition.bot_changed(bot, "hour", newer)

    fresh = Exposition(CollectorRegistry(), clock=StillClock())
    fresh.bot_changed(bot, "hour", newer)
    assert b"".join(fresh.chunks(openmetrics=False)).decode() == page()
    assert 'oifde_hour_calls{tenant_id="202104237142",access_code="943370855474270208",bot="billing"} 7.0\n' in page()


def test_a_failed_poll_keeps_the_values(exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot) -> None:
    """A single failure shows in oifde_up, not as a gap in every graph."""
    exposition.bot_changed(bot, "hour", snapshot)
    before = page().splitlines()
    exposition.bot_changed(bot, "hour", snapshot._replace(up=False, failures=3))

    changed = [line for line in page().splitlines() if line not in before]
    labels = '{tenant_id="202104237142",access_code="943370855474270208",bot="billing",report="hour"}'
    assert changed == [f"oifde_up{labels} 0.0", f"oifde_poll_failures_total{labels} 3.0"]


def test_a_page_in_progress_does_not_see_a_poll(
    exposition: Exposition, bot: BotId, snapshot: Snapshot, tenant: TenantId
) -> None:
    """All values of a scrape are from one moment, however long the response takes."""
    exposition.bot_changed(bot, "hour", snapshot)
    exposition.tenant_changed(tenant, TenantStatus())
    before = b"".join(exposition.chunks(openmetrics=False))
    chunks = exposition.chunks(openmetrics=False)
    begun = [next(chunks)]
    exposition.bot_changed(bot, "hour", snapshot._replace(totals=(99,) * 11, failures=9))
    exposition.bot_changed(replace(bot, access_code="another"), "hour", snapshot)
    exposition.tenant_removed(tenant)

    assert before == b"".join([*begun, *chunks])


def test_a_removed_bot_and_tenant_leave_nothing(
    exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot, tenant: TenantId
) -> None:
    """A reload leaves no stale series."""
    empty = page()
    exposition.bot_changed(bot, "hour", snapshot)
    exposition.tenant_changed(tenant, TenantStatus(revisions={"hour": 1}))
    assert empty != page()
    exposition.bot_removed(bot)
    exposition.tenant_removed(tenant)

    assert empty == page()


@given(changes=st.lists(st.tuples(st.integers(0, 139), st.sampled_from([None, -1.0, 0.0, 300.0])), max_size=200))
def test_the_page_depends_only_on_the_present_bots(changes: Sequence[tuple[int, float | None]]) -> None:
    """After any sequence of changes, the page has the present bots, and only their current values."""
    bots = [BotId("main", "1", f"bot-{number}", f"bot-{number}", "acme") for number in range(140)]
    worn = Exposition(CollectorRegistry(), clock=StillClock())
    there = dict.fromkeys(bots, Snapshot(totals=(1,) * 11, expires=300.0))
    for bot, snapshot in there.items():
        worn.bot_changed(bot, "hour", snapshot)
    for count, (number, expires) in enumerate(changes):
        bot = bots[number]
        if expires is not None:
            there[bot] = Snapshot(totals=(count,) * 11, failures=count, expires=expires)
            worn.bot_changed(bot, "hour", there[bot])
        elif there.pop(bot, None):
            worn.bot_removed(bot)
    fresh = Exposition(CollectorRegistry(), clock=StillClock())
    for bot, snapshot in there.items():
        fresh.bot_changed(bot, "hour", snapshot)
    pages = [b"".join(exposition.chunks(openmetrics=False)).decode() for exposition in (fresh, worn)]

    expected, actual = (sorted(page.splitlines()) for page in pages)
    assert expected == actual
    assert len(there) == pages[1].count("\noifde_up{")
    shown = sum(snapshot.expires > 0 for snapshot in there.values())
    assert shown == pages[1].count("\noifde_calls_total{")


def test_many_bots(exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot) -> None:
    """Every bot appears exactly once."""
    codes = [f"bot-{number}" for number in range(2_500)]
    for code in codes:
        exposition.bot_changed(replace(bot, access_code=code), "hour", snapshot)

    found = [line.split('access_code="')[1].split('"')[0] for line in page().splitlines() if "oifde_up{" in line]
    assert codes == found


@pytest.mark.parametrize(
    "name, written",
    [
        ('a "quoted" name', r"a \"quoted\" name"),
        ("two\nlines", r"two\nlines"),
        (r"back\slash\n", r"back\\slash\\n"),
        ("客服 🤖 خدمة", "客服 🤖 خدمة"),
        ("\ud83e\udd16", "🤖"),  # two halves, as a JSON or YAML escape may give them
        ("half \ud83e", "half �"),
        ("", ""),
        ("tab\tand\rreturn", "tab\tand\rreturn"),
    ],
)
def test_label_values_may_hold_anything(
    name: str, written: str, *, exposition: Exposition, page: Page, bot: BotId, snapshot: Snapshot
) -> None:
    """A bot's name does not make the page invalid."""
    exposition.bot_changed(replace(bot, bot=name), "hour", snapshot)

    assert f'bot="{written}",report="hour"}} 1.0\n' in page()


def test_the_exporters_own_families_have_no_created_series(page: Page, registry: CollectorRegistry) -> None:
    """Neither format has a counter's ``_created`` series; a gauge with such a name stays."""
    Counter("things", "Things", registry=registry).inc()
    Histogram("time_seconds", "Time", registry=registry).observe(1)
    Gauge("ever_created", "Not such a series", registry=registry).set(1)

    for openmetrics in (False, True):
        text = page(openmetrics=openmetrics)
        assert "\nthings_total 1.0\n" in text
        assert "\never_created 1.0\n" in text
        assert not [line for line in text.splitlines() if "_created" in line and "ever_created" not in line]


@pytest.mark.parametrize("openmetrics", [False, True])
def test_the_exporters_own_families_match_prometheus_client(registry: CollectorRegistry, *, openmetrics: bool) -> None:
    """Prometheus reads the same from both."""
    page = Exposition(registry, clock=StillClock()).chunks(openmetrics=openmetrics)
    without = len(b"".join(page).removesuffix(b"# EOF\n"))
    Health(registry, version="1.0").init_platform('an "odd"\\\nname', ["get_token"])
    histogram = Histogram("time_seconds", 'How \\ \n "long"', ["path"], registry=registry)
    for value in (0.003, 0.2, 12.5):
        histogram.labels("/").observe(value)
    Counter("things", "Without labels", registry=registry).inc(3)

    # Values of the process change between two collections.
    still = Families([family for family in registry.collect() if not family.name.startswith("process_")])
    exposition = Exposition(registry=CollectorRegistry(), clock=StillClock())
    exposition._registry.register(still)
    ours = b"".join(exposition.chunks(openmetrics=openmetrics))[without:].decode()
    theirs = (generate_openmetrics if openmetrics else generate_latest)(still).decode()
    assert [line for line in theirs.splitlines() if "_created" not in line] == ours.splitlines()


def test_openmetrics_ends_with_eof(page: Page) -> None:
    """Prometheus can detect a truncated page."""
    assert page(openmetrics=True).endswith("# EOF\n")
    assert page(openmetrics=True).count("# EOF") == 1
    assert "# EOF" not in page()


def test_every_family_appears_once(page: Page, exposition: Exposition, bot: BotId, snapshot: Snapshot) -> None:
    """Both formats require the samples of a family to be together."""
    exposition.bot_changed(bot, "hour", snapshot)
    names = [line.split("{")[0].split(" ")[0] for line in page().splitlines() if not line.startswith("#")]
    in_a_row = [name for name, _ in groupby(names)]

    assert sorted(set(in_a_row)) == sorted(in_a_row)
    assert len({family.name for family in list_families()}) == len(list_families())
