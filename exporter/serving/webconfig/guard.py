"""What the web configuration asks of each request and adds to each answer."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from structlog.typing import FilteringBoundLogger

from exporter.serving.webconfig.basic_auth import Busy, Passwords, credentials
from exporter.serving.webconfig.current import CurrentWebConfig


def protect(app: web.Application, config: CurrentWebConfig, *, log: FilteringBoundLogger) -> None:
    """Puts a whole application, paths it does not have included, behind the configuration's users and headers."""
    passwords = Passwords()

    async def set_headers(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in config.get().headers.items():
            response.headers.pop(name, None)
            if value:
                response.headers[name] = value

    async def close(_app: web.Application) -> None:
        passwords.close()

    app.middlewares.insert(0, _authenticate(config, passwords, log))
    app.on_response_prepare.append(set_headers)
    app.on_cleanup.append(close)


def _authenticate(config: CurrentWebConfig, passwords: Passwords, log: FilteringBoundLogger) -> Middleware:
    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        users = config.get().users
        if users:
            given = credentials(request.headers.get(hdrs.AUTHORIZATION))
            try:
                is_admitted = given is not None and await passwords.admits(users, given)
            except Busy:
                return web.Response(status=503, text="Service Unavailable\n", headers={hdrs.RETRY_AFTER: "1"})
            if not is_admitted:
                # Without the name: it may be a password, typed in the wrong place.
                log.debug("authentication_failed", client=request.remote)
                return web.Response(status=401, text="Unauthorized\n", headers={hdrs.WWW_AUTHENTICATE: "Basic"})
        return await handler(request)

    return authenticate
