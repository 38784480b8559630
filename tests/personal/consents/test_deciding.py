"""Residents agree, refuse, withdraw; each act is one signed document, used once. (issue 5; TS 27560)"""

from typing import Any

import pytest

from base import clock
from base.errors import Conflict
from personal.audit import reading
from personal.operations import consents as operations
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.rules import consent
from personal.rules.levels import Level
from personal.store import consents, services
from tests.personal.consents.deciding import SESSION, decide, item, prepared
from tests.personal.live import Live, asked, described, purpose

DAY = 86_400 * clock.SECOND


@pytest.fixture
async def hanako(live: Live) -> str:
    await live.service("shelter")
    await live.register("hanako")
    return await live.resident("hanako")


async def test_who_agrees_sees_it_in_the_list_with_its_end(live: Live, hanako: str) -> None:
    reply = await decide(live, hanako, agree=["basic-four"], refuse=["allergies"])
    assert reply.status == 201, reply.raw
    assert {code: one["state"] for code, one in reply.json["items"].items()} == {
        "basic-four": "ConsentGiven",
        "allergies": "ConsentRefused",
    }
    told = await item(live, hanako, "basic-four")
    assert told["holds"] and told["state"] == "ConsentGiven" and told["until"].endswith("T15:00:00.000Z")
    assert (await item(live, hanako, "allergies"))["holds"] is False


async def test_what_is_prepared_says_in_words_what_would_change(live: Live, hanako: str) -> None:
    first = (await prepared(live, hanako, agree=["basic-four"])).json
    assert first["changes"][0]["en"] == "You newly agree to 'Basic four facts'."
    assert first["evidence"] == ["session"]
    await decide(live, hanako, agree=["basic-four"])
    again = (await prepared(live, hanako, agree=["basic-four"], refuse=["allergies"])).json
    assert [one["en"] for one in again["changes"]] == [
        "Your consent to 'Basic four facts' is renewed.",
        "You do not agree to 'Allergies'.",
    ]


async def test_a_prepared_decision_is_submitted_once(live: Live, hanako: str) -> None:
    body = {
        "prepared": (await prepared(live, hanako, agree=["basic-four"])).json["prepared"],
        "evidence": SESSION,
    }
    assert (await live.post("/me/consents", body, by=hanako)).status == 201
    again = await live.post("/me/consents", body, by=hanako)
    assert (again.status, again.json["detail"]) == (409, "This was submitted already.")


async def test_a_prepared_decision_is_for_who_prepared_it(live: Live, hanako: str) -> None:
    await live.register("taro")
    signed = (await prepared(live, hanako, agree=["basic-four"])).json["prepared"]
    body = {"prepared": signed, "evidence": SESSION}
    assert (await live.post("/me/consents", body, by=await live.resident("taro"))).status == 403
    for changed in (signed[:-8] + "AAAAAAAA", signed.replace(".", "x.", 1), "a.b.c", ""):
        reply = await live.post("/me/consents", {**body, "prepared": changed}, by=hanako)
        assert reply.status == 400, reply.raw


async def test_what_was_prepared_too_long_ago_is_prepared_again(live: Live, hanako: str) -> None:
    signed = (await prepared(live, hanako, agree=["basic-four"])).json["prepared"]
    with pytest.raises(Conflict, match="too long ago"):
        await later(live, operations.decide_own, DAY, {"prepared": signed, "evidence": SESSION})


async def test_a_version_that_came_meanwhile_is_agreed_to_anew(live: Live, hanako: str) -> None:
    signed = (await prepared(live, hanako, agree=["basic-four"])).json["prepared"]
    await live.service("shelter", described(purpose("reception", asked("basic-four", retentionDays=99))))
    reply = await live.post("/me/consents", {"prepared": signed, "evidence": SESSION}, by=hanako)
    assert (reply.status, "meanwhile" in reply.json["detail"]) == (409, True)


async def test_the_required_items_of_a_purpose_go_together(live: Live, hanako: str) -> None:
    reply = await prepared(live, hanako, agree=["allergies"])
    assert (reply.status, reply.json["missing"]) == (400, ["basic-four"])
    await decide(live, hanako, agree=["basic-four", "allergies"])
    assert (await prepared(live, hanako, agree=["allergies"])).status == 200
    withdrawn = await live.post(
        "/me/consents/withdraw",
        {"service": "shelter", "purpose": "reception", "items": ["basic-four"]},
        by=hanako,
    )
    assert withdrawn.json["withdrawn"][0]["items"] == ["allergies", "basic-four"]


