"""Guardians, emergencies, protection, deaths and doubles in any order, against a simple model. (DESIGN 3)"""

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from base.database import Connection
from base.errors import Conflict
from personal.operations import delegations as acts
from personal.operations import merging, resident_changes
from personal.operations.registering import Newcomer, enter, tell
from personal.rules.delegation import Act, Delegation, Relation, Scope, wider
from personal.rules.emergency import Area, Event
from personal.rules.residents import Event as Life
from personal.rules.residents import Happening
from personal.rules.residents import State as Stand
from personal.store import delegations, emergencies, people, schema
from personal.store.delegations import Granted
from personal.store.emergencies import Declared

KEY = bytes(32)
SEE, ALL = Scope(frozenset({Act.SEE})), Scope(frozenset(Act))
PAPER = Granted("m_1", "scan")
PEOPLE = st.integers(0, 3)


@dataclass
class Given:
    """A delegation of the model."""

    guardian: int
    subject: int
    scope: Scope
    until: int | None
    ended: bool = False


class Relations(RuleBasedStateMachine):
    """Four residents, who act for each other, are protected, die, turn out to be one; and emergencies about them."""

    @initialize()
    def begin(self) -> None:
        self.db = Connection(":memory:")
        self.db.execute("".join(schema.STEPS))
        self.now = 1_000
        self.ids = [enter(self.db, Newcomer((), ()), cleared=True, now=1, reactions=()) for _ in range(4)]
        self.into: dict[int, int] = {}
        self.protected: set[int] = set()
        self.dead: set[int] = set()
        self.given: dict[str, Given] = {}
        self.declared: list[tuple[str, int | None, int, int]] = []
        self.over: set[str] = set()
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    def top(self, number: int) -> int:
        while number in self.into:
            number = self.into[number]
        return number

    def id(self, kind: str) -> str:
        self.count += 1
        return f"{kind}_{self.count}"

    def happen(self, event: Life, person: int, other: str = "") -> None:
        tell(self.db, Happening(event, self.ids[person], other), self.now, (acts.react,))

    @rule(by=st.integers(1, 50))
    def wait(self, by: int) -> None:
        self.now += by

    @rule(one=PEOPLE, other=PEOPLE, scope=st.sampled_from([SEE, ALL]), life=st.none() | st.integers(1, 100))
    def grant(self, one: int, other: int, scope: Scope, life: int | None) -> None:
        """Do as one member of staff does alone: never more than the pair had before."""
        guardian, subject = self.top(one), self.top(other)
        if guardian == subject or subject in self.protected or {guardian, subject} & self.dead:
            return
        until = None if life is None else self.now + life
        old = delegations.latest(self.db, KEY, self.ids[guardian], self.ids[subject])
        if old is not None and wider(old, scope, until):
            return
        if old is not None and old.ended is None:
            delegations.end(self.db, old.id, self.now, "replaced")
            self.given[old.id].ended = True
        made = Delegation(
            self.id("g"), self.ids[guardian], self.ids[subject], Relation.PROXY, scope, self.now, until
        )
        delegations.add(self.db, KEY, made, PAPER)
        self.given[made.id] = Given(guardian, subject, scope, until)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def revoke(self, data: Any) -> None:
        id = data.draw(st.sampled_from(sorted(self.given)))
        delegations.end(self.db, id, self.now, "subject")
        self.given[id].ended = True

    @rule(one=PEOPLE)
    def protect(self, one: int) -> None:
        person = self.top(one)
        if person not in self.protected:
            merging.protect(self.db, self.ids[person], True, self.now)
            self.protected.add(person)
            self.happen(Life.PROTECTED, person)
            self.end_for(person)

    @rule(one=PEOPLE)
    def lift(self, one: int) -> None:
        person = self.top(one)
        if person in self.protected:
            merging.protect(self.db, self.ids[person], False, self.now)
            self.protected.discard(person)
            self.happen(Life.UNPROTECTED, person)

    @rule(one=PEOPLE)
    def die(self, one: int) -> None:
        person = self.top(one)
        if person not in self.dead:
            found = people.current(self.db, self.ids[person])
            assert found is not None
            resident_changes.happen(self.db, found, Life.DIED, self.now, (acts.react,))
            self.dead.add(person)
            for one_given in self.given.values():
                if person in (self.top(one_given.guardian), self.top(one_given.subject)):
                    one_given.ended = True

    @rule(one=PEOPLE, other=PEOPLE)
    def merge(self, one: int, other: int) -> None:
        survivor, double = self.top(one), self.top(other)
        first, second = (people.find(self.db, self.ids[number]) for number in (survivor, double))
        assert first is not None and second is not None
        if survivor == double:
            return
        try:
            merging.merge(self.db, first, second, by="m", now=self.now)
        except Conflict:
            assert (survivor in self.dead) is not (double in self.dead)
            return
        self.into[double] = survivor
        if double in self.protected:
            self.protected.add(survivor)
        self.happen(Life.MERGED, survivor, self.ids[double])
        if survivor in self.protected:
            self.end_for(survivor)

    def end_for(self, person: int) -> None:
        for one in self.given.values():
            if self.top(one.subject) == person:
                one.ended = True

    @rule(hours=st.integers(1, 100), whom=st.none() | PEOPLE)
    def declare(self, hours: int, whom: int | None) -> None:
        id, until = self.id("e"), self.now + hours
        area = Area.WHOLE if whom is None else Area.PERSON
        person = None if whom is None else self.ids[whom]
        event = Event(id, area, frozenset({"s"}), frozenset({"i"}), self.now, until, person=person)
        emergencies.add(self.db, Declared(event, {"ja": "x", "en": "x"}, "law:x", b"", self.now, "m_1"))
        self.declared.append((id, whom, self.now, until))

    @precondition(lambda self: self.declared)
    @rule(data=st.data())
    def end_early(self, data: Any) -> None:
        id = data.draw(st.sampled_from([one[0] for one in self.declared]))
        emergencies.end(self.db, id, self.now)
        self.over.add(id)

    @invariant()
    def whoever_acts_for_whom_is_as_the_model_says(self) -> None:
        if not hasattr(self, "db"):
            return
        expected = {
            (id, self.top(one.guardian), self.top(one.subject))
            for id, one in self.given.items()
            if not one.ended and (one.until is None or self.now < one.until)
        }
        expected = {
            (id, guardian, subject)
            for id, guardian, subject in expected
            if guardian != subject and subject not in self.protected and not {guardian, subject} & self.dead
        }
        tops = {self.top(number) for number in range(4)}
        told = {
            (one.id, self.ids.index(one.guardian), self.ids.index(one.subject))
            for number in tops
            for one in delegations.by_guardian(self.db, KEY, self.ids[number], self.now)
        }
        seen = {
            (one.id, self.ids.index(one.guardian), self.ids.index(one.subject))
            for number in tops
            for one in delegations.by_subject(self.db, KEY, self.ids[number], self.now)
        }
        assert told == seen == expected
        for guardian in tops:
            for subject in tops:
                found = delegations.active(self.db, KEY, self.ids[guardian], self.ids[subject], self.now)
                assert (found is not None) == any((guardian, subject) == row[1:] for row in expected)
                if found is not None:
                    assert found.scope == self.given[found.id].scope

    @invariant()
    def emergencies_are_about_whom_the_model_says(self) -> None:
        if not hasattr(self, "db"):
            return
        for number, id in enumerate(self.ids):
            person = self.top(number)
            found = people.current(self.db, id)
            assert found is not None
            expected = {
                event
                for event, whom, since, until in self.declared
                if event not in self.over
                and since <= self.now < until
                and person not in self.protected
                and (found.state is Stand.HERE if whom is None else self.top(whom) == person)
            }
            assert {one.id for one in emergencies.for_person(self.db, id, self.now)} == expected
            for event, *_ in self.declared:
                under = emergencies.under(self.db, event, id, self.now)
                assert [one.id for one in under] == ([event] if event in expected else [])


Relations.TestCase.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
TestRelations = Relations.TestCase
