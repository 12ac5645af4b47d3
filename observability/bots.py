"""What is recorded of each bot, and when a bot's figures are an alert. docs/alerts.md explains the statistics.

Counts come before ratios: calls are added up over a window first, then divided. Every rule stands on series that have
one value per ``tenant_id`` and ``access_code``, so that two replicas, a replaced pod or a renamed bot count once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from observability.rulefile import Alert, Group, Recording
from observability.thresholds import BOT_THRESHOLDS, per_bot

BOTS: Final = "bot:oifde_bot:info"
"""One series of the value 1 per bot there is, with ``tenant_id access_code bot platform tenant``."""

_BOT: Final = "tenant_id, access_code"
_WEEKS: Final = (1, 2, 3, 4)
_PUBLISHED_WINDOWS: Final = ("1h", "6h", "1d")


@dataclass(frozen=True, slots=True)
class Share:
    """A share of calls (or requests) that a bot's counters give: ``part`` of ``whole``, both per bot."""

    name: str
    part: str
    whole: str
    judged: Sequence[str]
    """The windows over which it is compared with what is usual: small bots need long ones, for large bots short ones do."""
    published: bool
    """Whether it is recorded for people, too."""

    @property
    def windows(self) -> Sequence[str]:
        """All windows it is added up over."""
        return tuple(dict.fromkeys((*self.judged, *(_PUBLISHED_WINDOWS if self.published else ()))))


SHARES: Final = (
    Share(
        "autonomy",
        "bot:oifde_served:max",
        "bot:oifde_judged:max",
        ("1h", "2h", "4h", "6h", "12h", "1d"),
        published=True,
    ),
    Share(
        "direct_transfers",
        "bot:oifde_direct_transfers:max",
        "bot:oifde_judged:max",
        ("1h", "2h", "6h", "1d"),
        published=False,
    ),
    Share(
        "interface_success",
        "bot:oifde_interface_successes:max",
        "bot:oifde_interface_requests:max",
        ("1h", "2h", "6h", "1d"),
        published=True,
    ),
    Share("transfers", "bot:oifde_transfers:max", "bot:oifde_calls:max", (), published=True),
)
_JUDGED: Final = "|".join(share.name for share in SHARES if share.judged)

# What the bot's level of the week weighs against the same hours of one past week, in calls: it steadies small hours,
# and leaves large ones to themselves.
_SHRINKAGE: Final = 50
# For how many calls of certainty the level stands where there is no past week.
_LEVEL_WEIGHT: Final = 150
# The median of a few weeks knows less than their mean.
_MEDIAN_EFFICIENCY: Final = 0.8
# How far a share strays with nothing wrong, as an angle: 0.02 is one percentage point around 50 %.
_WANDER: Final = 0.02
# The same of an hour's calls, relative.
_CALLS_WANDER: Final = 0.15
_FEWEST: Final = 20
"""Calls below which no share is judged, whatever it is."""


def _weeks(expr: str) -> str:
    """``expr`` for each of the weeks past, told apart by the label ``week``.

    In it OFFSET, OFFSET-1h and OFFSET+1h stand for the offset by that many weeks, and an hour less or more.
    """
    return "\nor ".join(f'label_replace({_past(expr, week)}, "week", "{week}", "", "")' for week in _WEEKS)


def _past(expr: str, week: int) -> str:
    hours = week * 7 * 24
    for name, hour in (("OFFSET-1h", hours - 1), ("OFFSET+1h", hours + 1)):
        expr = expr.replace(name, f"offset {hour}h")
    return expr.replace("OFFSET", f"offset {week}w")


def _angle(ratio: str) -> str:
    """A ratio as an angle, whose variance depends on the number of calls alone: 1 / calls (Anscombe 1948)."""
    return f"2 * asin(sqrt({ratio}))"


# --- one series per bot ----------------------------------------------------------------------------------------------

