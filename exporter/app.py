"""Builds the exporter from its parts, and runs it: start, reload, shutdown."""

import asyncio
import math
import os
import platform
import random
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from exporter.clock import Clock
from exporter.config import Config, ConfigError, Shard, take_shard
from exporter.descriptors import watch_descriptors
from exporter.health import Health
from exporter.history.keeper import Keeper
from exporter.polling.fleet import Fleet
from exporter.polling.store import Store
from exporter.reloader import Reloader
from exporter.serving.exposition import Exposition
from exporter.serving.server import Address, Server
from exporter.serving.web import WebOptions, create_app
from exporter.serving.webconfig import CurrentWebConfig, protect
from exporter.watch import Watch

READY_AFTER: Final = 30.0
"""Seconds after which the exporter counts as ready even if some bot has not been polled yet."""

_SHUTDOWN_TIMEOUT: Final = 2.0


class StartError(Exception):
    """The exporter cannot start. The message is one line for the user."""


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
        config_file: str = "",
        watch: Watch | None = None,
        on_listening: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """Take what ``run`` needs.

        Args:
            load: Reads the configuration at the start and at each reload.
            options: Where and how to listen.
            shard: Which tenants to poll.
            clock: Used for all that depends on the time.
            log: Used by all parts.
            rng: Used for jitter.
            version: The exporter's.
            revision: The commit it was built from.
            config_file: The configuration's source, for the log.
            watch: Reloads the configuration when its source changes; None: no automatic reload.
            on_listening: Gets the URLs that are served.
        """
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
        self._keeper = Keeper(clock=clock, log=log)
        self._exposition = Exposition(self._registry, clock=clock, judgement=self._keeper.judgement)
        self._store = Store([self._keeper, self._exposition])
        self._fleet = Fleet(store=self._store, clock=clock, health=self._health, log=log, rng=rng, work=[self._keeper])
        self._config: Config | None = None
        self._version = version
        self._revision = revision
        self._config_file = config_file
        self._watch = watch
        self._ready_at: float | None = None
        self._reloader = Reloader(self._reload)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises ConfigError and StartError."""
        async with AsyncExitStack() as stack:
            stopped = self._catch_signals()
            stack.push_async_callback(self._keeper.close)
            stack.push_async_callback(self._fleet.close)
            learning = asyncio.create_task(self._keeper.run())
            stack.callback(learning.cancel)
            watching_descriptors = asyncio.create_task(watch_descriptors(self._log))
            stack.callback(watching_descriptors.cancel)
            stack.push_async_callback(self._reloader.close)
            if self._watch:
                watching = asyncio.create_task(self._watch.run(self._reloader.request))
                stack.callback(watching.cancel)
            config = self._read()
            # First the sockets, then the polls: if a port is taken, the platform is not asked at all.
            await self._listen(stack)
            await self._apply(config, "config_loaded")
            self._reloader.start()
            await stopped.wait()
            self._log.info("stopping")

    async def reload(self) -> None:
        """Read and apply the configuration. If it is invalid, raise ConfigError and keep the former one."""
        await asyncio.shield(self._reloader.request())  # others may wait for the same reload

    async def _reload(self) -> None:
        try:
            # In a thread: with thousands of bots it takes a while, and scrapes must not wait.
            await self._apply(await asyncio.to_thread(self._read), "config_reloaded")
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

    async def _apply(self, config: Config, event: str) -> None:
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
            event,
            platforms=len(config.platforms),
            tenants=len(tenants),
            discovering=sum(tenant.discovery is not None for tenant in tenants),
            bots=sum(len(tenant.bots) for tenant in tenants),
        )

    def _is_ready(self) -> bool:
        """Return whether every bot has been polled. Once ready, the exporter stays ready, whatever a reload adds."""
        if self._ready_at is None:
            return False
        if self._fleet.all_tried:
            self._ready_at = -math.inf
        return self._clock.elapsed() >= self._ready_at

    async def _listen(self, stack: AsyncExitStack) -> None:
        app = create_app(
            self._options,
            store=self._store,
            exposition=self._exposition,
            clock=self._clock,
            log=self._log,
            ready=self._is_ready,
            reload=self.reload,
            judgement=self._keeper.judgement,
            configuration=lambda: self._config,
            version=self._version,
        )
        server = self._build_server(app)
        await server.start()
        stack.push_async_callback(server.close)
        urls: list[str] = []
        for host, port in self._options.listen_address:
            earlier = len(server.addresses)
            try:
                await server.listen(host, port)
            except OSError as error:
                # asyncio adds words to the system's message; errors of name resolution have numbers of their own.
                own = error.errno is None or isinstance(error, socket.gaierror)
                reason = (error.strerror or str(error)) if own else os.strerror(error.errno or 0)
                message = f"cannot listen on {host or ''}:{port}: {reason}; choose another with --web.listen-address"
                raise StartError(message) from error
            for address in server.addresses[earlier:]:
                # TLS certificates are issued for the name given.
                given = _format_host((host, address[1])) if host else _format_host(address)
                urls.append(f"{server.scheme}://{given}:{address[1]}{self._options.prefix}/")
        # Not earlier: if the configuration is invalid or a port is taken, stderr has only the error.
        self._log.info(
            "starting",
            version=self._version,
            revision=self._revision,
            python=platform.python_version(),
            config_file=self._config_file,
            shard=self._shard.number,
            total_shards=self._shard.total,
        )
        for address in server.addresses:
            self._log.info("listening", address=f"{_format_host(address)}:{address[1]}", scheme=server.scheme)
        self._on_listening(urls)

    def _build_server(self, app: web.Application) -> Server:
        if self._options.config_file is None:
            return Server(app, shutdown_timeout=_SHUTDOWN_TIMEOUT)
        config = CurrentWebConfig(self._options.config_file, clock=self._clock, log=self._log)
        protect(app, config, log=self._log)
        return Server(app, shutdown_timeout=_SHUTDOWN_TIMEOUT, context=config.context, admits=config.admits)

    def _catch_signals(self) -> asyncio.Event:
        """Return the event that SIGTERM and SIGINT set to end the exporter. SIGHUP reloads."""
        stopped = asyncio.Event()
        for number, handler in (
            (signal.SIGTERM, stopped.set),
            (signal.SIGINT, stopped.set),
            (signal.SIGHUP, self._reloader.request),
        ):
            asyncio.get_running_loop().add_signal_handler(number, handler)  # until the loop is closed
        return stopped


def _format_host(address: Address) -> str:
    return f"[{address[0]}]" if ":" in address[0] else address[0]
