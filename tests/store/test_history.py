"""Histories: what every change leaves behind is what a naive replay of all changes gives. (4.5.6 to 4.5.8, 5.6.11)"""

import asyncio
import math
import statistics
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base import clock
from base.errors import ResourceNotFound
from broker.language.selection import Selection, Window
from broker.language.span import Span
from broker.model.document import NULL, SCOPE, VALUE_MEMBER, Document, Instance, dataset_of
from broker.settings import BrokerSettings
from broker.store.contract import EntityChange
from broker.store.evolution import Asked, HistoryStore
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store import examples
from tests.store.examples import NAMES, NOW, SCOPES, TYPES, VOCAB
from tests.store.histories import ID, N, given_as, instances, made, removed

STAMPS = {"createdAt", "modifiedAt", "deletedAt", "instanceId", "observedAt"}
Step = tuple[str, Any]
values = examples.documents().map(
    lambda document: [
        {key: held for key, held in one.items() if key not in {"expiresAt", *STAMPS}}
        for held in document["attrs"].values()
        for one in held
    ]
)
steps = st.one_of(
    st.tuples(st.just("put"), st.tuples(st.sampled_from(NAMES), values)),
    st.tuples(st.just("put"), st.tuples(st.sampled_from(NAMES), values)),
    st.tuples(st.just("drop"), st.sampled_from(NAMES)),
    st.tuples(
        st.just("scope"), st.one_of(st.none(), st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2))
    ),
    st.tuples(st.just("type"), st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True)),
    st.tuples(st.just("delete"), st.none()),
)


def applied(step: Step, before: Document | None, id: str, now: int) -> Document | None:
    """Do what a step says, to an entity that is made where it is absent."""
    kind, given_ = step
    if kind == "delete":
        return None
    fresh: Document = {"id": id, "type": TYPES[:1], "createdAt": now, "attrs": {}}
    document = {**(before or fresh), "modifiedAt": now}
    match kind:
        case "put":
            name, several = given_
            held = [
                {**one, "createdAt": now, "modifiedAt": now, **({"datasetId": f"urn:d:{n}"} if n else {})}
                for n, one in enumerate(several)
            ]
            document["attrs"] = {**document["attrs"], name: held}
            if not held:
                del document["attrs"][name]
        case "drop":
            document["attrs"] = {key: held for key, held in document["attrs"].items() if key != given_}
        case "scope" if given_ is None:
            document.pop("scope", None)
        case "scope":
            document["scope"] = given_
        case _:
            document["type"] = given_
    return document


def left_behind(before: Document | None, after: Document | None, now: int) -> list[tuple[str, str, int, Any]]:
    """Say naively what a change leaves behind: attribute, dataset, time, value (None: a deletion)."""
    found: list[tuple[str, str, int, Any]] = []
    old, new = ({} if document is None else document["attrs"] for document in (before, after))
    for name in {*old, *new}:
        was, held = ({dataset_of(one): one for one in attrs.get(name, ())} for attrs in (old, new))
        for dataset in {*was, *held}:
            if dataset not in held:
                found.append((name, dataset, now, None))
            elif dataset not in was or was[dataset] is not held[dataset]:
                found.append((name, dataset, now, plain(held[dataset])))
    scopes = [document.get("scope") if document else None for document in (before, after)]
    if scopes[0] != scopes[1]:
        value = None if scopes[1] is None else plain({"type": "Property", "value": scopes[1]})
        found.append((SCOPE, "@none", now, value))
    return found


def plain(instance: Instance) -> Any:
    """Write an instance without its times, so that it can be compared and sorted."""
    return sorted((key, repr(held)) for key, held in instance.items() if key not in {*STAMPS, "datasetId"})


def told(instances: dict[str, list[Instance]]) -> list[tuple[str, str, int, Any]]:
    """Give what a history tells in the form of left_behind."""
    found = []
    for name, several in instances.items():
        for one in several:
            deleted = one.get("deletedAt")
            if deleted is not None:
                value = one[VALUE_MEMBER[one["type"]]]
                assert value == ({"@none": NULL} if one["type"] == "LanguageProperty" else NULL)
            found.append(
                (name, dataset_of(one), deleted or one["modifiedAt"], None if deleted else plain(one))
            )
    return found


def state(document: Document | None) -> Any:
    """Give what as_of must give, whatever the order of attributes."""
    if document is None:
        return None
    attrs = {name: sorted(plain(one) for one in held) for name, held in document["attrs"].items()}
    return document["type"], document.get("scope"), document["createdAt"], attrs