_COUNTERS: Final = (
    Recording("bot:oifde_calls:hour", f"max by ({_BOT}) (oifde_hour_calls)"),
    Recording("bot:oifde_calls:max", f"max by ({_BOT}) (oifde_calls_total)"),
    Recording(
        "bot:oifde_judged:max",
        f'sum by ({_BOT}) (max by ({_BOT}, outcome) (oifde_call_outcomes_total{{outcome!="immediate_exit"}}))',
    ),
    Recording("bot:oifde_served:max", f'max by ({_BOT}) (oifde_call_outcomes_total{{outcome="contained"}})'),
    Recording(
        "bot:oifde_direct_transfers:max",
        f'max by ({_BOT}) (oifde_call_outcomes_total{{outcome="direct_transfer"}})',
    ),
    Recording(
        "bot:oifde_transfers:max",
        f'sum by ({_BOT}) (max by ({_BOT}, outcome) (oifde_call_outcomes_total{{outcome=~"staff_.*"}}))',
    ),
    Recording("bot:oifde_interface_requests:max", f"max by ({_BOT}) (oifde_interface_requests_total)"),
    Recording("bot:oifde_interface_successes:max", f"max by ({_BOT}) (oifde_interface_successes_total)"),
)

_INFO: Final = Recording(
    BOTS,
    # While a rename reaches one replica after the other, the name that more of them know.
    f"""
    group by ({_BOT}, bot, platform, tenant) (
      topk by ({_BOT}) (1, count by ({_BOT}, bot, platform, tenant) (oifde_bot_info))
    )
    """,
)


# --- shares: added up over windows, compared with the same hours of the weeks past -----------------------------------


def _sums(share: Share) -> Iterable[Recording]:
    for window in share.windows:
        labels = {"share": share.name, "window": window}
        for record, counter in (("bot:oifde_share:part", share.part), ("bot:oifde_share:whole", share.whole)):
            yield Recording(record, f"increase({counter}[{window}]) and on ({_BOT}) {BOTS}", labels)


_SAME: Final = f"{_BOT}, share, window"
_WHOLE: Final = f'bot:oifde_share:whole{{share=~"{_JUDGED}"}}'
_PART: Final = f'bot:oifde_share:part{{share=~"{_JUDGED}"}}'


def _variance(whole: str) -> str:
    """Of the distance between the angles of a share and of what is usual, that of the calls, of those of the weeks, and more."""
    past = " + ".join(f"({whole} offset {week}w or {whole} * 0)" for week in _WEEKS)
    return f"1 / ({whole} > 0) + 1 / ({_LEVEL_WEIGHT} + {_MEDIAN_EFFICIENCY} * ({past})) + {_WANDER}^2"


_SHARE_RULES: Final = (
    Recording(
        "bot:oifde_share:level",
        """
        sum_over_time(bot:oifde_share:part{window="1d"}[7d:1d] offset 1d)
          / (sum_over_time(bot:oifde_share:whole{window="1d"}[7d:1d] offset 1d) > 0)
        """.replace('"1d"}', f'"1d", share=~"{_JUDGED}"}}'),
    ),
    Recording(
        "bot:oifde_share:steadied",
        f"""
        ({_PART} + on ({_BOT}, share) group_left () {_SHRINKAGE} * bot:oifde_share:level) / ({_WHOLE} + {_SHRINKAGE})
        """,
    ),
    Recording(
        "bot:oifde_share:usual",
        f"""
        quantile by ({_SAME}) (0.5,
        {_weeks("bot:oifde_share:steadied OFFSET")}
        )
        or {_WHOLE} * 0 + on ({_BOT}, share) group_left () bot:oifde_share:level
        """,
    ),
    Recording(
        "bot:oifde_share:deviation",
        f"""
        (
        {_angle("(bot:oifde_share:part + 0.375) / (bot:oifde_share:whole + 0.75)")}
        - {_angle("bot:oifde_share:usual")}
        ) / sqrt(
        {_variance(_WHOLE)}
        )
        """,
    ),
    Recording(
        "bot:oifde_share:restlessness",
        """
        clamp_min(
          quantile_over_time(0.5, (
            abs(bot:oifde_share:deviation{window="1h"}) and bot:oifde_share:whole{window="1h"} >= 10
          )[2w:2h]) / 0.6745,
          1
        )
        or bot:oifde_share:deviation{window="1h"} * 0 + 1
        """,
    ),
    Recording(
        "bot:oifde_share:limit",
        f"bot:oifde_share:restlessness * on ({_BOT}) group_left () bot:oifde_alert_threshold:evidence",
    ),
)


# --- calls: the last complete hour, and six of them, against the same hours of the weeks past ------------------------


def _spread_of_calls(usual: str) -> str:
    """The standard deviation of 2 * sqrt(calls): 1 of the hour itself, 0.3 of the median of weeks, and what calls stray."""
    return f"sqrt(1.3 + {_CALLS_WANDER}^2 * {usual})"


