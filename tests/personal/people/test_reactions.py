"""What happens to residents is told to the other parts in the same transaction, and undone with it. (issue 5)"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from base.database import Connection
from base.errors import Conflict
from personal.operations import merging
from personal.operations.registering import Newcomer, enter
from personal.operations.resident_changes import happen
from personal.rules.residents import Event, Happening, IdentifierKind, State
from personal.store import identifiers, merges, people
from personal.store.town import TownStore

CARD = (IdentifierKind.CARD, b"card")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[TownStore]:
    opened = TownStore(tmp_path)
    yield opened
    await opened.close()


async def entered(store: TownStore) -> people.Person:
    def work(db: Connection) -> people.Person:
        id = enter(db, Newcomer((CARD,), ()), cleared=True, now=1, reactions=())
        found = people.find(db, id)
        assert found is not None
        return found

    return await store.write(work)


async def test_each_part_is_told_in_order_what_happened(store: TownStore) -> None:
    person = await entered(store)
    told: list[tuple[str, Happening, State]] = []

    def part(name: str, db: Connection, happening: Happening) -> None:
        found = people.find(db, person.id)
        assert found is not None
        told.append((name, happening, found.state))

    reactions = (
        lambda db, happening, _: part("consents", db, happening),
        lambda db, happening, _: part("services", db, happening),
    )
    await store.write(lambda db: happen(db, person, Event.MOVED, 2, reactions))
    moved = Happening(Event.MOVED, person.id)
    assert told == [("consents", moved, State.MOVED), ("services", moved, State.MOVED)]


async def test_nothing_happened_if_a_part_cannot_follow(store: TownStore) -> None:
    person = await entered(store)

    def fail(_: Connection, __: Happening, ___: int) -> None:
        raise Conflict("This part cannot follow.")

    with pytest.raises(Conflict):
        await store.write(lambda db: happen(db, person, Event.DIED, 2, (fail,)))
    assert store.read(lambda db: people.find(db, person.id)) == person
    assert store.read(lambda db: identifiers.holder(db, *CARD, cleared=True)) == person.id


@pytest.mark.parametrize(
    ("before", "event"),
    [
        ((), Event.RETURNED),
        ((Event.MOVED,), Event.MOVED),
        ((Event.DIED,), Event.DIED),
        ((Event.DIED,), Event.MOVED),
        ((), Event.MERGED),
        ((), Event.REGISTERED),
    ],
)
async def test_what_cannot_happen_is_refused(
    store: TownStore, before: tuple[Event, ...], event: Event
) -> None:
    person = await entered(store)
    for number, earlier in enumerate((*before, event), 2):
        present = store.read(lambda db: people.find(db, person.id))
        assert present is not None
        if number == len(before) + 2:
            with pytest.raises(Conflict):
                await store.write(lambda db, e=earlier, p=present: happen(db, p, e, 9, ()))
        else:
            await store.write(lambda db, e=earlier, p=present: happen(db, p, e, 9, ()))


@pytest.mark.parametrize("to_double", [False, True])
async def test_what_parting_means_for_either_is_told(store: TownStore, to_double: bool) -> None:
    def work(db: Connection) -> tuple[str, str, tuple[Happening, ...]]:
        ids = [enter(db, Newcomer((), ()), cleared=True, now=1, reactions=()) for _ in range(2)]
        survivor, double = (found for id in ids if (found := people.find(db, id)) is not None)
        merging.merge(db, survivor, double, by="", now=2)
        merging.protect(db, survivor.id, True, 3)
        present = people.find(db, survivor.id)
        assert present is not None
        happen(db, present, Event.DIED, 4, ())
        undone, present = merges.latest(db, survivor.id), people.find(db, survivor.id)
        assert undone is not None
        assert present is not None
        told = merging.part(db, undone, present, to_double=to_double, now=5)
        return survivor.id, double.id, told

    survivor, double, told = await store.write(work)
    expected = {Happening(Event.PROTECTED, double)}
    if to_double:
        expected |= {Happening(Event.DIED, double), Happening(Event.RETURNED, survivor)}
    assert set(told) == expected
