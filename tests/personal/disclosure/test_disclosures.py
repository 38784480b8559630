"""Disclosures over HTTP: what goes out, what is withheld and why, what is on record, what fails closed. (issue 5)"""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest
import rfc8785

from base import clock
from personal.audit import reading
from personal.operations.releasing import RECEIPT
from personal.rules.consent import Event
from personal.rules.identifiers import fingerprint
from personal.store import people, records, services
from personal.store.records import Choice
from personal.vault import signing
from tests.personal.disclosure.sharing import (
    ALLERGIES,
    CARE,
    PHONE,
    PURPOSE,
    agree,
    ask,
    end,
    hold,
    leaves,
    name,
    reasons,
    service,
)
from tests.personal.live import Live, Reply, asked, described, live_module, purpose
from tests.personal.locations.sites import Elsewhere

ITEMS = ("allergies", "contact", "care-needs")


async def hanako(live: Live) -> tuple[str, str, str]:
    """Register a resident who shares allergies with the shelter; give its token, the person and their name there."""
    token = await service(live, "shelter", *ITEMS)
    person = await live.register("hanako")
    await hold(live, person, allergies=ALLERGIES, contact=PHONE)
    await agree(live, person, "shelter", "allergies")
    return token, person, await name(live, person, "shelter")


async def test_a_service_sees_what_was_agreed_and_why_the_rest_is_withheld(live: Live) -> None:
    token, person, subject = await hanako(live)
    await agree(live, person, "shelter", "care-needs")
    before = len(leaves(live))
    reply = await ask(live, token, subject, *ITEMS, "household")
    assert reply.status == 200, reply.raw
    assert reply.json["items"] == {"allergies": ALLERGIES}
    assert reasons(reply) == {
        "contact": "no-consent",
        "care-needs": "nothing-held",
        "household": "not-in-catalogue",
    }
    assert all(one["how"]["ja"] and one["how"]["en"] for one in reply.json["withheld"])
    assert reply.headers["Cache-Control"] == "no-store"
    (leaf,) = leaves(live)[before:]
    told = {
        key: leaf[key] for key in ("kind", "service", "purpose", "items", "outcome", "basis", "disclosure")
    }
    assert told == {
        "kind": "disclosure",
        "service": "shelter",
        "purpose": PURPOSE,
        "items": ["allergies"],
        "outcome": "part",
        "basis": ["consent"],
        "disclosure": reply.json["id"],
    }
    seen = live.town.store.read(lambda db: reading.about(db, person, "subject", 1 << 60, 10))
    assert seen[0].facts()["disclosure"] == reply.json["id"]


async def test_a_receipt_is_signed_for_the_one_service(live: Live) -> None:
    token, _, subject = await hanako(live)
    first, second = [await ask(live, token, subject, "allergies", "contact") for _ in range(2)]
    (key,) = (await live.get("/keys")).json["keys"]
    claims = signing.opened(first.json["receipt"], key, RECEIPT)
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("yabu", "shelter", subject)
    assert (claims["items"], claims["withheld"]) == (["allergies"], {"contact": "no-consent"})
    other = signing.opened(second.json["receipt"], key, RECEIPT)
    assert first.json["id"] == claims["jti"] != other["jti"]
    assert claims["digest"] != other["digest"]
    content = {"id": first.json["id"], "content": first.json["items"]}
    assert claims["digest"] == fingerprint(rfc8785.dumps(content))


async def test_what_is_withdrawn_refused_or_over_is_withheld_at_once(live: Live) -> None:
    token, person, subject = await hanako(live)
    await end(live, person, "shelter", "allergies")
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "consent-withdrawn"}
    await agree(live, person, "shelter", "allergies", until=clock.now() - 1)
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "consent-expired"}
    await end(live, person, "shelter", "allergies", event=Event.REFUSE)
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "consent-refused"}
    await agree(live, person, "shelter", "allergies")
    await live.service("shelter", described(purpose(PURPOSE, *map(asked, ITEMS))))
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "consent-for-older-version"}
    assert leaves(live)[-1]["kind"] == "disclosure-refused"


