"""The last complete hour, the live hour and the day's counters, from reports and the time."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.polling import windows
from exporter.polling.calendar import find_local_date, find_midnight, list_hours
from exporter.polling.snapshot import Hour
from exporter.polling.windows import Folded, Rules, State
from exporter.upstream.anomalies import Anomaly, AnomalyKind
from exporter.upstream.reports import HOUR, Parsed, Record, Value
from harness.records import make_record, read_field

ZONE = ZoneInfo("Asia/Shanghai")
RULES = Rules(HOUR, ZONE, settle_delay=600, empty_hour_delay=7200)
TODAY = date(2026, 5, 20)
YESTERDAY = date(2026, 5, 19)


def at(clock: str, day: date = TODAY) -> float:
    """Return a local time of day in epoch seconds."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE).timestamp()


def record(clock: str, calls: int | None, day: date = TODAY, *, stored: float = float("-inf"), bot: int = 0) -> Record:
    """Build an hour's record with some calls, ``bot`` of them contained."""
    return make_record(
        HOUR,
        at(clock, day),
        stored=stored,
        callCount=calls,
        exitConsultingCount=bot,
        autonomyRate=0.5,
        interactCount=None,
    )


def fold(
    state: State, clock: str, records: Sequence[Record] = (), *, day: date = TODAY, of: date | None = None
) -> Folded:
    """Fold a report of ``of`` (default: ``day``), requested at a time of ``day``."""
    folded = windows.fold(state, RULES, of or day, Parsed(list(records), []), at(clock, day))
    return folded._replace(state=windows.count(folded.state, RULES, at(clock, day)))


def calls(state: State) -> Value:
    """Return the counter of calls shown."""
    return read_field(HOUR, state.shown_totals, "callCount") if state.shown_totals else None


def reasons(folded: Folded) -> list[str]:
    """Why something was counted as an anomaly."""
    return [anomaly.kind for anomaly in folded.anomalies]


def start(hour: Hour | None) -> str | None:
    """Return the local time at which the hour shown began."""
    return None if hour is None else f"{datetime.fromtimestamp(hour.start, ZONE):%d %H:%M}"


