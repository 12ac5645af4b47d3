"""A tenant's calls, tokens and logins."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from exporter.config import Secret
from exporter.upstream.errors import CircuitOpen, LoginBlocked, LoginFailed, UpstreamError
from exporter.upstream.session import TenantSession
from exporter.upstream.standing import SessionState
from harness.loops import skip_time
from harness.waiting import wait_for

from .conftest import Answer, FakePlatform, MakeClient, MakeSession, Rig, Serve

MINUTE, HOUR = 60, 3600


class Accounts:
    """The platform's only account."""

    def __init__(self, fake: FakePlatform) -> None:
        self.fake = fake
        self.secret = "s3cret"
        self.refusal: dict[str, object] | int | None = None
        self.refuse_tokens: Callable[[dict[str, object]], bool] = lambda _: False
        self.expire_time: object = HOUR
        self.valid: set[object] = set()
        self.outlives_login = True
        fake.on("gettoken", lambda _, body: self.log_in(body))
        fake.on("report", self.report)

    def log_in(self, body: dict[str, object]) -> dict[str, object] | int:
        """Issue a token for the secret."""
        if self.refusal is not None:
            return self.refusal
        if body != {"appKey": "app-key", "appSecret": self.secret}:
            return {"errorCode": "200800002", "errorMsg": f"wrong secret {body['appSecret']}"}
        token = f"token-{self.logins}"
        self.valid = {token} | (self.valid if self.outlives_login else set())
        answer: dict[str, object] = {"errorCode": 0, "errorMsg": "", "authToken": token}
        return answer if self.expire_time is None else {**answer, "expireTime": self.expire_time}

    def report(self, request: web.Request, body: dict[str, object]) -> dict[str, object] | list[object]:
        """Answer a call with a valid token."""
        token = body.get("authToken") or request.headers.get("token")
        if token not in self.valid or self.refuse_tokens(body):
            return {"errorCode": 900001, "errorMsg": f"no such token: {token}"}
        return [token]

    @property
    def logins(self) -> int:
        """Return the number of logins."""
        return len(self.fake.calls("gettoken"))

    @property
    def reports(self) -> int:
        """Return the number of requests for reports."""
        return len(self.fake.calls("report"))


@pytest.fixture
def accounts(platform: tuple[FakePlatform, str]) -> Accounts:
    """Return a platform with an account."""
    return Accounts(platform[0])


@pytest.fixture
async def session(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession
) -> TenantSession:
    """Return a session with the correct secret."""
    return make_session(make_client(platform[1]))


async def query(session: TenantSession, bot: str = "b1") -> object:
    """Request a report."""
    return await session.query("query", "report", {"tenantId": "t1", "accessCode": bot}, expect=list)


async def failure(session: TenantSession, bot: str = "b1") -> UpstreamError:
    """Request a report that fails, and return the error."""
    with pytest.raises(UpstreamError) as caught:
        await query(session, bot)
    return caught.value


# The way in


