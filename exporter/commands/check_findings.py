"""The findings of ``check``: each with an advice, and merged over the bots it concerns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from exporter.config import Auth, Config, Platform, SecretUnavailable, Tenant
from exporter.config.characters import find_odd_character
from exporter.language import Text


class Level(IntEnum):
    """How serious a finding is, worst first."""

    PROBLEM = 0  # something does not work
    WARNING = 1  # something will not work as expected, or looks like a mistake
    NOTE = 2  # good to know


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs attention; ``where`` is a platform's name, or a tenant's `name_tenant`."""

    level: Level
    where: str
    what: str
    advice: str
    bots: tuple[str, ...] = ()
    example: str = ""
    """From one of the bots."""


def merge(findings: Iterable[Finding]) -> Sequence[Finding]:
    """Return the findings, worst first; findings that differ only in their bots and examples become one."""
    groups: dict[Finding, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(replace(finding, bots=(), example=""), []).append(finding)
    merged = (
        replace(group[0], bots=tuple(bot for finding in group for bot in finding.bots)) for group in groups.values()
    )
    return sorted(merged, key=lambda finding: finding.level)


def name_tenant(platform: Platform, tenant: Tenant) -> Text:
    """Return a tenant's name in findings."""
    return Text("%(tenant)s on %(platform)s", tenant=tenant.name or tenant.tenant_id, platform=platform.name)


def check_config(config: Config) -> Iterator[Finding]:
    """Yield the findings that need no request."""
    for platform in config.platforms:
        yield from _check_connection(platform)
    for platform, tenant in config.tenants():
        yield from _check_secrets(tenant.auth, name_tenant(platform, tenant))
        yield from _check_times(tenant, name_tenant(platform, tenant))


def _check_connection(platform: Platform) -> Iterator[Finding]:
    if not platform.url.startswith("https:"):
        yield Finding(
            Level.NOTE,
            platform.name,
            Text("the url is not https, so others on the network can read secrets and tokens"),
            Text("Use the platform's https port if it has one."),
        )
    elif platform.tls_config.insecure_skip_verify:
        yield Finding(
            Level.NOTE,
            platform.name,
            Text("insecure_skip_verify accepts any certificate, so others on the network can impersonate the platform"),
            Text("Set tls_config.ca_file to the platform's certificate instead."),
        )
    if platform.tls_config.min_version in ("TLS10", "TLS11"):
        yield Finding(
            Level.WARNING,
            platform.name,
            Text(
                "min_version %(version)s allows old TLS versions and ciphers, which others on the network may break",
                version=platform.tls_config.min_version,
            ),
            Text("Update TLS on the platform, then remove min_version."),
        )


def _check_secrets(auth: Auth, where: str) -> Iterator[Finding]:
    for secret in (auth.app_secret, auth.token):
        if secret is None:
            continue
        if secret.world_readable():
            yield Finding(
                Level.WARNING,
                where,
                Text("every user of this machine can read %(path)s", path=secret.path),
                f"chmod o-r {secret.path}",
            )
        try:
            odd = find_odd_character(secret.read())
        except SecretUnavailable as error:
            yield Finding(
                Level.PROBLEM,
                where,
                Text("there is no secret: %(error)s", error=error.message),
                Text("Write the secret; the daemon waits for it."),
            )
        else:
            if odd:
                yield Finding(
                    Level.WARNING,
                    where,
                    Text("the secret %(problem)s", problem=odd.problem),
                    Text(
                        "Correct it before the first login, unless the platform has it so: wrong secrets lock the account."
                    ),
                )


def _check_times(tenant: Tenant, where: str) -> Iterator[Finding]:
    if tenant.timezone.key.startswith("Etc/GMT+"):
        yield Finding(
            Level.WARNING,
            where,
            Text("timezone %(zone)s is behind UTC: the sign in such names is reversed", zone=tenant.timezone.key),
            Text("Write the name of a place, like Asia/Shanghai for UTC+8."),
        )
    if tenant.stale_after <= tenant.poll_interval:
        yield Finding(
            Level.WARNING,
            where,
            Text(
                "stale_after (%(stale_after)g s) is not longer than poll_interval (%(interval)g s), so series disappear"
                " between two polls",
                stale_after=tenant.stale_after,
                interval=tenant.poll_interval,
            ),
            Text("Remove stale_after, or set it to three poll intervals."),
        )
