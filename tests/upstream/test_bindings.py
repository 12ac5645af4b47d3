"""The listing of a tenant's bots, on platforms of every kind."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from exporter.config import Secret
from exporter.upstream.bindings import MAX_ROWS, Binding, IncompleteListing, list_bindings
from exporter.upstream.errors import UpstreamError
from exporter.upstream.session import TenantSession

from .conftest import FakePlatform, MakeClient, MakeSession

PATH = "querynavigationinfo"
Row = Any
Page = Callable[[str, int], Any]


def row(code: object, name: object = "", **fields: object) -> dict[str, object]:
    """Return a bot as the platform lists it."""
    return {
        "accessId": f"id-{code}",
        "tenantId": "t1",
        "accessCode": code,
        "domainId": "0",
        "dialogType": 1,
        "flowCode": "",
        "flowName": "",
        "description": "",
        "chatBotName": name,
        "usingRecordService": False,
    } | fields


def rows(first: int, last: int) -> list[Row]:
    """Return bots numbered from ``first`` to ``last``."""
    return [row(f"{number:05d}") for number in range(first, last + 1)]


def pages_of(listed: list[Row], total: object = None, size: int = 100) -> Page:
    """Return the pages of the source OIFDE; IVR has none. ``total`` replaces the correct number."""

    def page(source: str, number: int) -> Any:
        if source == "IVR":
            return {"total": 0, "accessInfoList": []}
        said = {} if total == "missing" else {"total": len(listed) if total is None else total}
        return said | {"accessInfoList": listed[(number - 1) * size : number * size]}

    return page


@pytest.fixture
async def session(
    platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession
) -> TenantSession:
    """Return a tenant's session with a token."""
    return make_session(make_client(platform[1]), token=Secret(text="token"))


@pytest.fixture
def answer_with(platform: tuple[FakePlatform, str]) -> Callable[[Page], FakePlatform]:
    """Let the platform answer with a function of source and page number."""

    def answer(page: Page) -> FakePlatform:
        fake = platform[0]
        fake.on(PATH, lambda _, body: page(str(body["source"]), int(str(body["pageNum"]))))
        return fake

    return answer


AnswerWith = Callable[[Page], FakePlatform]


async def codes(session: TenantSession) -> list[str]:
    """Return the access codes found."""
    return [binding.access_code for binding in await list_bindings(session, "t1")]


async def test_both_sources_are_asked_as_documented(session: TenantSession, answer_with: AnswerWith) -> None:
    """Page numbers and sizes are text; bots have the platform's names and are sorted by access code."""
    listed = {
        "IVR": [row("b", "计费", dialogType=4, flowCode="f1", flowName="flow")],
        "OIFDE": [row("a", "Anna", source="OIFDE", description="first")],
    }
    fake = answer_with(lambda source, _: {"total": 1, "accessInfoList": listed[source]})

    found = await list_bindings(session, "t1")

    assert [
        Binding("a", "Anna", "OIFDE", 1, "", "", "first"),
        Binding("b", "计费", "IVR", 4, "f1", "flow", ""),
    ] == found
    assert [
        {"tenantId": "t1", "pageNum": "1", "pageSize": "100", "source": source, "authToken": "token"}
        for source in ("IVR", "OIFDE")
    ] == fake.calls(PATH)


@pytest.mark.parametrize(
    ("total", "size", "number", "requests"),
    [
        (None, 100, 0, 1),
        (None, 100, 99, 1),
        (None, 100, 100, 2),
        (None, 100, 250, 3),
        ("250", 100, 250, 3),
        ("missing", 100, 250, 4),
        ("missing", 20, 45, 4),
        (0, 100, 250, 3),
        (100, 100, 250, 3),
        (1, 100, 250, 3),
        ("many", 100, 250, 4),
        (-1, 100, 250, 4),
        ([250], 100, 250, 4),
        (1e9, 100, 250, 4),
        ("9" * 5000, 100, 250, 4),
        (None, 20, 45, 3),
        (None, 1000, 250, 2),
    ],
)
async def test_every_page_is_found(
    session: TenantSession, answer_with: AnswerWith, total: object, size: int, number: int, requests: int
) -> None:
    """All pages are read, whatever ``total`` and the page size are."""
    listed = rows(1, number)
    fake = answer_with(pages_of(listed, total, size))

    assert [bot["accessCode"] for bot in listed] == await codes(session)
    assert requests == sum(call["source"] == "OIFDE" for call in fake.calls(PATH))