class TestLastCompleteHour:
    """``oifde_hour_``: the basis of alerts."""

    @pytest.mark.parametrize(
        ("clock", "shown"),
        [("10:59", "09:00"), ("11:00", "09:00"), ("11:09", "09:00"), ("11:10", "10:00"), ("11:59", "10:00")],
    )
    def test_an_hour_is_shown_once_it_has_settled(self, clock: str, shown: str) -> None:
        """An hour with a record is complete ten minutes after its end, not earlier."""
        state = fold(State(), clock, [record("09:00", 9), record("10:00", 10), record("11:00", 1)]).state

        assert f"20 {shown}" == start(state.hour)
        assert state.hour
        assert state.hour.record == record(shown, int(shown[:2]))

    @pytest.mark.parametrize(("clock", "shown"), [("12:59", "20 09:00"), ("13:00", "20 10:00"), ("13:59", "20 10:00")])
    def test_an_hour_without_a_record_is_late_first_and_empty_later(self, clock: str, shown: str) -> None:
        """An older hour stays for two hours after its end: a late hour does not appear as an hour without calls."""
        state = fold(State(), clock, [record("09:00", 9)]).state

        assert shown == start(state.hour)
        assert state.hour
        assert (record("09:00", 9) if shown == "20 09:00" else None) == state.hour.record

    def test_a_bot_without_any_calls_shows_empty_hours(self) -> None:
        """Without any records at noon, the hour that ended two hours ago counts as an hour without calls."""
        assert Hour(at("09:00"), None) == fold(State(), "12:00").state.hour

    def test_a_late_hour_that_was_overtaken_is_only_counted(self) -> None:
        """The record of 10:00 comes after 11:00 was shown: it adds to the counters, and is not shown."""
        state = fold(State(), "12:10", [record("09:00", 9), record("11:00", 11)]).state

        late = fold(state, "12:20", [record("09:00", 9), record("10:00", 10), record("11:00", 11)])

        assert "20 11:00" == start(late.state.hour)
        assert (20, 30) == (calls(state), calls(late.state))
        assert 0 == late.revisions

    def test_an_empty_hour_whose_record_comes_late_is_corrected(self) -> None:
        """It is shown with its record from then on, and counted as a revision."""
        state = fold(State(), "13:00", [record("09:00", 9)]).state

        mended = fold(state, "13:01", [record("09:00", 9), record("10:00", 10)])

        assert Hour(at("10:00"), record("10:00", 10)) == mended.state.hour
        assert (1, []) == (mended.revisions, mended.anomalies)

    def test_a_revised_hour_is_shown(self) -> None:
        """A change of a settled hour is one revision; a change of the hour in progress is none."""
        state = fold(State(), "11:10", [record("10:00", 10), record("11:00", 1)]).state

        restated = fold(state, "11:11", [record("10:00", 12), record("11:00", 2)])
        again = fold(restated.state, "11:12", [record("10:00", 12), record("11:00", 2)])

        assert Hour(at("10:00"), record("10:00", 12)) == restated.state.hour
        assert (1, 0) == (restated.revisions, again.revisions)

    def test_a_vanished_record_stays_in_use(self) -> None:
        """It is an anomaly each time it vanishes, not each time it is missing."""
        full = [record("09:00", 9), record("10:00", 10)]
        state = fold(State(), "11:10", full).state

        gone = fold(state, "11:11", full[:1])
        still = fold(gone.state, "11:12", full[:1])
        back = fold(still.state, "11:13", full)
        again = fold(back.state, "11:14", [])

        assert [["vanished_record"], [], [], ["vanished_record"] * 2] == [
            reasons(folded) for folded in (gone, still, back, again)
        ]
        assert Hour(at("10:00"), full[1]) == again.state.hour
        assert 19 == calls(again.state)

    def test_just_after_midnight_yesterdays_last_hour_is_shown(self) -> None:
        """Yesterday's report is needed until an hour of today is complete."""
        state = fold(State(), "00:20", []).state
        assert windows.wants_day_before(state, RULES, at("00:20"))

        state = fold(state, "00:20", [record("23:00", 23, YESTERDAY)], of=YESTERDAY).state
        assert "19 23:00" == start(state.hour)
        assert windows.wants_day_before(state, RULES, at("01:09"))

        state = fold(state, "01:10", [record("00:00", 1)]).state
        assert "20 00:00" == start(state.hour)
        state = fold(state, "01:10", [record(f"{hour:02}:00", 1, YESTERDAY) for hour in range(24)], of=YESTERDAY).state
        assert not windows.wants_day_before(windows.count(state, RULES, at("01:12")), RULES, at("01:12"))

    def test_a_process_that_starts_lacks_yesterdays_report(self) -> None:
        """Until it has come once; a report of the day before that is of no use."""
        state = fold(State(), "12:00", []).state
        assert windows.lacks_day_before(state, RULES, TODAY)

        state = fold(state, "12:00", [], of=YESTERDAY).state
        assert not windows.lacks_day_before(state, RULES, TODAY)
        assert windows.lacks_day_before(state, RULES, YESTERDAY)

    def test_the_hour_never_goes_back(self) -> None:
        """Neither if the clock is set back, nor if the platform loses records."""
        state = fold(State(), "15:10", [record("14:00", 14)]).state

        assert "20 14:00" == start(fold(state, "11:10", [record("10:00", 10)]).state.hour)
        assert "20 14:00" == start(fold(state, "23:50", [record("22:00", 1)], day=YESTERDAY).state.hour)

    def test_a_report_with_records_of_another_day_infers_nothing(self) -> None:
        """The time zone may be wrong: such records appear as live hour only, and no hour is assumed to have no calls."""
        stray = record("03:00", 3, TODAY + timedelta(days=1))
        folded = fold(State(), "15:00", [record("09:00", 9), stray])

        assert "20 09:00" == start(folded.state.hour)
        assert stray == folded.state.live
        assert 9 == calls(folded.state)
        assert ["outside_date"] == reasons(folded)
        assert [] == reasons(fold(folded.state, "15:01", [record("09:00", 9), stray]))

        recovered = fold(folded.state, "15:02", [record("09:00", 9)])
        assert Hour(at("12:00"), None) == recovered.state.hour

    @pytest.mark.parametrize("kind", [AnomalyKind.INVALID_RECORD, AnomalyKind.FOREIGN_RECORD])
    def test_a_row_without_an_hour_may_be_the_missing_one(self, kind: AnomalyKind) -> None:
        """With such rows, no hour is assumed to have no calls, and a day without records has no counters."""
        unplaced = Anomaly(kind, "")
        folded = windows.fold(State(), RULES, TODAY, Parsed([], [unplaced]), at("15:00"))
        assert (None, None) == (folded.state.hour, calls(windows.count(folded.state, RULES, at("15:00"))))

        folded = windows.fold(State(), RULES, TODAY, Parsed([record("09:00", 9)], [unplaced]), at("15:00"))
        assert "20 09:00" == start(folded.state.hour)
        assert 9 == calls(windows.count(folded.state, RULES, at("15:00")))

    def test_an_hour_off_the_local_hour_settles_by_its_own_end(self) -> None:
        """The platform's hours begin at half past, since its time zone differs: no hour in progress appears as complete."""
        off = record("10:30", 5)
        assert "20 08:00" == start(fold(State(), "11:39", [record("08:00", 8), off]).state.hour)

        hour = fold(State(), "11:40", [record("08:00", 8), off]).state.hour
        assert hour
        assert off == hour.record


