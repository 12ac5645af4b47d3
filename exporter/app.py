"""Puts the parts together: the only place that knows all of them."""

import asyncio
import math
import os
import random
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Config, ConfigError, Shard, take_shard
from exporter.health import Health
from exporter.polling.fleet import Fleet
from exporter.polling.store import Store
from exporter.serving.exposition import Exposition
from exporter.serving.server import Address, Server
from exporter.serving.web import create_app
from exporter.serving.webconfig import CurrentWebConfig, protect

READY_AFTER: Final = 30.0
"""Seconds after which the program counts as ready even if some bot has not been tried yet."""

_SHUTDOWN_TIMEOUT: Final = 2.0


class StartError(Exception):
    """The program cannot start; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where and how the program listens."""

    listen_addresses: Sequence[tuple[str | None, int]] = ((None, 10230),)
    """Host (None: every interface) and port (0: any that is free)."""
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    route_prefix: str = ""
    external_url: str | None = None
    web_config_file: Path | None = None
    """TLS, users and headers; None: plain HTTP for everybody."""


class App:
    """The exporter, from its start to its end."""

    def __init__(
        self,
        load: Callable[[], Config],
        options: WebOptions,
        shard: Shard,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        rng: random.Random,
        version: str,
        revision: str,
        on_listening: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """``load`` reads the configuration, at the start and at each reload; ``on_listening`` gets the URLs served."""
        self._load = load
        self._shard = shard
        self._options = options
        self._clock = clock
        self._log = log
        self._on_listening = on_listening
        self._registry = CollectorRegistry()
        self._health = Health(self._registry, version=version, revision=revision)
        self._health.shard.set(shard.number)
        self._health.total_shards.set(shard.total)
        self._exposition = Exposition(self._registry, clock=clock)
        self._store = Store([self._exposition])
        self._fleet = Fleet(store=self._store, clock=clock, health=self._health, log=log, rng=rng)
        self._config: Config | None = None
        self._version = version
        self._ready_at: float | None = None
        self._reloading = asyncio.Lock()
        self._reloads: set[asyncio.Task[None]] = set()
        self._next_reload: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT. Raises ConfigError and StartError."""
        async with AsyncExitStack() as stack:
            stopped = self._catch_signals()
            stack.push_async_callback(self._fleet.close)
            stack.push_async_callback(self._finish_reloads)
            config = self._read()
            # The sockets before the polls: with a port that is taken, the platform is better not asked at all.
            await self._listen(stack)
            async with self._reloading:
                await self._apply(config)
            await stopped.wait()
            self._log.info("stopping")

    async def reload(self) -> None:
        """Takes over the configuration as it is written now; raises ConfigError, and nothing has changed, if it is bad.

        However many ask while one is under way, one more serves them all: it reads what is written after they asked.
        """
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload())
            self._reloads.add(self._next_reload)
            self._next_reload.add_done_callback(self._reloads.discard)
        await asyncio.shield(self._next_reload)

    async def _reload(self) -> None:
        async with self._reloading:
            self._next_reload = None
            try:
                # Off the loop: with thousands of bots it takes a while, and scrapes go on.
                await self._apply(await asyncio.to_thread(self._read))
            except Exception as error:
                self._health.config_reload_successful.set(0)
                if isinstance(error, ConfigError):
                    for message in error.errors:
                        self._log.error("config_invalid", error=message)
                    self._log.error("reload_failed", errors=len(error.errors), kept="the former configuration")
                else:
                    self._log.exception("reload_failed")
                raise
            self._fleet.reset_logins()

    def _read(self) -> Config:
        return take_shard(self._load(), self._shard)

    async def _apply(self, config: Config) -> None:
        await self._fleet.apply(config)
        self._config = config
        if self._ready_at is None:
            self._ready_at = self._clock.elapsed() + READY_AFTER
        self._health.config_reload_successful.set(1)
        self._health.config_reload_timestamp.set(self._clock.now())
        tenants = [tenant for _, tenant in config.tenants()]
        for tenant in tenants:
            for secret in (tenant.auth.app_secret, tenant.auth.token):
                if secret and secret.world_readable():
                    self._log.warning("secret_readable_by_everyone", tenant_id=tenant.tenant_id, file=str(secret.path))
        self._log.info(
            "config_loaded",
            platforms=len(config.platforms),
            tenants=len(tenants),
            discovering=sum(tenant.discovery is not None for tenant in tenants),
            bots=sum(len(tenant.bots) for tenant in tenants),
        )

    def _ready(self) -> bool:
        """Once it is, it stays so, whatever a reload adds."""
        if self._ready_at is None:
            return False
        if self._fleet.all_tried:
            self._ready_at = -math.inf
        return self._clock.elapsed() >= self._ready_at

    async def _listen(self, stack: AsyncExitStack) -> None:
        app = create_app(
            store=self._store,
            exposition=self._exposition,
            clock=self._clock,
            log=self._log,
            ready=self._ready,
            reload=self.reload if self._options.enable_lifecycle else None,
            telemetry_path=self._options.telemetry_path,
            route_prefix=self._options.route_prefix,
            external_url=self._options.external_url,
            configuration=lambda: self._config,
            version=self._version,
        )
        server = self._guarded(app)
        await server.start()
        stack.push_async_callback(server.close)
        urls: list[str] = []
        for host, port in self._options.listen_addresses:
            earlier = len(server.addresses)
            try:
                await server.listen(host, port)
            except OSError as error:
                # asyncio wraps the system's words in its own; a name that is not found has numbers of its own.
                own = error.errno is None or isinstance(error, socket.gaierror)
                reason = (error.strerror or str(error)) if own else os.strerror(error.errno or 0)
                raise StartError(f"cannot listen on {host or ''}:{port}: {reason}") from error
            for address in server.addresses[earlier:]:
                # A certificate is for the name that was given.
                given = _host((host, address[1])) if host else _host(address)
                urls.append(f"{server.scheme}://{given}:{address[1]}{self._options.route_prefix}/")
        for address in server.addresses:
            self._log.info("listening", address=f"{_host(address)}:{address[1]}", scheme=server.scheme)
        self._on_listening(urls)

    def _guarded(self, app: web.Application) -> Server:
        if self._options.web_config_file is None:
            return Server(app, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        config = CurrentWebConfig(self._options.web_config_file, clock=self._clock, log=self._log)
        protect(app, config, log=self._log)
        return Server(app, shutdown_timeout=_SHUTDOWN_TIMEOUT, context=config.context, admits=config.admits)

    def _catch_signals(self) -> asyncio.Event:
        """The event that says to stop; SIGHUP reloads."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()

        async def reload() -> None:
            with suppress(Exception):  # logged and counted; the old configuration goes on
                await self.reload()

        def on_hangup() -> None:
            if not stopped.is_set():
                task = asyncio.create_task(reload())
                self._reloads.add(task)
                task.add_done_callback(self._reloads.discard)

        for number, handler in (
            (signal.SIGTERM, stopped.set),
            (signal.SIGINT, stopped.set),
            (signal.SIGHUP, on_hangup),
        ):
            loop.add_signal_handler(number, handler)  # until the loop is closed
        return stopped

    async def _finish_reloads(self) -> None:
        if self._next_reload is not None:
            self._next_reload.cancel()
        await asyncio.gather(*self._reloads, return_exceptions=True)  # logged and counted where they arose


def _host(address: Address) -> str:
    return f"[{address[0]}]" if ":" in address[0] else address[0]
