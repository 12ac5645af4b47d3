"""What becomes of an answer: for each field of each record the sample it is in, or why it is in none.

It is what a poller makes of the same answer, by the same functions.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from exporter.polling import windows
from exporter.polling.calendar import day_before, day_start, hour_start, local_date, midnight, next_day
from exporter.polling.snapshot import BotId, Snapshot
from exporter.serving.catalogue import LAYOUTS, Layout, Window
from exporter.serving.exposition import identity, labels_text, number_text
from exporter.upstream.anomalies import Anomaly, AnomalyKind
from exporter.upstream.reports import Field, Kind, Parsed, Record, parse

UNUSED: Final = "no gauge shows this record"
"""Why a field of a record is in no sample that could have been, had it been another record."""


@dataclass(frozen=True, slots=True)
class FieldFate:
    """A field of a record: its name and value as the platform wrote them, and what became of it."""

    name: str
    raw: str
    samples: Sequence[str]
    """The gauges it is in, as they stand on the metrics page."""
    counter: str | None
    """The counter that its value is a part of."""
    why_not: str | None
    """Why it is in none."""


@dataclass(frozen=True, slots=True)
class RecordFate:
    """A record, or what stands in place of one."""

    start: float | None
    """Epoch seconds; None where it has none."""
    uses: Sequence[str]
    """What shows it and what does not, with why."""
    fields: Sequence[FieldFate]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of an answer."""

    state: windows.State
    anomalies: Sequence[Anomaly]
    used: Sequence[Record]
    """Those that count, in the order of time."""
    records: Sequence[RecordFate]
    notes: Sequence[str]
    """What concerns no record: an hour without one, the state of the counters."""
    samples: Sequence[str]
    """All there are of the bot's report, as they stand on the metrics page."""


def explain(
    bot: BotId,
    rules: windows.Rules,
    day: date,
    rows: Sequence[object],
    as_of: float,
    *,
    before: Sequence[object] | None = None,
    hindsight: bool = False,
) -> Explanation:
    """Say what the rows of the report of a local date become for an exporter that starts at ``as_of`` (epoch seconds).

    Args:
        bot: Whose report it is.
        rules: How its hours are judged.
        day: The date asked for.
        rows: The answer.
        as_of: When the exporter starts.
        before: The answer for the day before, where ``wants_day_before``; None if it is not known.
        hindsight: Whether the rows are of a later time, and may have records that began after ``as_of``.
    """
    parsed = _parsed(bot, rules, rows, as_of, hindsight=hindsight)
    folded = windows.fold(windows.State(), rules, day, parsed, as_of)
    state = folded.state
    if before is not None:
        earlier = _parsed(bot, rules, before, as_of, hindsight=hindsight)
        state = windows.fold(state, rules, day_before(day), earlier, as_of).state
    state = windows.count(state, rules, as_of)
    snapshot = Snapshot(hour=state.hour, live=state.live, totals=state.shown_totals, day=state.last_day)
    known_until = as_of if hindsight else math.inf
    whole = _Whole(bot, rules, day, windows.choose_records(parsed.records, rules), state, snapshot, known_until)
    return Explanation(
        state,
        folded.anomalies,
        sorted(record for record in whole.chosen.values() if whole.inside(record)),
        whole.records(rows),
        list(whole.notes()),
        list(whole.samples.values()),
    )


def wants_day_before(
    bot: BotId, rules: windows.Rules, day: date, rows: Sequence[object], as_of: float, *, hindsight: bool
) -> bool:
    """Whether an exporter that starts at ``as_of`` and has the report of that day asks for the day before, too."""
    parsed = _parsed(bot, rules, rows, as_of, hindsight=hindsight)
    state = windows.fold(windows.State(), rules, day, parsed, as_of).state
    return day == local_date(as_of, rules.zone) and windows.wants_day_before(state, rules, as_of)


def _parsed(bot: BotId, rules: windows.Rules, rows: Sequence[object], as_of: float, *, hindsight: bool) -> Parsed:
    """A report, with hindsight without the records that began later."""
    parsed = parse(rules.report, rows, tenant_id=bot.tenant_id, access_code=bot.access_code)
    known = [record for record in parsed.records if not hindsight or record.start <= as_of]
    return Parsed(known, parsed.anomalies)


