"""Merging and parting doubles, against a model: parting restores exactly, what happened since goes to one side."""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from base.database import Connection, transaction
from base.errors import Conflict
from personal.operations import merging, resident_changes
from personal.operations.registering import Newcomer, enter
from personal.rules.identifiers import framed
from personal.rules.residents import Event, Happening, IdentifierKind, State
from personal.store import identifiers, merges, people, schema
from personal.store.people import Person
from tests.personal.live import Live
from tests.personal.people.test_registering import CARD, at_counter, register, search
from tests.personal.records.test_over_http import shown_to


@dataclass
class Entry:
    """What the model knows of one entry: who it is merged into, and how it stands on its own."""

    state: State = State.HERE
    protected: bool = False
    terms: frozenset[bytes] = frozenset()
    linked: frozenset[bytes] = frozenset()
    into: int | None = None


@dataclass
class Undo:
    """A merge of the model: how both stood before."""

    survivor: int
    double: int
    before: tuple[Entry, Entry]
    since: int = field(default=0)


class Doubles(RuleBasedStateMachine):
    """Random lives of a few residents, some of whom are entered twice."""

    entries = Bundle("entries")

    @initialize(target=entries)
    def begin(self) -> Any:
        self.db = Connection(":memory:")
        self.db.execute("".join(schema.STEPS))
        self.now = 1_000
        self.ids: list[str] = []
        self.model: list[Entry] = []
        self.ended: set[bytes] = set()
        self.merges: list[Undo] = []
        self.told: list[Happening] = []
        self.count = 0
        return multiple(*(self.enter_one() for _ in range(3)))

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    def fresh(self) -> bytes:
        self.count += 1
        return self.count.to_bytes(4, "big")

    def top(self, number: int) -> int:
        into = self.model[number].into
        return number if into is None else self.top(into)

    def row(self, number: int) -> Person:
        found = people.current(self.db, self.ids[number])
        assert found is not None
        return found

    def do(self, work: Callable[[], Any]) -> None:
        self.now += 1
        with transaction(self.db):
            work()

    def react(self, _: Connection, happening: Happening, __: int) -> None:
        self.told.append(happening)

    @precondition(lambda self: len(self.ids) < 4)
    @rule(target=entries)
    def enter(self) -> int:
        return self.enter_one()

    def enter_one(self) -> int:
        mark, term = self.fresh(), self.fresh()
        who = Newcomer(((IdentifierKind.CARD, mark),), (("name", term),))
        self.do(
            lambda: self.ids.append(enter(self.db, who, cleared=True, now=self.now, reactions=(self.react,)))
        )
        self.model.append(Entry(terms=frozenset({term}), linked=frozenset({mark})))
        return len(self.ids) - 1

    @rule(entry=entries)
    def link(self, entry: int) -> None:
        at, mark = self.top(entry), self.fresh()
        assume(self.model[at].state is not State.DEAD)
        self.do(
            lambda: resident_changes.link_to(
                self.db, self.row(entry), IdentifierKind.CARD, mark, may=True, now=self.now
            )
        )
        self.model[at].linked |= {mark}

    @rule(entry=entries, pick=st.integers(0, 5))
    def lose_card(self, entry: int, pick: int) -> None:
        present = sorted(self.shown(self.top(entry))[0])
        assume(present)
        mark = present[pick % len(present)]
        holder = identifiers.holder(self.db, IdentifierKind.CARD, mark, cleared=True)
        assert holder is not None
        self.do(lambda: identifiers.renew(self.db, IdentifierKind.CARD, mark, holder, self.now))
        self.ended.add(mark)

    @rule(entry=entries, event=st.sampled_from([Event.MOVED, Event.DIED, Event.RETURNED]))
    def happen(self, entry: int, event: Event) -> None:
        at = self.top(entry)
        following = {
            (State.HERE, Event.MOVED): State.MOVED,
            (State.HERE, Event.DIED): State.DEAD,
            (State.MOVED, Event.DIED): State.DEAD,
            (State.MOVED, Event.RETURNED): State.HERE,
            (State.DEAD, Event.RETURNED): State.HERE,
        }.get((self.model[at].state, event))
        work = lambda: resident_changes.happen(self.db, self.row(entry), event, self.now, (self.react,))  # noqa: E731  # used twice
        if following is None:
            with pytest.raises(Conflict):
                self.do(work)
            return
        self.do(work)
        self.model[at].state = following

    @rule(entry=entries, protected=st.booleans())
    def protect(self, entry: int, protected: bool) -> None:
        self.do(lambda: merging.protect(self.db, self.row(entry).id, protected, self.now))
        self.model[self.top(entry)].protected = protected

    @rule(entry=entries)
    def rename(self, entry: int) -> None:
        term = self.fresh()
        self.do(lambda: people.index(self.db, self.row(entry).id, [("name", term)]))
        self.model[self.top(entry)].terms = frozenset({term})

    @rule(one=entries, other=entries)
    def merge(self, one: int, other: int) -> None:
        first, second = self.top(one), self.top(other)
        assume(first != second)
        work = lambda: merging.merge(self.db, self.row(one), self.row(other), by="m_", now=self.now)  # noqa: E731  # used twice
        survivor, double = self.model[first], self.model[second]
        if (survivor.state is State.DEAD) is not (double.state is State.DEAD):
            with pytest.raises(Conflict):
                self.do(work)
            return
        self.do(work)
        self.merges.append(Undo(first, second, (replace(survivor), replace(double))))
        double.into = first
        survivor.protected = survivor.protected or double.protected

    @rule(entry=entries, to_double=st.booleans())
    def part(self, entry: int, to_double: bool) -> None:
        at = self.top(entry)
        undo = next((one for one in reversed(self.merges) if one.survivor == at), None)
        stored = merges.latest(self.db, self.ids[at])
        assert (undo is None) is (stored is None)
        if undo is None or stored is None:
            return
        self.do(lambda: merging.part(self.db, stored, self.row(at), to_double=to_double, now=self.now))
        self.merges.remove(undo)
        (first, second), now = undo.before, self.model[at]
        gainer, other = (second, first) if to_double else (first, second)
        gainer.linked |= now.linked - first.linked
        if now.state is not first.state:
            gainer.state = now.state
        if now.terms != first.terms:
            gainer.terms = now.terms
        if now.protected is not (first.protected or second.protected):
            gainer.protected = now.protected
            other.protected = other.protected or now.protected
        self.model[at], self.model[undo.double] = first, second

    def shown(self, at: int) -> tuple[set[bytes], set[bytes]]:
        """Give the identifiers that work and the terms of a top entry, doubles included, by the model."""
        family = [number for number in range(len(self.model)) if self.top(number) == at]
        linked = {mark for number in family for mark in self.model[number].linked}
        terms = {term for number in family for term in self.model[number].terms}
        return (set() if self.model[at].state is State.DEAD else linked - self.ended), terms

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        for number, id in enumerate(self.ids):
            row, at = people.find(self.db, id), self.top(number)
            assert row is not None
            assert self.row(number).id == self.ids[at]
            if at != number:
                assert row.state is State.MERGED
                continue
            assert (row.state, row.protected) == (self.model[number].state, self.model[number].protected)
            family = people.family(self.db, id)
            assert set(family) == {self.ids[one] for one in range(len(self.ids)) if self.top(one) == number}
            linked, terms = self.shown(number)
            assert {hash for one in family for _, hash in people.terms(self.db, one)} == terms
            self.check_found(row, linked, terms)

    def check_found(self, person: Person, linked: set[bytes], terms: set[bytes]) -> None:
        for mark in (number.to_bytes(4, "big") for number in range(1, self.count + 1)):
            for cleared in (True, False):
                holder = identifiers.holder(self.db, IdentifierKind.CARD, mark, cleared=cleared)
                found = None if holder is None else people.current(self.db, holder)
                expected = mark in linked and (cleared or not person.protected)
                assert (found is not None and found.id == person.id) is expected
        for term in terms:
            for cleared in (True, False):
                hits = people.matching(self.db, "name", term, cleared=cleared, most=10)
                assert bool(hits) is (cleared or not person.protected)


