"""The platform's own health tells a broken platform from a refused login."""

import pytest
from aiohttp import web
from upstream.conftest import FakePlatform, MakeClient, Rig

from exporter.reasons import FailureReason
from exporter.upstream.breaker import FAILURES_TO_OPEN
from exporter.upstream.errors import CircuitOpen, UpstreamError
from exporter.upstream.servicemonitor import PATH, find_problem


@pytest.mark.parametrize(
    "answer, problem",
    [
        ('{"jvm": {"fullgc": "0", "deadlock": "0"}}', None),
        ('{"jvm": {"fullgc": 0, "deadload": 0}}', None),
        ('{"jvm": {"fullgc": "0", "deadlock": "0"}', None),
        ('{"jvm": {"fullgc": "3", "deadlock": "0", "heap": "512"}}', "fullgc is 3"),
        ('{"jvm": {"fullgc": "1", "deadload": "2"}}', "fullgc is 1, deadload is 2"),
    ],
)
async def test_the_answer_is_read_leniently(
    platform: tuple[FakePlatform, str], make_client: MakeClient, answer: str, problem: str | None
) -> None:
    """The vendor's page spells a key in two ways, and its sample lacks a brace."""
    fake, url = platform
    fake.always(PATH, lambda: web.Response(text=answer, content_type="application/json"))

    assert problem == await find_problem(make_client(url))
    assert [{}] == fake.calls(PATH)  # without a token


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_an_abnormal_server(platform: tuple[FakePlatform, str], make_client: MakeClient, status: int) -> None:
    """400 is the documented sign of it."""
    fake, url = platform
    fake.always(PATH, lambda: status)

    assert f"HTTP status {status}" == await find_problem(make_client(url))


async def test_an_unreachable_platform_is_not_healthy(make_client: MakeClient) -> None:
    """It cannot be asked."""
    assert "cannot connect: Connection refused" == await find_problem(make_client("http://127.0.0.1:1"))


@pytest.mark.parametrize("answer", [404, 403, {}, {"jvm": {}}, {"jvm": "0"}, [], {"errorCode": 10000003}])
async def test_an_answer_that_says_nothing(
    platform: tuple[FakePlatform, str], make_client: MakeClient, answer: int | dict[str, object] | list[object]
) -> None:
    """The platform may not have the interface."""
    fake, url = platform
    fake.always(PATH, lambda: answer)

    with pytest.raises(UpstreamError):
        await find_problem(make_client(url))


async def test_health_does_not_decide_whether_other_requests_are_sent(
    platform: tuple[FakePlatform, str], make_client: MakeClient, rig: Rig
) -> None:
    """A healthy server whose reports fail counts as unreachable, and its health is still asked for."""
    fake, url = platform
    fake.always("reports", lambda: 503)
    fake.always(PATH, lambda: {"jvm": {"fullgc": "0"}})
    client = make_client(url)
    for _ in range(FAILURES_TO_OPEN):
        assert await find_problem(client) is None
        with pytest.raises(UpstreamError):
            await client.call("query", "reports", {})

    with pytest.raises(CircuitOpen) as refused:
        await client.call("query", "reports", {})
    assert await find_problem(client) is None
    assert FailureReason.HTTP == refused.value.reason
    assert ["platform_unreachable"] == rig.logged()
