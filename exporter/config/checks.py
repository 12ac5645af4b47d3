"""What one value alone does not tell: pairs that belong together, and names that must differ.

Runs on the data as written, whatever its shape, so that it finds what is wrong here next to what is wrong elsewhere.
"""

from collections.abc import Iterator

from yarl import URL

from exporter.config import types
from exporter.config.problems import Finding, Location, spell
from exporter.config.schema import CREDENTIALS, Auth, Calendar, Config, Tenant, TlsConfig

_Block = dict[str, object]


def cross_checks(data: object) -> Iterator[Finding]:
    """Yield where something is wrong, and what."""
    if not isinstance(data, dict):
        return
    yield from _delays(data)
    yield from _reports(data)
    platforms: dict[str, Location] = {}
    bots: dict[tuple[str | Location, str], Location] = {}
    elsewhere: dict[str, tuple[Location, bool]] = {}
    for at, platform in _items(data, "platforms", ()):
        yield from _platform_name(platform, at, platforms)
        yield from _certificate(platform, at)
        tenants: dict[str, Location] = {}
        for tenant_at, tenant in _items(platform, "tenants", at):
            yield from _auth(tenant, tenant_at)
            yield from _no_bots(tenant, tenant_at)
            yield from _subdivision(tenant, tenant_at)
            tenant_id = tenant.get("tenant_id")
            owner = tenant_id if isinstance(tenant_id, str) else tenant_at
            if isinstance(tenant_id, str) and (first := tenants.setdefault(tenant_id, tenant_at)) != tenant_at:
                yield (*tenant_at, "tenant_id"), f"is the same tenant as {spell(first)}: merge the two"
            yield from _found_twice(tenant, tenant_at, elsewhere)
            for bot_at, bot in _items(tenant, "bots", tenant_at):
                access_code = bot.get("access_code")
                if not isinstance(access_code, str):
                    continue
                if (first := bots.setdefault((owner, access_code), bot_at)) != bot_at:
                    yield (*bot_at, "access_code"), f"is the same bot as {spell(first)}: remove one"


def host(url: str) -> str:
    """Return the host a checked URL names: a platform's name by default."""
    return URL(url).host or ""


def _items(parent: _Block, key: str, at: Location) -> Iterator[tuple[Location, _Block]]:
    for index, item in enumerate(_list(parent, key)):
        if isinstance(item, dict):
            yield (*at, key, index), item


def _list(parent: _Block, key: str) -> list[object]:
    items = parent.get(key)
    return items if isinstance(items, list) else []


def _delays(data: _Block) -> Iterator[Finding]:
    settle, empty = (_seconds(data, key) for key in ("settle_delay", "empty_hour_delay"))
    if settle is not None and empty is not None and settle > empty:
        if "settle_delay" in data:
            yield ("settle_delay",), "is longer than empty_hour_delay: make it shorter, or the other longer"
        else:
            default = Config.model_fields["settle_delay"].default
            yield ("empty_hour_delay",), f"is shorter than settle_delay, {default} by default: make it longer"


def _seconds(data: _Block, key: str) -> float | None:
    try:
        return types.duration(data.get(key, Config.model_fields[key].default))
    except ValueError:
        return None


def _reports(data: _Block) -> Iterator[Finding]:
    reports = _list(data, "reports")
    for index, report in enumerate(reports):
        if isinstance(report, str) and report in reports[:index]:
            yield ("reports", index), "is listed twice: remove one"


def _platform_name(platform: _Block, at: Location, seen: dict[str, Location]) -> Iterator[Finding]:
    name = platform.get("name")
    if "name" not in platform:
        try:
            name = host(types.url(platform.get("url")))
        except ValueError:
            return
    if not isinstance(name, str) or not name:
        return
    if (first := seen.setdefault(name, at)) == at:
        return
    if "name" in platform:
        yield (*at, "name"), f"is the name of {spell(first)} too: give each its own"
    else:
        yield (*at, "url"), f"its host is the name of {spell(first)} too: give both platforms a name"


def _certificate(platform: _Block, at: Location) -> Iterator[Finding]:
    tls = platform.get("tls_config")
    if not isinstance(tls, dict) or tls.keys() - TlsConfig.model_fields:
        return
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if one in tls and other not in tls:
            yield (*at, "tls_config", one), f"needs {other} beside it"


def _auth(tenant: _Block, at: Location) -> Iterator[Finding]:
    auth = tenant.get("auth")
    # A key that is misspelt is reported for that, and may be the one that is missed here.
    if not isinstance(auth, dict) or auth.keys() - Auth.model_fields:
        return
    written = [key for key in CREDENTIALS if key in auth]
    if len(written) != 1:
        yield (*at, "auth"), f"takes exactly one of {', '.join(CREDENTIALS)}: found {', '.join(written) or 'none'}"


def _subdivision(tenant: _Block, at: Location) -> Iterator[Finding]:
    calendar = tenant.get("calendar")
    if not isinstance(calendar, dict) or calendar.keys() - Calendar.model_fields:
        return
    country, subdivision = calendar.get("country", ""), calendar.get("subdivision", "")
    if not isinstance(country, str) or not isinstance(subdivision, str) or not subdivision:
        return
    at = (*at, "calendar", "subdivision")
    if not country:
        yield at, "needs country beside it"
    elif (known := types.subdivisions(country)) is not None and subdivision not in known:
        choice = f"use one of {', '.join(known)}" if known else "remove it"
        yield at, f"is not a part of the country with holidays of its own: {choice}"


def _found_twice(tenant: _Block, at: Location, seen: dict[str, tuple[Location, bool]]) -> Iterator[Finding]:
    """A tenant id of several platforms: what is found on one may be a bot of the other, and series have no platform."""
    tenant_id = tenant.get("tenant_id")
    if not isinstance(tenant_id, str):
        return
    discovers = _discovers(tenant)
    first, first_discovers = seen.setdefault(tenant_id, (at, discovers))
    if first[:2] != at[:2] and (discovers or first_discovers):
        problem = f"is the tenant of {spell(first)} too, and with discovery both may have the same bots"
        yield (*at, "tenant_id"), f"{problem}: list the bots of both, without discovery"


def _discovers(tenant: _Block) -> bool:
    discovery = tenant.get("discovery")
    return isinstance(discovery, dict) and types.flag(discovery.get("enabled", True)) is not False


def _no_bots(tenant: _Block, at: Location) -> Iterator[Finding]:
    if tenant.get("bots", []) != []:
        return
    if "bots" in tenant:
        problem = "is empty: list at least one"
    elif tenant.keys() - Tenant.model_fields:
        return  # it may be the one that is misspelt
    else:
        problem = "is missing: write the bots to report on"
    if "discovery" not in tenant:
        yield (*at, "bots"), f"{problem}, or discovery: {{}} to have them found"
    elif isinstance(tenant["discovery"], dict) and not _discovers(tenant):
        yield (*at, "bots"), f"{problem}, or enable discovery"