def _calls_deviation(calls: str, usual: str) -> str:
    """How far calls are from the usual ones, in standard deviations; roots, as those of counts all vary alike."""
    return f"2 * (sqrt({calls} + 0.375) - sqrt({usual} + 0.375)) / {_spread_of_calls(usual)}"


def _around(least_or_most: str) -> str:
    """The least or most calls from an hour before to an hour after a moment, if they were known for all that time."""
    return f"{least_or_most}_over_time(bot:oifde_calls:window[2h] OFFSET-1h) and bot:oifde_calls:window OFFSET+1h"


_CALLS_RULES: Final = (
    Recording("bot:oifde_calls:window", f"bot:oifde_calls:hour and on ({_BOT}) {BOTS}", {"window": "1h"}),
    Recording(
        "bot:oifde_calls:window",
        f"6 * avg_over_time(bot:oifde_calls:hour[6h]) and on ({_BOT}) {BOTS}",
        {"window": "6h"},
    ),
    Recording(
        "bot:oifde_calls:usual",
        f"""
        quantile by ({_BOT}, window) (0.5,
          {_weeks("bot:oifde_calls:window OFFSET")}
        )
        """,
    ),
    Recording(
        "bot:oifde_calls:usual_least",
        f"""
        quantile by ({_BOT}, window) (0.5,
          {_weeks(_around("min"))}
        )
        """,
    ),
    Recording(
        "bot:oifde_calls:usual_most",
        f"""
        max by ({_BOT}, window) (
          {_weeks(_around("max"))}
        )
        """,
    ),
    Recording(
        "bot:oifde_calls:restlessness",
        f"""
        clamp_min(
          quantile_over_time(0.5, abs(
            {_calls_deviation('bot:oifde_calls:window{window="1h"}', '(bot:oifde_calls:usual{window="1h"} >= 10)')}
          )[2w:2h]) / 0.6745,
          1
        )
        or bot:oifde_calls:usual{{window="1h"}} * 0 + 1
        """,
    ),
    Recording(
        "bot:oifde_calls:evidence",
        f"""
        {_calls_deviation("bot:oifde_calls:window", "bot:oifde_calls:usual_least")}
          / on ({_BOT}) group_left () bot:oifde_calls:restlessness
        """,
        {"than": "least"},
    ),
    Recording(
        "bot:oifde_calls:evidence",
        f"""
        {_calls_deviation("bot:oifde_calls:window", "bot:oifde_calls:usual_most")}
          / on ({_BOT}) group_left () bot:oifde_calls:restlessness
        """,
        {"than": "most"},
    ),
)


# --- what people and dashboards read ---------------------------------------------------------------------------------


def _named(expr: str) -> str:
    """``expr``, of one series per bot, with the bot's name of now."""
    return f"max by ({_BOT}) ({expr}) * on ({_BOT}) group_left (bot) {BOTS}"


def _published() -> Iterable[Recording]:
    names = {
        "autonomy": "oifde_autonomy:ratio",
        "transfers": "oifde_transfers_per_call:ratio",
        "interface_success": "oifde_interface_success:ratio",
    }
    for share, name in names.items():
        for window in _PUBLISHED_WINDOWS:
            part = f'bot:oifde_share:part{{share="{share}", window="{window}"}}'
            whole = f'bot:oifde_share:whole{{share="{share}", window="{window}"}}'
            yield Recording(f"bot:{name}_{window}", _named(f"{part} / ({whole} > 0)"))
            if share == "autonomy":
                yield Recording(
                    f"tenant:{name}_{window}", f"sum by (tenant_id) ({part}) / (sum by (tenant_id) ({whole}) > 0)"
                )
                yield Recording(f"all:{name}_{window}", f"sum ({part}) / (sum ({whole}) > 0)")
    autonomy = 'share="autonomy", window="1h"'
    usual = f"bot:oifde_share:usual{{{autonomy}}}"
    yield Recording("bot:oifde_autonomy:baseline", _named(usual))
    yield Recording(
        "bot:oifde_autonomy:baseline_spread",
        _named(
            f"sqrt(({_variance(f'bot:oifde_share:whole{{{autonomy}}}')}) * {usual} * (1 - {usual}))"
            f' * on ({_BOT}) group_left () bot:oifde_share:restlessness{{share="autonomy"}}'
        ),
    )
    calls = 'bot:oifde_calls:usual{window="1h"}'
    yield Recording("bot:oifde_calls:baseline", _named(calls))
    yield Recording(
        "bot:oifde_calls:baseline_spread",
        _named(f"sqrt({calls}) * {_spread_of_calls(calls)} * on ({_BOT}) bot:oifde_calls:restlessness"),
    )


