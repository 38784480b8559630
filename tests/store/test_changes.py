"""Changes: one pure rule at a time, in groups, durable, with the notifications they cause. (DESIGN 2.4 to 2.6)"""

import asyncio
from collections.abc import Callable

import pytest

from base.errors import AlreadyExists, BadRequestData, ResourceNotFound
from broker.model.document import Document
from broker.settings import BrokerSettings
from broker.store.contract import Change, EntityChange, Message, Outcome, Read, Stamp
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store.examples import FUTURE, NOW, PAST, VOCAB, entity, prop

LONG_AGO = NOW - 10**16
A, B, C = (f"urn:ngsi-ld:Thing:{name}" for name in "ABC")


def put(id: str, **values: object) -> EntityChange:
    made = entity(id, **values)
    return EntityChange(id, lambda before: made)


def delete(id: str) -> EntityChange:
    return EntityChange(id, lambda before: None)


def add_one(before: Document | None) -> Document:
    assert before
    return entity(before["id"], n=before["attrs"][VOCAB + "n"][0]["value"] + 1)


def refuse(before: Document | None) -> Document | None:
    raise BadRequestData("The entity is not wanted.")


def told(store: SqliteTenantStore) -> list[Message]:
    heard: list[Message] = []
    store.listen(heard.extend)
    return heard


def message(change: Change, endpoint: str = "http://localhost/a", subscription: str = "urn:s:1") -> Message:
    return Message(f"urn:n:{change.id}", subscription, endpoint, b"body", {"X": "y"}, change.at)


def react(change: Change, read: Read) -> list[Message]:
    return [message(change)]


async def test_gives_before_and_after_of_each_change(store: SqliteTenantStore) -> None:
    (created,) = await store.change([put(A, n=1)], NOW)
    (changed,) = await store.change([put(A, n=2)], NOW + 1)
    (deleted,) = await store.change([delete(A)], NOW + 2)
    assert created.change == Change(A, None, entity(A, n=1), NOW)
    assert changed.change == Change(A, entity(A, n=1), entity(A, n=2), NOW + 1)
    assert deleted.change == Change(A, entity(A, n=2), None, NOW + 2)
    assert store.document(A, NOW) is None
    assert store.stamp(A, NOW) is None


async def test_does_nothing_when_the_rule_returns_what_it_was_given(store: SqliteTenantStore) -> None:
    await store.change([put(A, n=1)], NOW)
    before = store.stamp(A, NOW)
    outcomes = await store.change([EntityChange(A, lambda d: d), delete(B)], NOW, react)
    assert outcomes == [Outcome(), Outcome()]
    assert store.stamp(A, NOW) == before
    assert store.waiting(None, 0, 9) == []


async def test_gives_versions_that_only_rise_even_when_an_entity_is_made_again(
    store: SqliteTenantStore,
) -> None:
    versions = []
    for _ in range(3):
        await store.change([put(A, n=1)], NOW)
        stamp = store.stamp(A, NOW)
        assert stamp
        versions.append(stamp.version)
        await store.change([delete(A)], NOW)
    assert versions == sorted(set(versions))


async def test_tells_followers_which_entities_changed(store: SqliteTenantStore) -> None:
    await store.change([put(A, n=1), put(B, n=1), EntityChange(C, refuse)], NOW)
    await store.change([delete(B)], NOW)
    assert store.feed(0, 9) == [(1, A), (2, B), (3, B)]
    assert store.feed(1, 1) == [(2, B)]


async def test_refuses_one_change_without_touching_the_others(store: SqliteTenantStore) -> None:
    outcomes = await store.change([put(A, n=1), EntityChange(B, refuse), put(C, n=3)], NOW, react)
    assert [bool(o.change) for o in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].problem, BadRequestData)
    assert store.document(B, NOW) is None
    assert [m.id for m in store.waiting(None, 0, 9)] == [f"urn:n:{A}", f"urn:n:{C}"]


async def test_applies_changes_of_one_call_in_order(store: SqliteTenantStore) -> None:
    await store.change([put(A, n=1), EntityChange(A, add_one), EntityChange(A, add_one)], NOW)
    found = store.document(A, NOW)
    assert found and found.document == entity(A, n=3)


async def test_loses_no_update_of_many_at_once(store: SqliteTenantStore) -> None:
    await store.change([put(A, n=0)], NOW)
    await asyncio.gather(*(store.change([EntityChange(A, add_one)], NOW) for _ in range(300)))
    found = store.document(A, NOW)
    assert found and found.document["attrs"][VOCAB + "n"][0]["value"] == 300


async def test_undoes_only_the_call_whose_rule_breaks(store: SqliteTenantStore) -> None:
    def break_down(before: Document | None) -> Document | None:
        raise ZeroDivisionError

    good = [store.change([put(f"{A}{n}", n=n)], NOW, react) for n in range(5)]
    bad = store.change([put(B, n=1), EntityChange(C, break_down)], NOW, react)
    results = await asyncio.gather(*good[:3], bad, *good[3:], return_exceptions=True)
    assert isinstance(results[3], ZeroDivisionError)
    assert all(store.document(f"{A}{n}", NOW) for n in range(5))
    assert store.document(B, NOW) is None
    assert len(store.waiting(None, 0, 99)) == 5
    assert store.check() == []


