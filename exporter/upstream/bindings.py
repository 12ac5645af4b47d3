"""Discovery: the bots that are bound to a tenant, from every page of both sources.

Source: the vendor's interface reference, "querynavigationinfo". Inferred: that both sources together have all bots, and
all that is done here about answers that are not as documented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exporter.reasons import FailureReason
from exporter.upstream.errors import UpstreamError
from exporter.upstream.session import TenantSession

OPERATION: Final = "query_bindings"
"""What metrics call it."""

PATH: Final = "querynavigationinfo"
"""What follows ``/oifde/rest/api/``."""

MAX_ROWS: Final = 20_000
"""A tenant with more rows than this, over both sources, is not listed at all; a listing costs a request per hundred."""

SOURCES: Final = ("IVR", "OIFDE")
"""Each is asked for by itself."""

PAGE_SIZE: Final = 100
_MAX_NAME: Final = 200
_DIALOG_TYPES: Final = {"1": 1, "2": 2, "3": 3, "4": 4}


@dataclass(frozen=True, slots=True)
class Binding:
    """A bot as the platform lists it; texts are empty where it says nothing."""

    access_code: str
    name: str
    """The platform's name for it; the access code where it has none."""
    source: str
    """``IVR`` or ``OIFDE``."""
    dialog_type: int | None
    """1 voice navigation, 2 outbound, 3 chatbot, 4 IVR flow; None: none of these."""
    flow_code: str
    flow_name: str
    description: str


def ignore(_: str) -> None:
    """Do nothing about a row that cannot be used."""


async def list_bindings(
    session: TenantSession, tenant_id: str, *, on_unusable: Callable[[str], None] = ignore
) -> list[Binding]:
    """List the bots bound to a tenant, each once, by access code.

    Args:
        session: The tenant's.
        tenant_id: Rows of other tenants are left out.
        on_unusable: Called for each row that is left out, with why.

    Raises:
        UpstreamError: a request failed, with its repetitions, or what came is no listing: then nothing is known.
    """
    found: dict[str, Binding] = {}
    left = MAX_ROWS
    for source in SOURCES:
        rows = await _rows(session, tenant_id, source, left)
        left -= len(rows)
        for row in rows:
            binding = _binding(row, tenant_id, source)
            if isinstance(binding, str):
                on_unusable(binding)
                continue
            former = found.get(binding.access_code)
            # Whatever the order they come in, the same one is chosen: names are to stay as they are.
            found[binding.access_code] = min(former, binding, key=_preference) if former else binding
    return [found[access_code] for access_code in sorted(found)]


async def _rows(session: TenantSession, tenant_id: str, source: str, limit: int) -> list[object]:
    """All rows of a source. How many there are the platform may say wrongly, or not at all."""
    rows: list[object] = []
    seen: set[str] = set()
    for number in range(1, limit + 2):  # each page has at least one new row, or is the last
        body = {"tenantId": tenant_id, "pageNum": str(number), "pageSize": str(PAGE_SIZE), "source": source}
        answer = await session.query(OPERATION, PATH, body, expect=dict)
        assert isinstance(answer, dict)  # noqa: S101 - what `expect` promises
        page, total = _page(answer)
        new = [(mark, row) for mark, row in ((_mark(row), row) for row in page) if mark not in seen]
        seen.update(mark for mark, _ in new)
        rows += (row for _, row in new)
        if len(rows) > limit:
            raise UpstreamError(FailureReason.INVALID, f"more than {MAX_ROWS} bots are listed")
        # A page that brings nothing new is one beyond the last, for which some give the last, or the first, again. One
        # that is not full need not be the last: the platform may put fewer bots on a page than it is asked for.
        if not new or (len(page) < PAGE_SIZE and total is not None and len(rows) >= total):
            break
    return rows


def _page(answer: dict[object, object]) -> tuple[list[object], int | None]:
    """The rows of a page, and how many there are of them on all pages, if it says so."""
    total, page = _total(answer.get("total")), answer.get("accessInfoList")
    if isinstance(page, list):
        return page, total
    # An empty list may be written as null, or not at all.
    if page is None and (total == 0 or (total is None and "accessInfoList" in answer)):
        return [], total
    raise UpstreamError(FailureReason.INVALID, "the answer has no array accessInfoList")


def _total(raw: object) -> int | None:
    text = _text(raw)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _mark(row: object) -> str:
    """Return what tells a row from others."""
    if isinstance(row, dict):
        return "\0".join(
            _text(row.get(name)) for name in ("accessId", "accessCode", "tenantId", "source", "dialogType")
        )
    return ""  # of what is no row, one is as good as many


def _binding(row: object, tenant_id: str, source: str) -> Binding | str:
    """A row's bot, or why it has none."""
    if not isinstance(row, dict):
        return "a row is not an object"
    owner = _text(row.get("tenantId"))
    if owner and owner != tenant_id:
        return "a row is another tenant's"
    access_code = _text(row.get("accessCode"))
    if not access_code:
        return "a row has no accessCode"
    flow_name = _text(row.get("flowName"))
    return Binding(
        access_code,
        (_text(row.get("chatBotName")) or flow_name or access_code)[:_MAX_NAME],
        _text(row.get("source")) or source,
        _DIALOG_TYPES.get(_text(row.get("dialogType"))),
        _text(row.get("flowCode")),
        flow_name,
        _text(row.get("description")),
    )


def _preference(binding: Binding) -> tuple[object, ...]:
    """Order the bindings of one bot: the least counts. One with a name comes first; the rest makes the order total."""
    named = binding.name != binding.access_code
    texts = (binding.source, binding.name, binding.flow_code, binding.flow_name, binding.description)
    return not named, *texts, binding.dialog_type or 0


def _text(raw: object) -> str:
    """A text, or a whole number as one; empty for anything else."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    if not isinstance(raw, str):
        return ""
    # JSON can hold half a character, which can be written nowhere.
    return raw.strip().encode("utf-8", "replace").decode()