@pytest.mark.parametrize("total", [None, "missing"])
@pytest.mark.parametrize(
    "page",
    [lambda _: rows(1, 100), lambda number: rows(1, 100) if number % 2 else rows(101, 200), lambda _: [7] * 100],
    ids=["the first", "two in turn", "no rows"],
)
async def test_pages_that_come_again_and_again(
    session: TenantSession, answer_with: AnswerWith, page: Callable[[int], list[Row]], total: object
) -> None:
    """The listing ends once a page has nothing new."""
    said = {} if total == "missing" else {"total": 100}
    fake = answer_with(lambda _, number: said | {"accessInfoList": page(number)})

    await codes(session)
    assert len(fake.calls(PATH)) <= 6


def in_turn(*pages: list[Row]) -> Page:
    """Return pages with these rows, one after another, of a platform with 150 bots."""
    left = list(pages)
    return lambda source, _: {
        "total": 150 if source == "OIFDE" else 0,
        "accessInfoList": left.pop(0) if source == "OIFDE" else [],
    }


@pytest.mark.parametrize(
    "again",
    [[rows(1, 100), rows(101, 150)], [rows(51, 150), rows(60, 109)]],
    ids=["complete", "complete together with the first time"],
)
async def test_pages_that_do_not_fit_together_are_fetched_again(
    session: TenantSession, answer_with: AnswerWith, again: list[list[Row]]
) -> None:
    """A bot is found that moved to the first page after that had been fetched."""
    fake = answer_with(in_turn(rows(1, 100), rows(100, 149), [], *again))

    assert [bot["accessCode"] for bot in rows(1, 150)] == await codes(session)
    assert 3 + len(again) == sum(call["source"] == "OIFDE" for call in fake.calls(PATH))


async def test_pages_that_do_not_fit_together_twice(session: TenantSession, answer_with: AnswerWith) -> None:
    """The listing fails; the next one, an interval later, tries again."""
    answer_with(in_turn(*[rows(1, 100), rows(100, 149), []] * 2, rows(1, 100), rows(101, 150)))

    with pytest.raises(IncompleteListing):
        await list_bindings(session, "t1")


@pytest.mark.parametrize(
    ("page", "bots", "says"),
    [
        (pages_of(rows(1, 250), 9999), 250, "250 of 9999 bots of the source OIFDE"),
        (pages_of([], 3), 0, "0 of 3 bots of the source OIFDE"),
        (pages_of(rows(1, 100), 101), 100, "100 of 101 bots of the source OIFDE"),
        (lambda _, __: {"total": 9999, "accessInfoList": rows(1, 100)}, 100, "100 of 9999 bots of the source IVR"),
        (
            lambda _, number: {"accessInfoList": rows(90 * number, 90 * number + 99) if number < 4 else []},
            280,
            "pages of the source IVR overlap, pages of the source OIFDE overlap",
        ),
    ],
    ids=["too few", "none", "one is missing", "the same page again", "overlap without a total"],
)
async def test_an_incomplete_listing(
    session: TenantSession, answer_with: AnswerWith, page: Page, bots: int, says: str
) -> None:
    """It fails after a repetition, says what is missing, and has the bots that were found."""
    answer_with(page)

    with pytest.raises(IncompleteListing) as raised:
        await list_bindings(session, "t1")

    assert ("invalid", True) == (raised.value.reason, says in str(raised.value))
    assert bots == len(raised.value.bindings)


