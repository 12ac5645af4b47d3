"""What a check finds: each with what to do, and once for all the bots that it concerns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from exporter.config import Auth, Config, Platform, SecretUnavailable, Tenant

_MOST_BOTS = 3


class Level(IntEnum):
    """How bad it is, worst first."""

    PROBLEM = 0  # something does not work
    WARNING = 1  # something will not work as it should, or looks like a mistake
    NOTE = 2  # good to know


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found; ``where`` is a platform's name, or a tenant's `place`."""

    level: Level
    where: str
    what: str
    advice: str
    bots: tuple[str, ...] = ()
    example: str = ""
    """Of one of the bots."""

    @property
    def concerned(self) -> str:
        """The bots, in words."""
        more = f" and {len(self.bots) - _MOST_BOTS} more" if len(self.bots) > _MOST_BOTS else ""
        return ", ".join(self.bots[:_MOST_BOTS]) + more


def merged(findings: Iterable[Finding]) -> Sequence[Finding]:
    """The findings, worst first, those that differ only in their bots and examples as one."""
    groups: dict[Finding, list[Finding]] = {}
    for each in findings:
        groups.setdefault(replace(each, bots=(), example=""), []).append(each)
    return sorted(
        (replace(group[0], bots=tuple(bot for each in group for bot in each.bots)) for group in groups.values()),
        key=lambda each: each.level,
    )


def place(platform: Platform, tenant: Tenant) -> str:
    """A tenant where findings name it."""
    return f"{tenant.name or tenant.tenant_id} on {platform.name}"


def of_configuration(config: Config) -> Iterator[Finding]:
    """What can be seen without asking a platform."""
    for platform in config.platforms:
        yield from _of_connection(platform)
    for platform, tenant in config.tenants():
        yield from _of_secret(tenant.auth, place(platform, tenant))
        yield from _of_times(tenant, place(platform, tenant))


def _of_connection(platform: Platform) -> Iterator[Finding]:
    if not platform.url.startswith("https:"):
        yield Finding(
            Level.NOTE,
            platform.name,
            "the url is not https: secrets and tokens can be read on the way",
            "Use the platform's https port if it has one.",
        )
    elif platform.tls_config.insecure_skip_verify:
        yield Finding(
            Level.NOTE,
            platform.name,
            "insecure_skip_verify trusts any certificate: anybody on the way could be the platform",
            "Put the platform's certificate into tls_config.ca_file instead.",
        )


def _of_secret(auth: Auth, where: str) -> Iterator[Finding]:
    for secret in (auth.app_secret, auth.token):
        if secret is None:
            continue
        if secret.world_readable():
            yield Finding(
                Level.WARNING,
                where,
                f"every user of this machine can read {secret.path}",
                f"chmod o-r {secret.path}",
            )
        try:
            secret.read()
        except SecretUnavailable as error:
            yield Finding(
                Level.PROBLEM, where, f"there is no secret: {error}", "Put it there; the daemon waits for it."
            )


def _of_times(tenant: Tenant, where: str) -> Iterator[Finding]:
    if tenant.stale_after <= tenant.poll_interval:
        yield Finding(
            Level.WARNING,
            where,
            f"stale_after ({tenant.stale_after:g} s) is not longer than poll_interval ({tenant.poll_interval:g} s):"
            " figures are withdrawn between two polls",
            "Leave stale_after out, or make it three poll intervals.",
        )
