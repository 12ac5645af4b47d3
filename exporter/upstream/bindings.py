"""List the bots that are bound to a tenant, from every page of both sources.

Source: the vendor's interface reference, "querynavigationinfo". Inferred: that both sources together have all bots, and
how this module treats answers that differ from the reference.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from exporter.language import Text, join
from exporter.reasons import FailureReason
from exporter.upstream.answer import reject
from exporter.upstream.errors import UpstreamError
from exporter.upstream.session import TenantSession

OPERATION: Final = "query_bindings"
"""The label ``operation`` of its metrics."""

PATH: Final = "querynavigationinfo"
"""The path below ``/oifde/rest/api/``."""

MAX_ROWS: Final = 20_000
"""A listing with more rows than this, over both sources, fails; it would cost more than 200 requests."""

SOURCES: Final = ("IVR", "OIFDE")
"""Each needs its own requests."""

PAGE_SIZE: Final = 100
_ATTEMPTS: Final = 2
"""Pages that do not fit together are fetched this many times: a bot may have been added or removed between two pages."""
_ADVICE: Final = Text(
    "The exporter polls the bots that are listed, and removes none. Try again; if it stays, list the bots under bots."
)
_MAX_NAME: Final = 200
_DIALOG_TYPES: Final = {"1": 1, "2": 2, "3": 3, "4": 4}


@dataclass(frozen=True, slots=True)
class Binding:
    """A bot as the platform lists it; a text that is missing is empty."""

    access_code: str
    name: str
    """The platform's name for the bot, or else its access code."""
    source: str
    """``IVR`` or ``OIFDE``."""
    dialog_type: int | None
    """1 voice navigation, 2 outbound, 3 chatbot, 4 IVR flow; None for anything else."""
    flow_code: str
    flow_name: str
    description: str


class IncompleteListing(UpstreamError):  # noqa: N818 - what happened
    """The pages of a listing do not fit together, so bots may be missing from it; ``bindings`` are those that it has."""

    def __init__(self, message: str, bindings: Sequence[Binding]) -> None:
        super().__init__(FailureReason.INVALID, message, advice=_ADVICE)
        self.bindings: Final = bindings


def ignore(_: str) -> None:
    """Do nothing about a row that is not usable."""


async def list_bindings(
    session: TenantSession, tenant_id: str, *, on_unusable: Callable[[str], None] = ignore
) -> list[Binding]:
    """List the bots bound to a tenant, sorted by access code, without duplicates.

    Args:
        session: The tenant's session.
        tenant_id: Rows of other tenants are skipped.
        on_unusable: Called with the reason for each row that is skipped.

    Raises:
        IncompleteListing: bots may be missing: there are fewer rows than the platform's ``total``, or pages overlap.
        UpstreamError: a request and its repetitions failed, or an answer is not a listing.
    """
    found: dict[str, Binding] = {}
    gaps: list[Text] = []
    left = MAX_ROWS
    for source in SOURCES:
        rows, gap = await _fetch_rows(session, tenant_id, source, left)
        left -= len(rows)
        gaps += [gap] if gap else []
        for row in rows:
            binding = _read_binding(row, tenant_id, source)
            if isinstance(binding, str):
                on_unusable(binding)
                continue
            former = found.get(binding.access_code)
            # The choice does not depend on the order of the rows, so that names stay the same.
            found[binding.access_code] = min(former, binding, key=_preference) if former else binding
    bindings = [found[access_code] for access_code in sorted(found)]
    if gaps:
        raise IncompleteListing(Text("the listing is incomplete: %(gaps)s", gaps=join(gaps)), bindings)
    return bindings


_Mark: TypeAlias = tuple[str, int]


class _Pages(NamedTuple):
    rows: dict[_Mark, object]
    total: int | None
    overlap: bool
    """Whether a page has both new rows and rows of an earlier page, because the order of the rows has changed."""

    def find_gap(self, source: str) -> Text | None:
        """Return why rows may be missing, if so."""
        if self.total is not None and len(self.rows) < self.total:
            return Text(
                "%(rows)s of %(total)s bots of the source %(source)s",
                rows=len(self.rows),
                total=self.total,
                source=source,
            )
        if self.overlap and len(self.rows) != self.total:
            return Text("pages of the source %(source)s overlap", source=source)
        return None