@pytest.mark.parametrize(
    ("choice", "status"),
    [
        ({"agree": ["household"]}, 400),
        ({"agree": ["basic-four"], "refuse": ["basic-four"]}, 400),
        ({"agree": []}, 400),
        ({"agree": ["basic-four"], "service": "nothing"}, 404),
        ({"agree": ["basic-four"], "purpose": "nothing"}, 404),
        ({"agree": ["basic-four"], "until": "2020-01-01"}, 400),
        ({"agree": ["basic-four"], "until": "2999-01-01"}, 400),
        ({"agree": ["basic-four"], "until": "2027-02-30"}, 400),
        ({"agree": ["basic-four"], "kind": "sell"}, 400),
    ],
)
async def test_what_cannot_be_decided_is_refused(
    live: Live, hanako: str, choice: dict[str, Any], status: int
) -> None:
    assert (await prepared(live, hanako, **choice)).status == status


async def test_what_rests_on_a_law_is_shown_so_and_is_not_decided_on(live: Live, hanako: str) -> None:
    law = "災害対策基本法 90条の3"
    await live.service("roll", described(purpose("reception", asked("basic-four"), basis=f"law:{law}")))
    reply = await prepared(live, hanako, service="roll", agree=["basic-four"])
    assert (reply.status, reply.json["law"]) == (409, law)
    listed = (await live.get("/me/consents", by=hanako)).json["services"]
    shown = next(one for one in listed if one["id"] == "roll")["purposes"][0]["items"][0]
    assert (shown["law"], shown["decidable"]) == (law, False)