class TestDuplicates:
    """Two records of one hour."""

    @pytest.mark.parametrize(
        ("first", "second", "chosen"),
        [
            (record("10:00", 7, stored=2.0), record("10:00", 9, stored=1.0), 7),
            (record("10:00", 7, stored=1.0), record("10:00", 9, stored=1.0), 9),
            (record("10:00", 7), record("10:00", 9), 9),
            (record("10:00", 7, stored=1.0), record("10:00", 9), 7),
            (record("10:00", None), record("10:00", 0), 0),
        ],
    )
    def test_the_one_stored_later_counts_then_the_larger(self, first: Record, second: Record, chosen: int) -> None:
        """In any order of the rows; it is one anomaly."""
        for pair in ([first, second], [second, first]):
            folded = fold(State(), "11:10", pair)

            assert folded.state.hour
            assert folded.state.hour.record
            assert chosen == read_field(HOUR, folded.state.hour.record.values, "callCount")
            assert chosen == calls(folded.state)
            assert ["duplicate_record"] == reasons(folded)
            assert [] == reasons(fold(folded.state, "11:11", pair))

    def test_each_further_record_is_one_more(self) -> None:
        """Three records of one hour are two anomalies."""
        three = [record("10:00", calls) for calls in (1, 2, 3)]

        assert ["duplicate_record"] * 2 == reasons(fold(State(), "11:10", three))

    def test_the_order_of_the_rows_decides_nothing(self) -> None:
        """If time and calls are equal, each poll chooses the same record."""
        state = fold(State(), "11:10", [record("10:00", 7, bot=3), record("10:00", 7, bot=5)]).state

        again = fold(state, "11:11", [record("10:00", 7, bot=5), record("10:00", 7, bot=3)])

        assert (state.hour, 0, []) == (again.state.hour, again.revisions, again.anomalies)

    def test_nor_does_it_where_only_the_minute_differs(self) -> None:
        """Two records of one local hour that begin at different minutes and are equal otherwise."""
        pair = [record("10:00", 7), record("10:30", 7)]
        state = fold(State(), "11:40", pair).state

        again = fold(state, "11:41", pair[::-1])

        assert (state.hour, 0, []) == (again.state.hour, again.revisions, again.anomalies)