@given(history=st.lists(steps, min_size=1, max_size=12), settled=st.sets(st.integers(0, 11)))
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
async def test_a_history_is_the_replay_of_all_changes(
    store: SqliteTenantStore, history: list[Step], settled: set[int]
) -> None:
    id = f"urn:ngsi-ld:Thing:{store.mark().sequence}"
    before: Document | None = None
    expected = []
    states: list[Document | None] = []
    for n, step in enumerate(history):
        now = NOW + n * 1_000

        def rule(current: Document | None, step: Step = step, now: int = now) -> Document | None:
            nonlocal before
            before = current
            return applied(step, current, id, now)

        outcome = (await store.change([EntityChange(id, rule)], now))[0]
        after = outcome.change.after if outcome.change else before
        expected += left_behind(before, after, now) if outcome.change else []
        states.append(after)
        if n in settled:
            await store.history.evolution(id, Asked())
    evolution = await store.history.evolution(id, Asked())
    assert sorted(told(evolution.instances), key=repr) == sorted(expected, key=repr)
    for n, document in enumerate(states):
        for at in (NOW + n * 1_000, NOW + n * 1_000 + 999):
            assert state(await store.history.as_of(id, at, "modifiedAt")) == state(document)
            assert state(await store.history.as_of(id, at)) == state(document)
    assert await store.history.as_of(id, NOW - 1) is None
    assert store.check() == []


@given(several=instances, parts=st.integers(1, 3), low=st.integers(0, 40), length=st.integers(0, 40))
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
async def test_what_is_read_is_what_a_direct_look_at_all_instances_gives(
    store: SqliteTenantStore, several: list[tuple[int, Any, str | None]], parts: int, low: int, length: int
) -> None:
    id = f"urn:ngsi-ld:Thing:{(await store.history.find(Selection(), None, Window(count=True))).count}"
    for part in range(parts):
        await store.history.add(id, TYPES[:1], {N: given_as(several[part::parts])}, NOW + part)
    merged: dict[tuple[int, str | None], Any] = {}
    for part in range(parts):
        merged |= {(at, dataset): value for at, value, dataset in several[part::parts]}
    span = Span("observedAt", NOW + low * clock.SECOND, NOW + (low + length) * clock.SECOND)
    inside = {key: value for key, value in merged.items() if low <= key[0] < low + length}

    found = (await store.history.evolution(id, Asked(span=span))).instances.get(N, [])
    assert sorted(((one["observedAt"], one["value"]) for one in found), key=repr) == sorted(
        ((clock.show(NOW + at * clock.SECOND), value) for (at, _), value in inside.items()), key=repr
    )
    times = [clock.parse(one["observedAt"]) for one in found]
    assert times == sorted(times)

    latest = (await store.history.evolution(id, Asked(last=3, span=span))).instances.get(N, [])
    assert [clock.parse(one["observedAt"]) for one in latest] == times[-3:]

    paged, start = [], span.start
    while True:
        page = await store.history.evolution(id, Asked(span=replace(span, start=start), most=2))
        paged += page.instances.get(N, [])
        if page.cut is None:
            break
        start = page.cut + 1
    assert [one["instanceId"] for one in paged] == [one["instanceId"] for one in found]

    await compare_sums(store.history, id, span, list(inside.values()))


async def compare_sums(history: HistoryStore, id: str, span: Span, held: list[Any]) -> None:
    """Compare the store's figures, by SQL and by reading, with a direct computation."""
    numbers = [one for one in held if type(one) in (int, float) and abs(one) < 2**63]
    for property in ("observedAt", "modifiedAt"):
        period = (span.start or 0, span.end or 0) if property == "observedAt" else (NOW, NOW + 10)
        if property == "modifiedAt" and span.start != NOW:
            return
        if property == "modifiedAt":
            every = (await history.evolution(id, Asked())).instances.get(N, [])
            numbers = [one["value"] for one in every if type(one["value"]) in (int, float)]
            numbers = [one for one in numbers if abs(one) < 2**63]
            held = [one["value"] for one in every]
        (measured,) = await history.sums(
            id, N, [period], span=Span(property), extra=frozenset({"distinct", "deviation"})
        )
        sums = measured.sums
        assert (sums.count, sums.others) == (len(numbers), len(held) - len(numbers))
        if not numbers:
            continue
        assert (sums.min, sums.max, sums.distinct) == (min(numbers), max(numbers), len(set(numbers)))
        assert math.isclose(sums.sum, math.fsum(numbers), rel_tol=1e-9, abs_tol=1e-6)
        assert math.isclose(sums.squares, math.fsum(n * n for n in numbers), rel_tol=1e-9, abs_tol=1e-6)
        deviation = statistics.pvariance([float(n) for n in numbers]) * len(numbers)
        assert math.isclose(sums.deviation, deviation, rel_tol=1e-6, abs_tol=1e-3)


