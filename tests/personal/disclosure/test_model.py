"""Shown ⊆ asked ∩ agreed, or ∩ what a law or an emergency names: random lives against a model. (DESIGN 3; issue 5)

Every step goes through the operations on a real module; each disclosure is compared with the model exactly, and with
what the log says.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from base import clock
from base.errors import ResourceNotFound
from personal.audit import log
from personal.locations.records import Change
from personal.operations import bulk, disclosures, linked_data, naming
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.rules.consent import Consent, Event, Kind, State
from personal.rules.emergency import Area
from personal.rules.emergency import Event as Declaration
from personal.rules.identifiers import fresh
from personal.store import consents, emergencies, people, pseudonyms, services
from personal.store.consents import Happened
from personal.store.emergencies import Declared
from schemas.personal.catalogue import term
from tests.personal.disclosure.sharing import PURPOSE, leaves
from tests.personal.live import Live, asked, described, live_module, purpose

T = TypeVar("T")
ITEMS = ("allergies", "contact", "care-needs")
VALUES: dict[str, Any] = {
    "allergies": {"allergies": []},
    "contact": {"phones": []},
    "care-needs": {"mobility": "alone"},
}
SERVICES, PERSONS = range(2), range(2)
STEP = 1_000_000
some_items = st.lists(st.sampled_from(ITEMS), min_size=1, unique=True)


@dataclass
class Agreed:
    """What the model knows of a consent."""

    holds: bool
    version: int
    until: int | None = None


@dataclass
class Offered:
    """What the model knows of a service: the version in force, the last wider one, the items, the law if any."""

    version: int = 0
    least: int = 0
    items: tuple[str, ...] = ()
    law: bool = False


@dataclass
class Person:
    """What the model knows of a resident."""

    id: str
    held: set[str] = field(default_factory=set)
    protected: bool = False


class Lives(RuleBasedStateMachine):
    """Residents, services, consents, emergencies; and services that ask."""

    runner: asyncio.Runner
    live: Live

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def write(self, work: Any) -> Any:
        return self.do(self.live.town.store.write(work))

    @initialize()
    def begin(self) -> None:
        self.now = clock.now()
        self.sure = fresh().lower().replace("_", "").replace("-", "")[:10]
        self.services = [f"s{number}-{self.sure}" for number in SERVICES]
        self.offers = [Offered() for _ in SERVICES]
        self.people = [Person(fresh("r_")) for _ in PERSONS]
        self.agreed: dict[tuple[int, int, str], Agreed] = {}
        self.events: dict[str, tuple[frozenset[int], frozenset[str], int]] = {}
        self.deriving = self.do(naming.deriving_of(self.live.town))
        for one in self.people:
            self.write(lambda db, one=one: people.add(db, one.id, self.now))
        for number in SERVICES:
            self.describe(number, ITEMS[:2], wider=True, law=False)
        for person in PERSONS:
            self.hold_or_erase(person, ITEMS[person])
            for service in SERVICES:
                self.decide(person, service, ITEMS[person], State.GIVEN, older=False, seconds=None)
        self.names = [
            [
                self.write(
                    lambda db, id=id, one=one: pseudonyms.given(db, self.deriving, id, one.id, self.now)
                )
                for one in self.people
            ]
            for id in self.services
        ]

    @rule(service=st.sampled_from(SERVICES), items=some_items, wider=st.booleans(), law=st.booleans())
    def describe(self, service: int, items: Any, wider: bool, law: bool) -> None:
        basis = "law:災害対策基本法49条の11" if law else "consent"
        told = described(purpose(PURPOSE, *map(asked, items), basis=basis))
        self.write(
            lambda db: services.put_version(
                db, self.services[service], told, wider=wider, proposal="", now=self.now
            )
        )
        was = self.offers[service]
        first = was.version == 0
        least = was.version + 1 if wider or first else was.least
        self.offers[service] = Offered(was.version + 1, least, tuple(items), law)

    @rule(
        person=st.sampled_from(PERSONS),
        service=st.sampled_from(SERVICES),
        item=st.sampled_from(ITEMS),
        state=st.sampled_from([State.GIVEN, State.RENEWED]) | st.sampled_from(State),
        older=st.booleans(),
        seconds=st.none() | st.integers(1, 5),
    )
    def decide(
        self, person: int, service: int, item: str, state: State, older: bool, seconds: int | None
    ) -> None:
        version = max(1, self.offers[service].version - older)
        until = None if seconds is None else self.now + seconds * STEP
        consent = Consent(Kind.SHARE, self.services[service], PURPOSE, item, version, state, self.now, until)
        happened = Happened(Event.GIVE, consent, 0)
        self.write(lambda db: consents.write(db, self.people[person].id, happened))
        holds = state in (State.GIVEN, State.RENEWED)
        self.agreed[person, service, item] = Agreed(holds, version, until)

    @rule(person=st.sampled_from(PERSONS), item=st.sampled_from(ITEMS))
    def hold_or_erase(self, person: int, item: str) -> None:
        one, records = self.people[person], self.live.town.records
        if item in one.held:
            self.do(records.erase(one.id, item, lambda _, __: None, self.now))
        else:
            self.do(records.keep([Change(one.id, item, VALUES[item], 0)], lambda _: None, self.now))
        one.held ^= {item}

    @rule(person=st.sampled_from(PERSONS))
    def protect_or_not(self, person: int) -> None:
        one = self.people[person]
        one.protected = not one.protected
        self.write(lambda db: people.protect(db, one.id, one.protected, self.now))

    @rule(to=st.frozensets(st.sampled_from(SERVICES)), items=some_items, seconds=st.integers(1, 5))
    def declare(self, to: frozenset[int], items: list[str], seconds: int) -> None:
        id, until = fresh("e_"), self.now + seconds * STEP
        named = frozenset(self.services[one] for one in to)
        event = Declaration(id, Area.WHOLE, named, frozenset(items), self.now, until)
        declared = Declared(event, {"ja": "水害", "en": "Flood"}, "law", b"", self.now, "a", "b")
        self.write(lambda db: emergencies.add(db, declared))
        self.events[id] = (to, frozenset(items), until)

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.now += seconds * STEP

    @rule(
        person=st.sampled_from(PERSONS),
        service=st.sampled_from(SERVICES),
        items=some_items,
        way=st.sampled_from(["one", "bulk", "linked"]),
        data=st.data(),
    )
    def ask(self, person: int, service: int, items: list[str], way: str, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(["", "e_none", *self.events]))
        expected = {item for item in items if self.may(person, service, item, event)}
        if way == "linked":
            items = [item for item in items if item in self.offers[service].items]
            expected &= set(items)
        if not items:
            return
        before = self.live.town.store.read(log.size)
        shown = self.do(self.asked(service, self.names[service][person], items, event, way))
        assert shown == {item: VALUES[item] for item in items if item in expected}
        (leaf,) = leaves(self.live, before)
        assert set(leaf["items"]) == expected
        assert leaf.get("event", "") == event

    @invariant()
    def everybody_is_shown_what_they_may_see(self) -> None:
        for service in SERVICES:
            found = self.do(self.asked_together(service, self.names[service], list(ITEMS), ""))
            for person in PERSONS:
                expected = {item: VALUES[item] for item in ITEMS if self.may(person, service, item, "")}
                assert found[person] == expected

    @rule(person=st.sampled_from(PERSONS), service=st.sampled_from(SERVICES), items=some_items)
    def ask_by_a_name_of_another(self, person: int, service: int, items: list[str]) -> None:
        told = set()
        for name in (self.names[1 - service][person], "p1." + "A" * 43):
            try:
                self.do(self.asked(service, name, items, "", "one"))
            except ResourceNotFound as problem:
                told.add(orjson.dumps(problem.body()))
        assert len(told) == 1

    def may(self, person: int, service: int, item: str, event: str) -> bool:
        one, offer = self.people[person], self.offers[service]
        if one.protected or item not in one.held:
            return False
        to, named, until = self.events.get(event, (frozenset(), frozenset(), 0))
        if service in to and item in named and self.now < until:
            return True
        if item not in offer.items:
            return False
        consent = self.agreed.get((person, service, item), Agreed(False, 0))
        running = consent.until is None or self.now < consent.until
        return offer.law or (consent.holds and running and consent.version >= offer.least)

    async def asked(self, service: int, name: str, items: list[str], event: str, way: str) -> dict[str, Any]:
        actor = Actor(Who.SERVICE, self.services[service])
        more = {"purpose": PURPOSE, **({"event": event} if event else {})}

        def call(**body: Any) -> Call:
            return Call(self.live.town, actor, body={**body, **more}, now=self.now)

        if way == "one":
            answer = await disclosures.disclose(call(subject=name, items=items), self.live.module)
            return dict(answer.body["items"])
        if way == "linked":
            entities = [{"id": f"urn:ngsi-ld:Person:{name}", "type": "Person"}]
            query = call(type="Query", entities=entities, pick=[term(item) for item in items])
            found = (await linked_data.query(query, self.live.module)).body
            return {item: found[0][term(item)]["value"] for item in items if found and term(item) in found[0]}
        return (await self.asked_together(service, [name], items, event))[0]

    async def asked_together(
        self, service: int, names: list[str], items: list[str], event: str
    ) -> list[dict[str, Any]]:
        more = {"purpose": PURPOSE, **({"event": event} if event else {})}
        actor = Actor(Who.SERVICE, self.services[service])
        body = {"subjects": names, "items": items, **more}
        answer = await bulk.disclose(Call(self.live.town, actor, body=body, now=self.now), self.live.module)
        assert answer.parts is not None
        lines = b"".join([part async for part in answer.parts]).splitlines()
        return [orjson.loads(line)["items"] for line in lines[:-1]]


def test_what_is_shown_is_what_the_model_allows_whatever_happens(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        running = live_module(tmp_path / "data", requests_per_second=0.0)
        live = runner.run(running.__aenter__())
        try:
            machine = type("Machine", (Lives,), {"runner": runner, "live": live})
            run_state_machine_as_test(
                machine, settings=settings(max_examples=10, stateful_step_count=40, deadline=None)
            )
        finally:
            runner.run(running.__aexit__(None, None, None))