TestDoubles = Doubles.TestCase
TestDoubles.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


async def test_doubles_are_merged_and_parted_at_the_counter(live: Live) -> None:
    first = await register(live, cards=[CARD], login="hanako")
    second = await register(live, nameKana="ヤブ ハナ", municipalId="1001", login="hana")
    assert (await at_counter(live, "part", resident=first, sinceGoesTo="double")).status == 409
    merged = await at_counter(live, "merge", resident=first, double=second)
    assert merged.json == {"resident": first}
    assert await search(live, municipalId="1001") == await search(live, card=CARD) == [first]
    assert await search(live, birthDate="1990-04-01") == [first]
    assert (await at_counter(live, "merge", resident=first, double=second)).status == 409
    assert await live.person("hana") == await live.person("hanako")
    new = {"issuer": "J-LIS", "serial": "0009"}
    assert (await at_counter(live, "identifiers", resident=second, card=new)).status == 204
    parted = await at_counter(live, "part", resident=first, sinceGoesTo="double")
    assert parted.json == {"resident": first, "double": second, "replacedSince": []}
    assert await search(live, municipalId="1001") == await search(live, card=new) == [second]
    assert await search(live, card=CARD) == [first]
    live.tokens.clear()
    assert await live.person("hana") != await live.person("hanako")