async def test_a_row_twice_on_a_page(session: TenantSession, answer_with: AnswerWith) -> None:
    """The platform counts it twice in its total as well; no bot is missing."""
    answer_with(pages_of([row("a"), row("a"), row("b")]))
    assert ["a", "b"] == await codes(session)


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (7, "a row is not an object"),
        (None, "a row is not an object"),
        ([], "a row is not an object"),
        (row("x", tenantId="t2"), "a row belongs to another tenant"),
        (row("x", tenantId=12345), "a row belongs to another tenant"),
        (row(""), "a row has no accessCode"),
        (row("  "), "a row has no accessCode"),
        (row(None), "a row has no accessCode"),
        (row(True), "a row has no accessCode"),
        (row(1.5), "a row has no accessCode"),
        (row({}), "a row has no accessCode"),
        ({}, "a row has no accessCode"),
    ],
)
async def test_rows_that_are_not_bots_of_the_tenant(
    session: TenantSession, answer_with: AnswerWith, listed: Row, says: str
) -> None:
    """They are skipped and reported; the others are found."""
    answer_with(pages_of([row("a"), listed, row("b")]))
    told = Counter[str]()

    found = await list_bindings(session, "t1", on_unusable=lambda words: told.update([words]))

    assert ["a", "b"] == [binding.access_code for binding in found]
    assert {says: 1} == told


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        (row("a", "Anna"), "Anna"),
        (row("a", " Anna\n"), "Anna"),
        (row("a", "", flowName="flow"), "flow"),
        (row("a", None), "a"),
        (row("a", ["Anna"]), "a"),
        (row("a", 7), "7"),
        ({"accessCode": "a"}, "a"),
        (row("a", 'An"n\\a\n\x1b[31m'), 'An"n\\a\n\x1b[31m'),
        (row("a", "\ud83d"), "?"),
        (row("a", "x" * 1000), "x" * 200),
    ],
)
async def test_names(session: TenantSession, answer_with: AnswerWith, listed: Row, name: str) -> None:
    """The name is the platform's if it is text, else the access code."""
    answer_with(pages_of([listed]))
    (found,) = await list_bindings(session, "t1")
    assert ("a", name) == (found.access_code, found.name)


async def test_an_access_code_that_is_a_number(session: TenantSession, answer_with: AnswerWith) -> None:
    """A number keeps all its digits."""
    answer_with(pages_of([row(943370855474270208, dialogType="3"), row("0755", dialogType="x")]))
    found = await list_bindings(session, "t1")
    assert [("0755", None), ("943370855474270208", 3)] == [
        (binding.access_code, binding.dialog_type) for binding in found
    ]


@pytest.mark.parametrize("turned", [False, True])
async def test_a_bot_that_is_listed_twice(session: TenantSession, answer_with: AnswerWith, turned: bool) -> None:
    """It is one bot, always with the same name; one with a name wins."""
    twice = [row("a", accessId="1"), row("a", "Zoe", accessId="2"), row("a", "Anna", accessId="3")]
    answer_with(lambda _, __: {"total": 3, "accessInfoList": twice[::-1] if turned else twice})
    (found,) = await list_bindings(session, "t1")
    assert ("Anna", "IVR") == (found.name, found.source)


@pytest.mark.parametrize("turned", [False, True])
async def test_rows_that_differ_only_in_the_dialog_type(
    session: TenantSession, answer_with: AnswerWith, turned: bool
) -> None:
    """They are one bot, and the order of the rows does not decide its type."""
    twice = [row("a", dialogType=4), row("a", dialogType=2)]
    answer_with(lambda _, __: {"total": 2, "accessInfoList": twice[::-1] if turned else twice})
    (found,) = await list_bindings(session, "t1")
    assert found.dialog_type == 2


@pytest.mark.parametrize(
    "other", [{"tenantId": "t2"}, {"dialogType": 4}, {"source": "IVR"}, {"accessId": "2"}], ids=str
)
async def test_rows_on_two_pages_that_differ_in_one_field(
    session: TenantSession, answer_with: AnswerWith, other: Row
) -> None:
    """The second is not the first again, so the pages fit together."""
    answer_with(pages_of([row("a"), *rows(1, 99), row("a", **other)]))
    assert [*(bot["accessCode"] for bot in rows(1, 99)), "a"] == await codes(session)


async def test_rows_that_differ_only_in_the_tenant(session: TenantSession, answer_with: AnswerWith) -> None:
    """The tenant's own bot is found beside one of another tenant with the same ids."""
    answer_with(pages_of([row("a", tenantId="t2"), row("a")]))
    assert ["a"] == await codes(session)


async def test_the_limit_counts_the_rows_of_both_sources(session: TenantSession, answer_with: AnswerWith) -> None:
    """Each source alone is within it."""
    half = MAX_ROWS // 2 + 1

    def page(source: str, number: int) -> Any:
        listed = [{"accessCode": f"{source}-{row_}"} for row_ in range(half)]
        return {"total": half, "accessInfoList": listed[(number - 1) * 5000 : number * 5000]}

    answer_with(page)
    with pytest.raises(UpstreamError, match=f"more than {MAX_ROWS} bots"):
        await list_bindings(session, "t1")