@dataclass(frozen=True, slots=True)
class _Whole:
    """What is known of the answer as a whole, when its records are judged one by one."""

    bot: BotId
    rules: windows.Rules
    day: date
    chosen: Mapping[float, Record]
    """The record that counts of each hour or day, by its start."""
    state: windows.State
    snapshot: Snapshot
    known_until: float
    """Records that begin later were not there yet."""
    layout: Layout = field(init=False)
    samples: Mapping[int, str] = field(init=False)
    """By place in the layout's row of values."""

    def __post_init__(self) -> None:
        layout = LAYOUTS[self.rules.report.name]
        labels, values = labels_text(identity(self.bot)), layout.values(self.snapshot)
        samples = {
            each.place: f"{family.sample}{{{labels}{each.labels}}} {number_text(value)}"
            for family, series in layout.columns
            for each in series
            if (value := values[each.place]) is not None
        }
        object.__setattr__(self, "layout", layout)
        object.__setattr__(self, "samples", samples)

    def records(self, rows: Sequence[object]) -> Sequence[RecordFate]:
        """What became of each row of the answer."""
        report = self.rules.report
        fates: list[RecordFate] = []
        taken: set[float] = set()
        for row in rows:
            alone = parse(report, [row], tenant_id=self.bot.tenant_id, access_code=self.bot.access_code)
            if not isinstance(row, dict) or not alone.records:
                fates.append(RecordFate(None, [_why_no_record(alone)], []))
                continue
            (record,) = alone.records
            if record.start > self.known_until:
                fates.append(RecordFate(record.start, ["not used: it begins after --at, and was not there yet"], []))
                continue
            # Of two that are the same in all, one is used.
            used = self.inside(record) and self.chosen.get(self._start(record)) == record
            used = used and record.start not in taken
            taken |= {record.start} if used else set()
            fates.append(self._record(row, record, alone, used=used))
        return fates

    def _record(self, row: Mapping[str, object], record: Record, alone: Parsed, *, used: bool) -> RecordFate:
        shown_by = [
            number
            for number, window in enumerate(self.layout.shown.windows)
            if (used or not self.inside(record))
            and (reading := self.layout.read(window, self.snapshot))
            and (reading.start, reading.values) == record[:2]
        ]
        not_counted = self._why_not_counted() if used else "it is not used"
        fields = [
            self._field(place, each, row, record, alone, shown_by, counted=not_counted is None)
            for place, each in enumerate(self.rules.report.fields)
        ]
        unknown = [
            FieldFate(
                name, _raw(row[name]), [], None, f"not known to this exporter; {_counted(AnomalyKind.UNKNOWN_FIELD)}"
            )
            for name in sorted(row.keys() - self.rules.report.known)
        ]
        uses = self._uses(record, shown_by, not_counted) if used else self._uses_of_unused(record, shown_by)
        return RecordFate(record.start, uses, [*fields, *unknown])

    def notes(self) -> Sequence[str]:
        """What concerns no single record."""
        hour, live = self.state.hour, self.state.live
        if not self._by_hour:
            return []
        notes = []
        if hour is None:
            notes.append(f"No hour of {self.day} is complete yet; until one is, an hour of the day before is shown.")
        elif hour.start < midnight(self.day, self.rules.zone):
            notes.append(
                f"No hour of {self.day} is complete yet; until one is, {self._clock(hour.start)} is shown, from the"
                f" report of the day before (--date={local_date(hour.start, self.rules.zone)})."
            )
        if hour is not None and hour.record is None:
            notes.append(
                f"The last complete hour is {self._clock(hour.start)}: it has no record, and counts as an hour without"
                f" calls since {self._clock(hour.start + 3600 + self.rules.empty_hour_delay)} (empty_hour_delay)."
            )
        if live is not None and live.start <= self.known_until < live.start + 3600:
            notes.append(
                f"{self._clock(live.start)} was in progress then; its figures are those that the platform has now."
            )
        phase = self.state.phase
        if isinstance(phase, windows.ShowingZero) and phase.day == self.day:
            notes.append(f"The counters show a new day's 0 until {self._clock(phase.until)}.")
        return notes

    def _uses(self, record: Record, shown_by: Sequence[int], not_counted: str | None) -> Sequence[str]:
        uses = [
            f"{window.prefix}*: {'shown' if number in shown_by else f'not shown: {self._why_not_shown(window, record)}'}"
            for number, window in enumerate(self.layout.shown.windows)
        ]
        if self.layout.shown.counted:
            uses.append(f"oifde_*_total: {'counted' if not_counted is None else f'not counted: {not_counted}'}")
        return uses

    def _uses_of_unused(self, record: Record, shown_by: Sequence[int]) -> Sequence[str]:
        if self.inside(record):
            return [
                (
                    "not used: another record of the same hour counts, which was stored later or has more calls;"
                    f" {_counted(AnomalyKind.DUPLICATE_RECORD)}"
                )
            ]
        return [
            f"not of {self.day}, the date asked for: of use only as the newest record known; {_counted(AnomalyKind.OUTSIDE_DATE)}",
            *(f"{self.layout.shown.windows[number].prefix}*: shown" for number in shown_by),
        ]

    def _why_not_shown(self, window: Window, record: Record) -> str:
        reading = self.layout.read(window, self.snapshot)
        if reading and self._start(record) < reading.start:
            also = "" if window.attribute == "live" else " complete too, and"
            return f"{self._period(reading.start)} is{also} newer"
        return f"complete at {self._clock(windows.settles_at(record, self.rules))} (settle_delay)"

    def _why_not_counted(self) -> str | None:
        """Why records are in no counter; None if they are in them."""
        if not self.layout.shown.counted:
            return "this report has no counters"
        if self.state.counted in (None, day_before(self.day)):
            latest = midnight(self.day, self.rules.zone) + self.rules.empty_hour_delay
            return (
                "the counters are of the day before until all its hours are complete, at the latest"
                f" {self._clock(latest)}"
            )
        return None if self.state.counted == self.day else f"the counters are of {self.state.counted}"

    def _field(
        self,
        index: int,
        field_: Field,
        row: Mapping[str, object],
        record: Record,
        alone: Parsed,
        shown_by: Sequence[int],
        *,
        counted: bool,
    ) -> FieldFate:
        raw = _raw(row[field_.name]) if field_.name in row else ""
        value = record.values[index]
        if value is None:
            return FieldFate(field_.name, raw, [], None, _why_no_value(field_, row, alone))
        stride = len(record.values) + 2
        samples = [self.samples[number * stride + index] for number in shown_by]
        counter = None
        if counted and field_.kind is Kind.COUNT:
            labels = ",".join(f'{name}="{word}"' for name, word in field_.labels)
            counter = f"oifde_{field_.metric}_total" + (f"{{{labels}}}" if labels else "")
        return FieldFate(field_.name, raw, samples, counter, None if samples or counter else UNUSED)

    def inside(self, record: Record) -> bool:
        """Whether a record is of the time that was asked for."""
        first = midnight(self.day, self.rules.zone) if self._by_hour else 0.0
        return first <= self._start(record) < midnight(next_day(self.day), self.rules.zone)

    @property
    def _by_hour(self) -> bool:
        return self.rules.report.type == "hour"

    def _start(self, record: Record) -> float:
        return (hour_start if self._by_hour else day_start)(record.start, self.rules.zone)

    def _period(self, start: float) -> str:
        return self._clock(start) if self._by_hour else f"{local_date(start, self.rules.zone)}"

    def _clock(self, moment: float) -> str:
        local = datetime.fromtimestamp(moment, self.rules.zone)
        return f"{local:%H:%M}" if local.date() == self.day else f"{local:%Y-%m-%d %H:%M}"


def _why_no_record(alone: Parsed) -> str:
    """Why a row of the answer is passed over."""
    anomaly = alone.anomalies[0]
    return f"skipped: {anomaly.kind.meaning} ({anomaly.where}); {_counted(anomaly.kind)}"


def _why_no_value(field_: Field, row: Mapping[str, object], alone: Parsed) -> str:
    if field_.name not in row:
        return "not in the record"
    invalid = any(
        each.kind == AnomalyKind.INVALID_FIELD and each.where.endswith(f" {field_.name}") for each in alone.anomalies
    )
    if invalid:
        expected = {Kind.COUNT: "a whole number, 0 or more", Kind.RATIO: "a number from 0 to 1", Kind.MEAN: "0 or more"}
        return f"not {expected[field_.kind]}; {_counted(AnomalyKind.INVALID_FIELD)}"
    return "-1 says that there was nothing to judge"


def _counted(kind: AnomalyKind) -> str:
    return f'counted in oifde_report_anomalies_total{{reason="{kind}"}}'


def _raw(value: object) -> str:
    """A value as the platform wrote it."""
    return json.dumps(value, ensure_ascii=False)