async def test_login(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """The first call logs in; the others use its token."""
    assert session.state() == SessionState()
    assert [await query(session) for _ in range(3)] == [["token-1"]] * 3
    assert accounts.logins == 1
    assert session.state() == SessionState(token_expiry=rig.clock.now() + HOUR)
    assert rig.logged() == ["login_succeeded"]


async def test_low_priority(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """Such a call uses the same token and the same guard against wrong logins, and is not repeated."""

    async def history() -> object:
        body = {"tenantId": "t1", "accessCode": "b1"}
        return await session.query("query", "report", body, expect=list, low_priority=True)

    assert [await history(), await query(session)] == [["token-1"]] * 2
    accounts.fake.on("report", lambda _, __: 500)
    with pytest.raises(UpstreamError, match="500"):
        await history()
    assert 3 == accounts.reports
    accounts.fake.on("report", accounts.report)
    accounts.valid.clear()
    accounts.secret = "another"
    for _ in range(3):
        with pytest.raises(LoginFailed):
            await history()
    with pytest.raises(LoginBlocked):
        await query(session)
    assert 2 == accounts.logins


async def test_one_login_for_all(session: TenantSession, accounts: Accounts) -> None:
    """A hundred calls at once need one login."""
    assert await asyncio.gather(*(query(session) for _ in range(100))) == [["token-1"]] * 100
    assert accounts.logins == 1


async def test_one_failure_for_all(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """A refused login fails all calls that wait for it."""
    accounts.secret = "another"
    results = await asyncio.gather(*(query(session) for _ in range(100)), return_exceptions=True)
    assert {("auth", 200800002)} == {(error.reason, error.code) for error in results if isinstance(error, LoginFailed)}
    assert len({id(error) for error in results}) == 100, "a shared exception gathers a hundred tracebacks"
    assert (accounts.logins, accounts.reports) == (1, 0)
    assert rig.logged() == ["login_blocked"]


async def test_header_mode(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession
) -> None:
    """Internal systems get the token in headers, and no authToken in the body."""
    session = make_session(make_client(platform[1]), header_user="ipcc")
    assert await query(session) == ["token-1"]
    _, body, headers = platform[0].seen[-1]
    assert (headers["userName"], headers["token"]) == ("ipcc", "token-1")
    assert body == {"tenantId": "t1", "accessCode": "b1"}


async def test_ready_token(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession
) -> None:
    """A ready token is used without a login; its expiry is not known."""
    accounts.valid = {"ready"}
    session = make_session(make_client(platform[1]), token=Secret(text="ready"))
    assert await query(session) == ["ready"]
    assert accounts.logins == 0
    assert session.state() == SessionState()


# The life of a token


@pytest.mark.parametrize(
    ("expire_time", "life"),
    [
        (7200, 7200),
        ("7200", 7200),
        (1800.5, 1800.5),
        (None, HOUR),
        (0, HOUR),
        (-5, HOUR),
        ("soon", HOUR),
        ("nan", HOUR),
        ([], HOUR),
        (True, 1),
        (10**400, HOUR),
        (10**12, 24 * HOUR),
        (float("inf"), 24 * HOUR),
        (5, 5),
    ],
)
async def test_expire_time(
    session: TenantSession, accounts: Accounts, rig: Rig, expire_time: object, life: float
) -> None:
    """The platform's expireTime counts if it is valid."""
    accounts.expire_time = expire_time
    await query(session)
    assert session.state().token_expiry == rig.clock.now() + life


@pytest.mark.parametrize(("life", "renewed_after"), [(3600, 3540), (100, 90), (86400, 86340), (5, 10), (1, 10)])
async def test_renewal(session: TenantSession, accounts: Accounts, rig: Rig, life: float, renewed_after: float) -> None:
    """A token is renewed shortly before it expires; the old one is used meanwhile."""
    accounts.expire_time = life
    await query(session)
    rig.clock.advance(renewed_after - 0.1)
    # A renewal that began too early would be sent before the third call is answered.
    assert [await query(session) for _ in range(3)] == [["token-1"]] * 3
    assert accounts.logins == 1
    rig.clock.advance(0.1)
    await query(session)
    await wait_for(lambda: accounts.logins == 2 and session.state().token_expiry == rig.clock.now() + life, "renewal")
    assert await query(session) == ["token-2"]
    assert rig.logged() == ["login_succeeded"], "only the first login is worth telling"


async def test_renewal_fails(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """If the renewal fails, the old token is used until it expires."""
    await query(session)
    accounts.refusal = {"errorCode": 42}
    rig.clock.advance(3550)
    assert await query(session) == ["token-1"]
    await wait_for(lambda: session.state().reason, "the failed renewal")
    assert await query(session) == ["token-1"]
    rig.clock.advance(50)
    assert (await failure(session)).code == 42


async def test_renewal_hangs(
    session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str], rig: Rig
) -> None:
    """A renewal that hangs delays no call."""
    await query(session)

    async def hang(_: web.Request, __: dict[str, object]) -> int:
        await asyncio.Event().wait()
        return 500

    platform[0].on("gettoken", hang)
    rig.clock.advance(3550)
    assert [await query(session) for _ in range(3)] == [["token-1"]] * 3
    await wait_for(lambda: accounts.logins == 2, "the renewal")


async def test_login_ends_former_token(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """If a login ends the former token, calls with it are repeated with the new one."""
    accounts.outlives_login = False
    await query(session)
    rig.clock.advance(3550)
    answers = await asyncio.gather(*(query(session) for _ in range(20)))
    assert all(answer in (["token-1"], ["token-2"]) for answer in answers)
    await wait_for(lambda: accounts.logins == 2, "the renewal")
    assert await query(session) == ["token-2"]
    assert accounts.logins == 2


async def test_early_expiry(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """A token that ends early is replaced at once, and the call succeeds."""
    for login in range(1, 6):
        assert await query(session) == [f"token-{login}"]
        accounts.valid.clear()
        rig.clock.advance(30)
    assert accounts.logins == 5
    assert rig.logged() == ["login_succeeded"]


async def test_early_expiry_for_all(session: TenantSession, accounts: Accounts) -> None:
    """A hundred calls with an expired token cause one login."""
    await query(session)
    accounts.valid.clear()
    assert await asyncio.gather(*(query(session) for _ in range(100))) == [["token-2"]] * 100
    assert accounts.logins == 2


async def test_http_401(session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str]) -> None:
    """HTTP 401 means a refused token."""
    await query(session)
    answers = iter([401])
    platform[0].on("report", lambda request, body: next(answers, None) or accounts.report(request, body))
    assert await query(session) == ["token-2"]
    assert accounts.logins == 2


async def test_http_403(session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str]) -> None:
    """HTTP 403 is reason auth, and a new token would not help."""
    await query(session)
    platform[0].on("report", lambda _, __: 403)
    assert (await failure(session)).reason == "auth"
    assert (accounts.logins, accounts.reports) == (1, 2)


async def test_900001_after_each_login(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """If new tokens are refused, logins become rare, and calls fail at once in between."""
    accounts.refuse_tokens = lambda _: True
    error = await failure(session)
    assert isinstance(error, LoginFailed)
    assert (error.reason, error.code) == ("auth", 900001)
    assert accounts.logins == 2, "one for the first token, one as it was refused"
    assert session.state().blocked
    assert session.state().retry_at == rig.clock.now() + 10
    logins: list[float] = []
    for _ in range(4 * HOUR):
        rig.clock.advance(1)
        before = accounts.logins
        assert isinstance(await failure(session), LoginFailed)
        if accounts.logins > before:
            logins.append(rig.clock.elapsed() - 1000)
        if len(logins) == 9:
            break
    # The first of these is also the first token's second refusal.
    gaps = [round(later - earlier) for earlier, later in zip([0.0, *logins], logins, strict=False)]
    assert gaps == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert rig.logged() == ["login_succeeded", "login_blocked"]
    accounts.refuse_tokens = lambda _: False
    await query(session)
    assert not session.state().blocked
    assert rig.logged()[-1] == "login_recovered"


async def test_900001_for_one_bot(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """A bot that is always refused causes few logins, and other bots are not affected."""
    accounts.refuse_tokens = lambda body: body["accessCode"] == "bad"
    for _ in range(60):
        assert await query(session, "good")
        error = await failure(session, "bad")
        assert (error.reason, error.code) == ("auth", 900001)
        assert await query(session, "good")
        rig.clock.advance(MINUTE)
    assert accounts.logins <= 12


async def test_a_new_token_that_helped_shortens_the_delay(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """After a token that was replaced with success, a bot that is always refused leads to a login each 10 s again."""
    await query(session)
    for _ in range(3):
        accounts.valid.clear()
        await query(session)
        accounts.refuse_tokens = lambda _: True
        before = accounts.logins
        await failure(session)
        rig.clock.advance(10)
        await failure(session)
        assert accounts.logins == before + 2
        accounts.refuse_tokens = lambda _: False
        rig.clock.advance(HOUR)
        await query(session)


async def test_a_late_refusal_uses_the_new_token(
    session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str]
) -> None:
    """A call whose old token is refused after another call has logged in needs no login of its own."""
    await query(session)
    accounts.valid.clear()
    released = asyncio.Event()

    async def answer(request: web.Request, body: dict[str, object]) -> Answer:
        if (body["accessCode"], body["authToken"]) == ("slow", "token-1"):
            await released.wait()
        return accounts.report(request, body)

    platform[0].on("report", answer)
    slow = asyncio.create_task(query(session, "slow"))
    await wait_for(lambda: len(platform[0].calls("report")) == 2, "the slow call")
    assert await query(session) == ["token-2"]
    released.set()
    assert await slow == ["token-2"]
    assert accounts.logins == 2


async def test_900001_for_half_the_bots(session: TenantSession, accounts: Accounts) -> None:
    """If half of a hundred bots are refused at once, there is one login."""
    await query(session)
    refused = {f"b{number}" for number in range(0, 100, 2)}
    accounts.refuse_tokens = lambda body: body["authToken"] == "token-1" and body["accessCode"] in refused
    answers = await asyncio.gather(*(query(session, f"b{number}") for number in range(100)))
    assert len(answers) == 100
    assert accounts.logins == 2


# Refused logins


async def test_a_secret_that_looks_wrong(
    accounts: Accounts, make_client: MakeClient, make_session: MakeSession, platform: tuple[FakePlatform, str], rig: Rig
) -> None:
    """It is logged once before the first login, without the secret, and named again if the platform refuses it."""
    session = make_session(make_client(platform[1]), app_secret=Secret(text="“s3cret”"))
    logged: list[str] = []

    def log_in(_: object, body: dict[str, object]) -> dict[str, object] | int:
        logged.extend(rig.logged())
        return accounts.log_in(body)

    accounts.fake.on("gettoken", log_in)

    with pytest.raises(LoginFailed) as raised:
        await query(session)

    assert ["secret_looks_wrong"] == logged
    assert "the secret contains a quotation mark" == rig.events[0]["problem"]
    assert str(raised.value).endswith("; the secret contains a quotation mark")
    assert "s3cret" not in str(rig.events)


async def test_wrong_secret(
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    rig: Rig,
    tmp_path: Path,
) -> None:
    """A wrong secret is tried once, whatever happens to its file, until its text changes."""
    file = tmp_path / "secret"
    file.write_text("wrong-one\n")
    session = make_session(make_client(platform[1]), app_secret=Secret(path=file))
    error = await failure(session)
    assert (error.reason, error.code, error.status) == ("auth", 200800002, None)
    for change in ("wrong-one\n", "wrong-one", "wrong-one\r\n", "", "\n", None):
        if change is None:
            file.unlink()
        else:
            file.write_text(change)
        rig.clock.advance(24 * HOUR)
        error = await failure(session)
        assert isinstance(error, LoginBlocked)
        assert error.reason == "auth"
        assert str(error).startswith("not tried until the app_secret is changed: the login failed: ")
    assert accounts.logins == 1
    state = session.state()
    assert (state.blocked, state.retry_at) == (True, None)
    assert "200800002" in str(state.reason)
    assert "wrong-one" not in f"{state}{rig.events}{error}{error!r}"
    file.write_text("s3cret\n")
    assert await query(session) == ["token-2"]
    assert session.state() == SessionState(token_expiry=rig.clock.now() + HOUR)
    assert rig.logged() == ["login_blocked", "login_succeeded", "login_recovered"]
    assert rig.events[-1]["duration_seconds"] == 6 * 24 * HOUR


async def test_wrong_again(
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    tmp_path: Path,
) -> None:
    """Another wrong secret is tried once as well."""
    file = tmp_path / "secret"
    session = make_session(make_client(platform[1]), app_secret=Secret(path=file))
    for number in range(1, 4):
        file.write_text(f"wrong-{number}")
        await failure(session)
        await failure(session)
        assert accounts.logins == number


@pytest.mark.parametrize("code", [200800001, "200800002"])
async def test_reload_unblocks(session: TenantSession, accounts: Accounts, rig: Rig, code: object) -> None:
    """A reload allows one more try."""
    accounts.refusal = {"errorCode": code}
    for logins in (1, 2):
        await failure(session)
        rig.clock.advance(HOUR)
        assert isinstance(await failure(session), LoginBlocked)
        assert accounts.logins == logins
        session.reset()
        assert not session.state().blocked
    accounts.refusal = None
    assert await query(session) == ["token-3"]


async def test_a_reload_keeps_a_token(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """After a reload, the token before a refused renewal still serves."""
    await query(session)
    accounts.refusal = {"errorCode": 200800002}
    rig.clock.advance(3550)
    await query(session)
    await wait_for(lambda: session.state().blocked, "the renewal's refusal")
    session.reset()
    assert await query(session) == ["token-1"]


async def _refused_logins(session: TenantSession, accounts: Accounts, rig: Rig, count: int, step: float) -> list[float]:
    """Return the times between logins while calls need one all the time."""
    times: list[float] = []
    while len(times) <= count:
        before = accounts.logins
        await failure(session)
        if accounts.logins > before:
            times.append(rig.clock.elapsed())
        rig.clock.advance(step)
    return [later - earlier for earlier, later in pairwise(times)]


async def test_locked_account(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """After "account locked" the exporter waits half an hour, then longer and longer."""
    accounts.refusal = {"errorCode": 200800003}
    gaps = await _refused_logins(session, accounts, rig, 6, 5 * MINUTE)
    assert gaps == [0.5 * HOUR, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 8 * HOUR]
    assert session.state().blocked
    assert rig.logged() == ["login_blocked"]


async def test_changed_secret_does_not_unlock(
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    tmp_path: Path,
) -> None:
    """A changed secret does not help: the account is locked."""
    accounts.refusal = {"errorCode": 200800003}
    file = tmp_path / "secret"
    file.write_text("one")
    session = make_session(make_client(platform[1]), app_secret=Secret(path=file))
    await failure(session)
    file.write_text("two")
    assert isinstance(await failure(session), LoginBlocked)
    assert accounts.logins == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_login_refused_without_a_code(
    session: TenantSession, accounts: Accounts, rig: Rig, status: int
) -> None:
    """It recovers within seconds if a firewall lets this machine in, and logins are rare in case it means the secret."""
    accounts.refusal = status
    gaps = await _refused_logins(session, accounts, rig, 6, 5)
    assert gaps == [10, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 30 * MINUTE]
    error = await failure(session)
    assert (error.reason, error.status) == ("http", status)
    assert str(session.state().reason).endswith("may not allow this machine's address")
    assert rig.logged() == ["login_blocked"]


async def test_a_changed_secret_is_tried_after_a_refusal_without_a_code(
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    tmp_path: Path,
) -> None:
    """The secret may have been wrong, so a changed secret or a reload allows a login at once."""
    accounts.refusal = 403
    file = tmp_path / "secret"
    file.write_text("one")
    session = make_session(make_client(platform[1]), app_secret=Secret(path=file))
    for logins, change in enumerate((lambda: None, lambda: file.write_text("two"), session.reset), 1):
        change()
        await failure(session)
        assert isinstance(await failure(session), LoginBlocked)
        assert accounts.logins == logins


@pytest.mark.parametrize(
    "refusal",
    [400, {"errorCode": 42}, {"errorCode": 10000002}, {"errorCode": 900001}, {"errorCode": 200800099},
     {"errorCode": 0}, {"errorCode": 0, "authToken": ""}, {"authToken": 7}, {"authToken": "a\r\nb"}],
)  # fmt: skip
async def test_refused_logins(
    session: TenantSession, accounts: Accounts, rig: Rig, refusal: dict[str, object] | int
) -> None:
    """A login that may have been refused for its secret is repeated ever more rarely."""
    accounts.refusal = refusal
    assert await _refused_logins(session, accounts, rig, 8, 10) == [10, 20, 40, 80, 160, 320, 600, 600]
    assert session.state().blocked
    assert rig.logged() == ["login_blocked"]
    assert accounts.reports == 0


@pytest.mark.parametrize("refusal", [404, 301])
async def test_passing_failures_of_logins(
    session: TenantSession, accounts: Accounts, rig: Rig, refusal: dict[str, object] | int
) -> None:
    """A failure that says nothing about the account is repeated sooner, and does not block the login."""
    accounts.refusal = refusal
    assert await _refused_logins(session, accounts, rig, 8, 1) == [1, 2, 4, 8, 16, 32, 60, 60]
    assert not session.state().blocked
    assert rig.logged() == ["login_failed"]


async def test_invalid_login_answer_counts(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """A login without a token in its answer is a failed request."""
    accounts.refusal = {"errorCode": 0}
    await failure(session)
    assert rig.failures("get_token") == {"invalid": 1}


async def test_unreadable_secret(
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    rig: Rig,
    tmp_path: Path,
) -> None:
    """Without a secret there is no login; once there is one, there is."""
    file = tmp_path / "secret"
    session = make_session(make_client(platform[1]), app_secret=Secret(path=file))
    for _ in range(3):
        error = await failure(session)
        assert error.reason == "auth"
        assert str(error) == f"there is no app_secret: {file}: cannot read the file: No such file or directory"
    assert platform[0].seen == []
    assert rig.logged() == ["login_failed"]
    file.write_text("s3cret")
    assert await query(session) == ["token-1"]


async def test_transient_login_failure(
    session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str], rig: Rig
) -> None:
    """A login that fails temporarily is repeated a little later, once for all calls that wait."""
    answers = iter([503, 500])
    platform[0].on("gettoken", lambda _, body: next(answers, None) or accounts.log_in(body))
    assert await asyncio.gather(*(query(session) for _ in range(20))) == [["token-3"]] * 20
    assert accounts.logins == 3
    assert rig.value("oifde_upstream_retries_total", "get_token") == 2
    assert not rig.value("oifde_upstream_retries_total", "query")
    assert rig.logged() == ["login_failed", "login_succeeded", "login_recovered"]


@pytest.mark.parametrize("code", [10000001, "200900002"])
async def test_a_transient_code_of_a_login(session: TenantSession, accounts: Accounts, rig: Rig, code: object) -> None:
    """The platform's internal error says nothing about the account: the login is repeated within the call."""
    accounts.refusal = {"errorCode": code}
    assert (await failure(session)).transient
    assert accounts.logins == 3
    assert not session.state().blocked
    accounts.refusal = None
    rig.clock.advance(MINUTE)
    assert await query(session)


async def test_login_backs_off_from_an_outage(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """While the platform is unreachable, calls fail at once without a request."""
    accounts.refusal = 503
    for _ in range(60):
        assert (await failure(session)).reason == "http"
        rig.clock.advance(MINUTE)
    assert accounts.logins <= 65
    assert rig.value("oifde_upstream_retries_total", "get_token") == accounts.logins - 1
    assert not session.state().blocked
    accounts.refusal = None
    assert await query(session)


async def test_return_is_noticed_within_seconds(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """However long an outage was, a login is tried at the next probe of the platform, 5 s after the last at the latest."""
    accounts.refusal = 503
    for _ in range(100):
        await failure(session)
        rig.clock.advance(1)
    accounts.refusal = None
    rig.clock.advance(5)
    assert await query(session)


async def test_return_is_noticed_by_all_tenants(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession, rig: Rig
) -> None:
    """Once one tenant finds that the platform is back, the others log in at once."""
    client = make_client(platform[1])
    tenants = [make_session(client) for _ in range(5)]
    accounts.refusal = 503
    for _ in range(20):
        await asyncio.gather(*(query(tenant) for tenant in tenants), return_exceptions=True)
        rig.clock.advance(10)
    accounts.refusal = None
    rig.clock.advance(10)
    assert await query(tenants[0])
    assert await asyncio.gather(*(query(tenant) for tenant in tenants[1:]))


# Ready tokens


async def test_refused_ready_token(
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    rig: Rig,
    tmp_path: Path,
) -> None:
    """A ready token that is refused twice is tried ever more rarely until its text changes."""
    file = tmp_path / "token"
    file.write_text("old")
    session = make_session(make_client(platform[1]), token=Secret(path=file))
    assert not isinstance(await failure(session), LoginFailed), "it may be the bot"
    assert not session.state().blocked
    refused = await failure(session)
    assert isinstance(refused, LoginFailed)
    assert str(refused).startswith("the token was refused: "), refused
    assert session.state().blocked
    assert session.state().retry_at == rig.clock.now() + MINUTE
    probes: list[float] = []
    while len(probes) < 7:
        before = accounts.reports
        error = await failure(session)
        assert (error.reason, error.code) == ("auth", 900001)
        if accounts.reports > before:
            probes.append(rig.clock.elapsed() - 1000)
        rig.clock.advance(10)
    gaps = [later - earlier for earlier, later in zip([0.0, *probes], probes, strict=False)]
    assert gaps == [60, 120, 240, 480, 960, 1800, 1800]
    assert rig.logged() == ["login_blocked"]
    file.write_text("new")
    accounts.valid = {"new"}
    assert await query(session) == ["new"]
    assert session.state() == SessionState()
    assert rig.logged() == ["login_blocked", "login_recovered"]
    assert accounts.logins == 0


async def test_ready_token_recovers(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession, rig: Rig
) -> None:
    """A ready token that is valid again is found by a probe, or at once after a reload."""
    session = make_session(make_client(platform[1]), token=Secret(text="ready"))
    # The delay starts again each time: a minute is enough the second time, too.
    for heal in (partial(rig.clock.advance, 0.5), partial(rig.clock.advance, 0.5), session.reset):
        accounts.valid.clear()
        await asyncio.gather(*(query(session) for _ in range(10)), return_exceptions=True)
        assert isinstance(await failure(session), LoginBlocked)
        accounts.valid = {"ready"}
        rig.clock.advance(MINUTE - 0.5)
        assert isinstance(await failure(session), LoginBlocked)
        heal()
        assert session.state().blocked == (heal != session.reset)
        assert await query(session) == ["ready"]


async def test_ready_token_that_changes_during_a_request(
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    tmp_path: Path,
) -> None:
    """Another request reads the new token in the meantime. Then this request is repeated with it."""
    file = tmp_path / "token"
    file.write_text("old")
    accounts.valid = {"new"}
    session = make_session(make_client(platform[1]), token=Secret(path=file))

    async def change_meanwhile(request: web.Request, body: dict[str, object]) -> Answer:
        if body["accessCode"] == "first":
            file.write_text("new")
            assert await query(session) == ["new"]
        return accounts.report(request, {**body, "accessCode": "any"})

    platform[0].on("report", change_meanwhile)
    assert await query(session, "first") == ["new"]


async def test_ready_token_with_an_odd_character(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession, rig: Rig
) -> None:
    """It is tried, and the log says once what looks wrong."""
    session = make_session(make_client(platform[1]), token=Secret(text="re\u200bady"))
    await failure(session)
    await failure(session)
    assert rig.logged()[0] == "secret_looks_wrong"
    assert rig.logged().count("secret_looks_wrong") == 1


async def test_unreadable_ready_token(
    make_client: MakeClient, make_session: MakeSession, platform: tuple[FakePlatform, str], tmp_path: Path
) -> None:
    """Without a token no request is sent."""
    session = make_session(make_client(platform[1]), token=Secret(path=tmp_path / "none"))
    error = await failure(session)
    assert isinstance(error, LoginFailed)
    assert error.reason == "auth"
    assert str(error) == session.state().reason
    assert platform[0].seen == []


async def test_failed_logins_after_a_reload(session: TenantSession, accounts: Accounts, rig: Rig) -> None:
    """The pause between them begins anew."""
    accounts.refusal = {"errorCode": "10000002"}

    async def pause() -> float:
        await failure(session)
        due = session.state().retry_at
        assert due is not None
        rig.clock.advance(due - rig.clock.now())
        return due

    pauses = []
    for _ in range(3):
        before = rig.clock.now()
        pauses.append(await pause() - before)
    assert pauses[0] < pauses[1] < pauses[2]
    session.reset()
    before = rig.clock.now()
    assert await pause() - before == pauses[0]


# Repetitions


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        (500, 3), (502, 3), (503, 3), (429, 3), ({"errorCode": 10000001}, 3), ({"errorCode": "200900002"}, 3),
        (400, 1), (404, 1), (302, 1), (403, 1),
        ({"errorCode": 10000002}, 1), ({"errorCode": 10000003}, 1), ({"errorCode": 200900003}, 1),
        ({"errorCode": 42}, 1), ({"errorCode": 200800003}, 1), ({}, 1),
    ],
)  # fmt: skip
async def test_repeated_calls(
    session: TenantSession,
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    rig: Rig,
    answer: int | dict[str, object],
    requests: int,
) -> None:
    """A call is repeated at most twice, and only if that may help."""
    platform[0].on("report", lambda _, __: answer)
    await failure(session)
    assert accounts.reports == requests
    assert (rig.value("oifde_upstream_retries_total", "query") or 0) == requests - 1
    assert rig.clock.elapsed() - 1000 <= 0.5 + 1


async def test_repetition_succeeds(
    session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str], rig: Rig
) -> None:
    """The caller does not notice a temporary failure."""
    answers = iter([503])
    platform[0].on("report", lambda request, body: next(answers, None) or accounts.report(request, body))
    assert await query(session) == ["token-1"]
    assert rig.failures() == {"http": 1}


@pytest.mark.parametrize(("header", "requests", "wait"), [("7", 3, 14), ("10", 3, 20), ("11", 1, 0), ("86400", 1, 0)])
async def test_retry_after(
    session: TenantSession,
    accounts: Accounts,
    platform: tuple[FakePlatform, str],
    rig: Rig,
    header: str,
    requests: int,
    wait: float,
) -> None:
    """The platform's Retry-After is respected if it is short; otherwise the call fails at once."""
    platform[0].on("report", lambda _, __: web.Response(status=429, headers={"Retry-After": header}))
    await failure(session)
    assert accounts.reports == requests
    assert wait <= rig.clock.elapsed() - 1000 <= wait + 1.5


async def test_open_circuit_is_not_repeated(
    session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str], rig: Rig
) -> None:
    """While the platform is unreachable, calls fail at once without a request."""
    await query(session)
    platform[0].on("report", lambda _, __: 500)
    while not isinstance(error := await failure(session), CircuitOpen):
        pass
    assert error.reason == "http"
    before = (len(platform[0].seen), rig.clock.elapsed())
    await asyncio.gather(*(failure(session) for _ in range(100)))
    assert (len(platform[0].seen), rig.clock.elapsed()) == before


# Giving up


async def test_cancelled_waiters(
    session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str]
) -> None:
    """A call that is cancelled while it waits for a login does not end the login."""
    release = asyncio.Event()

    async def slow(_: web.Request, body: dict[str, object]) -> dict[str, object] | int:
        await release.wait()
        return accounts.log_in(body)

    platform[0].on("gettoken", slow)
    calls = [asyncio.create_task(query(session)) for _ in range(10)]
    await wait_for(lambda: accounts.logins == 1, "the login")
    for call in calls[:9]:
        call.cancel()
    await asyncio.sleep(0)
    release.set()
    assert await calls[9] == ["token-1"]
    await asyncio.gather(*calls, return_exceptions=True)
    assert accounts.logins == 1


async def test_login_outlives_its_callers(
    session: TenantSession, accounts: Accounts, platform: tuple[FakePlatform, str]
) -> None:
    """A wrong secret is noticed even if all calls are cancelled before the answer."""
    release = asyncio.Event()

    async def slow(_: web.Request, __: dict[str, object]) -> dict[str, object] | int:
        await release.wait()
        return {"errorCode": 200800002}

    platform[0].on("gettoken", slow)
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await query(session)
    release.set()
    await wait_for(lambda: session.state().blocked, "the login's answer")
    assert isinstance(await failure(session), LoginBlocked)
    assert accounts.logins == 1


async def test_hanging_login(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession, rig: Rig
) -> None:
    """A login that hangs ends with its timeout, and a later one succeeds."""
    hang = iter([True])

    async def sometimes(_: web.Request, body: dict[str, object]) -> dict[str, object] | int:
        if next(hang, False):
            skip_time(HOUR)
            await asyncio.Event().wait()
        return accounts.log_in(body)

    platform[0].on("gettoken", sometimes)
    session = make_session(make_client(platform[1], request_timeout=HOUR))
    assert await query(session) == ["token-2"]
    assert rig.failures("get_token") == {"timeout": 1}


async def test_closed_during_login(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession
) -> None:
    """Closing the client cancels the login and all calls that wait for it."""

    async def hang(_: web.Request, __: dict[str, object]) -> int:
        await asyncio.Event().wait()
        return 500

    platform[0].on("gettoken", hang)
    client = make_client(platform[1])
    session = make_session(client)
    calls = [asyncio.create_task(query(session)) for _ in range(5)]
    await wait_for(lambda: accounts.logins == 1, "the login")
    await client.close()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [asyncio.CancelledError] * 5 == [type(result) for result in results]


async def test_changes_are_reported(
    accounts: Accounts, platform: tuple[FakePlatform, str], make_client: MakeClient, make_session: MakeSession
) -> None:
    """The listener is called after each change of the state, and only then."""
    told: list[SessionState] = []
    tenant = make_session(make_client(platform[1]), on_change=lambda: told.append(tenant.state()))
    accounts.secret = "another"
    await failure(tenant)
    await failure(tenant)
    assert [state.blocked for state in told] == [True]
    accounts.secret = "s3cret"
    tenant.reset()
    await query(tenant)
    await query(tenant)
    assert [(state.blocked, state.token_expiry is not None) for state in told] == [
        (True, False),
        (False, False),
        (False, True),
    ]


# Secrets


CANARIES = ("canary-secret", "canary-token", "canary-ready", "canary-proxy")


def _hostile_answers(quotation: str) -> list[Callable[[], Answer]]:
    """Yield failing answers that repeat secrets."""
    statuses = (301, 400, 401, 403, 404, 429, 500, 502, 503)
    codes = (900001, 900002, 200800002, 200800003, 10000001, 10000002, 7)
    return [
        *(partial(web.Response, status=status, reason="No", text=quotation) for status in statuses),
        *(partial(dict, errorCode=code, errorMsg=quotation) for code in codes),
        partial(web.Response, text=quotation),
        partial(web.Response, body=b"\xff" + quotation.encode()),
        partial(web.Response, body=b"x" + quotation.encode(), headers={"Content-Encoding": "gzip"}),
        partial(dict, authToken=[quotation]),
        partial(dict, errorCode=quotation),
    ]


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _quote(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(str(CANARIES).encode())


def _everything(error: BaseException | None) -> Iterator[str]:
    """Return all text of an exception, its causes and their tracebacks."""
    while error is not None:
        yield from (repr(error), str(error), repr(vars(error)), *traceback.format_exception(error))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("header_user", [None, "ipcc"])
@pytest.mark.parametrize("ready", [False, True])
async def test_canary(
    platform: tuple[FakePlatform, str],
    make_client: MakeClient,
    make_session: MakeSession,
    serve: Serve,
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
    *,
    ready: bool,
    header_user: str | None,
) -> None:
    """No secret appears anywhere in any failure, even if the platform repeats it and all levels are logged."""
    caplog.set_level(logging.DEBUG)
    fake, url = platform
    proxy = "http://user:canary-proxy@127.0.0.1:1"
    tls = url.replace("http:", "https:")
    shown: list[str] = []

    async def fail(where: str, proxy_url: str | None = None) -> None:
        client = make_client(where, proxy_url=proxy_url, request_timeout=1)
        session = make_session(
            client,
            token=Secret(text="canary-ready") if ready else None,
            app_secret=None if ready else Secret(text="canary-secret"),
            header_user=header_user,
        )
        for _ in range(3):
            error = await failure(session)
            shown.extend(_everything(error))
            for thing in (session, session._tokens, session._standing, session.state(), client):
                shown.append(repr(thing) + repr(vars(thing) if thing not in (client, session.state()) else ""))
            rig.clock.advance(HOUR)

    for answer in _hostile_answers(
        "canary-ready" if ready else "canary-secret\ncanary-token canary-secretcanary-token"
    ):
        fake.on("gettoken", lambda _, __: {"errorCode": 0, "authToken": "canary-token"})
        fake.always("report", answer)
        await fail(url)
    for answer in [] if ready else _hostile_answers("canary-secret\ncanary-secret"):
        fake.always("gettoken", answer)
        await fail(url)
    await fail(url, proxy)
    await fail("https://platform.test", proxy)
    await fail(tls)
    await fail(await serve(_reset))
    await fail(await serve(_quote))
    shown += [repr(rig.events), repr(list(rig.registry.collect()))]
    # What aiohttp's server says of the requests is the platform's own log.
    shown += [
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("aiohttp.access", "aiohttp.server"))
    ]
    assert "request_failed" in {event["event"] for event in rig.events}
    assert [canary for canary in CANARIES if any(canary in text for text in shown)] == []
