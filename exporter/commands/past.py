"""Fetch the past of bots for a command."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from exporter.commands.platforms import TenantAccess
from exporter.history.fetching import fetch_report, pack_finished_day
from exporter.history.pasts import BotPast, FetchedDay
from exporter.judging.hours import Past
from exporter.polling.windows import Rules
from exporter.upstream.errors import UpstreamError
from exporter.upstream.reports import Parsed

_TRIES: Final = 5
_FIRST_PAUSE: Final = 5.0
"""Seconds before the second try; each further pause is twice as long."""


async def fetch_pasts(
    access: TenantAccess,
    rules: Rules,
    access_codes: Sequence[str],
    oldest: date,
    last: date,
    advance: Callable[[int], None] = lambda _: None,
) -> Mapping[str, Past]:
    """Return the days of a tenant's bots from ``oldest`` to ``last``, by access code. Raises UpstreamError.

    The requests have low priority, so they use at most half of the platform's limits. ``advance`` is called with the
    number of days fetched.
    """
    free = asyncio.Semaphore(access.platform.max_concurrency)
    pasts = {access_code: BotPast() for access_code in access_codes}

    async def fetch(access_code: str, day: date) -> None:
        async with free:
            parsed = await _fetch_day(access, rules, access_code, day)
        pasts[access_code].take([FetchedDay(day, 0.0, pack_finished_day(parsed, rules, day))], rules, oldest)
        advance(1)

    days = [last - timedelta(days=ago) for ago in range((last - oldest).days + 1)]
    try:
        async with asyncio.TaskGroup() as group:
            for day in days:
                for access_code in pasts:
                    group.create_task(fetch(access_code, day))
    except* UpstreamError as errors:
        first = errors.exceptions[0]
    else:
        return {access_code: kept.past for access_code, kept in pasts.items()}
    raise first


async def _fetch_day(access: TenantAccess, rules: Rules, access_code: str, day: date) -> Parsed:
    for attempt in range(_TRIES):
        try:
            return await fetch_report(
                access.session, rules, access.tenant.tenant_id, access_code, day, low_priority=True
            )
        except UpstreamError as error:
            if attempt == _TRIES - 1 or not (error.transient or error.unreachable):
                raise
        await asyncio.sleep(_FIRST_PAUSE * 2**attempt)
    raise AssertionError("the last try returns or raises")
