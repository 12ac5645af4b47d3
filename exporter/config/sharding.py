"""Divide a configuration between several processes."""

import hashlib
from dataclasses import dataclass, replace

from exporter.config.model import Config, Platform


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``total`` processes, numbered from 0."""

    number: int = 0
    total: int = 1


def find_shard(platform: str, tenant_id: str, total: int) -> int:
    """Return the number of the shard that polls a tenant.

    One more shard moves only the tenants that the new shard gets. Source: Lamping and Veach, "A Fast, Minimal Memory,
    Consistent Hash Algorithm" (2014).
    """
    digest = hashlib.blake2b(f"{platform}\0{tenant_id}".encode(), digest_size=8).digest()
    key = int.from_bytes(digest, "big")
    bucket, jump = 0, 0
    while jump < total:
        bucket = jump
        key = (key * 2862933555777941757 + 1) % 2**64
        jump = int((bucket + 1) * (2**31 / ((key >> 33) + 1)))
    return bucket


def take_shard(config: Config, shard: Shard) -> Config:
    """Return the part of a configuration that one shard polls.

    A tenant belongs to one shard, because it has one login and one token. Each shard gets an equal part of a
    platform's request limits.
    """
    platforms = (_take_part(platform, shard) for platform in config.platforms)
    return replace(config, platforms=tuple(platform for platform in platforms if platform.tenants))


def _take_part(platform: Platform, shard: Shard) -> Platform:
    return replace(
        platform,
        max_concurrency=max(1, platform.max_concurrency // shard.total),
        requests_per_second=platform.requests_per_second / shard.total,
        tenants=tuple(
            tenant
            for tenant in platform.tenants
            if find_shard(platform.name, tenant.tenant_id, shard.total) == shard.number
        ),
    )
