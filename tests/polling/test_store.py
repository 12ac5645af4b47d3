"""The latest snapshots of all bots."""

from exporter.polling.snapshot import BotId, Snapshot, TenantId, TenantStatus
from exporter.polling.store import Store
from exporter.upstream.reports import Record

TENANT = TenantId("main", "t1", "acme")


def bot(access_code: str, tenant_id: str = "t1") -> BotId:
    """Build the id of a bot on the platform "main"."""
    return BotId("main", tenant_id, access_code, access_code, tenant_id)


def snapshot(live: float, asked: float) -> Snapshot:
    """Build a snapshot whose newest record began at ``live``."""
    return Snapshot(live=Record(live, (), 0.0), asked=asked)


def test_the_newest_record_is_that_of_all_bots_of_the_tenant() -> None:
    """If the tenant's other bots have no newer record either, the report is late."""
    store = Store()
    store.put_tenant(TENANT, TenantStatus())
    assert store.newest_record(bot("a"), "hour") is None

    store.put(bot("a"), "hour", snapshot(live=7200, asked=9000))
    store.put(bot("b"), "hour", snapshot(live=3600, asked=9000))
    store.put(bot("c", "t2"), "hour", snapshot(live=8000, asked=9000))
    store.put(bot("a"), "chatbot", snapshot(live=8000, asked=9000))
    assert store.newest_record(bot("b"), "hour") == 7200

    store.remove_tenant(TENANT)
    assert store.newest_record(bot("b"), "hour") is None


def test_a_record_of_the_future_is_not_the_newest() -> None:
    """It does not show how far the platform's reports have got."""
    store = Store()
    store.put(bot("a"), "hour", snapshot(live=7200, asked=7199))

    assert store.newest_record(bot("a"), "hour") is None