async def test_withdrawing_is_one_call_and_holds_at_once(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four", "allergies"])
    body = {"service": "shelter", "purpose": "reception", "items": ["allergies"]}
    reply = await live.post("/me/consents/withdraw", body, by=hanako)
    assert reply.json["withdrawn"][0]["items"] == ["allergies"]
    person = await live.person("hanako")
    found = live.town.store.read(
        lambda db: consents.for_disclosure(db, person, "shelter", "reception", ["basic-four", "allergies"])
    )
    holding = {code for code, one in found.items() if consent.holds(one, clock.now(), 1)}
    assert holding == {"basic-four"}
    again = await live.post("/me/consents/withdraw", body, by=hanako)
    assert (again.status, again.json) == (200, {"withdrawn": []})


async def test_everything_is_withdrawn_at_once_even_of_a_suspended_service(live: Live, hanako: str) -> None:
    await live.service("library", described(purpose("loans", asked("contact"))))
    await decide(live, hanako, agree=["basic-four"])
    await decide(live, hanako, service="library", purpose="loans", agree=["contact"])
    await decide(live, hanako, kind="store", agree=["basic-four"])
    await live.town.store.write(lambda db: services.set_active(db, "library", False))
    reply = await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    named = {(one["kind"], one["service"]) for one in reply.json["withdrawn"]}
    assert named == {("share", "shelter"), ("share", "library"), ("store", "shelter")}
    listed = (await live.get("/me/consents", by=hanako)).json["services"]
    assert not any(
        one[kind] and one[kind]["holds"]
        for service in listed
        for one in service["purposes"][0]["items"]
        for kind in ("store", "share")
    )


async def test_storing_and_sharing_are_two_consents(live: Live, hanako: str) -> None:
    await decide(live, hanako, kind="store", agree=["basic-four"])
    assert (await item(live, hanako, "basic-four", "store"))["holds"]
    assert await item(live, hanako, "basic-four", "share") is None


async def test_a_consent_ends_by_itself_and_is_on_the_list_before(live: Live, hanako: str) -> None:
    day = clock.show(clock.now() + 20 * DAY)[:10]
    await decide(live, hanako, agree=["basic-four"], until=day)
    listed = (await live.get("/me/consents", by=hanako)).json
    assert [one["item"] for one in listed["endsSoon"]] == ["basic-four"]
    answer = await later(live, operations.list_own, 22 * DAY)
    shown = answer["services"][0]["purposes"][0]["items"][0]["share"]
    assert (shown["state"], shown["holds"], answer["endsSoon"]) == ("ConsentExpired", False, [])


async def test_a_wider_version_needs_a_renewal_and_says_what_is_new(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four"])
    await live.service("shelter", described(purpose("reception", asked("basic-four"), asked("household"))))
    told = await item(live, hanako, "basic-four")
    assert (told["holds"], told["renewalNeeded"]) == (False, True)
    listed = (await live.get("/me/consents", by=hanako)).json["services"][0]["purposes"][0]
    assert {"en": "'Household' (required) is newly asked for."}.items() <= listed["changes"][0].items()
    reply = await prepared(live, hanako, agree=["basic-four"])
    assert reply.json["missing"] == ["household"]
    await decide(live, hanako, agree=["basic-four", "household"])
    assert (await item(live, hanako, "basic-four"))["state"] == "RenewedConsentGiven"


async def test_a_narrower_version_needs_none(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four"])
    narrower = described(purpose("reception", asked("basic-four", retentionDays=1)))
    await live.town.store.write(
        lambda db: services.put_version(db, "shelter", narrower, wider=False, proposal="", now=clock.now())
    )
    assert (await item(live, hanako, "basic-four"))["holds"]


async def test_what_no_service_asks_for_any_more_can_still_be_withdrawn(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four", "allergies"])
    await live.service("shelter", described(purpose("other", asked("contact"))))
    former = (await live.get("/me/consents", by=hanako)).json["former"]
    assert sorted(one["item"] for one in former) == ["allergies", "basic-four"]
    reply = await live.post("/me/consents/withdraw", {"service": "shelter"}, by=hanako)
    assert reply.json["withdrawn"][0]["items"] == ["allergies", "basic-four"]


async def test_refusing_ends_what_the_purpose_does_not_ask_for_any_more_too(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four", "allergies"])
    await live.service("shelter", described(purpose("reception", asked("basic-four"))))
    reply = await decide(live, hanako, refuse=["basic-four"], agree=[])
    assert reply.status == 201, reply.raw
    assert set(reply.json["items"]) == {"basic-four", "allergies"}
    assert (await live.get("/me/consents", by=hanako)).json["former"] == []


async def test_consent_needs_the_card_with_its_pin(live: Live, hanako: str) -> None:
    low = await live.resident("hanako", level=1)
    assert (await prepared(live, low, agree=["basic-four"])).status == 403
    assert (await live.post("/me/consents/withdraw", {"everything": True}, by=low)).status == 403


async def test_no_consent_without_evidence_but_refusing_needs_none(live: Live, hanako: str) -> None:
    reply = await decide(live, hanako, evidence=None, agree=["basic-four"])
    assert (reply.status, reply.json["evidence"]) == (403, ["session"])
    assert (await decide(live, hanako, evidence=None, agree=[], refuse=["basic-four"])).status == 201


async def test_every_decision_is_in_the_log_and_in_the_resident_s_history(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["basic-four"])
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    accesses = (await live.get("/me/accesses", by=hanako)).json["accesses"]
    told = [one["action"]["en"] for one in accesses]
    assert told[0] == "Consent was withdrawn" and "Consent was given" in told
    person = await live.person("hanako")
    entries = {one.position: one for one in live.town.store.read(lambda db: reading.entries(db, 0, 100))}
    events = (await live.get("/me/consents/events", by=hanako)).json["events"]
    assert [(one["event"], one["item"]) for one in events] == [
        ("withdraw", "basic-four"),
        ("give", "basic-four"),
    ]
    for one in events:
        facts = entries[one["position"]].facts()
        assert one["item"] in facts["items"] and one["item"] in facts["events"][one["event"]]
        assert person not in str(facts)


async def test_the_receipts_of_decisions_are_listed(live: Live, hanako: str) -> None:
    made = await decide(live, hanako, agree=["basic-four"])
    listed = (await live.get("/me/receipts", by=hanako)).json["receipts"]
    assert [one["id"] for one in listed] == [made.json["receipt"]]
    assert (listed[0]["agree"], listed[0]["givenBy"]) == (["basic-four"], "resident")


async def later(live: Live, operation: Any, by: int, body: Any = None) -> Any:
    """Do an operation as hanako some time (µs) from now."""
    person = await live.person("hanako")
    actor = Actor(Who.RESIDENT, person, person, level=Level.CARD)
    call = Call(live.town, actor, body=body, now=clock.now() + by)
    return (await operation(call, live.module)).body


async def test_in_a_demonstration_staff_take_over_paper_with_a_scan(live: Live, hanako: str) -> None:
    by = await live.staff("counter")
    found = await live.post("/residents/search", {"nameKana": "ヤブ ハナコ"}, by=by)
    resident = {"resident": found.json["residents"][0]["resident"]}
    body = {**resident, "service": "shelter", "purpose": "reception", "agree": ["basic-four"]}
    told = (await live.post("/consents/paper/prepare", body, by=by)).json
    assert told["evidence"] == ["session"]
    given = {**resident, "prepared": told["prepared"]}
    without = await live.post("/consents/paper", {**given, "evidence": SESSION}, by=by)
    assert without.status == 400
    reply = await live.post("/consents/paper", {**given, "evidence": {**SESSION, "scan": "scan-1"}}, by=by)
    assert reply.status == 201, reply.raw


async def test_what_ends_is_listed_once_and_not_where_it_was_renewed_as_a_double(
    live: Live, hanako: str
) -> None:
    day = clock.show(clock.now() + 20 * DAY)[:10]
    await decide(live, hanako, agree=["basic-four"], until=day)
    await live.register("hana", nameKana="ヤブ ハナ")
    await decide(live, await live.resident("hana"), agree=["basic-four"])
    end = clock.now() + 30 * DAY
    ending = live.town.store.read(lambda db: consents.lapsed(db, end, 9))
    assert [one.item for _, one in ending] == ["basic-four"]
    by = await live.staff("counter")
    first, second = [
        (await live.post("/residents/search", {"nameKana": kana}, by=by)).json["residents"][0]["resident"]
        for kana in ("ヤブ ハナコ", "ヤブ ハナ")
    ]
    await live.post("/residents/merge", {"resident": first, "double": second}, by=by)
    assert live.town.store.read(lambda db: consents.lapsed(db, end, 9)) == []
