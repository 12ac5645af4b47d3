"""Explain an answer: for each field of each record, the sample that it becomes, or why there is none.

The functions are those that a poller uses.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Final

from exporter.language import Text
from exporter.polling import windows
from exporter.polling.calendar import (
    find_day_before,
    find_day_start,
    find_hour_start,
    find_local_date,
    find_midnight,
    find_next_day,
)
from exporter.polling.snapshot import BotId, Snapshot
from exporter.serving.catalogue import LAYOUTS, Layout, Window
from exporter.serving.exposition import identify, write_labels, write_number
from exporter.upstream.anomalies import Anomaly, AnomalyKind
from exporter.upstream.reports import Field, Kind, Parsed, Record, hint_at, parse

UNUSED: Final = Text("no gauge shows this record")
"""The reason for a field without a sample, in a record that no gauge shows."""


@dataclass(frozen=True, slots=True)
class FieldFate:
    """A field of a record, with the platform's name and value, and its samples."""

    name: str
    raw: str
    samples: Sequence[str]
    """The gauges with its value, as on the metrics page."""
    adds_to: str | None
    """The counter that includes its value."""
    why_not: str | None
    """Why no sample contains it."""


@dataclass(frozen=True, slots=True)
class RecordFate:
    """A row of the answer: a record, or something else."""

    start: float | None
    """Epoch seconds; None: the row is not a record."""
    uses: Sequence[str]
    """Which metrics show the record and which do not, with the reasons."""
    fields: Sequence[FieldFate]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The state and the samples that an answer results in."""

    state: windows.State
    anomalies: Sequence[Anomaly]
    used: Sequence[Record]
    """The records that the exporter uses, in the order of time."""
    records: Sequence[RecordFate]
    notes: Sequence[str]
    """Facts about no single record: an hour without a record, the state of the counters."""
    samples: Sequence[str]
    """All samples of the bot's report, as on the metrics page."""


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
    """Explain the report of a local date for an exporter that starts at ``as_of``.

    Args:
        bot: The bot of the report.
        rules: The report, its time zone and its delays.
        day: The date of the request.
        rows: The answer.
        as_of: The start of the exporter, in epoch seconds.
        before: The answer for the day before, if ``wants_day_before``; None: unknown.
        hindsight: Whether to ignore records that begin after ``as_of``.
    """
    parsed = _parse(bot, rules, rows, as_of, hindsight=hindsight)
    folded = windows.fold(windows.State(), rules, day, parsed, as_of)
    state = folded.state
    if before is not None:
        earlier = _parse(bot, rules, before, as_of, hindsight=hindsight)
        state = windows.fold(state, rules, find_day_before(day), earlier, as_of).state
    state = windows.count(state, rules, as_of)
    snapshot = Snapshot(hour=state.hour, live=state.live, totals=state.shown_totals, day=state.last_day)
    known_until = as_of if hindsight else math.inf
    answer = _Answer(bot, rules, day, windows.choose_records(parsed.records, rules), state, snapshot, known_until)
    return Explanation(
        state,
        folded.anomalies,
        sorted(record for record in answer.chosen.values() if answer.is_inside(record)),
        answer.explain_records(rows),
        list(answer.list_notes()),
        list(answer.samples.values()),
    )


def wants_day_before(
    bot: BotId, rules: windows.Rules, day: date, rows: Sequence[object], as_of: float, *, hindsight: bool
) -> bool:
    """Return whether an exporter that starts at ``as_of`` also requests the report of the day before."""
    parsed = _parse(bot, rules, rows, as_of, hindsight=hindsight)
    state = windows.fold(windows.State(), rules, day, parsed, as_of).state
    return day == find_local_date(as_of, rules.zone) and windows.wants_day_before(state, rules, as_of)


def _parse(bot: BotId, rules: windows.Rules, rows: Sequence[object], as_of: float, *, hindsight: bool) -> Parsed:
    """Parse a report; hindsight removes the records that begin after ``as_of``."""
    parsed = parse(rules.report, rows, tenant_id=bot.tenant_id, access_code=bot.access_code)
    known = [record for record in parsed.records if not hindsight or record.start <= as_of]
    return Parsed(known, parsed.anomalies)


