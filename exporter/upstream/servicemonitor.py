"""Ask the platform for its own health. It needs no login, so it tells a broken platform from a refused login.

Source: the vendor's interface reference, "servicemonitor". Its sample lacks the last brace, and its table spells
``deadlock`` as ``deadload``. Behind a load balancer, the answer is that of one node.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from exporter.language import Text, join
from exporter.reasons import FailureReason
from exporter.upstream.client import PlatformClient
from exporter.upstream.errors import UpstreamError

OPERATION: Final = "service_monitor"
"""The label ``operation`` of its metrics."""

PATH: Final = "servicemonitor"
"""The path below ``/oifde/rest/api/``."""


async def find_problem(client: PlatformClient) -> str | None:
    """Return the platform's fault in words; None if it is healthy.

    Raises:
        UpstreamError: the answer says nothing about the health, such as when the platform has no such interface.
    """
    try:
        answer = await client.call(OPERATION, PATH, {}, find_news=_close, expect=dict, guarded=False)
    except UpstreamError as error:
        if error.unreachable or error.status == HTTPStatus.BAD_REQUEST:
            return error.message
        raise
    jvm = answer.get("jvm") if isinstance(answer, dict) else None
    values = dict(_read(jvm)) if isinstance(jvm, dict) else {}
    if not values:
        raise UpstreamError(FailureReason.INVALID, Text("the answer does not tell the health of the platform"))
    wrong = [Text("%(name)s is %(value)s", name=name, value=value) for name, value in values.items() if value != "0"]
    return join(wrong) or None


def _close(body: bytes) -> bytes:
    return body + b"}" * (body.count(b"{") - body.count(b"}"))


def _read(jvm: dict[object, object]) -> Iterator[tuple[str, str]]:
    for name, value in jvm.items():
        key = str(name).lower()
        if key == "fullgc" or key.startswith("dead"):
            yield key, str(value).strip()[:20]