@pytest.mark.parametrize(
    "answer",
    [
        {"total": 0},
        {"total": "0", "accessInfoList": None},
        {"accessInfoList": None},
        {"total": 10**9, "accessInfoList": None},  # more than any tenant has: it counts as missing
    ],
)
async def test_no_bots(session: TenantSession, answer_with: AnswerWith, answer: object) -> None:
    """An empty listing has several forms."""
    answer_with(lambda _, __: answer)
    assert [] == await codes(session)


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        ({}, "invalid", "the answer has no array accessInfoList"),
        (
            {"errorCode": 0, "data": {"total": 1, "accessInfoList": []}},
            "invalid",
            "the answer has no array accessInfoList; its keys: errorCode, data (total, accessInfoList)",
        ),
        (
            {"total": 3, "accessInfoList": None},
            "invalid",
            "the answer has no array accessInfoList; its keys: total, accessInfoList",
        ),
        ({"total": 3}, "invalid", "the answer has no array accessInfoList; its keys: total"),
        (
            {"total": 1, "accessInfoList": "a"},
            "invalid",
            "the answer has no array accessInfoList; its keys: total, accessInfoList",
        ),
        ([], "invalid", "the answer is an array, not an object"),
        ({"errorCode": "10000002", "errorMsg": "no"}, "api", "the platform's error 10000002: no"),
        (404, "http", "HTTP status 404"),
    ],
)
async def test_one_bad_page_fails_the_listing(
    session: TenantSession, answer_with: AnswerWith, answer: object, reason: str, says: str
) -> None:
    """Half of a listing would look as if the other bots were gone."""
    good = pages_of(rows(1, 250))
    answer_with(lambda source, number: answer if number == 3 else good(source, number))

    with pytest.raises(UpstreamError) as raised:
        await list_bindings(session, "t1")
    assert (reason, says) == (raised.value.reason, str(raised.value))


@pytest.mark.parametrize("size", [100, 100_000])
async def test_too_many_bots(session: TenantSession, answer_with: AnswerWith, size: int) -> None:
    """A very long listing is not read to the end."""
    listed: list[Row] = [{"accessCode": number} for number in range(100_000)]
    fake = answer_with(pages_of(listed, size=size))

    with pytest.raises(UpstreamError, match=f"more than {MAX_ROWS} bots"):
        await list_bindings(session, "t1")
    assert len(fake.calls(PATH)) <= MAX_ROWS // 100 + 2


def anything(rng: random.Random, depth: int = 0) -> Any:
    """Return random JSON, often an object with fields of a bot."""
    scalars = [None, True, 0, -1, 7, 1.5, 10**30, "", "a", "t1", "t2", " b ", "\ud800", "1", "IVR"]
    kind = rng.randrange(6) if depth < 2 else 0
    if kind == 0:
        return rng.choice(scalars)
    if kind == 1:
        return [anything(rng, depth + 1) for _ in range(rng.randrange(4))]
    names = ("accessCode", "tenantId", "chatBotName", "source")
    return {name: anything(rng, 2) for name in names if rng.random() < 0.7}


def any_answer(rng: random.Random) -> Any:
    """Return random JSON, mostly in the form of a page."""
    if rng.random() < 0.05:
        return anything(rng)
    listed = [anything(rng) for _ in range(rng.randrange(4))] if rng.random() < 0.9 else anything(rng)
    fields = {"total": anything(rng, 1), "accessInfoList": listed, "errorCode": anything(rng, 1)}
    odds = {"total": 0.7, "accessInfoList": 0.95, "errorCode": 0.05}
    return {name: value for name, value in fields.items() if rng.random() < odds[name]}


async def test_any_answer(session: TenantSession, answer_with: AnswerWith) -> None:
    """Every answer gives bots with an access code and a name, or a failure of the platform."""
    rng = random.Random(1)
    fake = answer_with(lambda _, __: as_json(any_answer(rng)))
    outcomes = Counter[str]()
    for _ in range(300):
        try:
            found = await list_bindings(session, "t1")
        except UpstreamError as error:
            outcomes["incomplete" if isinstance(error, IncompleteListing) else error.reason] += 1
        else:
            outcomes["found" if found else "empty"] += 1
            assert all(binding.access_code and binding.name and binding.name.encode() for binding in found)
            assert len({binding.access_code for binding in found}) == len(found)
    assert {"found", "empty", "invalid", "api"} <= set(outcomes)
    assert len(fake.calls(PATH)) < 3000


def as_json(answer: object) -> web.Response:
    """Return an answer of any type."""
    return web.Response(text=json.dumps(answer), content_type="application/json")