@dataclass(frozen=True)
class _Answer:
    """A whole answer, which explains its records one by one."""

    bot: BotId
    rules: windows.Rules
    day: date
    chosen: Mapping[float, Record]
    """The record that the exporter uses for each hour or day, by its start."""
    state: windows.State
    snapshot: Snapshot
    known_until: float
    """The exporter does not know records that begin later."""

    @property
    def layout(self) -> Layout:
        """Return the series of the report."""
        return LAYOUTS[self.rules.report.name]

    @cached_property
    def samples(self) -> Mapping[int, str]:
        """Return the samples by their place in the layout's row of values."""
        labels, values = write_labels(identify(self.bot)), self.layout.values(self.snapshot)
        return {
            cell.place: f"{family.sample}{{{labels}{cell.labels}}} {write_number(value)}"
            for family, cells in self.layout.columns
            for cell in cells
            if (value := values[cell.place]) is not None
        }

    def explain_records(self, rows: Sequence[object]) -> Sequence[RecordFate]:
        """Explain each row of the answer."""
        report = self.rules.report
        fates: list[RecordFate] = []
        taken: set[float] = set()
        for row in rows:
            alone = parse(report, [row], tenant_id=self.bot.tenant_id, access_code=self.bot.access_code)
            if not isinstance(row, dict) or not alone.records:
                fates.append(RecordFate(None, [_explain_unusable(alone)], []))
                continue
            (record,) = alone.records
            if record.start > self.known_until:
                fates.append(RecordFate(record.start, [Text("not used: the record begins after --at")], []))
                continue
            # Of two equal records, the exporter uses one.
            used = self.is_inside(record) and self.chosen.get(self._find_start(record)) == record
            used = used and record.start not in taken
            taken |= {record.start} if used else set()
            fates.append(self._explain_record(row, record, alone, used=used))
        return fates

    def _explain_record(self, row: Mapping[str, object], record: Record, alone: Parsed, *, used: bool) -> RecordFate:
        shown_by = [
            number
            for number, window in enumerate(self.layout.shown.windows)
            if (used or not self.is_inside(record))
            and (reading := self.layout.read(window, self.snapshot))
            and (reading.start, reading.values) == record[:2]
        ]
        not_counted = self._explain_not_counted() if used else Text("the record is not used")
        fields = [
            self._explain_field(place, field_, row, record, alone, shown_by, counted=not_counted is None)
            for place, field_ in enumerate(self.rules.report.fields)
        ]
        unknown = [
            FieldFate(
                name,
                _write_value(row[name]),
                [],
                None,
                _add_counter(Text("this exporter does not know the field"), AnomalyKind.UNKNOWN_FIELD),
            )
            for name in sorted(row.keys() - self.rules.report.known)
        ]
        uses = self._list_uses(record, shown_by, not_counted) if used else self._list_uses_of_unused(record, shown_by)
        return RecordFate(record.start, uses, [*fields, *unknown])

    def list_notes(self) -> Sequence[str]:
        """Return the facts about no single record."""
        hour, live = self.state.hour, self.state.live
        if not self._by_hour:
            return []
        notes = []
        if hour is None:
            notes.append(
                Text(
                    "No hour of %(date)s is complete yet. Until then, the metrics show an hour of the day before.",
                    date=self.day,
                )
            )
        elif hour.start < find_midnight(self.day, self.rules.zone):
            notes.append(
                Text(
                    "No hour of %(date)s is complete yet. Until then, the metrics show %(hour)s, from the report of the day"
                    " before (--date=%(before)s).",
                    date=self.day,
                    hour=self._format_time(hour.start),
                    before=find_local_date(hour.start, self.rules.zone),
                )
            )
        if hour is not None and hour.record is None:
            notes.append(
                Text(
                    "The last complete hour is %(hour)s. It has no record, and counts as an hour without calls since"
                    " %(since)s (empty_hour_delay).",
                    hour=self._format_time(hour.start),
                    since=self._format_time(hour.start + 3600 + self.rules.empty_hour_delay),
                )
            )
        if live is not None and live.start <= self.known_until < live.start + 3600:
            notes.append(
                Text(
                    "%(hour)s was in progress at that time; its values are the platform's current ones.",
                    hour=self._format_time(live.start),
                )
            )
        phase = self.state.phase
        if isinstance(phase, windows.ShowingZero) and phase.day == self.day:
            until = self._format_time(phase.until)
            notes.append(Text("The counters show 0 for the new day until %(time)s.", time=until))
        return notes

    def _list_uses(self, record: Record, shown_by: Sequence[int], not_counted: Text | None) -> Sequence[str]:
        uses = [
            Text("%(metrics)s: shown", metrics=f"{window.prefix}*")
            if number in shown_by
            else Text(
                "%(metrics)s: not shown: %(why)s",
                metrics=f"{window.prefix}*",
                why=self._explain_absence(window, record),
            )
            for number, window in enumerate(self.layout.shown.windows)
        ]
        if self.layout.shown.counted and not_counted is None:
            uses.append(Text("oifde_*_total: counted"))
        elif self.layout.shown.counted:
            uses.append(Text("oifde_*_total: not counted: %(why)s", why=not_counted))
        return uses

    def _list_uses_of_unused(self, record: Record, shown_by: Sequence[int]) -> Sequence[str]:
        if self.is_inside(record):
            return [
                _add_counter(
                    Text("not used: another record of the same hour was stored later or has more calls"),
                    AnomalyKind.DUPLICATE_RECORD,
                )
            ]
        return [
            _add_counter(
                Text("not of %(date)s, the date of the request: only used if it is the newest record", date=self.day),
                AnomalyKind.OUTSIDE_DATE,
            ),
            *(
                Text("%(metrics)s: shown", metrics=f"{self.layout.shown.windows[number].prefix}*")
                for number in shown_by
            ),
        ]

    def _explain_absence(self, window: Window, record: Record) -> Text:
        reading = self.layout.read(window, self.snapshot)
        if reading and self._find_start(record) < reading.start:
            period = self._format_period(reading.start)
            if window.attribute == "live":
                return Text("%(period)s is a newer record", period=period)
            if self._by_hour:
                return Text("%(period)s is a newer complete hour", period=period)
            return Text("%(period)s is a newer complete day", period=period)
        settles = self._format_time(windows.settles_at(record, self.rules))
        return Text("complete at %(time)s (settle_delay)", time=settles)

    def _explain_not_counted(self) -> Text | None:
        """Return why the counters do not include the records; None: they do."""
        if not self.layout.shown.counted:
            return Text("this report has no counters")
        if self.state.counted in (None, find_day_before(self.day)):
            latest = find_midnight(self.day, self.rules.zone) + self.rules.empty_hour_delay
            return Text(
                "the counters count the day before until all its hours are complete, or until %(time)s",
                time=self._format_time(latest),
            )
        return None if self.state.counted == self.day else Text("the counters count %(date)s", date=self.state.counted)

    def _explain_field(
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
        raw = _write_value(row[field_.name]) if field_.name in row else ""
        value = record.values[index]
        if value is None:
            return FieldFate(field_.name, raw, [], None, _explain_no_value(field_, row, alone))
        stride = len(record.values) + 2
        samples = [self.samples[number * stride + index] for number in shown_by]
        counter = None
        if counted and field_.kind is Kind.COUNT:
            labels = ",".join(f'{name}="{word}"' for name, word in field_.labels)
            counter = f"oifde_{field_.metric}_total" + (f"{{{labels}}}" if labels else "")
        return FieldFate(field_.name, raw, samples, counter, None if samples or counter else UNUSED)

    def is_inside(self, record: Record) -> bool:
        """Return whether a record is in the period of the request."""
        first = find_midnight(self.day, self.rules.zone) if self._by_hour else 0.0
        return first <= self._find_start(record) < find_midnight(find_next_day(self.day), self.rules.zone)

    @property
    def _by_hour(self) -> bool:
        return self.rules.report.type == "hour"

    def _find_start(self, record: Record) -> float:
        return (find_hour_start if self._by_hour else find_day_start)(record.start, self.rules.zone)

    def _format_period(self, start: float) -> str:
        return self._format_time(start) if self._by_hour else f"{find_local_date(start, self.rules.zone)}"

    def _format_time(self, moment: float) -> str:
        local = datetime.fromtimestamp(moment, self.rules.zone)
        return f"{local:%H:%M}" if local.date() == self.day else f"{local:%Y-%m-%d %H:%M}"


def _explain_unusable(alone: Parsed) -> Text:
    """Return why the exporter ignores a row."""
    anomaly = alone.anomalies[0]
    where = (
        Text("%(where)s, %(detail)s", where=anomaly.where, detail=anomaly.detail) if anomaly.detail else anomaly.where
    )
    skipped = Text("skipped: %(meaning)s (%(where)s)", meaning=anomaly.kind.meaning, where=where)
    return _add_counter(skipped, anomaly.kind)


def _explain_no_value(field_: Field, row: Mapping[str, object], alone: Parsed) -> Text:
    if field_.name not in row:
        return Text("the record does not have the field")
    invalid = any(
        anomaly.kind == AnomalyKind.INVALID_FIELD and anomaly.where.endswith(f" {field_.name}")
        for anomaly in alone.anomalies
    )
    if invalid:
        expected = {
            Kind.COUNT: Text("not a whole number, 0 or more"),
            Kind.RATIO: Text("not a number from 0 to 1"),
            Kind.MEAN: Text("not 0 or more"),
        }
        problem = hint_at(row[field_.name]) or expected[field_.kind]
        return _add_counter(Text("the value is %(problem)s", problem=problem), AnomalyKind.INVALID_FIELD)
    return Text("%(value)s means that there was nothing to measure", value=_write_value(row[field_.name]))


def _add_counter(what: Text, kind: AnomalyKind) -> Text:
    counter = f'oifde_report_anomalies_total{{reason="{kind}"}}'
    return Text("%(what)s; counted in %(counter)s", what=what, counter=counter)


def _write_value(value: object) -> str:
    """Return a value as the platform wrote it."""
    return json.dumps(value, ensure_ascii=False)