class TestLiveHour:
    """``oifde_live_hour_``: the newest record known."""

    def test_it_is_the_hour_in_progress(self) -> None:
        """It changes with each poll."""
        state = fold(State(), "11:20", [record("11:00", 3), record("10:00", 10)]).state
        assert record("11:00", 3) == state.live

        assert record("11:00", 4) == fold(state, "11:21", [record("11:00", 4), record("10:00", 10)]).state.live

    def test_it_stays_when_the_report_is_empty(self) -> None:
        """A report that lost its records, or a new day without records, changes nothing."""
        state = fold(State(), "23:59", [record("23:00", 3, YESTERDAY)], day=YESTERDAY).state

        assert record("23:00", 3, YESTERDAY) == fold(state, "00:01", []).state.live

    def test_a_downward_correction_is_shown(self) -> None:
        """Unlike the counters, the live hour shows the platform's latest value."""
        state = fold(State(), "11:20", [record("11:00", 4)]).state

        assert record("11:00", 3) == fold(state, "11:21", [record("11:00", 3)]).state.live

    @pytest.mark.parametrize(
        ("came", "asked", "shown"),
        [
            ("2026-05-21T12:00", "2026-05-20T12:00", True),
            ("2026-05-21T12:01", "2026-05-20T12:00", False),
            ("2026-05-21T23:59", "2026-05-21T23:59", True),
            ("2026-05-22T00:00", "2026-05-21T23:59", False),
            ("2026-05-19T00:00", "2026-05-20T12:00", True),
            ("2026-05-18T23:59", "2026-05-20T12:00", False),
        ],
    )
    def test_a_day_away_is_a_day_to_the_second(self, came: str, asked: str, *, shown: bool) -> None:
        """Counted from the date asked for in both directions, and from the time of the request."""
        moment, now = (datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() for text in (came, asked))
        stray = record("00:00", 1)._replace(start=moment)

        state = windows.fold(State(), RULES, TODAY, Parsed([stray], []), now).state

        assert (stray if shown else None) == state.live

    @pytest.mark.parametrize("days", [400, -2, -20_000])
    def test_a_record_more_than_a_day_away_is_not_shown(self, days: int) -> None:
        """With ``recordTime`` in seconds the series would begin in January 1970; a future record would stay for ever."""
        far, tomorrow = record("12:00", 1, TODAY + timedelta(days=days)), record("11:00", 1, TODAY + timedelta(days=1))

        folded = fold(State(), "11:20", [far])
        assert (None, None) == (folded.state.live, folded.state.hour)
        assert ["outside_date"] == reasons(folded)

        state = fold(folded.state, "11:21", [far, record("11:00", 4)]).state
        assert record("11:00", 4) == state.live
        assert tomorrow == fold(state, "11:22", [far, record("11:00", 4), tomorrow]).state.live


