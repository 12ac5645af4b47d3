"""The accounts of the simulated platform: secrets, logins, tokens and their expiry."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from exporter.clock import Clock
from exporter.simulator.draws import key

NO_TOKEN: Final = 900001
BAD_TOKEN: Final = 900002
UNKNOWN_KEY: Final = 200800001
WRONG_SECRET: Final = 200800002
LOCKED: Final = 200800003

LOCKED_FOR: Final = 1800.0


@dataclass(slots=True)
class Account:
    """A tenant's account; a test may change every field at any time, as an operator can on the platform."""

    tenant_id: str
    app_secret: str
    app_key: str = ""
    """The key that logs in for the tenant; the tenant's id if empty."""
    header_user: str = "ipcc"
    """The ``userName`` that internal systems send beside the header ``token``."""
    ready_tokens: set[str] = field(default_factory=set)
    """Tokens that are valid without a login and never expire."""

    def __post_init__(self) -> None:
        self.app_key = self.app_key or self.tenant_id


class ApiError(Exception):
    """The platform refuses a request with this error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Accounts:
    """All accounts of a platform, and the tokens it has issued. Times are in seconds."""

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        clock: Clock,
        token_lifetime: float = 3600.0,
        single_token: bool = False,
    ) -> None:
        """``single_token``: a login ends the tenant's former token."""
        self._accounts = {account.tenant_id: account for account in accounts}
        self._clock = clock
        self.token_lifetime = token_lifetime
        self.single_token = single_token
        self.tries = 5
        """The number of wrong secrets that locks an account."""
        self._expiries: dict[str, dict[str, float]] = {tenant_id: {} for tenant_id in self._accounts}
        self._wrong: dict[str, int] = {}
        self._locked_until: dict[str, float] = {}
        self._logins = 0

    def __getitem__(self, tenant_id: str) -> Account:
        """Return a tenant's account, to read or change; raise KeyError if there is none."""
        return self._accounts[tenant_id]

    def by_key(self, app_key: str) -> Account | None:
        """Return the account that ``app_key`` logs in to; None if there is none."""
        return next((account for account in self._accounts.values() if account.app_key == app_key), None)

    def login(self, app_key: str, app_secret: str) -> str:
        """Return a new token for ``app_key``, or raise ApiError."""
        account = self.by_key(app_key)
        if account is None:
            raise ApiError(UNKNOWN_KEY, "the appKey does not exist")
        tenant_id, now = account.tenant_id, self._clock.elapsed()
        if now < self._locked_until.get(tenant_id, 0.0):
            raise ApiError(LOCKED, "the account is locked")
        if app_secret != account.app_secret:
            self._wrong[tenant_id] = self._wrong.get(tenant_id, 0) + 1
            if self._wrong[tenant_id] >= self.tries:
                del self._wrong[tenant_id]
                self._locked_until[tenant_id] = now + LOCKED_FOR
            raise ApiError(WRONG_SECRET, "the appSecret is wrong")
        self._wrong.pop(tenant_id, None)
        self._logins += 1
        token = f"{key(tenant_id, self._logins, app_secret):016x}"
        if self.single_token:
            self._expiries[tenant_id].clear()
        # An expired token has another error code than an unknown one, for as long again as it lived.
        known = {old: end for old, end in self._expiries[tenant_id].items() if end > now - self.token_lifetime}
        self._expiries[tenant_id] = {**known, token: now + self.token_lifetime}
        return token

    def check(self, tenant_id: str, token: str, *, user: str | None = None) -> None:
        """Raise ApiError if a request of a tenant may not pass. ``user`` comes with tokens that are sent in headers."""
        account = self._accounts.get(tenant_id)
        if not token:
            raise ApiError(NO_TOKEN, "no token")
        if account is None or (user is not None and user != account.header_user):
            raise ApiError(BAD_TOKEN, "the token check failed")
        if token in account.ready_tokens:
            return
        expiry = self._expiries[tenant_id].get(token)
        if expiry is None:
            raise ApiError(BAD_TOKEN, "the token check failed")
        if expiry <= self._clock.elapsed():
            raise ApiError(NO_TOKEN, "the token has expired")

    def locked(self, tenant_id: str) -> bool:
        """Return whether too many wrong secrets have locked the tenant's account."""
        return self._clock.elapsed() < self._locked_until.get(tenant_id, 0.0)

    def unlock(self, tenant_id: str) -> None:
        """Unlock the tenant's account, as an administrator does."""
        self._locked_until.pop(tenant_id, None)
        self._wrong.pop(tenant_id, None)

    def expire_tokens(self, tenant_id: str) -> None:
        """Expire the tenant's tokens early: they lead to 900001 from now on."""
        self._expiries[tenant_id] = dict.fromkeys(self._expiries[tenant_id], self._clock.elapsed())

    def forget_tokens(self, tenant_id: str) -> None:
        """Drop the tenant's tokens, as a restart of the platform may: they lead to 900002 from now on."""
        self._expiries[tenant_id] = {}