async def test_many_periods_give_the_same_as_few(store: SqliteTenantStore) -> None:
    several = given_as([(n, n * 0.5, None) for n in range(60)])
    await store.history.add(ID, TYPES[:1], {N: several}, NOW)
    step = clock.SECOND // 50
    fine = [(NOW + n * step, NOW + (n + 1) * step) for n in range(3_000)]
    coarse = [(NOW + n * clock.SECOND, NOW + (n + 1) * clock.SECOND) for n in range(60)]
    read, asked = [await store.history.sums(ID, N, periods, span=Span()) for periods in (fine, coarse)]
    assert [one.sums.sum for one in read if one.sums.count] == [one.sums.sum for one in asked]


async def test_an_instance_replaces_the_one_of_the_same_dataset_and_time(store: SqliteTenantStore) -> None:
    assert await store.history.add(ID, TYPES[:1], {N: given_as([(0, 1, None), (1, 1, "urn:d:1")])}, NOW)
    assert not await store.history.add(ID, TYPES[1:2], {N: given_as([(0, 2, None), (1, 3, None)])}, NOW + 9)
    found = (await store.history.evolution(ID, Asked())).instances[N]
    assert sorted((one["value"], one["createdAt"], one["modifiedAt"]) for one in found) == [
        (1, NOW, NOW),
        (2, NOW, NOW + 9),
        (3, NOW + 9, NOW + 9),
    ]
    frame = store.history.history(ID)
    assert frame and set(frame.types) == set(TYPES[:2]) and frame.modified == NOW + 9


async def test_few_instances_replace_the_right_ones_among_many(store: SqliteTenantStore) -> None:
    await store.history.add(ID, TYPES[:1], {N: given_as([(n, n, None) for n in range(500)])}, NOW)
    await store.history.add(
        ID, TYPES[:1], {N: given_as([(1, -1, None), (498, -2, None), (500, -3, None)])}, NOW + 1
    )
    found = [one["value"] for one in (await store.history.evolution(ID, Asked())).instances[N]]
    assert found == [0, -1, *range(2, 498), -2, 499, -3]