class TestDayCounters:
    """``oifde_*_total``: the local day so far."""

    FULL = tuple(record(f"{hour:02}:00", 10, YESTERDAY) for hour in range(24))

    def before_midnight(self) -> State:
        """Return the state of a process that has counted yesterday until shortly before midnight."""
        return fold(State(), "23:59", [*self.FULL[:23], record("23:00", 4, YESTERDAY)], day=YESTERDAY).state

    def test_they_are_the_sums_of_the_days_records(self) -> None:
        """Including the hour in progress. A field that no record has is absent, not 0."""
        state = fold(State(), "11:20", [record("09:00", 9, bot=5), record("11:00", 2, bot=1)]).state

        assert state.totals
        totals = dict(zip([field.name for field in HOUR.fields], state.totals, strict=True))
        assert (11, 6, 0) == (totals["callCount"], totals["exitConsultingCount"], totals["interfaceRequestCount"])
        assert (None, None) == (totals["interactCount"], totals["autonomyRate"])

    def test_a_day_without_calls_so_far_counts_zero(self) -> None:
        """Without records, the day has 0 calls."""
        assert 0 == calls(fold(State(), "12:00", []).state)

    def test_yesterday_is_held_until_it_is_settled_then_zero_is_seen(self) -> None:
        """At 00:10 the last hour settles: the counters show 0 for two minutes, then today's calls."""
        state = self.before_midnight()
        state = fold(state, "00:05", [record("00:00", 2)]).state
        state = fold(state, "00:05", self.FULL, of=YESTERDAY).state
        assert 240 == calls(state)
        assert at("02:00") == windows.changes_at(state, RULES, at("00:07"))

        state = fold(state, "00:10", [record("00:00", 3)]).state
        state = fold(state, "00:10", self.FULL, of=YESTERDAY).state
        assert 0 == calls(state)
        assert at("00:12") == windows.changes_at(state, RULES, at("00:10"))

        assert 0 == calls(windows.count(state, RULES, at("00:11")))
        assert 3 == calls(windows.count(state, RULES, at("00:12")))
        assert at("02:00", TODAY + timedelta(days=1)) == windows.changes_at(
            windows.count(state, RULES, at("00:12")), RULES, at("00:12")
        )

    def test_calls_that_come_while_zero_is_shown_are_counted_after_it(self) -> None:
        """The two minutes lose no calls."""
        state = fold(self.before_midnight(), "00:05", self.FULL, of=YESTERDAY).state
        state = fold(state, "00:10", self.FULL, of=YESTERDAY).state
        state = fold(state, "00:11", [record("00:00", 5)]).state
        assert 0 == calls(state)

        assert 5 == calls(windows.count(state, RULES, at("00:12")))

    @pytest.mark.parametrize("came", ["00:25", "01:59"])
    def test_calls_that_come_when_the_day_is_over_are_seen_first(self, came: str) -> None:
        """A last hour that is published between its settling and the deadline is seen before the new day's 0."""
        state = fold(State(), "23:59", self.FULL[:23], day=YESTERDAY).state
        state = fold(state, came, [record("00:00", 5)]).state
        state = fold(state, came, self.FULL, of=YESTERDAY).state
        assert 240 == calls(state)
        assert at(came) + windows.ZERO_SHOWN == windows.changes_at(state, RULES, at(came))
        assert 240 == calls(windows.count(state, RULES, at(came) + windows.ZERO_SHOWN - 1))

        state = windows.count(state, RULES, at(came) + windows.ZERO_SHOWN)
        assert 0 == calls(state)
        assert 5 == calls(windows.count(state, RULES, at(came) + 2 * windows.ZERO_SHOWN))

    def test_calls_after_the_deadline_do_not_delay_the_new_day(self) -> None:
        """Neither while calls are shown that came just before it, nor after an outage that lasted longer."""
        before = fold(State(), "23:59", self.FULL[:22], day=YESTERDAY).state

        state = fold(before, "01:59", [record("00:00", 5)]).state
        state = fold(state, "01:59", self.FULL[:23], of=YESTERDAY).state
        state = fold(state, "02:00", self.FULL, of=YESTERDAY).state
        assert 240 == calls(state)
        assert 0 == calls(windows.count(state, RULES, at("02:01")))

        state = fold(before, "02:30", [record("00:00", 5)]).state
        state = fold(state, "02:30", self.FULL, of=YESTERDAY).state
        assert 0 == calls(state)
        assert 5 == calls(windows.count(state, RULES, at("02:32")))

    def test_a_last_hour_that_is_late_holds_the_day_until_the_deadline(self) -> None:
        """Two hours after midnight the new day starts, with or without a poll."""
        state = fold(State(), "23:59", self.FULL[:23], day=YESTERDAY).state
        state = fold(state, "01:50", self.FULL[:23], of=YESTERDAY).state
        assert 230 == calls(state)
        assert 230 == calls(windows.count(state, RULES, at("01:59:59")))

        state = windows.count(state, RULES, at("02:00"))
        assert 0 == calls(state)
        assert at("02:02") == windows.changes_at(state, RULES, at("02:00"))

    def test_yesterday_is_polled_until_its_counters_are_final(self) -> None:
        """Even if an hour of today is complete already: yesterday's last hour may be late."""
        state = fold(State(), "23:59", self.FULL[:23], day=YESTERDAY).state
        state = fold(state, "01:10", [record("00:00", 1)]).state

        assert "20 00:00" == start(state.hour)
        assert windows.wants_day_before(state, RULES, at("01:10"))
        assert windows.wants_day_before(state, RULES, at("01:59"))
        late = windows.count(fold(state, "01:50", self.FULL, of=YESTERDAY).state, RULES, at("01:52"))
        assert 0 == calls(late)
        assert not windows.wants_day_before(late, RULES, at("01:52"))
        assert not windows.wants_day_before(windows.count(state, RULES, at("02:00")), RULES, at("02:00"))

    def test_a_field_that_no_record_has_is_absent_after_all(self) -> None:
        """Before the first record of a day each count is 0; a field that the platform does not have becomes absent."""
        state = fold(State(), "00:15", [], day=TODAY).state
        state = fold(state, "00:15", [record("23:00", 1, YESTERDAY)], of=YESTERDAY).state
        state = fold(state, "03:00", [record("01:00", 1)]).state

        assert state.totals
        assert read_field(HOUR, state.totals, "interactCount") is None

    def test_a_field_that_no_record_has_is_absent_once_there_is_one(self) -> None:
        """An empty report held a 0 for each count."""
        state = fold(State(), "11:00", []).state
        assert state.totals
        assert 0 == read_field(HOUR, state.totals, "interactCount")

        state = fold(state, "11:20", [record("11:00", 1)]).state
        assert state.totals
        assert (1, None) == (calls(state), read_field(HOUR, state.totals, "interactCount"))

    def test_a_field_that_vanishes_keeps_its_value(self) -> None:
        """A counter that has shown calls does not become absent."""
        state = fold(State(), "11:20", [record("11:00", 7)]).state

        assert 7 == calls(fold(state, "11:21", [record("11:00", None)]).state)

    def test_yesterday_is_polled_for_two_minutes_after_the_deadline(self) -> None:
        """A process that starts then needs it to know whether the day's 0 is over."""
        restarted = windows.fold(State(), RULES, TODAY, Parsed([record("00:00", 7)], []), at("02:01")).state

        assert windows.wants_day_before(restarted, RULES, at("02:01:59"))
        assert not windows.wants_day_before(restarted, RULES, at("02:02"))

    def test_a_quiet_night_holds_the_day_until_its_empty_hours_settle(self) -> None:
        """The last hour has no record: at 02:00 it counts as an hour without calls."""
        quiet = [record("12:00", 3, YESTERDAY)]
        state = fold(State(), "23:59", quiet, day=YESTERDAY).state

        assert 3 == calls(fold(state, "01:59", quiet, of=YESTERDAY).state)
        assert 0 == calls(fold(state, "02:00", quiet, of=YESTERDAY).state)

    @pytest.mark.parametrize(
        ("clock", "expected"),
        [("00:05", 240), ("00:10", 0), ("00:11:59", 0), ("00:12", 7), ("02:01", 7), ("12:00", 7)],
    )
    def test_a_restart_shows_what_a_process_that_never_stopped_shows(self, clock: str, expected: int) -> None:
        """All values come from the reports alone, also at midnight."""
        restarted = windows.fold(State(), RULES, TODAY, Parsed([record("00:00", 7)], []), at(clock)).state
        restarted = fold(restarted, clock, self.FULL, of=YESTERDAY).state

        assert expected == calls(restarted)

    def test_a_restart_without_yesterdays_report_waits_for_it(self) -> None:
        """It is not known which day to count, so the counters are absent until the deadline."""
        restarted = fold(State(), "00:30", [record("00:00", 7)]).state
        assert calls(restarted) is None
        assert at("02:00") == windows.changes_at(restarted, RULES, at("00:30"))
        assert windows.wants_day_before(restarted, RULES, at("00:30"))

        assert 0 == calls(windows.count(restarted, RULES, at("02:00")))
        assert 7 == calls(windows.count(restarted, RULES, at("02:02")))

    def test_a_downward_correction_is_held_and_counted(self) -> None:
        """Prometheus would treat it as a restart and count the day twice."""
        state = fold(State(), "11:10", [record("10:00", 10), record("11:00", 2)]).state

        corrected = fold(state, "11:11", [record("10:00", 7), record("11:00", 2)])
        assert 12 == calls(corrected.state)
        assert ["decreased"] == reasons(corrected)
        assert corrected.state.hour == Hour(at("10:00"), record("10:00", 7))

        assert [] == reasons(fold(corrected.state, "11:12", [record("10:00", 7), record("11:00", 2)]))
        assert 13 == calls(fold(corrected.state, "11:13", [record("10:00", 7), record("11:00", 6)]).state)

    def test_the_day_never_goes_back(self) -> None:
        """If the clock is set back over midnight, the counters stay on the new day."""
        state = fold(self.before_midnight(), "00:10", self.FULL, of=YESTERDAY).state
        state = fold(state, "00:20", [record("00:00", 5)]).state

        back = fold(state, "23:30", [*self.FULL[:23], record("23:00", 4, YESTERDAY)], day=YESTERDAY).state

        assert (TODAY, 5) == (back.counted, calls(back))

    def test_setting_the_clock_back_ends_the_zero(self) -> None:
        """Otherwise it would be shown until the clock catches up."""
        state = fold(self.before_midnight(), "00:05", self.FULL, of=YESTERDAY).state
        state = fold(state, "00:10", [record("00:00", 5)]).state
        state = fold(state, "00:10", self.FULL, of=YESTERDAY).state

        assert 5 == calls(windows.count(state, RULES, at("23:10", YESTERDAY)))

    def test_the_day_counted_is_known_after_midnight(self) -> None:
        """Even if the last report before midnight was that of the day before."""
        state = fold(State(), "23:58", self.FULL[:22], day=YESTERDAY).state
        state = fold(state, "23:58", [], day=YESTERDAY, of=YESTERDAY - timedelta(days=1)).state

        state = fold(state, "00:01", []).state

        assert {YESTERDAY, TODAY} == {day.date for day in state.days}

    @pytest.mark.parametrize(
        ("zone", "begins", "hours_held", "resets"),
        [
            ("Asia/Shanghai", date(2026, 5, 18), 24, 4),
            ("Europe/Berlin", date(2024, 3, 29), 23.5, 5),
        ],
    )
    def test_no_day_is_skipped_however_long_days_are_held(
        self, zone: str, begins: date, hours_held: float, resets: int
    ) -> None:
        """Days are held for up to a whole day: each day's calls are shown before the reset that follows."""
        local, state, shown = ZoneInfo(zone), State(), list[float]()
        rules = Rules(HOUR, local, settle_delay=600, empty_hour_delay=hours_held * 3600)
        now = find_midnight(begins, local)
        while now < find_midnight(begins + timedelta(days=5), local):
            today = find_local_date(now, local)
            for of in (today, today - timedelta(days=1)):
                ended = [start for start, end in list_hours(of, local)[8:18] if end <= now]
                records = [record("00:00", 1)._replace(start=start) for start in ended]
                state = windows.fold(state, rules, of, Parsed(records, []), now).state
            state = windows.count(state, rules, now)
            shown.append(calls(state) or 0)
            now += 60

        assert [10] * resets == [before for before, after in pairwise(shown) if after < before]

    def test_days_during_a_suspension_are_skipped(self) -> None:
        """After a suspended machine wakes, the counters start with the current day."""
        state = fold(State(), "12:00", [record("10:00", 10, date(2026, 5, 16))], day=date(2026, 5, 16)).state

        woken = fold(state, "12:00", [record("10:00", 10)]).state

        assert (TODAY, 0) == (woken.counted, calls(woken))
        assert 10 == calls(windows.count(woken, RULES, at("12:02")))


