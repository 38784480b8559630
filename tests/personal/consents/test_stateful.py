"""Any order of decisions, versions, deaths, moves and doubles, against a simple model. (DESIGN 3; issue 5)"""

import asyncio
import contextlib
import dataclasses
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from base import clock
from base.database import Connection
from base.errors import Problem
from personal import server, towns
from personal.audit import checking, reading
from personal.operations import consent_reactions, consents, handles, merging, parting, resident_changes
from personal.operations.actors import Actor, Role, Who
from personal.operations.call import Call
from personal.operations.registering import Newcomer, enter
from personal.operations.tables import ConsentChange
from personal.rules import consent, decisions
from personal.rules.consent import Kind
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from personal.store import consents as stored
from personal.store import people, services
from tests.personal.consents.deciding import SESSION
from tests.personal.live import YABU, asked, described, purpose

ITEMS = ("basic-four", "allergies", "contact")
REQUIRED = "basic-four"
START = clock.parse("2026-04-01T00:00:00Z")
DAY = 86_400 * clock.SECOND
STAFF = Actor(Who.STAFF, "m_1", roles=frozenset({Role.COUNTER}))
ENTRIES = range(3)
entries = st.sampled_from(ENTRIES)
some = st.sets(st.sampled_from(ITEMS))


@dataclass
class Decided:
    """What was decided last on an item of an entry: agreed to until a moment, or not."""

    order: int
    agreed: bool
    until: int = 0
    version: int = 0


@dataclass
class Entry:
    """A resident as the model knows them."""

    alive: bool = True
    here: bool = True
    into: int | None = None
    log: dict[str, list[Decided]] = field(default_factory=lambda: {item: [] for item in ITEMS})