async def test_whoever_is_logged_in_as_a_double_logs_in_again(live: Live) -> None:
    first = await register(live, login="hanako")
    second = await register(live, login="hana")
    token = await live.resident("hana")
    await at_counter(live, "merge", resident=first, double=second)
    assert (await live.get("/session", by=token)).status == 401


async def write(live: Live, resident: str, item: str, value: Any, version: int) -> None:
    body = {"resident": resident, "item": item, "value": value, "expectedVersion": version}
    reply = await live.post("/records/write", body, by=await live.staff("counter"))
    assert reply.status in (200, 201), reply.raw


async def read(live: Live, resident: str, item: str) -> Any:
    body = {"resident": resident, "item": item}
    reply = await live.post("/records/read", body, by=await live.staff("counter"))
    return reply.json["value"] if reply.status == 200 else None


@pytest.mark.parametrize("side", ["resident", "double"])
async def test_what_was_written_since_goes_to_the_named_side(live: Live, side: str) -> None:
    first, second = await register(live), await register(live)
    before, after = {"number": "A-1"}, {"number": "A-2"}
    both = {"allergies": [{"to": "egg"}]}
    await write(live, first, "library-card", before, 0)
    await write(live, second, "allergies", both, 0)
    await at_counter(live, "merge", resident=first, double=second)
    assert await read(live, first, "allergies") == both
    household = {"relationToHead": "head", "members": 1}
    await write(live, first, "household", household, 0)
    await write(live, first, "library-card", after, 1)
    parted = await at_counter(live, "part", resident=first, sinceGoesTo=side)
    assert parted.status == 200, parted.raw
    own, other = (first, second) if side == "resident" else (second, first)
    assert await read(live, own, "household") == household
    assert await read(live, other, "household") is None
    assert await read(live, second, "allergies") == both
    assert await read(live, first, "allergies") is None
    assert await read(live, own, "library-card") == after
    # the value from before is gone, so the one from since stays and staff are told
    assert parted.json["replacedSince"] == ([] if side == "resident" else ["library-card"])


async def test_a_merged_resident_sees_what_was_done_with_either_entry(live: Live) -> None:
    first, second = await register(live, login="hanako"), await register(live, login="hana")

    async def seen(login: str) -> list[int]:
        live.tokens.pop(("yabu", f"resident/{login}/3"), None)
        by = await live.resident(login)
        found = (await live.get("/me/accesses", by=by)).json["accesses"]
        for one in found:
            proven = await live.get(f"/me/accesses/{one['position']}/proof", by=by)
            told, opened = json.loads(proven.json["entry"]), proven.json["commitment"]
            made = framed("commitment", opened["role"], opened["person"])
            assert hmac.digest(bytes.fromhex(opened["salt"]), made, "sha256").hex() == told["subject"]
        return [one["position"] for one in found]

    await at_counter(live, "read", resident=first)
    await at_counter(live, "read", resident=second)
    own, other = await seen("hanako"), await seen("hana")
    assert not set(own) & set(other)
    await at_counter(live, "merge", resident=first, double=second)
    both = await seen("hanako")
    assert set(both) > set(own) | set(other)
    assert both == sorted(both, reverse=True)
    await at_counter(live, "part", resident=first, sinceGoesTo="resident")
    assert set(await seen("hana")) >= set(other)
    assert not set(await seen("hanako")) & set(other)


async def test_of_who_is_forgotten_no_hash_stays_with_the_merge(live: Live) -> None:
    first, second = await register(live, login="hanako"), await register(live, cards=[CARD])
    await at_counter(live, "merge", resident=first, double=second)
    await at_counter(live, "events", resident=first, event="moved")
    who = {"resident": await shown_to(live, "privacy", await live.person("hanako"))}
    reply = await live.post("/records/forget", who, by=await live.staff("privacy"))
    assert reply.status == 200, reply.raw
    for table in ("merge", "identifier", "blind_index"):
        assert (
            live.town.store.read(lambda db, table=table: db.execute(f"SELECT count(*) FROM {table}").get) == 0
        )