def test_the_first_report_of_a_day_revises_nothing() -> None:
    """Nothing was assumed about its hours before."""
    assert 0 == fold(State(), "12:00", [record("01:00", 3)]).revisions


class TestTheSameReportAgain:
    """Byte for byte the last one: its records need no second reading."""

    def test_only_the_time_changes(self) -> None:
        """An hour settles without a new record."""
        state = fold(State(), "12:05", [record("11:00", 5)]).state
        assert "20 09:00" == start(state.hour)
        assert windows.can_confirm(state, TODAY)

        again = windows.count(windows.confirm(state, RULES, TODAY, at("12:10")), RULES, at("12:10"))

        assert again == fold(state, "12:10", [record("11:00", 5)]).state
        assert start(again.hour) == "20 11:00"

    def test_not_with_a_record_of_no_hour(self) -> None:
        """Nor for a day without a report."""
        unplaced = Anomaly(AnomalyKind.INVALID_RECORD, "")
        state = windows.fold(State(), RULES, TODAY, Parsed([], [unplaced]), at("12:00")).state

        assert not windows.can_confirm(state, TODAY)
        assert not windows.can_confirm(state, YESTERDAY)


class TestAnomalies:
    """Counted once per occurrence, not per poll."""

    def test_an_anomaly_of_two_days_is_counted_once(self) -> None:
        """The same invalid field in each poll of two days is one occurrence; a second field is another."""
        bad, other = Anomaly(AnomalyKind.INVALID_FIELD, "a"), Anomaly(AnomalyKind.INVALID_FIELD, "b")

        def polled(state: State, of: date, *anomalies: Anomaly) -> Folded:
            return windows.fold(state, RULES, of, Parsed([], list(anomalies)), at("12:00"))

        first = polled(State(), YESTERDAY, bad)
        second = polled(first.state, TODAY, bad)
        third = polled(second.state, TODAY, bad, other, other)

        assert [[bad], [], [other, other]] == [list(folded.anomalies) for folded in (first, second, third)]

    def test_they_name_the_record_and_the_difference(self) -> None:
        """A line of the log is enough to find the record in the platform's answer."""
        both = [record("09:00", 9), record("10:00", 10)]
        state = fold(State(), "11:10", both).state
        stray = record("03:00", 3, TODAY + timedelta(days=1))

        folded = fold(state, "11:11", [record("10:00", 7, bot=3), record("10:00", 7, bot=5), stray])

        assert [
            ("duplicate_record", "recordTime=1779242400000", ""),
            ("outside_date", "recordTime=1779303600000", "asked for 2026-05-20"),
            ("vanished_record", "recordTime=1779238800000", ""),
            ("decreased", "recordTime=1779242400000", "callCount 10 -> 7"),
        ] == [(anomaly.kind, anomaly.where, anomaly.detail) for anomaly in folded.anomalies]


