"""Rules: residents, their guardians and staff with a form on paper decide, withdraw; services ask, and change. (issue 5)"""

from typing import Any

from hypothesis import strategies as st

from base import clock
from base.errors import Problem
from personal.operations.actors import Actor
from personal.operations.call import Answer
from tests.personal.model.beginning import service_of, told
from tests.personal.model.machine import Lives, entries, few_items, one_purpose, one_service, step
from tests.personal.model.world import (
    ASKED,
    BY_LAW,
    DAY,
    GIVEN,
    HOUR,
    INVALID,
    ITEMS,
    OFF_LINE,
    REFUSED,
    SERVICES,
    WITHDRAWN,
    Asked,
    Decided,
    Description,
    Purpose,
    Question,
)

PAUSE = 30 * DAY
kinds = st.sampled_from(["share", "share", "share", "store"])
asked_items = st.dictionaries(
    st.sampled_from(ITEMS),
    st.builds(Asked, st.booleans(), st.sampled_from([30, 30, 90])),
    min_size=1,
)
purposes = st.builds(
    Purpose, st.sampled_from(["consent", "consent", "law:災害対策基本法49条の11"]), asked_items
)
descriptions = st.fixed_dictionaries({"reception": purposes}, optional={"visits": purposes})


class Consenting(Lives):
    """Consents and what they are given to."""

    # -- deciding

    @step(entry=entries, kind=kinds, service=one_service, purpose=one_purpose, agree=few_items, refuse=few_items,
          days=st.none() | st.integers(0, 40), paper=st.booleans())  # fmt: skip
    def resident_decides(self, entry: int, paper: bool, **choice: Any) -> None:
        at = self.world.top(entry)
        if not paper and not self.alive(at):
            return
        actor = self.at_counter(at) if paper else self.as_resident(at)
        self.decide(at, actor, more={"resident": self.handle(actor, at)} if paper else {}, **choice)

    @step(entry=entries, service=one_service, purpose=one_purpose, data=st.data())
    def resident_agrees_to_all(self, entry: int, service: str, purpose: str, data: Any) -> None:
        """Decide so that it goes well more often than by chance."""
        at, known = self.world.top(entry), self.world.services[service].now
        if self.alive(at) and purpose in known:
            agree = frozenset(known[purpose].items) - BY_LAW
            days = data.draw(st.sampled_from([1, 5, 30, 300]))
            self.decide(at, self.as_resident(at), "share", service, purpose, agree, frozenset(), days)

    def decide(
        self, at: int, actor: Actor, kind: str, service: str, purpose: str, agree: frozenset[str],
        refuse: frozenset[str], days: int | None, more: dict[str, Any] | None = None, *, may: bool = True,
    ) -> None:  # fmt: skip
        """Prepare a decision, submit it, compare what it does."""
        body: dict[str, Any] = {"kind": kind, "service": service, "purpose": purpose}
        body |= {"agree": sorted(agree), "refuse": sorted(refuse), **(more or {})}
        until = self.end_of(days)
        if agree and days is not None:
            body["until"] = clock.show(self.world.now + days * DAY)[:10]
        where = "/consents/paper" if more else "/me/consents"
        possible = may and self.possible(at, kind, service, purpose, agree, refuse)
        possible = possible and (not agree or until > self.world.now + 1)
        prepared = self.if_may(possible, actor, f"POST {where}/prepare", body)
        if prepared is None:
            return
        if not agree:
            refuse |= self.swept(at, kind, service, purpose, refuse)
        standing = self.world.standing(at, kind, service, purpose)
        new = {item for item in refuse if self.ends(standing.get(item)) is not None}
        good = bool(agree | new) and not (agree and OFF_LINE in self.world.places(at, agree))
        scan = {"scan": "S-1"} if more else {}
        told = {
            "prepared": prepared.body["prepared"],
            "evidence": {"kind": "session", **scan},
            **(more or {}),
        }
        done = self.if_may(good, actor, f"POST {where}", told)
        if done is None:
            return
        assert self.tried_again(actor, f"POST {where}", told)
        version = self.world.services[service].version
        assert set(done.body["items"]) == agree | new
        for item in sorted(agree):
            self.world.note(at, (kind, service, purpose, item), GIVEN, version, until)
        for item in sorted(new):
            state = self.ends(standing.get(item))
            assert state is not None
            self.world.note(at, (kind, service, purpose, item), state, version)
        self.compare(service, purpose)

    def tried_again(self, actor: Actor, operation: str, body: Any) -> bool:
        """Say whether the same is refused the second time."""
        return isinstance(self.tried(actor, operation, body), Problem)

    def end_of(self, days: int | None) -> int:
        """Say when a consent ends that is given for so many days: at midnight in Japan, a year from now at most."""
        now = self.world.now + 1
        if days is None:
            return (now + 365 * DAY + 9 * HOUR) // DAY * DAY - 9 * HOUR
        return clock.parse(clock.show(self.world.now + days * DAY)[:10] + "T00:00:00Z") + DAY - 9 * HOUR

    def possible(
        self, at: int, kind: str, service: str, purpose: str, agree: frozenset[str], refuse: frozenset[str]
    ) -> bool:
        """Say whether a choice can be made."""
        known = self.world.services[service]
        if not self.alive(at) or not known.active or purpose not in known.now or not agree | refuse:
            return False
        described = known.now[purpose]
        standing = self.world.standing(at, kind, service, purpose)
        given = {item for item, one in standing.items() if one.state == GIVEN}
        if agree & refuse or not agree | (refuse - given) <= described.items.keys():
            return False
        if described.basis != "consent" or (agree | refuse) & BY_LAW:
            return False
        have = agree | {item for item, one in standing.items() if self.world.holds(one, service)}
        needed = {item for item, asked in described.items.items() if asked.required} - BY_LAW
        return not agree or needed <= have - refuse

    def swept(self, at: int, kind: str, service: str, purpose: str, items: frozenset[str]) -> set[str]:
        """Say what ends with items that are refused: everything, if the purpose cannot be without one of them."""
        described = self.world.services[service].now[purpose]
        standing = self.world.standing(at, kind, service, purpose)
        given = {item for item, one in standing.items() if one.state == GIVEN}
        needed = {item for item, asked in described.items.items() if asked.required}
        return given if needed & items else given & items

    @staticmethod
    def ends(last: Decided | None) -> str | None:
        """Say how a consent stands after a no; None if it makes no difference."""
        if last is None or last.state == ASKED:
            return REFUSED
        return WITHDRAWN if last.state == GIVEN else None

    # -- withdrawing

    @step(entry=entries, service=st.none() | one_service, purpose=st.none() | one_purpose,
          items=st.none() | few_items, paper=st.booleans())  # fmt: skip
    def resident_withdraws(
        self, entry: int, service: str | None, purpose: str | None, items: frozenset[str] | None, paper: bool
    ) -> None:
        at = self.world.top(entry)
        if paper or self.alive(at):
            actor = self.at_counter(at) if paper else self.as_resident(at)
            more = {"resident": self.handle(actor, at)} if paper else {}
            self.withdraw(at, actor, self.named(service, purpose, items), more)

    @staticmethod
    def named(service: str | None, purpose: str | None, items: frozenset[str] | None) -> dict[str, Any]:
        if service is None:
            return {"everything": True}
        of = {} if purpose is None else {"purpose": purpose}
        return {"service": service, **of, **({"items": sorted(items)} if of and items else {})}

    def withdraw(self, at: int, actor: Actor, body: dict[str, Any], more: dict[str, Any]) -> None:
        """Withdraw, and compare what that ended, at once."""
        wanted = self.withdrawn(at, body)
        where = "/consents/paper" if more else "/me/consents"
        done = self.do(actor, f"POST {where}/withdraw", {**body, **more}).body["withdrawn"]
        assert {(one["kind"], one["service"], one["purpose"]): set(one["items"]) for one in done} == wanted
        for (kind, service, purpose), items in sorted(wanted.items()):
            standing = self.world.standing(at, kind, service, purpose)
            version = max(standing[item].version for item in items)
            for item in sorted(items):
                self.world.note(at, (kind, service, purpose, item), WITHDRAWN, version)
            self.compare(service, purpose)

    def withdrawn(self, at: int, body: dict[str, Any]) -> dict[tuple[str, str, str], set[str]]:
        """Say what a request to withdraw ends."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for kind in ("share", "store"):
            for service in SERVICES:
                for purpose in ("reception", "visits"):
                    if body.get("service", service) != service or body.get("purpose", purpose) != purpose:
                        continue
                    standing = self.world.standing(at, kind, service, purpose)
                    given = {item: one for item, one in standing.items() if one.state == GIVEN}
                    ended = self.ended_with(service, purpose, given, body.get("items"))
                    if ended:
                        found[kind, service, purpose] = ended
        return found

    def ended_with(
        self, service: str, purpose: str, given: dict[str, Decided], items: list[str] | None
    ) -> set[str]:
        if items is None or not given:
            return set(given)
        versions = self.world.services[service].versions
        described = versions[max(one.version for one in given.values()) - 1].get(purpose)
        asked = {} if described is None else described.items
        needed = {item for item, one in asked.items() if one.required}
        return set(given) if needed & set(items) else set(given) & set(items)

    # -- services

    @step(service=one_service, described=descriptions)
    def service_changes(self, service: str, described: Description) -> None:
        known = self.world.services[service]
        body = {"service": service, "description": told(described)}
        self.approved("catalogue", "catalogue2", "service", body, may=described != known.now)
        if described != known.now:
            known.change(described)
        self.compare(service, "reception")

    @step(service=one_service)
    def service_is_suspended_or_goes_on(self, service: str) -> None:
        known = self.world.services[service]
        known.active = not known.active
        where, body = "POST /catalogue/services/{id}/state", {"active": known.active}
        self.do(self.staff("catalogue"), where, body, id=service)

    @step(service=one_service, purpose=one_purpose, items=few_items, data=st.data())
    def service_asks_for_consent(self, service: str, purpose: str, items: frozenset[str], data: Any) -> None:
        name = data.draw(st.sampled_from(self.names(service)))
        known = self.world.services[service]
        described = known.now.get(purpose)
        may = described is not None and described.basis == "consent"
        may = may and bool(items) and items <= described.items.keys() - BY_LAW
        body = {"subject": name, "purpose": purpose, "items": sorted(items)}
        found = self.tried(service_of(service), "POST /consents/requests", body)
        at = self.world.who(service, name)
        if at is None or not may:
            assert isinstance(found, Problem)
            return
        assert isinstance(found, Answer) and found.body == {"asked": sorted(items)}
        for item in sorted(items):
            last = self.world.standing(at, "share", service, purpose).get(item)
            if self.may_be_asked(last):
                self.world.note(at, ("share", service, purpose, item), ASKED, known.version)

    def may_be_asked(self, last: Decided | None) -> bool:
        """Say whether asking changes anything: not where it was agreed to, nor soon after a no."""
        if last is None or last.state == INVALID:
            return True
        if last.state == GIVEN:
            return last.until <= self.world.now
        return last.state in (REFUSED, WITHDRAWN) and self.world.now - last.at >= PAUSE

    @step(service=one_service, purpose=one_purpose, data=st.data())
    def service_asks_what_is_agreed(self, service: str, purpose: str, data: Any) -> None:
        name = data.draw(st.sampled_from(self.names(service)))
        body = {"subject": name, "purpose": purpose}
        found = self.tried(service_of(service), "POST /consents/agreed", body)
        at = self.world.who(service, name)
        if at is None or purpose not in self.world.services[service].now:
            assert isinstance(found, Problem)
            return
        agreed = {
            (kind, item)
            for kind in ("share", "store")
            for item, one in self.world.standing(at, kind, service, purpose).items()
            if self.world.holds(one, service)
        }
        assert isinstance(found, Answer) is bool(agreed)

    def compare(self, service: str, purpose: str) -> None:
        """Compare at once what a service is shown of everybody."""
        if self.may_ask(service, purpose):
            self.ask_many(
                Question(service, purpose, ITEMS), [one.names[service][0].text for one in self.world.entries]
            )
