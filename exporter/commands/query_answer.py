"""Request the report that ``query`` shows."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from exporter.commands.past import fetch_pasts
from exporter.commands.query_explain import Explanation, explain, wants_day_before
from exporter.commands.selection import Chosen
from exporter.history.fetching import list_rows
from exporter.history.keeper import make_calendar
from exporter.judging.hours import flatten
from exporter.judging.judge import Signal, Window, judge, list_windows
from exporter.judging.usual import learn
from exporter.polling.calendar import find_day_before, find_hour_end, find_hour_start, find_midnight
from exporter.polling.windows import Rules, settles_at
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import HOUR, Record, Report
from exporter.upstream.session import authorise


@dataclass(frozen=True, slots=True)
class Question:
    """The report to request, and the times to explain it for."""

    chosen: Chosen
    rules: Rules
    day: date
    as_of: float
    """The start of the exporter whose samples to explain, in epoch seconds."""
    now: float
    """The time that decides which hours are complete."""
    hindsight: bool
    """Whether to ignore records that begin after ``as_of``."""
    explained: bool
    history: int = 0
    """The number of past days to judge by; 0: do not judge."""

    @property
    def report(self) -> Report:
        """Return the report to request."""
        return self.rules.report

    def localize(self, moment: float) -> datetime:
        """Return a time in the tenant's time zone."""
        return datetime.fromtimestamp(moment, self.rules.zone)

    def is_complete(self, record: Record) -> bool:
        """Return whether a record's hour or day is complete."""
        return self.now >= settles_at(record, self.rules)


@dataclass(frozen=True, slots=True)
class Answer:
    """The platform's answer, without secrets."""

    request: Mapping[str, object]
    rows: Sequence[object]
    explanation: Explanation
    error: UpstreamError | None = None
    history_error: UpstreamError | None = None
    """Why the history could not be fetched."""
    known_days: int = 0
    """The number of past days that the judgement is based on."""
    signals: Mapping[str, Signal] = field(default_factory=dict)
    """How the bot is judged; empty with too few known days."""
    windows: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    """The windows that each signal is chosen from."""


async def ask(question: Question) -> Answer:
    """Request the report and, if an exporter would, that of the day before."""
    bot, rules, day = question.chosen.id, question.rules, question.day
    rows: Sequence[object] = ()
    before = error = None
    try:
        rows = await _request(question, day)
    except UpstreamError as failure:
        error = failure
    wanted = question.explained and wants_day_before(
        bot, rules, day, rows, question.as_of, hindsight=question.hindsight
    )
    if wanted and error is None:
        with suppress(UpstreamError):  # the daemon continues without it, too
            before = await _request(question, find_day_before(day))
    explanation = explain(bot, rules, day, rows, question.as_of, before=before, hindsight=question.hindsight)
    answer = Answer(_describe_request(question), rows, explanation, error)
    if question.explained and question.history and question.report is HOUR and error is None:
        return await _judge(question, answer)
    return answer


async def _judge(question: Question, answer: Answer) -> Answer:
    """Fetch the history and judge the bot by it."""
    rules, day, access_code = question.rules, question.day, question.chosen.bot.access_code
    access = question.chosen.access
    oldest = day - timedelta(days=question.history)
    try:
        past = (await fetch_pasts(access, rules, [access_code], oldest, find_day_before(day)))[access_code]
    except UpstreamError as failure:
        return replace(answer, history_error=failure)
    baseline = learn(past, make_calendar(access.tenant.calendar), rules.zone, day)
    if baseline is None:
        return replace(answer, known_days=len(past))
    records = {find_hour_start(record.start, rules.zone): record for record in answer.explanation.used}
    hour = answer.explanation.state.hour
    known_until = find_hour_end(hour.start, rules.zone) if hour else question.as_of
    known = flatten(list_rows(records, rules, day))
    return replace(
        answer,
        known_days=len(past),
        signals=judge(baseline, past, known, question.as_of, known_until),
        windows=list_windows(baseline, past, known, question.as_of, known_until),
    )


async def _request(question: Question, day: date) -> Sequence[object]:
    access = question.chosen.access
    rows = await access.ask(question.report, question.chosen.bot.access_code, day)
    text = access.client.redact(json.dumps(rows, ensure_ascii=False))
    # Python reads NaN, which is not JSON. As text it stays readable for strict parsers.
    return list(json.loads(text, parse_constant=str))


def _describe_request(question: Question) -> Mapping[str, object]:
    access, report = question.chosen.access, question.report
    start = find_midnight(question.day, question.rules.zone)
    body = report.request(access.tenant.tenant_id, question.chosen.bot.access_code, start)
    full, headers = authorise(body, "<secret>", access.tenant.auth.header_user)
    return {"method": "POST", "url": access.client.url(report.path), "headers": headers, "body": full}