async def test_a_long_history_is_deleted_in_parts(
    store: SqliteTenantStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("history", "history_writing"):
        monkeypatch.setattr(f"broker.store.sqlite.{module}.PART", 10)
    await store.history.add(ID, TYPES[:1], {N: given_as([(n, n, None) for n in range(35)])}, NOW)
    await store.history.delete(ID)
    assert store.history.history(ID) is None and store.check() == []


async def test_an_instance_can_be_changed_and_deleted_by_its_id(store: SqliteTenantStore) -> None:
    history = store.history
    await history.add(ID, TYPES[:1], {N: given_as([(0, 1, None), (1, 2, None)])}, NOW)
    first, second = (await history.evolution(ID, Asked())).instances[N]
    later = given_as([(7, "text", "urn:d:9")])[0]
    await history.change_instance(ID, N, first["instanceId"], lambda _: later, NOW + 5)
    await history.delete_instance(ID, N, second["instanceId"])
    (only,) = (await history.evolution(ID, Asked())).instances[N]
    assert only == {**later, "instanceId": first["instanceId"], "createdAt": NOW, "modifiedAt": NOW + 5}
    for call in (
        lambda: history.delete_instance(ID, N, second["instanceId"]),
        lambda: history.delete_instance(ID, VOCAB + "other", first["instanceId"]),
        lambda: history.change_instance("urn:x:none", N, first["instanceId"], lambda one: one, NOW),
        lambda: history.delete_instance(ID, N, "urn:ngsi-ld:Instance:" + "9" * 40),
        lambda: history.delete_attribute(ID, N, "urn:d:8"),
        lambda: history.add("urn:x:none", TYPES[:1], {}, NOW, new=False),
        lambda: history.delete("urn:x:none"),
    ):
        with pytest.raises(ResourceNotFound):
            await call()
    await history.delete_attribute(ID, N, "urn:d:9")
    assert (await history.evolution(ID, Asked())).instances == {}
    await history.delete(ID)
    assert history.history(ID) is None


async def test_what_an_undone_transaction_numbered_is_numbered_again(store: SqliteTenantStore) -> None:
    await store.history.add(ID, TYPES[:1], {N: given_as([(0, 1, None)])}, NOW)
    (one,) = (await store.history.evolution(ID, Asked())).instances[N]

    def fail() -> None:
        raise RuntimeError("another one's fault")

    changed = {**one, "unitCode": "CEL"}
    results = await asyncio.gather(
        store.history.change_instance(ID, N, one["instanceId"], lambda _: changed, NOW + 1),
        store.history.add("urn:x:2", TYPES[:1], {N: given_as([(0, 5, "urn:d:5")])}, NOW),
        store._writer.run(fail),
        return_exceptions=True,
    )
    assert results[:2] == [None, True] and isinstance(results[2], RuntimeError)
    (one,) = (await store.history.evolution(ID, Asked())).instances[N]
    assert one["unitCode"] == "CEL"
    assert store.check() == []


async def test_current_state_and_temporal_share_one_history(store: SqliteTenantStore) -> None:
    await store.history.add(ID, TYPES[1:2], {N: given_as([(-9, 1, None)])}, NOW)
    await made(store, ID, NOW + 1, n=2)
    await store.history.add(ID, TYPES[2:3], {N: given_as([(9, 3, None)])}, NOW + 2)
    await removed(store, ID, NOW + 3)
    await made(store, ID, NOW + 4, n=5)
    found = (await store.history.evolution(ID, Asked())).instances[N]
    assert [one["value"] for one in found] == [1, 2, NULL, 5, 3]
    frame = store.history.history(ID)
    assert frame and frame.deleted is None and set(frame.types) == set(TYPES)
    assert await store.history.as_of(ID, NOW + 3) is None
    assert store.check() == []


@pytest.mark.parametrize(("keep", "left"), [("keep", [1, NULL]), ("drop", None)])
async def test_the_history_of_a_deleted_entity_is_kept_or_dropped(
    settings: BrokerSettings, keep: str, left: list[Any] | None
) -> None:
    catalogue = SqliteCatalogue(replace(settings, history_of_deleted=keep))
    store = catalogue.open("")
    await made(store, ID, NOW, n=1)
    await removed(store, ID, NOW + 1)
    found = (await store.history.evolution(ID, Asked())).instances.get(N)
    assert (found and [one["value"] for one in found]) == left
    assert (store.history.history(ID) is None) == (left is None)
    assert store.check() == []
    await catalogue.close()


@pytest.mark.parametrize(
    ("record", "written"), [(("on",), True), (("off",), False), (("Shelter",), True), (("Sensor",), False)]
)
async def test_history_is_written_for_the_types_chosen(
    settings: BrokerSettings, record: tuple[str, ...], written: bool
) -> None:
    catalogue = SqliteCatalogue(replace(settings, history=record))
    store = catalogue.open("")
    await made(store, ID, NOW, n=1)
    assert bool((await store.history.evolution(ID, Asked())).instances) == written
    assert (store.history.history(ID) is not None) == written
    await store.history.set_policy({"record": ["off" if written else "on"]})
    await made(store, ID, NOW + 1, n=2)
    assert (
        bool((await store.history.evolution(ID, Asked(span=Span("modifiedAt", NOW + 1)))).instances)
        != written
    )
    await catalogue.close()
    catalogue = SqliteCatalogue(replace(settings, history=record))
    assert catalogue.open("").history.policy.record == ("off" if written else "on",)
    await catalogue.open("").history.set_policy(None)
    assert catalogue.open("").history.policy.record == record
    await catalogue.close()


async def test_what_waits_in_the_log_is_not_lost_with_an_entity_that_is_recorded_no_longer(
    settings: BrokerSettings,
) -> None:
    catalogue = SqliteCatalogue(replace(settings, history=("Shelter",)))
    store = catalogue.open("")
    await made(store, ID, NOW, n=1)
    other = {**examples.entity(ID, TYPES[1], n=2), "modifiedAt": NOW + 1}
    await store.change([EntityChange(ID, lambda _: other)], NOW + 1)
    await removed(store, ID, NOW + 2)
    found = (await store.history.evolution(ID, Asked())).instances[N]
    assert [one["value"] for one in found] == [1]
    frame = store.history.history(ID)
    assert frame and frame.deleted == NOW + 2 and set(frame.types) == set(TYPES[:2])
    assert store.check() == []
    await catalogue.close()


async def test_the_log_is_settled_when_it_is_long(
    store: SqliteTenantStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.store.sqlite.history.MOST_WAITING", 5)
    for n in range(12):
        await made(store, ID, NOW + n, n=n)
    found = (await store.history.evolution(ID, Asked())).instances[N]
    assert [one["value"] for one in found] == list(range(12))
    assert len({one["instanceId"] for one in found}) == 12