async def _fetch_rows(
    session: TenantSession, tenant_id: str, source: str, limit: int
) -> tuple[Sequence[object], Text | None]:
    """Return all rows of a source, and why some may be missing, if so."""
    rows: dict[_Mark, object] = {}
    gap = None
    for _ in range(_ATTEMPTS):
        pages = await _fetch_pages(session, tenant_id, source, limit)
        gap = pages.find_gap(source)
        if gap is None:
            return list(pages.rows.values()), None
        rows |= pages.rows
        if len(rows) == pages.total:
            return list(rows.values()), None
    return list(rows.values()), gap


async def _fetch_pages(session: TenantSession, tenant_id: str, source: str, limit: int) -> _Pages:
    """Fetch all pages of a source once. The platform's ``total`` may be wrong or missing."""
    rows: dict[_Mark, object] = {}
    overlap = False
    number = 0
    while True:  # each page has at least one new row, or is the last
        number += 1
        body = {"tenantId": tenant_id, "pageNum": str(number), "pageSize": str(PAGE_SIZE), "source": source}
        answer = await session.query(OPERATION, PATH, body, expect=dict)
        assert isinstance(answer, dict)  # noqa: S101 - what `expect` promises
        page, total = _read_page(answer)
        new = {mark: row for mark, row in _mark(page) if mark not in rows}
        # A page with nothing new is beyond the last one: some platforms then repeat the last or the first page.
        overlap = overlap or 0 < len(new) < len(page)
        rows |= new
        if len(rows) > limit:
            raise UpstreamError(FailureReason.INVALID, Text("more than %(rows)s bots are listed", rows=MAX_ROWS))
        # A page that is not full may not be the last: the platform may put fewer bots on a page than asked for.
        if not new or (len(page) < PAGE_SIZE and total is not None and len(rows) >= total):
            return _Pages(rows, total, overlap)


def _mark(page: Sequence[object]) -> Iterator[tuple[_Mark, object]]:
    """Return each row of a page with a key that differs between rows: the platform may list a row twice on a page."""
    times = Counter[str]()
    for row in page:
        identity = _identify(row)
        times[identity] += 1
        yield (identity, times[identity]), row


def _read_page(answer: dict[object, object]) -> tuple[list[object], int | None]:
    """Return the rows of a page, and the number of rows on all pages if the platform tells it."""
    total, page = _read_total(answer.get("total")), answer.get("accessInfoList")
    if isinstance(page, list):
        return page, total
    # An empty list may be null, or missing.
    if page is None and (total == 0 or (total is None and "accessInfoList" in answer)):
        return [], total
    raise reject(Text("the answer has no array accessInfoList"), answer, ())


def _read_total(raw: object) -> int | None:
    text = _text(raw)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _identify(row: object) -> str:
    """Return a text that differs between the rows of different bots."""
    if isinstance(row, dict):
        return "\0".join(
            _text(row.get(name)) for name in ("accessId", "accessCode", "tenantId", "source", "dialogType")
        )
    return ""  # items that are not rows need not be told apart


def _read_binding(row: object, tenant_id: str, source: str) -> Binding | Text:
    """Return a row's bot, or why the row is not usable."""
    if not isinstance(row, dict):
        return Text("a row is not an object")
    owner = _text(row.get("tenantId"))
    if owner and owner != tenant_id:
        return Text("a row belongs to another tenant")
    access_code = _text(row.get("accessCode"))
    if not access_code:
        return Text("a row has no accessCode")
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
    """Return a text, or a whole number as text; empty for anything else."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    if not isinstance(raw, str):
        return ""
    # JSON can hold half of a surrogate pair, which cannot be encoded.
    return raw.strip().encode("utf-8", "replace").decode()