async def test_keeps_a_change_whose_caller_went_away(store: SqliteTenantStore) -> None:
    heard = told(store)
    calls = [asyncio.ensure_future(store.change([put(f"{A}{n}", n=n)], NOW, react)) for n in range(4)]
    await asyncio.sleep(0)
    calls[1].cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    kept = {n for n in range(4) if store.document(f"{A}{n}", NOW)}
    assert kept >= {0, 2, 3}
    assert len(heard) == len(kept)


async def test_lets_reactions_see_the_state_within_the_transaction(store: SqliteTenantStore) -> None:
    seen: list[object] = []

    def look(change: Change, read: Read) -> list[Message]:
        seen.append((read(A), read(B)))
        return []

    await store.change([put(A, n=1), put(B, n=2)], NOW, look)
    assert seen == [(entity(A, n=1), None), (entity(A, n=1), entity(B, n=2))]


async def test_keeps_nothing_when_the_reaction_breaks(store: SqliteTenantStore) -> None:
    def break_down(change: Change, read: Read) -> list[Message]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.change([put(A, n=1)], NOW, break_down)
    assert store.document(A, NOW) is None


async def test_answers_a_large_batch_from_a_thread(store: SqliteTenantStore) -> None:
    outcomes = await store.change([put(f"{A}{n}", n=n) for n in range(500)], NOW, react)
    assert all(outcome.change for outcome in outcomes)
    assert len(store.waiting(None, 0, 1000)) == 500


async def test_keeps_everything_over_a_restart(settings: BrokerSettings) -> None:
    for n in range(3):
        catalogue = SqliteCatalogue(settings)
        store = catalogue.open("")
        assert [store.document(f"{A}{i}", NOW) is not None for i in range(3)] == [i < n for i in range(3)]
        await store.change([put(f"{A}{n}", n=n)], NOW)
        await catalogue.close()


# expiry


@pytest.fixture
def expiring() -> EntityChange:
    made = entity(A, a=1, b=2)
    made["attrs"][VOCAB + "b"] = [prop(2, expiresAt=PAST), prop(3, datasetId="urn:d", expiresAt=FUTURE)]
    made["attrs"][VOCAB + "c"] = [prop(4, expiresAt=PAST)]
    made["attrs"][VOCAB + "a"] = [prop(1, attrs={VOCAB + "s": [prop(9, expiresAt=PAST)]})]
    return EntityChange(A, lambda before: made)


async def test_hides_expired_parts_at_once(store: SqliteTenantStore, expiring: EntityChange) -> None:
    await store.change([expiring], LONG_AGO)
    found = store.document(A, NOW)
    assert found and set(found.document["attrs"]) == {VOCAB + "a", VOCAB + "b"}
    assert found.document["attrs"][VOCAB + "a"] == [prop(1)]
    assert len(found.document["attrs"][VOCAB + "b"]) == 1
    assert found.expires and found.expires > NOW
    early = store.document(A, LONG_AGO)
    assert early and set(early.document["attrs"]) == {VOCAB + "a", VOCAB + "b", VOCAB + "c"}


async def test_removes_expired_parts_for_good_and_tells_of_it(
    store: SqliteTenantStore, expiring: EntityChange
) -> None:
    gone = entity(B, expires=PAST)
    await store.change([expiring, EntityChange(B, lambda _: gone)], LONG_AGO)
    heard = told(store)
    assert await store.expire(NOW, react) == 2
    assert await store.expire(NOW, react) == 0
    assert {m.id for m in heard} == {f"urn:n:{A}", f"urn:n:{B}"}
    assert store.document(B, LONG_AGO) is None
    assert store.check() == []


async def test_lets_a_rule_see_only_what_has_not_expired(store: SqliteTenantStore) -> None:
    gone = entity(A, expires=PAST)
    await store.change([EntityChange(A, lambda _: gone)], LONG_AGO)

    def create(before: Document | None) -> Document:
        if before:
            raise AlreadyExists("It is there.")
        return entity(A, n=1)

    (outcome,) = await store.change([EntityChange(A, create)], NOW)
    assert outcome.change and outcome.change.before is None
    assert store.check() == []


# pages


async def test_gives_the_documents_of_a_page_without_those_gone_meanwhile(store: SqliteTenantStore) -> None:
    await store.change([put(A, n=1), put(B, n=2), put(C, n=3)], NOW)
    stamps = [stamp for id in (C, A, B) if (stamp := store.stamp(id, NOW))]
    await store.change([delete(A)], NOW)
    assert [stored.id for stored in store.documents([*stamps, Stamp("urn:x", 1, None, 99)], NOW)] == [C, B]


# subscriptions, @contexts


