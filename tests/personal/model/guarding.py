"""Rules: residents act for others as far, and as long, as they may; nobody acts for who is protected. (民法; DESIGN 3)"""

from typing import Any

from hypothesis import strategies as st

from base import clock
from base.errors import Problem
from personal.operations.call import Answer
from tests.personal.model import doubles
from tests.personal.model.consenting import Consenting
from tests.personal.model.machine import entries, few_items, one_purpose, one_service, step
from tests.personal.model.people import People
from tests.personal.model.world import BY_LAW, DAY, ITEMS, Delegation

ACTS = ("consent", "rights", "see", "write")
some_acts = st.frozensets(st.sampled_from(ACTS), min_size=1)
limits = st.none() | st.frozensets(st.sampled_from(ITEMS), min_size=1)
ends = st.none() | st.integers(1, 30)


class Guarding(Consenting, People):
    """Acting for somebody else."""

    @step(one=entries, other=entries, acts=some_acts, items=limits, days=ends)
    def guardian_is_set(
        self, one: int, other: int, acts: frozenset[str], items: frozenset[str] | None, days: int | None
    ) -> None:
        guardian, subject = self.world.top(one), self.world.top(other)
        actor = self.staff("protection")
        until = None if days is None else self.world.now + days * DAY
        body: dict[str, Any] = {
            "guardian": self.handle(actor, guardian),
            "resident": self.handle(actor, subject),
            "relation": "adult-guardian",
            "acts": sorted(acts),
            "items": None if items is None else sorted(items),
            "evidence": "S-1",
        }
        body |= {} if until is None else {"until": clock.show(until)}
        hidden = self.world.entries[subject].protected
        running = self.last_between(guardian, subject)
        over = (
            running is None
            or running.ended
            or (running.until is not None and running.until <= self.world.now + 1)
        )
        may = guardian != subject and self.alive(guardian) and self.alive(subject) and not hidden and over
        made = self.if_may(may, actor, "POST /delegations", body)
        if made is None:
            return
        id = made.body.get("delegation", "")
        if made.status == 202:
            assert running is not None
            (proposal, where) = made.body["proposal"], "POST /proposals/{id}/approve"
            id = proposal["body"]["new"]
            self.do(self.staff("counter"), where, None, id=proposal["id"])
        if running is not None:
            running.ended = True
        given = Delegation(id, guardian, subject, acts, items, until, self.world.next())
        self.world.delegations.append(given)

    def last_between(self, guardian: int, subject: int) -> Delegation | None:
        """Find what was written last for two residents: what was not ended, then the youngest."""
        found = [
            one
            for one in self.world.delegations
            if (self.world.top(one.guardian), self.world.top(one.subject)) == (guardian, subject)
        ]
        return max(found, key=lambda one: (not one.ended, one.order), default=None)

    @step(
        one=entries,
        other=entries,
        item=st.sampled_from(ITEMS),
        to_double=st.booleans(),
        withdraws=st.booleans(),
    )
    def doubles_are_one_for_a_while(
        self, one: int, other: int, item: str, to_double: bool, withdraws: bool
    ) -> None:
        """Let something be written and decided while two are taken for one, then part them."""
        survivor, double = self.world.top(one), self.world.top(other)
        if not doubles.may_merge(self.world, survivor, double):
            return
        self.two_are_one(one=survivor, other=double, cleared=True)
        if self.alive(survivor):
            self.write(survivor, self.at_counter(survivor), item, 9_000 + self.world.order % 999)
            if withdraws:
                self.withdraw(survivor, self.as_resident(survivor), {"everything": True}, {})
            elif "reception" in (known := self.world.services["clinic"].now):
                agree = frozenset(known["reception"].items) - BY_LAW
                actor = self.as_resident(survivor)
                self.decide(survivor, actor, "share", "clinic", "reception", agree, frozenset(), 5)
        self.one_is_two_again(entry=survivor, to_double=to_double)

    @step(data=st.data())
    def guardian_is_dismissed(self, data: Any) -> None:
        if not self.world.delegations:
            return
        one = data.draw(st.sampled_from(self.world.delegations))
        over = one.ended or (one.until is not None and one.until <= self.world.now + 1)
        actor = self.staff("protection")
        self.if_may(not over, actor, "DELETE /delegations/{id}", None, id=one.id)
        one.ended = one.ended or not over

    @step(data=st.data())
    def guardian_gives_up(self, data: Any) -> None:
        if not self.world.delegations:
            return
        one = data.draw(st.sampled_from(self.world.delegations))
        guardian = self.world.top(one.guardian)
        if self.alive(guardian):
            self.world.now += 1
            runs = any(given is one for given, *_ in self.world.acting())
            self.if_may(runs, self.as_resident(guardian), "DELETE /me/represented/{id}", None, id=one.id)
            one.ended = one.ended or runs

    @step(one=entries)
    def resident_looks_for_whom_they_act(self, one: int) -> None:
        at = self.world.top(one)
        if not self.alive(at):
            return
        self.world.now += 1
        told = self.do(self.as_resident(at), "GET /me/represented").body["represented"]
        expected = {given.id for given, guardian, _ in self.world.acting() if guardian == at}
        assert {given["delegation"] for given in told} == expected
        told = self.do(self.as_resident(at), "GET /me/guardians").body["guardians"]
        assert {given["delegation"] for given in told} == {
            given.id
            for given, guardian, subject in self.world.acting()
            if subject == at and not self.world.entries[guardian].protected
        }

    def may_act(self, guardian: int, subject: int, act: str, *items: str) -> bool:
        """Say whether a resident may do something for another."""
        self.world.now += 1
        found = self.world.represents(guardian, subject)
        return found is not None and act in found.acts and (found.items is None or set(items) <= found.items)

    def acting(self, data: Any) -> tuple[int, int] | None:
        """Draw who acts for whom: those who may, or may no more, more often than by chance."""
        pairs = [
            (self.world.top(one.guardian), self.world.top(one.subject)) for one in self.world.delegations
        ]
        tops = self.world.tops()
        pairs += [(one, other) for one in tops for other in tops]
        good = [pair for pair in pairs if pair[0] != pair[1] and self.alive(pair[0])]
        return data.draw(st.sampled_from(good)) if good else None

    @step(item=st.sampled_from(ITEMS), data=st.data())
    def guardian_reads(self, item: str, data: Any) -> None:
        pair = self.acting(data)
        if pair is not None:
            may = self.may_act(*pair, "see", item)
            self.read(pair[1], self.as_resident(*pair), item, may=may)

    @step(item=st.sampled_from(ITEMS), number=st.integers(0, 9_999), data=st.data())
    def guardian_writes(self, item: str, number: int, data: Any) -> None:
        pair = self.acting(data)
        if pair is not None:
            may = self.may_act(*pair, "write", item)
            self.write(pair[1], self.as_resident(*pair), item, number, may=may)

    @step(service=one_service, purpose=one_purpose, agree=few_items, refuse=few_items, data=st.data())
    def guardian_decides(
        self, service: str, purpose: str, agree: frozenset[str], refuse: frozenset[str], data: Any
    ) -> None:
        pair = self.acting(data)
        if pair is None:
            return
        if not agree and purpose in self.world.services[service].now:
            agree = frozenset(self.world.services[service].now[purpose].items) - BY_LAW - refuse
        may = self.may_act(*pair, "consent", *agree, *refuse)
        actor = self.as_resident(*pair)
        self.decide(pair[1], actor, "share", service, purpose, agree, refuse, 5, may=may)

    @step(data=st.data())
    def guardian_looks_who_has_looked(self, data: Any) -> None:
        pair = self.acting(data)
        if pair is None:
            return
        may = self.may_act(*pair, "see")
        actor = self.as_resident(*pair)
        told = self.if_may(may, actor, "GET /me/accesses", limit="1000")
        if told is None:
            return
        found = self.world.represents(*pair)
        assert found is not None
        family = self.world.family(pair[1])
        for position in {one["position"] for one in told.body["accesses"]} & self.world.told.keys():
            assert self.world.told[position] in family
        if found.items is None:
            self.check_seen(pair[1], {one["position"] for one in told.body["accesses"]})

    @step(data=st.data())
    def guardian_exports(self, data: Any) -> None:
        pair = self.acting(data)
        if pair is None:
            return
        may = self.may_act(*pair, "rights") and self.may_act(*pair, "see")
        told = self.if_may(may, self.as_resident(*pair), "GET /me/export")
        if told is None:
            return
        found = self.world.represents(*pair)
        assert found is not None
        held = {item for item in ITEMS if self.world.held(pair[1], item)}
        shown = held if found.items is None else held & found.items
        assert {one["item"] for one in told.body["records"]} == shown
        assert "namesAtServices" not in told.body

    @step(data=st.data())
    def guardian_does_what_nobody_does_for_another(self, data: Any) -> None:
        pair = self.acting(data)
        if pair is not None:
            assert isinstance(self.tried(self.as_resident(*pair), "POST /me/erase"), Problem)

    @step(entry=entries)
    def staff_look_who_acts_for_somebody(self, entry: int) -> None:
        at = self.world.top(entry)
        self.world.now += 1
        found = self.tried(
            self.staff("counter"),
            "POST /delegations/find",
            {"resident": self.handle(self.staff("counter"), at)},
        )
        if self.world.entries[at].protected:
            assert isinstance(found, Problem)
            return
        assert isinstance(found, Answer)
        pairs = list(self.world.acting())
        assert {one["delegation"] for one in found.body["represented"]} == {
            one.id for one, guardian, _ in pairs if guardian == at
        }
        assert {one["delegation"] for one in found.body["guardians"]} == {
            one.id
            for one, guardian, subject in pairs
            if subject == at and not self.world.entries[guardian].protected
        }
