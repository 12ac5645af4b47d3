"""The simulated platform as a server, for a ``with`` block."""

import ssl
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from aiohttp import web

from exporter.clock import Clock
from exporter.simulator.accounts import Account, Accounts
from exporter.simulator.api import create_app
from exporter.simulator.faults import Faults
from exporter.simulator.journal import Journal
from exporter.simulator.world import World


def default_secret(tenant_id: str) -> str:
    """Return the default appSecret of a simulated tenant."""
    return f"simulated-secret-of-{tenant_id}"


class Simulator:
    """A platform listening on 127.0.0.1 while the ``async with`` block lasts.

    A test can replace ``world``, add ``faults`` and change ``accounts`` at any time; ``journal`` has the requests. Leaving
    the block ends every request, hanging ones too.
    """

    def __init__(
        self,
        world: World,
        *,
        clock: Clock,
        accounts: Iterable[Account] | None = None,
        faults: Faults | None = None,
        port: int = 0,
        prefix: str = "",
        ssl_context: ssl.SSLContext | None = None,
        token_lifetime: float = 3600.0,
        single_token: bool = False,
        expire_time: bool = True,
    ) -> None:
        """Without ``accounts``, each tenant of the world has one with ``default_secret``.

        ``port`` 0 is any free port; ``prefix`` is a path such as ``/aicc``. The rest is as for ``Accounts`` and
        ``create_app``.
        """
        self.world = world
        self.faults = faults or Faults()
        self.journal = Journal()
        self.accounts = Accounts(
            (Account(tenant.tenant_id, default_secret(tenant.tenant_id)) for tenant in world.tenants())
            if accounts is None
            else accounts,
            clock=clock,
            token_lifetime=token_lifetime,
            single_token=single_token,
        )
        self.clock = clock
        self._port = port
        self._prefix = prefix
        self._ssl_context = ssl_context
        self._expire_time = expire_time
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """Return the port it listens on; raise RuntimeError outside the ``async with`` block."""
        if self._runner is None:
            raise RuntimeError("the simulator is not running")
        return int(self._runner.addresses[0][1])

    @property
    def url(self) -> str:
        """Return the platform's ``url`` for a configuration; raise RuntimeError as ``port`` does."""
        return f"{'https' if self._ssl_context else 'http'}://127.0.0.1:{self.port}{self._prefix}"

    async def __aenter__(self) -> Self:
        """Start to listen; raise OSError if the port is taken."""
        app = create_app(
            lambda: self.world,
            clock=self.clock,
            accounts=self.accounts,
            faults=self.faults,
            journal=self.journal,
            prefix=self._prefix,
            expire_time=self._expire_time,
        )
        # A request ends when its client closes the connection, or a second after the end of the block.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port, ssl_context=self._ssl_context).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