async def test_a_law_shows_without_consent_what_the_purpose_names(live: Live) -> None:
    await live.service(
        "fire", described(purpose(PURPOSE, asked("care-needs"), basis="law:災害対策基本法49条の11"))
    )
    token, person = await live.service_token("fire"), await live.register("hanako")
    await hold(live, person, care_needs=CARE, allergies=ALLERGIES)
    reply = await ask(live, token, await name(live, person, "fire"), "care-needs", "allergies")
    assert (reply.json["items"], reasons(reply)) == ({"care-needs": CARE}, {"allergies": "not-in-catalogue"})
    leaf = leaves(live)[-1]
    assert (leaf["kind"], leaf["basis"]) == ("statutory-disclosure", ["law:災害対策基本法49条の11"])


def told(reply: Reply) -> tuple[Any, ...]:
    headers = {key: value for key, value in reply.headers.items() if key != "Date"}
    return reply.status, headers, reply.raw


async def test_an_unknown_name_and_another_services_name_get_the_same_bytes(live: Live) -> None:
    token, person, _ = await hanako(live)
    await service(live, "library", "allergies")
    foreign = await name(live, person, "library")
    unknown = "p1." + "A" * 43
    before = len(leaves(live))
    first, second = [await ask(live, token, subject, "allergies") for subject in (unknown, foreign)]
    assert first.status == 404
    assert told(first) == told(second)
    assert [(one["outcome"], "subject" in one) for one in leaves(live)[before:]] == [
        ("unknown-subject", False)
    ] * 2
    bodies = [{"subjects": [one], "purpose": PURPOSE, "items": ["allergies"]} for one in (unknown, foreign)]
    lines = [(await live.post("/disclosures/bulk", body, by=token)).raw.split(b"\n")[0] for body in bodies]
    assert lines[0].replace(unknown.encode(), b"") == lines[1].replace(foreign.encode(), b"")


async def test_a_protected_resident_is_like_one_nothing_is_held_about(live: Live) -> None:
    token, person, subject = await hanako(live)
    other = await live.register("taro")
    await agree(live, other, "shelter", "allergies")
    await live.town.store.write(lambda db: people.protect(db, person, True, clock.now()))
    first = await ask(live, token, subject, *ITEMS)
    second = await ask(live, token, await name(live, other, "shelter"), *ITEMS)
    assert (first.status, first.json["items"], first.json["withheld"]) == (200, {}, second.json["withheld"])
    assert set(first.headers) == set(second.headers)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"purpose": "other"}, 403),
        ({"items": []}, 400),
        ({"items": ["allergies", "allergies"]}, 400),
        ({"items": ["../x"]}, 400),
        ({"subject": "r_1"}, 400),
        ({"subject": 1}, 400),
        ({"more": True}, 400),
    ],
)
async def test_bad_requests_are_refused_without_what_stands_in_them(
    live: Live, change: dict[str, Any], status: int
) -> None:
    token, _, subject = await hanako(live)
    body = {"subject": subject, "purpose": PURPOSE, "items": ["allergies"], **change}
    reply = await live.post("/disclosures", body, by=token)
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert subject.encode() not in reply.raw


async def test_only_services_ask_and_a_suspended_one_gets_nothing(live: Live) -> None:
    token, _, subject = await hanako(live)
    body = {"subject": subject, "purpose": PURPOSE, "items": ["allergies"]}
    for by in (None, await live.resident("hanako"), await live.staff("counter")):
        assert (await live.post("/disclosures", body, by=by)).status == 403
    await live.town.store.write(lambda db: services.set_active(db, "shelter", False))
    assert (await live.post("/disclosures", body, by=token)).status in (401, 403)


async def test_when_the_leaf_cannot_be_written_nothing_goes_out(live: Live) -> None:
    token, _, subject = await hanako(live)
    assert (await ask(live, token, subject, "allergies")).status == 200
    before = len(leaves(live))

    def stuff(db: apsw.Connection) -> None:
        db.pragma("max_page_count", db.pragma("page_count"))

    await live.town.store.write(stuff)
    replies = [await ask(live, token, subject, "allergies") for _ in range(60)]
    refused = [reply for reply in replies if reply.status != 200]
    assert refused, "the database has become full"
    assert {reply.status for reply in refused} == {503}
    assert all(b"wheat" not in reply.raw for reply in refused)
    told = [one for one in leaves(live)[before:] if one["kind"] == "disclosure"]
    assert len(told) == len(replies) - len(refused)