# --- alerts ----------------------------------------------------------------------------------------------------------


def _limit(name: str) -> str:
    """The threshold of that name, to be matched with one series per bot or more."""
    return f"on ({_BOT}) group_left () bot:oifde_alert_threshold:{name}"


def _with_names(expr: str) -> str:
    """The worst of each bot's windows, with the labels that people know the bot by."""
    return f"max by ({_BOT}) (\n{expr}\n) * on ({_BOT}) group_left (bot, platform, tenant) {BOTS}"


def _moved(share: str, limit: str, *, down: bool) -> str:
    """How far a share is from the usual one, where that is beyond doubt, matters, and has not ended meanwhile."""
    one = f'share="{share}"'
    ratio = f"bot:oifde_share:part{{{one}}} / bot:oifde_share:whole{{{one}}}"
    usual = f"bot:oifde_share:usual{{{one}}}"
    distance = f"({usual} - {ratio})" if down else f"({ratio} - {usual})"
    deviation = f"{'-1 * ' if down else ''}bot:oifde_share:deviation{{{one}}}"
    recent = distance.replace(one, f'{one}, window="2h"')
    return _with_names(
        f"""
  (
    {distance} > {_limit(limit)}
    and {deviation} > on ({_BOT}) group_left () bot:oifde_share:limit{{{one}}}
    and bot:oifde_share:whole{{{one}}} >= {_FEWEST}
  )
  unless on ({_BOT}) (
    {recent} < on ({_BOT}) bot:oifde_alert_threshold:{limit} / 2
    and on ({_BOT}) bot:oifde_share:whole{{{one}, window="2h"}} >= {_FEWEST}
  )""".strip("\n")
    )


_BELOW_FLOOR: Final = _with_names(
    f"""
  (
    bot:oifde_share:part{{share="autonomy", window=~"6h|1d"}} / bot:oifde_share:whole{{share="autonomy", window=~"6h|1d"}}
    < {_limit("autonomy_floor")}
  )
  and (
    {_angle('(bot:oifde_share:part{share="autonomy"} + 0.375) / (bot:oifde_share:whole{share="autonomy"} + 0.75)')}
    - on (tenant_id, access_code) group_left () 2 * asin(sqrt(clamp(bot:oifde_alert_threshold:autonomy_floor, 0, 1)))
  ) * sqrt(bot:oifde_share:whole{{share="autonomy"}}) < -3
  and bot:oifde_share:whole{{share="autonomy"}} >= {_FEWEST}""".strip("\n")
)

_CALLS_VANISHED: Final = _with_names(
    f"""
  (
    1 - bot:oifde_calls:window / bot:oifde_calls:usual_least > {_limit("calls_lost")}
    and on ({_BOT}, window) -1 * bot:oifde_calls:evidence{{than="least"}} > {_limit("evidence")}
  )
  unless on ({_BOT}) (
    bot:oifde_calls:max == 0
    and on ({_BOT}) (
      min_over_time(bot:oifde_share:whole{{share="transfers", window="1d"}}[1w:1h] offset 2d)
        < 0.1 * max_over_time(bot:oifde_share:whole{{share="transfers", window="1d"}}[1w:1h] offset 2d)
    )
  )""".strip("\n")
)

_CALLS_SURGE: Final = _with_names(
    f"""
  (
    bot:oifde_calls:window / bot:oifde_calls:usual_most > {_limit("calls_surge")}
    and on ({_BOT}, window) bot:oifde_calls:evidence{{than="most"}} > {_limit("evidence")}
  )
  and bot:oifde_calls:window > max_over_time(bot:oifde_calls:window[1w] offset 1d)
  and on ({_BOT}) bot:oifde_calls:window{{window="1h"}} offset 2w""".strip("\n")
)


def _figure(expr: str, of: str = "humanizePercentage", absent: str = "unknown") -> str:
    """Prometheus' template for a figure of the bot; ``expr`` is a series' name, with ``LABELS`` where its labels go."""
    selector = expr.replace("LABELS", "tenant_id=%q, access_code=%q")
    query = f"printf {_quoted(selector)} $labels.tenant_id $labels.access_code | query"
    return f"{{{{ with {query} }}}}{{{{ . | first | value | {of} }}}}{{{{ else }}}}{absent}{{{{ end }}}}"


