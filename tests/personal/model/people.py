"""Rules: residents move away, die, are protected, turn out to be one and two again; staff search for them. (DESIGN 3)"""

from hypothesis import strategies as st

from base.errors import Problem
from personal.operations.actors import NOBODY
from personal.operations.call import Answer
from tests.personal.model import doubles
from tests.personal.model.beginning import BIRTH
from tests.personal.model.keeping import Keeping
from tests.personal.model.machine import entries, step
from tests.personal.model.world import DEAD, HERE, ITEMS, MOVED

AFTER = {"moved": MOVED, "died": DEAD, "returned": HERE}
MAY = {"moved": {HERE}, "died": {HERE, MOVED}, "returned": {MOVED, DEAD}}


class People(Keeping):
    """What happens to residents."""

    @step(entry=entries, event=st.sampled_from(sorted(AFTER)))
    def resident_moves_away_or_dies_or_is_here_again(self, entry: int, event: str) -> None:
        at = self.world.top(entry)
        actor = self.at_counter(at)
        body = {"resident": self.handle(actor, at), "event": event}
        may = self.world.entries[at].state in MAY[event]
        if self.if_may(may, actor, "POST /residents/events", body) is not None:
            doubles.change(self.world, at, AFTER[event])
            self.everybody_asks_about(at)

    @step(entry=entries)
    def resident_is_protected_or_not_any_more(self, entry: int) -> None:
        at = self.world.top(entry)
        actor, one = self.staff("protection"), self.world.entries[at]
        body = {"resident": self.handle(actor, at), "protected": not one.protected}
        self.do(actor, "POST /residents/protection", body)
        one.protected = not one.protected
        if one.protected:
            doubles.end_acting_for(self.world, at)
        self.everybody_asks_about(at)

    @step(one=entries, other=entries, cleared=st.booleans())
    def two_are_one(self, one: int, other: int, cleared: bool) -> None:
        survivor, double = self.world.top(one), self.world.top(other)
        actor = self.staff("protection" if cleared else "counter")
        body = {"resident": self.handle(actor, survivor), "double": self.handle(actor, double)}
        hidden = self.world.entries[survivor].protected or self.world.entries[double].protected
        may = doubles.may_merge(self.world, survivor, double) and (cleared or not hidden)
        if self.if_may(may, actor, "POST /residents/merge", body) is not None:
            doubles.merge(self.world, survivor, double)
            self.everybody_asks_about(survivor)

    @step(entry=entries, to_double=st.booleans())
    def one_is_two_again(self, entry: int, to_double: bool) -> None:
        at = self.world.top(entry)
        actor, undone = self.at_counter(at), doubles.latest(self.world, at)
        body = {"resident": self.handle(actor, at), "sinceGoesTo": "double" if to_double else "resident"}
        may = undone is not None
        if undone is not None and to_double:
            written = doubles.written_since(self.world, undone)
            off_line = {one.place for one in written.values()} & self.world.gone
            targets = {self.world.place(undone.double, item) for item in written}
            may = not off_line and not targets & (self.world.gone - {"lgwan"})
        if self.if_may(may, actor, "POST /residents/part", body) is None:
            return
        assert undone is not None
        doubles.part(self.world, undone, to_double=to_double)
        for both in (undone.survivor, undone.double):
            self.everybody_asks_about(both)

    @step(entry=entries, by=st.sampled_from(["counter", "protection", "emergency"]))
    def staff_search(self, entry: int, by: str) -> None:
        one, actor = self.world.entries[entry], self.staff(by)
        body = {"nameKana": one.kana, "birthDate": BIRTH}
        found = self.do(actor, "POST /residents/search", body).body["residents"]
        at = self.world.top(entry)
        stands = self.world.entries[at]
        told = {"resident": self.handle(actor, at), "state": stands.state}
        if stands.protected:
            assert found == ([{**told, "protected": True}] if by == "protection" else [])
        else:
            assert found == [told]

    @step(entry=entries, where=st.sampled_from(["read", "events", "records/find", "delegations/find"]))
    def counter_looks_at_somebody(self, entry: int, where: str) -> None:
        """Ask by a handle from before: who is protected is like nobody at all."""
        at, actor = self.world.top(entry), self.staff("counter")
        path = where if "/" in where else f"residents/{where}"
        more = {"event": "moved"} if where == "events" else {}
        if not self.world.entries[at].protected and more:
            return
        found, nobody = (
            self.tried(actor, f"POST /{path}", {"resident": handle, **more})
            for handle in (self.handle(actor, entry), "nobody")
        )
        assert isinstance(nobody, Problem)
        if self.world.entries[at].protected:
            assert isinstance(found, Problem) and found.body() == nobody.body()
        else:
            assert isinstance(found, Answer)
            if where == "records/find":
                held = {item for item in ITEMS if self.world.held(at, item)}
                assert {one["item"] for one in found.body["records"]} == held

    @step(entry=entries)
    def somebody_logs_in(self, entry: int) -> None:
        at = self.world.top(entry)
        body = {"resident": self.world.entries[entry].login}
        self.if_may(self.alive(at), NOBODY, "POST /demo/sessions", body)
