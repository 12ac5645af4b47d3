"""Check what pydantic cannot: values that depend on others, and names that must be unique.

These checks run on the data as written, whatever its shape. So they report their errors together with all others.
"""

from collections.abc import Iterator

from yarl import URL

from exporter.config import types
from exporter.config.document import Location, spell
from exporter.config.schema import CREDENTIALS, Auth, Calendar, Config, Tenant, TlsConfig
from exporter.config.validation import Finding
from exporter.language import Text, join

_Block = dict[str, object]


def cross_checks(data: object) -> Iterator[Finding]:
    """Yield the place and the message of each error."""
    if not isinstance(data, dict):
        return
    yield from _check_delays(data)
    yield from _check_reports(data)
    platforms: dict[str, Location] = {}
    bots: dict[tuple[str | Location, str], Location] = {}
    tenants_of_all: dict[str, tuple[Location, bool]] = {}
    for at, platform in _list_blocks(data, "platforms", ()):
        yield from _check_platform_name(platform, at, platforms)
        yield from _check_certificate(platform, at)
        tenants: dict[str, Location] = {}
        for tenant_at, tenant in _list_blocks(platform, "tenants", at):
            yield from _check_auth(tenant, tenant_at)
            yield from _check_bots(tenant, tenant_at)
            yield from _check_subdivision(tenant, tenant_at)
            tenant_id = tenant.get("tenant_id")
            owner = tenant_id if isinstance(tenant_id, str) else tenant_at
            if isinstance(tenant_id, str) and (first := tenants.setdefault(tenant_id, tenant_at)) != tenant_at:
                yield (*tenant_at, "tenant_id"), Text("%(other)s is the same tenant; merge the two", other=spell(first))
            yield from _check_discovered_twice(tenant, tenant_at, tenants_of_all)
            for bot_at, bot in _list_blocks(tenant, "bots", tenant_at):
                access_code = bot.get("access_code")
                if not isinstance(access_code, str):
                    continue
                if (first := bots.setdefault((owner, access_code), bot_at)) != bot_at:
                    yield (*bot_at, "access_code"), Text("%(other)s is the same bot; remove one", other=spell(first))


def find_host(url: str) -> str:
    """Return the host of a checked URL, which is a platform's default name."""
    return URL(url).host or ""


def _list_blocks(parent: _Block, key: str, at: Location) -> Iterator[tuple[Location, _Block]]:
    for index, item in enumerate(_list(parent, key)):
        if isinstance(item, dict):
            yield (*at, key, index), item


def _list(parent: _Block, key: str) -> list[object]:
    items = parent.get(key)
    return items if isinstance(items, list) else []


def _check_delays(data: _Block) -> Iterator[Finding]:
    settle, empty = (_read_seconds(data, key) for key in ("settle_delay", "empty_hour_delay"))
    if settle is not None and empty is not None and settle > empty:
        if "settle_delay" in data:
            yield (
                ("settle_delay",),
                Text("settle_delay is longer than empty_hour_delay; shorten it, or lengthen the other"),
            )
        else:
            default = Config.model_fields["settle_delay"].default
            yield (
                ("empty_hour_delay",),
                Text(
                    "empty_hour_delay is shorter than settle_delay, which defaults to %(default)s; lengthen it",
                    default=default,
                ),
            )


def _read_seconds(data: _Block, key: str) -> float | None:
    try:
        return types.parse_duration(data.get(key, Config.model_fields[key].default))
    except ValueError:
        return None


def _check_reports(data: _Block) -> Iterator[Finding]:
    reports = _list(data, "reports")
    for index, report in enumerate(reports):
        if isinstance(report, str) and report in reports[:index]:
            yield ("reports", index), Text("duplicate report; remove one")


