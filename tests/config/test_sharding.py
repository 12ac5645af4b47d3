"""Sharding: how several processes share the tenants."""

from collections import Counter

import pytest

from exporter.config import Config, Shard, load, take_shard
from exporter.config.sharding import find_shard

TENANTS = [f"tenant-{number}" for number in range(5000)]


def config(tenants: int = 100) -> Config:
    """Return two platforms, with tenants of two bots each."""
    lines = ["platforms:"]
    for platform in ("north", "south"):
        lines += [f"  - name: {platform}", f"    url: https://{platform}.example.com", "    max_concurrency: 9"]
        lines += ["    requests_per_second: 30", "    tenants:"]
        for number in range(tenants):
            lines += [f"      - tenant_id: {platform}-{number}", "        auth: {token: x}", "        bots:"]
            lines += [f"          - access_code: {platform}-{number}-{bot}" for bot in range(2)]
    return load("\n".join(lines), {})


@pytest.mark.parametrize("total", [1, 2, 3, 7, 20])
def test_shards_have_each_tenant_once(total: int) -> None:
    """Each tenant is in exactly one shard, with all its bots."""
    whole = config()

    shards = [take_shard(whole, Shard(number, total)) for number in range(total)]

    together = [tenant for shard in shards for _, tenant in shard.tenants()]
    assert len(together) == len(set(together))
    assert {tenant for _, tenant in whole.tenants()} == set(together)


@pytest.mark.parametrize("total", range(1, 12))
def test_a_further_shard_moves_only_its_own_tenants(total: int) -> None:
    """From N to N+1 shards, about 1/(N+1) of the tenants move, all of them to the new shard."""
    before = {tenant: find_shard("main", tenant, total) for tenant in TENANTS}
    after = {tenant: find_shard("main", tenant, total + 1) for tenant in TENANTS}

    moved = [tenant for tenant in TENANTS if before[tenant] != after[tenant]]

    assert {total} == {after[tenant] for tenant in moved}
    assert len(TENANTS) / (total + 1) == pytest.approx(len(moved), rel=0.2)


def test_shards_have_about_the_same_size() -> None:
    """The shards share the load evenly."""
    sizes = Counter(find_shard("main", tenant, 10) for tenant in TENANTS)

    assert set(range(10)) == set(sizes)
    assert all(len(TENANTS) / 10 == pytest.approx(size, rel=0.2) for size in sizes.values())


def test_versions_agree_on_the_shard() -> None:
    """Processes agree on a tenant's shard during an upgrade."""
    assert [2, 1, 1, 0, 1, 0] == [find_shard("main", f"tenant-{number}", 3) for number in range(6)]


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (10, [3, 1, 4, 9, 8, 3, 7, 3]),
        (100, [22, 52, 71, 76, 79, 3, 95, 56]),
        (1000, [937, 812, 245, 494, 452, 318, 95, 509]),
    ],
)
def test_versions_agree_on_many_shards(total: int, expected: list[int]) -> None:
    """For any number of shards, and by the platform's name as well as the tenant's."""
    tenants = [(platform, tenant) for platform in ("main", "north") for tenant in ("1", "202104237142", "übung", "")]

    assert expected == [find_shard(platform, tenant, total) for platform, tenant in tenants]


@pytest.mark.parametrize(("total", "expected"), [(2, (4, 15.0)), (3, (3, 10.0)), (20, (1, 1.5))])
def test_the_request_limits_are_shared(total: int, expected: tuple[int, float]) -> None:
    """All shards together send no more requests than one process; each may send one at a time."""
    shards = [take_shard(config(), Shard(number, total)).platforms for number in range(total)]

    assert {expected} == {
        (platform.max_concurrency, platform.requests_per_second) for shard in shards for platform in shard
    }


def test_one_shard_has_everything() -> None:
    """The default changes nothing."""
    assert config() == take_shard(config(), Shard())


def test_a_shard_may_be_empty() -> None:
    """With fewer tenants than shards, some shards have no platform."""
    shards = [take_shard(config(tenants=1), Shard(number, 8)) for number in range(8)]

    assert 2 == sum(len(shard.platforms) for shard in shards)