def _quoted(text: str) -> str:
    return f"`{text}`"


_WHO: Final = "{{ $labels.bot }} ({{ with $labels.tenant }}{{ . }}, {{ end }}tenant {{ $labels.tenant_id }})"
_CALLS_NOW: Final = _figure("bot:oifde_calls:hour{LABELS}", 'printf "%.0f"')
_CALLS_USUAL: Final = _figure("bot:oifde_calls:baseline{LABELS}", 'printf "%.0f"')

ALERTS: Final = (
    Alert(
        "OifdeBotAutonomyDropped",
        _moved("autonomy", "autonomy_drop", down=True),
        "critical",
        "{{ $labels.bot }} serves fewer callers by itself than usual.",
        f"""
        {_WHO} served {_figure("bot:oifde_autonomy:ratio_1h{LABELS}")} of its callers by itself in the last hour and
        {_figure("bot:oifde_autonomy:ratio_6h{LABELS}")} in the last six; usual at this time of the week is
        {_figure("bot:oifde_autonomy:baseline{LABELS}")}. Of all callers {{{{ $value | humanizePercentage }}}} more than usual end up with
        agents, which cannot be chance.
        """,
        keep="1h",
    ),
    Alert(
        "OifdeBotAutonomyBelowFloor",
        _BELOW_FLOOR,
        "warning",
        "{{ $labels.bot }} serves hardly anybody by itself.",
        f"""
        {_WHO} serves {{{{ $value | humanizePercentage }}}} of its callers by itself, over hours; the floor is
        {_figure("bot:oifde_alert_threshold:autonomy_floor{LABELS}")}.
        """,
        hold="30m",
        keep="1h",
    ),
    Alert(
        "OifdeBotCallsVanished",
        _CALLS_VANISHED,
        "critical",
        "{{ $labels.bot }} gets hardly any calls.",
        f"""
        {_WHO} misses {{{{ $value | humanizePercentage }}}} of the calls that are usual at this time of the week: {_CALLS_NOW} in the
        last complete hour, usually {_CALLS_USUAL}.
        """,
        hold="10m",
        keep="1h",
    ),
    Alert(
        "OifdeBotCallsSurge",
        _CALLS_SURGE,
        "warning",
        "{{ $labels.bot }} gets far more calls than usual.",
        f"""
        {_WHO} gets {{{{ $value | printf "%.1f" }}}} times the most calls it had at this time of the week in weeks: {_CALLS_NOW} in the
        last complete hour, usually {_CALLS_USUAL}.
        """,
        hold="10m",
        keep="1h",
    ),
    Alert(
        "OifdeBotDirectTransfersSurge",
        _moved("direct_transfers", "direct_transfers_rise", down=False),
        "warning",
        "More callers of {{ $labels.bot }} go to an agent directly.",
        f"""
        Of the callers of {_WHO}, {{{{ $value | humanizePercentage }}}} more than usual at this time of the week go to an agent within
        three interactions, without consulting the bot. Usual is
        {_figure('bot:oifde_share:usual{share="direct_transfers", window="2h", LABELS}')}.
        """,
        keep="1h",
    ),
    Alert(
        "OifdeBotInterfaceFailing",
        _moved("interface_success", "interface_drop", down=True),
        "critical",
        "The interfaces that {{ $labels.bot }} calls fail more often than usual.",
        f"""
        Of the requests that {_WHO} makes to outside interfaces, {{{{ $value | humanizePercentage }}}} more than usual fail:
        {_figure("bot:oifde_interface_success:ratio_1h{LABELS}")} succeeded in the last hour, usually
        {_figure('bot:oifde_share:usual{share="interface_success", window="2h", LABELS}')}.
        """,
        keep="1h",
    ),
)

GROUPS: Final = (
    # At least as often as a scrape: a new day's counters show their 0 for two minutes.
    Group("oifde-counters", _COUNTERS, interval="1m"),
    Group(
        "oifde-bots",
        (
            _INFO,
            *(per_bot(threshold, BOTS) for threshold in BOT_THRESHOLDS),
            *(rule for share in SHARES for rule in _sums(share)),
            *_SHARE_RULES,
            *_CALLS_RULES,
            *_published(),
            *ALERTS,
        ),
        interval="2m",
    ),
)
