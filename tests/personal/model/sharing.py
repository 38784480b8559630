"""Rules: emergencies and looks of one alone, sharing codes, names at services, another town that asks. (issue 5)"""

import os
from typing import Any

from hypothesis import strategies as st

from base.errors import Problem
from personal.operations.actors import Actor, Who
from personal.operations.call import Answer
from personal.operations.exchange import ANSWER, REQUEST
from personal.rules.identifiers import fresh
from personal.store import pseudonyms
from personal.vault import signing
from personal.vault.addressed import Reader
from schemas.personal.catalogue import term
from tests.personal.live import YABU
from tests.personal.model.beginning import PEER, PEER_KEY, service_of, value
from tests.personal.model.doubles import withdraw_codes
from tests.personal.model.machine import Lives, entries, one_purpose, one_service, some_items, step
from tests.personal.model.world import (
    GRACE,
    HOUR,
    ITEMS,
    SECOND,
    SERVICES,
    Code,
    Emergency,
    Name,
    Question,
)

MINUTE = 60 * SECOND
MOST_CODES, MOST_GUESSES = 5, 20
districts = st.frozensets(st.sampled_from(["hachi", "oya"]))
hours = st.sampled_from([1, 24, 72])


class Sharing(Lives):
    """Ways to be shown something that are not consent, and names."""

    # -- emergencies

    @step(to=st.frozensets(one_service, min_size=1), items=some_items, area=districts, hours=hours)
    def emergency_is_declared(
        self, to: frozenset[str], items: tuple[str, ...], area: frozenset[str], hours: int
    ) -> None:
        body: dict[str, Any] = {
            "name": {"ja": "水害", "en": "Flood"},
            "basis": "災害対策基本法49条の11",
            "services": sorted(to),
            "items": sorted(items),
            "hours": hours,
        }
        body |= {"districts": sorted(area)} if area else {}
        may = all(self.world.services[one].active for one in to)
        made = self.if_may(may, self.staff("emergency"), "POST /emergencies", body)
        if made is None:
            return
        event = made.body["body"]["emergency"]
        self.everybody_is_asked_about(event, to)
        self.do(self.staff("emergency2"), "POST /proposals/{id}/approve", None, id=made.body["id"])
        since = self.world.now
        declared = Emergency(to, frozenset(items), since, since + hours * HOUR, area)
        self.world.events[event] = declared
        self.everybody_is_asked_about(event, to)

    def everybody_is_asked_about(self, event: str, to: frozenset[str]) -> None:
        for service in sorted(to):
            if self.may_ask(service, "reception"):
                self.ask_many(Question(service, "reception", ITEMS, event), self.names(service))

    @step(data=st.data())
    def emergency_is_ended(self, data: Any) -> None:
        declared = [id for id, one in self.world.events.items() if one.about is None]
        if not declared:
            return
        event = data.draw(st.sampled_from(declared))
        one = self.world.events[event]
        runs = not one.ended and self.world.now + 1 < one.until
        self.if_may(runs, self.staff("emergency"), "POST /emergencies/{id}/end", None, id=event)
        one.ended = one.ended or runs
        self.everybody_is_asked_about(event, one.services)

    @step(entry=entries, codes=districts)
    def resident_lives_in(self, entry: int, codes: frozenset[str]) -> None:
        at = self.world.top(entry)
        actor = self.at_counter(at)
        body = {"resident": self.handle(actor, at), "districts": sorted(codes)}
        self.do(actor, "POST /residents/districts", body)
        for number in self.world.family(at):
            self.world.entries[number].districts = set()
        self.world.entries[at].districts = set(codes)

    @step(entry=entries, to=st.frozensets(one_service), items=some_items)
    def glass_is_broken(self, entry: int, to: frozenset[str], items: tuple[str, ...]) -> None:
        at, actor = self.world.top(entry), self.staff("emergency")
        body = {
            "resident": self.handle(actor, at),
            "basis": "個人情報保護法69条2項4号",
            "items": sorted(items),
            "services": sorted(to),
            "reason": "Nobody else can be reached.",
            "minutes": 30,
        }
        may = all(self.world.services[one].active for one in to) and not self.world.entries[at].protected
        made = self.if_may(may, actor, "POST /break-glass", body)
        if made is None:
            return
        now = self.world.now
        look = Emergency(to, frozenset(items), now, now + 30 * MINUTE, about=at)
        self.world.events[made.body["id"]] = look
        privacy = self.staff("privacy")
        (review,) = self.do(privacy, "GET /proposals").body["proposals"]
        self.do(privacy, "POST /proposals/{id}/approve", None, id=review["id"])
        self.everybody_is_asked_about(made.body["id"], to)

    @step(item=st.sampled_from(ITEMS), data=st.data())
    def one_alone_looks(self, item: str, data: Any) -> None:
        looks = [id for id, one in self.world.events.items() if one.about is not None]
        if not looks:
            return
        look = data.draw(st.sampled_from(looks))
        one = self.world.events[look]
        at = self.world.top(one.about or 0)
        start = self.size()
        found = self.tried(self.staff("emergency"), "POST /break-glass/{id}/read", {"item": item}, id=look)
        held = self.world.held(at, item)
        runs = one.since <= self.world.now < one.until
        if not runs or self.world.entries[at].protected or item not in one.items or held is None:
            assert isinstance(found, Problem) and not self.leaves(start)
        elif held.place in self.world.gone:
            assert isinstance(found, Problem) and len(self.leaves(start)) == 2
        else:
            assert isinstance(found, Answer) and found.body["value"] == value(item, held.value)
            (leaf,) = self.leaves(start)
            assert leaf.facts()["items"] == [item]
            self.check_whom(leaf.position, at)

    # -- codes

    @step(entry=entries, only=st.none() | one_service, items=some_items, minutes=st.sampled_from([5, 60]))
    def resident_makes_a_code(
        self, entry: int, only: str | None, items: tuple[str, ...], minutes: int
    ) -> None:
        at = self.world.top(entry)
        if not self.alive(at):
            return
        good = [one for one in self.world.codes if self.world.top(one.entry) == at and self.good(one)]
        may = (only is None or self.world.services[only].active) and len(good) < MOST_CODES
        may = may and not self.world.entries[at].protected
        body = {"items": list(items), "minutes": minutes, **({"service": only} if only else {})}
        made = self.if_may(may, self.as_resident(at), "POST /me/sharing-codes", body)
        if made is not None:
            until = self.world.now + minutes * MINUTE
            self.world.codes.append(Code(made.body["code"], at, only, items, until))

    def good(self, code: Code) -> bool:
        return not code.used and self.world.now + 1 < code.until

    @step(entry=entries)
    def resident_withdraws_codes(self, entry: int) -> None:
        at = self.world.top(entry)
        if self.alive(at):
            self.do(self.as_resident(at), "DELETE /me/sharing-codes")
            withdraw_codes(self.world, at)
            self.code_is_used(self.world.codes[-1:])

    @step(service=one_service, purpose=one_purpose, data=st.data())
    def service_uses_a_code(self, service: str, purpose: str, data: Any) -> None:
        if self.world.codes:
            code = data.draw(st.sampled_from(self.world.codes))
            self.code_is_used([code], service, purpose)

    def code_is_used(self, codes: list[Code], service: str = SERVICES[0], purpose: str = "reception") -> None:
        for code in codes:
            start = self.size()
            good = self.good(code) and code.service in (None, service)
            body = {"code": code.text, "purpose": purpose}
            found = self.tried(service_of(service), "POST /sharing-codes/redeem", body)
            if not good or not self.may_ask(service, purpose):
                assert isinstance(found, Problem)
                assert {leaf.facts()["kind"] for leaf in self.leaves(start)} <= {"sharing-code-refused"}
                continue
            assert isinstance(found, Answer)
            code.used, at = True, self.world.top(code.entry)
            asked = Question(service, purpose, code.items, chosen=frozenset(code.items))
            assert found.body["subject"] == self.world.living(at, service)[0].text
            self.check_leaves(start, asked, [at])
            self.check_shown(asked, at, found.body)

    # -- names

    @step(entry=entries, service=one_service, by_staff=st.booleans())
    def name_is_changed(self, entry: int, service: str, by_staff: bool) -> None:
        at = self.world.top(entry)
        if not (by_staff or self.alive(at)):
            return
        actor = self.at_counter(at) if by_staff else self.as_resident(at)
        more = {"resident": self.handle(actor, at)} if by_staff else {}
        self.do(actor, "POST /pseudonyms/rotate", {"service": service, **more})
        for name in self.world.living(at, service):
            name.ended = self.world.now + GRACE
        id = self.world.entries[at].id
        given = self.site.town.store.read(lambda db: pseudonyms.known(db, service, id))
        assert given is not None and not any(given in self.names(one) for one in SERVICES)
        self.world.entries[at].names[service].append(Name(given, self.world.next()))
        self.ask_many(Question(service, "reception", ITEMS), self.names(service))

    @step(entry=entries, service=one_service)
    def name_is_given(self, entry: int, service: str) -> None:
        at = self.world.top(entry)
        actor = self.at_counter(at)
        body = {"service": service, "resident": self.handle(actor, at)}
        given = self.if_may(self.world.services[service].active, actor, "POST /pseudonyms", body)
        assert given is None or given.body["subject"] == self.world.living(at, service)[0].text

    # -- in other forms

    @step(service=one_service, purpose=one_purpose, items=some_items, data=st.data())
    def service_asks_for_entities(
        self, service: str, purpose: str, items: tuple[str, ...], data: Any
    ) -> None:
        event = data.draw(st.sampled_from(["", *self.world.events]))
        name, start = data.draw(st.sampled_from(self.names(service))), self.size()
        offered = self.world.services[service].now.get(purpose)
        known = tuple(item for item in items if offered is not None and item in offered.items)
        asked = Question(service, purpose, known, event)
        urn = f"urn:ngsi-ld:Person:{name}"
        query = {"type": "Query", "entities": [{"id": urn, "type": "Person"}], "pick": list(map(term, items))}
        body = self.body_of(asked, **query)
        found = self.tried(service_of(service), "POST /ngsi-ld/v1/entityOperations/query", body)
        if not known or not self.may_ask(service, purpose):
            assert isinstance(found, Problem) and not self.leaves(start)
            return
        at = self.world.who(service, name)
        self.check_leaves(start, asked, [at])
        shown = {} if at is None else self.world.expected(asked, at).shown
        assert isinstance(found, Answer)
        told = [{item: one[term(item)]["value"] for item in ITEMS if term(item) in one} for one in found.body]
        assert told == ([{item: value(item, one) for item, one in shown.items()}] if shown else [])

    @step(entry=entries, purpose=one_purpose, items=some_items, data=st.data())
    def another_town_asks(self, entry: int, purpose: str, items: tuple[str, ...], data: Any) -> None:
        event = data.draw(st.sampled_from(["", *self.world.events]))
        link, start = self.world.entries[entry].link, self.size()
        asked = Question("shelter", purpose, items, event)
        reader, seconds, id = Reader(os.urandom(32)), (self.world.now + 1) // SECOND, fresh()
        public = {member: reader.public()[member] for member in ("kty", "crv", "x", "y")}
        claims = {
            "iss": PEER, "aud": YABU.code, "iat": seconds, "exp": seconds + 60, "jti": id, "service": "office",
            "subject": link[0] if link else "x1." + "n" * 22, "purpose": purpose, "items": list(items),
            "event": event, "reader": public,
        }  # fmt: skip
        request = {"request": PEER_KEY.sign(claims, REQUEST)}
        found = self.tried(Actor(Who.PEER, PEER), "POST /exchange/answers", request)
        if not self.may_ask("shelter", purpose):
            assert isinstance(found, Problem) and not self.leaves(start)
            return
        assert isinstance(found, Answer)
        signed = reader.open(found.body["answer"], {"request": id, "from": YABU.code})
        told = signing.opened(signed, self.site.town.signer.public(), ANSWER)
        at = self.world.top(entry) if link else None
        first, second, *_ = self.leaves(start)
        assert second.facts()["kind"] == "exchange-disclosure"
        self.check_whom(first.position, at)
        self.check_whom(second.position, at)
        if at is None:
            assert told["items"] == {}
        else:
            assert set(first.facts()["items"]) == self.world.expected(asked, at).decided
            self.check_shown(asked, at, told)

    @step(entry=entries)
    def resident_ends_the_link(self, entry: int) -> None:
        at = self.world.top(entry)
        if not self.alive(at):
            return
        linked = [n for n in self.world.family(at) if self.world.entries[n].link is not None]
        where = "DELETE /me/exchange/links/{peer}"
        self.if_may(bool(linked), self.as_resident(at), where, None, peer=PEER)
        for number in linked:
            self.world.entries[number].link = None