class Consents(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = contextlib.AsyncExitStack()
        self.loop.run_until_complete(self.open())
        self.model = [Entry() for _ in ENTRIES]
        self.merges: list[tuple[int, int, int]] = []
        self.order = self.checked = 0
        self.now, self.version, self.least = START, 1, 1

    async def open(self) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        towns.add(folder, YABU)
        made = PersonalSettings(data=folder, demo=True)
        module = await self.stack.enter_async_context(server.module_of(made, lambda: "http://127.0.0.1"))
        self.heard: dict[str, set[str]] = {}
        follow = (self.listen,)
        reactions = (consent_reactions.reaction(follow),)
        self.module = dataclasses.replace(module, reactions=reactions, consent_reactions=follow)
        self.town = module.towns["yabu"]

        def work(db: Connection) -> list[str]:
            services.put_version(db, "shelter", self.description(1), wider=True, proposal="", now=START)
            return [enter(db, Newcomer((), ()), cleared=True, now=START, reactions=()) for _ in ENTRIES]

        self.ids = await self.town.store.write(work)
        self.handles = await handles.handles(self.town, STAFF)

    def listen(self, _: Connection, change: ConsentChange, __: int) -> None:
        known = self.heard.setdefault(change.person, set())
        known |= set(change.begin)
        known -= set(change.end)

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        assert list(self.town.store.read(checking.faults)) == []
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()

    @staticmethod
    def description(days: int) -> dict[str, Any]:
        first, *others = (
            asked(item, need="required" if item == REQUIRED else "optional", retentionDays=days)
            for item in ITEMS
        )
        return described(purpose("reception", first, *others))

    def do(self, operation: Any, actor: Actor, body: Any) -> Any:
        call = Call(self.town, actor, body=body, now=self.now)
        return self.loop.run_until_complete(operation(call, self.module)).body

    def resident(self, entry: int) -> Actor:
        return Actor(Who.RESIDENT, self.ids[entry], self.ids[entry], level=Level.CARD)

    def top(self, entry: int) -> int:
        into = self.model[entry].into
        return entry if into is None else self.top(into)

    def last(self, at: int) -> dict[str, Decided]:
        family = [number for number in ENTRIES if self.top(number) == at]
        found = {item: [one for number in family for one in self.model[number].log[item]] for item in ITEMS}
        return {item: max(made, key=lambda one: one.order) for item, made in found.items() if made}

    def holding(self, at: int, least: int) -> set[str]:
        return {
            item
            for item, one in self.last(at).items()
            if one.agreed and self.now < one.until and one.version >= least
        }

    def note(self, at: int, items: set[str], agreed: bool, until: int = 0) -> None:
        self.order += 1
        for item in items:
            self.model[at].log[item].append(Decided(self.order, agreed, until, self.version))

    @rule(entry=entries, agree=some, refuse=some, days=st.integers(1, 60))
    def decide(self, entry: int, agree: set[str], refuse: set[str], days: int) -> None:
        at = self.top(entry)
        refuse = refuse - agree
        last = clock.show(self.now + days * DAY)[:10]
        body = {
            "service": "shelter",
            "purpose": "reception",
            "agree": sorted(agree),
            "refuse": sorted(refuse),
        }
        told = {**body, "until": last} if agree else body
        have = (agree | self.holding(at, self.least)) - refuse
        standing = {item for item, one in self.last(at).items() if one.agreed}
        possible = (agree or refuse) and self.model[at].alive and (not agree or REQUIRED in have)
        try:
            prepared = self.do(consents.prepare_own, self.resident(at), told)
        except Problem:
            assert not possible
            return
        assert possible
        until = clock.parse(prepared["until"]) if agree else 0
        assert not agree or until == decisions.ending(self.now, 365, last)
        if not agree and REQUIRED in refuse:
            refuse = refuse | standing
        new = {item for item in refuse if item in standing or item not in self.last(at)}
        try:
            self.do(
                consents.decide_own,
                self.resident(at),
                {"prepared": prepared["prepared"], "evidence": SESSION},
            )
        except Problem:
            assert not agree and not new
            return
        assert agree or new
        self.note(at, agree, True, until)
        self.note(at, new, False)

    @rule(entry=entries, items=st.none() | some.filter(bool))
    def withdraw(self, entry: int, items: set[str] | None) -> None:
        at = self.top(entry)
        assume(self.model[at].alive)
        standing = {item for item, one in self.last(at).items() if one.agreed}
        body: dict[str, Any] = {"everything": True}
        if items is not None:
            body = {"service": "shelter", "purpose": "reception", "items": sorted(items)}
        wanted = standing if items is None or REQUIRED in items else items & standing
        done = self.do(consents.withdraw_own, self.resident(at), body)["withdrawn"]
        assert {item for one in done for item in one["items"]} == wanted
        self.note(at, wanted, False)

    @rule(wider=st.booleans())
    def change_service(self, wider: bool) -> None:
        told = self.description(self.version + 1)
        work = lambda db: services.put_version(db, "shelter", told, wider=wider, proposal="", now=self.now)  # noqa: E731
        self.version = self.loop.run_until_complete(self.town.store.write(work))
        self.least = self.version if wider else self.least

    @rule(days=st.integers(1, 30))
    def wait(self, days: int) -> None:
        self.now += days * DAY

    @rule(entry=entries, event=st.sampled_from(["died", "moved", "returned"]))
    def happen(self, entry: int, event: str) -> None:
        at = self.top(entry)
        one = self.model[at]
        possible = {
            "died": one.alive,
            "moved": one.alive and one.here,
            "returned": not (one.alive and one.here),
        }
        body = {"resident": self.handles.show(self.ids[at]), "event": event}
        try:
            self.do(resident_changes.note, STAFF, body)
        except Problem:
            assert not possible[event]
            return
        assert possible[event]
        if event == "returned":
            one.alive = one.here = True
            return
        one.alive, one.here = one.alive and event != "died", False
        self.note(at, {item for item, last in self.last(at).items() if last.agreed}, False)

    @rule(one=entries, other=entries)
    def merge(self, one: int, other: int) -> None:
        first, second = self.top(one), self.top(other)
        assume(first != second and self.model[first].alive and self.model[second].alive)
        self.now += 1
        shown = [self.handles.show(self.ids[at]) for at in (first, second)]
        self.do(merging.merge_residents, STAFF, {"resident": shown[0], "double": shown[1]})
        self.model[second].into = first
        self.merges.append((first, second, self.order))

    @precondition(lambda self: bool(getattr(self, "merges", ())))
    @rule(to_double=st.booleans())
    def part(self, to_double: bool) -> None:
        first, second, order = self.merges[-1]
        assume(self.model[first].into is None and self.model[first].alive and self.model[first].here)
        self.now += 1
        body = {
            "resident": self.handles.show(self.ids[first]),
            "sinceGoesTo": "double" if to_double else "resident",
        }
        self.do(parting.part_residents, STAFF, body)
        self.merges.pop()
        self.model[second].into = None
        if to_double:
            for item, made in self.model[first].log.items():
                self.model[second].log[item] += [one for one in made if one.order > order]
                self.model[first].log[item] = [one for one in made if one.order <= order]

    @invariant()
    def agrees(self) -> None:
        """Compare what the next disclosure would see with the model, and each new event with its entry."""
        if hasattr(self, "model"):
            self.town.store.read(self.compare)

    def compare(self, db: Connection) -> None:
        for number in ENTRIES:
            at = self.top(number)
            person = people.current(db, self.ids[number])
            assert person is not None and person.id == self.ids[at]
            found = stored.for_disclosure(db, person.id, "shelter", "reception", ITEMS)
            holding = {item for item, one in found.items() if consent.holds(one, self.now, self.least)}
            assert holding == self.holding(at, self.least)
            assert holding <= self.heard.get(person.id, set())
        for one in [found for id in self.ids for found in stored.history(db, id)]:
            if one.leaf < self.checked:
                continue
            facts = reading.entry(db, one.leaf).facts()
            assert one.consent.item in facts["items"] and one.consent.kind is Kind.SHARE
            assert not any(id in str(facts) for id in self.ids)
        self.checked = len(reading.entries(db, 0, 100_000))


TestConsents = Consents.TestCase
TestConsents.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