def _check_platform_name(platform: _Block, at: Location, seen: dict[str, Location]) -> Iterator[Finding]:
    name = platform.get("name")
    if "name" not in platform:
        try:
            name = find_host(types.parse_url(platform.get("url")))
        except ValueError:
            return
    if not isinstance(name, str) or not name:
        return
    if (first := seen.setdefault(name, at)) == at:
        return
    if "name" in platform:
        yield (*at, "name"), Text("%(other)s has the same name; give each platform its own", other=spell(first))
    else:
        yield (
            (*at, "url"),
            Text("%(other)s has the same host, the default name; give both platforms a name", other=spell(first)),
        )


def _check_certificate(platform: _Block, at: Location) -> Iterator[Finding]:
    tls = platform.get("tls_config")
    if not isinstance(tls, dict) or tls.keys() - TlsConfig.model_fields:
        return
    for key, partner in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if key in tls and partner not in tls:
            yield (*at, "tls_config", key), Text("%(key)s needs %(partner)s beside it", key=key, partner=partner)


def _check_auth(tenant: _Block, at: Location) -> Iterator[Finding]:
    auth = tenant.get("auth")
    # An unknown key is reported already, and may be the misspelt key that is missing here.
    if not isinstance(auth, dict) or auth.keys() - Auth.model_fields:
        return
    written = [key for key in CREDENTIALS if key in auth]
    if len(written) != 1:
        yield (
            (*at, "auth"),
            Text(
                "auth takes exactly one of %(keys)s; found %(found)s",
                keys=join(CREDENTIALS),
                found=join(written) or Text("none"),
            ),
        )


def _check_subdivision(tenant: _Block, at: Location) -> Iterator[Finding]:
    calendar = tenant.get("calendar")
    if not isinstance(calendar, dict) or calendar.keys() - Calendar.model_fields:
        return
    country, subdivision = calendar.get("country", ""), calendar.get("subdivision", "")
    if not isinstance(country, str) or not isinstance(subdivision, str) or not subdivision:
        return
    at = (*at, "calendar", "subdivision")
    if not country:
        yield at, Text("%(key)s needs %(partner)s beside it", key="subdivision", partner="country")
    elif (known := types.list_subdivisions(country)) is not None and subdivision not in known:
        fix = Text("use one of %(values)s", values=join(known)) if known else Text("remove it")
        yield at, Text("no part of the country with this code has its own holidays; %(fix)s", fix=fix)


def _check_discovered_twice(tenant: _Block, at: Location, seen: dict[str, tuple[Location, bool]]) -> Iterator[Finding]:
    """Find a tenant id on several platforms with discovery: series have no platform label, so bots could clash."""
    tenant_id = tenant.get("tenant_id")
    if not isinstance(tenant_id, str):
        return
    discovers = _has_discovery(tenant)
    first, first_discovers = seen.setdefault(tenant_id, (at, discovers))
    if first[:2] != at[:2] and (discovers or first_discovers):
        yield (
            (*at, "tenant_id"),
            Text(
                "%(other)s is the same tenant, and discovery may find the same bots; list them, without discovery",
                other=spell(first),
            ),
        )


def _has_discovery(tenant: _Block) -> bool:
    discovery = tenant.get("discovery")
    return isinstance(discovery, dict) and types.parse_flag(discovery.get("enabled", True)) is not False


def _check_bots(tenant: _Block, at: Location) -> Iterator[Finding]:
    if tenant.get("bots", []) != []:
        return
    if "bots" in tenant:
        problem = Text("the list is empty; write at least one bot")
    elif tenant.keys() - Tenant.model_fields:
        return  # the unknown key may be a misspelt bots
    else:
        problem = Text("the key is missing; write the bots to report on")
    if "discovery" not in tenant:
        yield (*at, "bots"), Text("%(problem)s, or discovery: {} to find them", problem=problem)
    elif isinstance(tenant["discovery"], dict) and not _has_discovery(tenant):
        yield (*at, "bots"), Text("%(problem)s, or enable discovery", problem=problem)