def test_a_clock_that_was_ahead_counts_no_anomaly_twice() -> None:
    """The day shown stays in the future; an anomaly of today's reports still counts once."""
    ahead = date(2026, 6, 20)
    state = fold(State(), "12:00", [], day=ahead).state
    state = fold(state, "12:00", [], day=ahead, of=ahead - timedelta(days=1)).state
    found: list[Anomaly] = []
    for minute in range(5):
        folded = windows.fold(
            state, RULES, TODAY, Parsed([], [Anomaly(AnomalyKind.UNKNOWN_FIELD, "mood")]), at(f"12:0{minute}")
        )
        state = folded.state
        found += folded.anomalies

    assert ["unknown_field"] == [anomaly.kind for anomaly in found]
    assert state.counted == ahead


_MINUTES = st.integers(0, 3 * 24 * 60)
_HOURS = st.dictionaries(st.integers(-24, 71), st.integers(0, 50), max_size=30)


@given(polls=st.lists(st.tuples(_MINUTES, st.booleans(), _HOURS), min_size=1, max_size=12))
def test_nothing_shown_ever_goes_back(polls: list[tuple[int, bool, dict[int, int]]]) -> None:
    """For any answers and any jumps of the clock, the hour, the live hour, the day and its counters never decrease."""
    state = State()
    for minute, of_yesterday, counts in polls:
        now = at("00:00") + minute * 60
        of = find_local_date(now, ZONE) - timedelta(days=1 if of_yesterday else 0)
        records = [record("00:00", count)._replace(start=at("00:00") + 3600 * hour) for hour, count in counts.items()]
        after = windows.count(windows.fold(state, RULES, of, Parsed(records, []), now).state, RULES, now)

        if state.hour:
            assert after.hour
            assert after.hour.start >= state.hour.start
        if state.live and state.live.start <= now + 86400:  # else it was none of these days
            assert after.live
            assert after.live.start >= state.live.start
        if state.counted:
            assert after.counted
            assert after.counted >= state.counted
        if state.counted == after.counted and state.totals:
            assert after.totals
            assert all(
                not old or (new is not None and new >= old) for old, new in zip(state.totals, after.totals, strict=True)
            )
        state = after


def test_states_are_immutable() -> None:
    """A poll that fails halfway leaves the former state unchanged."""
    state = fold(State(), "11:10", [record("10:00", 10)]).state
    before = deepcopy(state)

    fold(state, "11:20", [record("10:00", 12), record("11:00", 1)])

    assert before == state