async def test_keeps_subscriptions_in_the_order_of_their_creation(store: SqliteTenantStore) -> None:
    for id in ("urn:s:2", "urn:s:1"):
        await store.put_subscription(id, {"id": id}, new=True)
    await store.put_subscription("urn:s:2", {"id": "urn:s:2", "n": 1})
    assert store.subscriptions() == [{"id": "urn:s:2", "n": 1}, {"id": "urn:s:1"}]
    with pytest.raises(AlreadyExists):
        await store.put_subscription("urn:s:1", {}, new=True)
    await store.put_subscription("urn:s:1", None)
    with pytest.raises(ResourceNotFound):
        await store.put_subscription("urn:s:1", None)
    with pytest.raises(ResourceNotFound):
        await store.put_subscription("urn:s:1", {})


async def test_keeps_contexts(store: SqliteTenantStore) -> None:
    await store.put_context("http://x/a", {"url": "http://x/a", "body": {"n": 1}})
    await store.put_context("http://x/b", {"url": "http://x/b"})
    await store.put_context("http://x/a", {"url": "http://x/a", "body": {"n": 2}})
    await store.put_context("http://x/b", None)
    await store.put_context("http://x/c", None)
    assert store.contexts() == [{"url": "http://x/a", "body": {"n": 2}}]


# the outbox


Fill = Callable[[], object]


async def fill(store: SqliteTenantStore, count: int, endpoint: str = "http://localhost/a") -> list[Message]:
    def post(change: Change, read: Read) -> list[Message]:
        return [message(change, endpoint)]

    await store.change([put(f"{endpoint}{n}", n=n) for n in range(count)], NOW, post)
    return store.waiting(endpoint, 0, 1000)


async def test_tells_listeners_after_the_commit_with_the_place_in_the_outbox(
    store: SqliteTenantStore,
) -> None:
    heard = told(store)
    waiting = await fill(store, 3)
    assert heard == waiting
    assert [m.seq for m in waiting] == [1, 2, 3]
    assert waiting[0].headers == {"X": "y"}


async def test_separates_endpoints(store: SqliteTenantStore) -> None:
    for endpoint in ("http://c", "http://a", "http://b"):
        await fill(store, 2, endpoint)
    assert store.endpoints() == ["http://a", "http://b", "http://c"]
    assert [m.seq for m in store.waiting("http://a", 0, 9)] == [3, 4]
    assert [m.seq for m in store.waiting("http://a", 3, 9)] == [4]
    assert [m.seq for m in store.waiting(None, 1, 3)] == [2, 3, 4]


async def test_settles_delivered_failed_and_dead_messages_together(store: SqliteTenantStore) -> None:
    await store.put_subscription("urn:s:1", {"n": 0}, new=True)
    first, second, third = await fill(store, 3)
    failed = Message(**{**_fields(second), "attempts": 1, "due": NOW + 5, "error": "timeout"})
    dead = Message(**{**_fields(third), "attempts": 9, "error": "gone"})
    counters = {"urn:s:1": {"n": 1}, "urn:s:none": {"n": 9}}
    await store.settle([first.seq], [failed], [dead], counters)
    assert store.waiting(None, 0, 9) == [failed]
    assert store.dead_letters(9) == [dead]
    assert store.subscriptions() == [{"n": 1}]


async def test_puts_dead_letters_back_as_due_now(store: SqliteTenantStore) -> None:
    messages = await fill(store, 3)
    await store.settle(dead=messages)
    heard = told(store)
    assert await store.replay([messages[1].seq, 999], NOW + 7) == 1
    assert await store.replay(None, NOW + 8) == 2
    assert store.dead_letters(9) == []
    waiting = store.waiting(None, 0, 9)
    assert [(m.seq, m.attempts, m.due) for m in waiting] == [
        (1, 0, NOW + 8),
        (2, 0, NOW + 7),
        (3, 0, NOW + 8),
    ]
    assert sorted(m.seq for m in heard) == [1, 2, 3]


async def test_drops_what_waits_for_a_dropped_subscription(store: SqliteTenantStore) -> None:
    await store.put_subscription("urn:s:1", {}, new=True)
    messages = await fill(store, 3)
    await store.settle(dead=messages[:1])
    other = message(Change(A, None, None, NOW), subscription="urn:s:2")
    await store.enqueue([other])
    await store.put_subscription("urn:s:1", None)
    assert [m.subscription for m in store.waiting(None, 0, 9)] == ["urn:s:2"]
    assert store.dead_letters(9) == []


async def test_gives_no_place_in_the_outbox_twice(settings: BrokerSettings) -> None:
    seqs = []
    for _ in range(3):
        catalogue = SqliteCatalogue(settings)
        store = catalogue.open("")
        kept = await store.enqueue([message(Change(A, None, None, NOW))] * 2)
        seqs += [m.seq for m in kept]
        await store.settle(delivered=[m.seq for m in kept])
        await catalogue.close()
    assert seqs == [1, 2, 3, 4, 5, 6]


def _fields(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in Message.__slots__}