async def test_an_item_whose_location_is_off_line_is_withheld_and_put_on_record(live: Live) -> None:
    token, _, _ = await hanako(live)
    place = Elsewhere()
    live.town.records.locations = {**live.town.records.locations, "cloud": place}
    for item in ITEMS[1:]:
        await live.town.store.write(lambda db, item=item: records.choose(db, Choice(item, "cloud")))
    taro = await live.register("taro")
    await hold(live, taro, allergies=ALLERGIES, contact=PHONE, care_needs=CARE)
    await agree(live, taro, "shelter", *ITEMS)
    subject = await name(live, taro, "shelter")
    assert set((await ask(live, token, subject, *ITEMS)).json["items"]) == set(ITEMS)
    place.gone = True
    before = len(leaves(live))
    reply = await ask(live, token, subject, *ITEMS)
    assert reply.json["items"] == {"allergies": ALLERGIES}
    assert reasons(reply) == dict.fromkeys(ITEMS[1:], "store-offline")
    first, second = leaves(live)[before:]
    assert (first["kind"], first["items"]) == ("disclosure", list(ITEMS))
    assert (second["kind"], sorted(second["items"])) == ("disclosure-failed", ["care-needs", "contact"])
    assert first["disclosure"] == second["disclosure"] == reply.json["id"]
    place.gone, place.copies = False, {}
    assert reasons(await ask(live, token, subject, *ITEMS)) == dict.fromkeys(ITEMS[1:], "not-readable")


async def test_a_service_that_asks_too_often_is_told_to_wait(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data", requests_per_second=0.5) as live:
        token, _, subject = await hanako(live)
        replies = [await ask(live, token, subject, "allergies") for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 429, 429]
        assert int(replies[-1].headers["Retry-After"]) >= 1


async def test_withdrawing_while_a_service_asks_shows_nothing_afterwards(live: Live) -> None:
    token, person, subject = await hanako(live)
    over = asyncio.Event()

    async def asking() -> list[tuple[bool, bool]]:
        seen = []
        while not seen or not seen[-1][0]:
            begun_after = over.is_set()
            reply = await ask(live, token, subject, "allergies")
            seen.append((begun_after, bool(reply.json["items"])))
        return seen

    async def withdrawing() -> None:
        await asyncio.sleep(0.05)
        await end(live, person, "shelter", "allergies")
        over.set()

    seen, _ = await asyncio.gather(asking(), withdrawing())
    assert seen[0] == (False, True)
    assert seen[-1] == (True, False)


SOURCED = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "bus-pass",
    "x-label": {"ja": "バス定期", "en": "Bus pass"},
    "x-class": "ordinary",
    "x-identifying": False,
    "x-basis": "consent",
    "x-schema-version": 1,
    "type": "object",
    "properties": {
        "line": {"type": "string", "maxLength": 40, "x-label": {"ja": "路線", "en": "Line"}},
        "holder": {
            "type": "string",
            "maxLength": 40,
            "x-source-identifier": True,
            "x-label": {"ja": "会員番号", "en": "Member number"},
        },
    },
    "additionalProperties": False,
}


async def test_identifiers_of_the_source_reach_each_service_as_another_one(live: Live) -> None:
    from personal.store import items
    from schemas.personal import catalogue

    item = catalogue.read(SOURCED)
    await live.town.store.write(lambda db: items.put(db, item, clock.now()))
    person = await live.register("hanako")
    await hold(live, person, bus_pass={"line": "八鹿線", "holder": "M-123"})
    seen = []
    for id in ("shelter", "library"):
        token = await service(live, id, "bus-pass")
        await agree(live, person, id, "bus-pass")
        replies = [await ask(live, token, await name(live, person, id), "bus-pass") for _ in range(2)]
        assert replies[0].json["items"] == replies[1].json["items"]
        seen.append(replies[0].json["items"]["bus-pass"])
    assert [one["line"] for one in seen] == ["八鹿線"] * 2
    assert len({"M-123", *(one["holder"] for one in seen)}) == 3
