"""The catalogue over HTTP: nothing is in force without a second person. (issue 5, DESIGN 3)"""

import asyncio
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.personal.live import Live, Reply, asked, described, purpose


def public_key(kid: str = "one") -> dict[str, Any]:
    return {"keys": [ECKey.generate_key("P-256", {"kid": kid}).as_dict(private=False)]}


async def propose(live: Live, kind: str, body: dict[str, Any], by: str = "catalogue") -> Reply:
    return await live.post("/proposals", {"kind": kind, "body": body}, by=await live.staff(by))


async def decide(
    live: Live, id: str, verb: str = "approve", by: str = "catalogue2", body: Any = None
) -> Reply:
    return await live.post(f"/proposals/{id}/{verb}", body, by=await live.staff(by))


async def in_force(live: Live, service: str = "shelter", **more: Any) -> None:
    made = await propose(
        live, "service", {"service": service, "description": described(**more), "keys": public_key()}
    )
    assert made.status == 201, made.raw
    assert (await decide(live, made.json["id"])).status == 204


async def test_a_service_is_in_force_when_a_second_person_approves_it(live: Live) -> None:
    made = await propose(
        live, "service", {"service": "shelter", "description": described(), "keys": public_key()}
    )
    assert (made.status, made.json["state"], made.json["wider"]) == (201, "open", True)
    assert (await live.get("/services")).json == {"services": []}
    assert (await decide(live, made.json["id"], by="catalogue")).status == 403
    assert (await live.get("/services")).json == {"services": []}
    assert (await decide(live, made.json["id"])).status == 204
    listed = (await live.get("/services")).json["services"]
    assert [(one["id"], one["version"], one["leastVersion"]) for one in listed] == [("shelter", 1, 1)]
    assert (await decide(live, made.json["id"])).status == 409


async def test_a_version_that_asks_for_more_needs_consent_anew_and_shows_the_difference(live: Live) -> None:
    await in_force(live)
    more = described(
        purpose("reception", asked("basic-four", retentionDays=60), asked("care-needs", need="optional"))
    )
    made = await propose(live, "service", {"service": "shelter", "description": more})
    told = {(one["change"], one.get("item"), one["wider"]) for one in made.json["differences"]}
    assert told == {
        ("retention", "basic-four", True),
        ("item", "care-needs", True),
        ("item", "allergies", False),
    }
    assert (await live.get("/services/shelter")).json["version"] == 1
    await decide(live, made.json["id"])
    assert (await live.get("/services/shelter")).json["leastVersion"] == 2
    shown = (await live.get("/services/shelter/changes/1")).json
    assert shown["consentHolds"] is False
    assert {one["change"] for one in shown["differences"]} == {"retention", "item"}


async def test_a_version_that_asks_for_less_keeps_consent(live: Live) -> None:
    await in_force(live)
    less = described(purpose("reception", asked("basic-four", retentionDays=3, need="optional")))
    made = await propose(live, "service", {"service": "shelter", "description": less})
    assert made.json["wider"] is False
    await decide(live, made.json["id"])
    service = (await live.get("/services/shelter")).json
    assert (service["version"], service["leastVersion"]) == (2, 1)


async def test_two_proposals_for_one_version_do_not_overtake_each_other(live: Live) -> None:
    await in_force(live)
    first = await propose(
        live, "service", {"service": "shelter", "description": described(notify="https://a.example/")}
    )
    second = await propose(
        live, "service", {"service": "shelter", "description": described(notify="https://b.example/")}
    )
    assert (await decide(live, first.json["id"])).status == 204
    late = await decide(live, second.json["id"])
    assert late.status == 409
    assert (await live.get("/services/shelter")).json["version"] == 2


async def test_refused_and_withdrawn_proposals_change_nothing(live: Live) -> None:
    await in_force(live)
    body = {"service": "shelter", "description": described(notify="https://a.example/")}
    refused, withdrawn = await propose(live, "service", body), await propose(live, "service", body)
    assert (
        await decide(live, refused.json["id"], "refuse", body={"reason": "purpose unclear"})
    ).status == 204
    assert (await decide(live, withdrawn.json["id"], "withdraw")).status == 403
    assert (await decide(live, withdrawn.json["id"], "withdraw", by="catalogue")).status == 204
    for one in (refused, withdrawn):
        assert (await decide(live, one.json["id"])).status == 409
    assert (await live.get("/services/shelter")).json["version"] == 1
    shown = await live.get(f"/proposals/{refused.json['id']}", by=await live.staff("catalogue"))
    assert shown.json["reason"] == "purpose unclear"


async def test_other_roles_see_no_proposals_of_the_catalogue(live: Live) -> None:
    made = await propose(
        live, "service", {"service": "shelter", "description": described(), "keys": public_key()}
    )
    for login in ("counter", "emergency", "admin", "auditor"):
        assert (await live.get("/proposals", by=await live.staff(login))).json == {"proposals": []}
        assert (await decide(live, made.json["id"], by=login)).status == 404
        assert (await propose(live, "service", {"service": "x", "description": {}}, by=login)).status == 400


async def test_who_leaves_and_comes_back_does_not_approve_their_own(live: Live) -> None:
    made = await propose(
        live, "service", {"service": "shelter", "description": described(), "keys": public_key()}
    )
    admin = await live.staff("admin")
    listed = (await live.get("/staff", by=admin)).json["staff"]
    id = next(one["id"] for one in listed if one["login"] == "catalogue")
    assert (await live.ask("DELETE", f"/staff/{id}", by=admin)).status == 204
    live.tokens.clear()
    again = {"login": "catalogue", "name": "戻った人", "roles": ["catalogue"]}
    assert (await live.post("/staff", again, by=await live.staff("admin"))).status == 201
    assert (await decide(live, made.json["id"], by="catalogue")).status == 403


async def test_new_keys_need_a_second_person_and_end_tokens(live: Live) -> None:
    await live.service("shelter")
    token = await live.service_token("shelter")
    live.keys["shelter"] = ECKey.generate_key("P-256", {"kid": "second"})
    keys = {"keys": [live.keys["shelter"].as_dict(private=False)]}
    made = await propose(live, "service-keys", {"service": "shelter", "keys": keys})
    assert made.status == 201, made.raw
    assert (await live.ask("DELETE", "/session", by=await live.staff("auditor"))).status == 204
    assert (await decide(live, made.json["id"])).status == 204
    assert (await live.get("/session", by=token)).status == 401
    live.tokens.clear()
    assert await live.service_token("shelter")


async def test_a_service_is_suspended_at_once_by_one_person(live: Live) -> None:
    await live.service("shelter")
    token, by = await live.service_token("shelter"), await live.staff("catalogue")
    assert (await live.post("/catalogue/services/shelter/state", {"active": False}, by=by)).status == 204
    assert (await live.get("/session", by=token)).status == 401
    assert (await live.get("/services")).json == {"services": []}
    assert (await live.get("/services/shelter")).status == 404
    entries = await live.get("/audit/entries", by=await live.staff("auditor"))
    assert any('"service-suspended"' in one["entry"] for one in entries.json["entries"])
    assert (await live.post("/catalogue/services/shelter/state", {"active": True}, by=by)).status == 204
    assert len((await live.get("/services")).json["services"]) == 1


@pytest.mark.parametrize(
    ("description", "word"),
    [
        (described(purpose("a", asked("horoscope"))), "horoscope"),
        (described(purpose("a", asked("contact")), purpose("a", asked("contact"))), "same id"),
        (described(purpose("a", asked("contact"), asked("contact"))), "twice"),
        (described(purpose("a", asked("contact"), legalClass="anonymized")), "legal class"),
        (described(purpose("a", asked("household", recipients=["県"]), legalClass="pseudonymized")), "law"),
        ({**described(), "extra": 1}, "do not belong"),
        (described(notify="ftp://a.example/"), "notify"),
    ],
)
async def test_a_description_without_sense_is_refused(live: Live, description: Any, word: str) -> None:
    refused = await propose(
        live, "service", {"service": "shelter", "description": description, "keys": public_key()}
    )
    assert refused.status == 400
    assert word in refused.json["detail"]


async def test_a_city_adds_an_item_with_four_eyes(live: Live) -> None:
    schema = {
        "title": "electoral-roll",
        "x-label": {"ja": "選挙人名簿", "en": "Electoral roll"},
        "x-class": "ordinary",
        "x-identifying": True,
        "x-basis": "law:公職選挙法19条",
        "x-schema-version": 1,
        "type": "object",
        "properties": {
            "district": {"type": "string", "maxLength": 50, "x-label": {"ja": "投票区", "en": "District"}}
        },
        "additionalProperties": False,
    }
    made = await propose(live, "item", {"schema": schema})
    assert made.status == 201, made.raw
    assert (await live.get("/items/electoral-roll")).status == 404
    assert (await decide(live, made.json["id"])).status == 204
    listed = (await live.get("/items")).json["items"]
    assert {one["item"]: one["basis"] for one in listed}["electoral-roll"] == "law:公職選挙法19条"
    assert len(listed) == 9
    more = {**schema, "x-schema-version": 2, "properties": {**schema["properties"], "party": {"type": "boolean", "x-label": {"ja": "党", "en": "Party"}}}}  # fmt: skip
    assert "another item" in (await propose(live, "item", {"schema": more})).json["detail"]
    assert (await propose(live, "item", {"schema": {**schema, "title": "contact"}})).status == 409
    number = {"district": {"type": "integer", "x-label": {"ja": "投票区", "en": "District"}}}
    other = {**schema, "x-schema-version": 2, "properties": number}
    assert "another item" in (await propose(live, "item", {"schema": other})).json["detail"]
    assert (await propose(live, "item", {"schema": {**schema, "x-schema-version": 2}})).status == 409
    longer = {"district": {"type": "string", "maxLength": 80, "x-label": {"ja": "投票区", "en": "Ward"}}}
    changed = {**schema, "x-schema-version": 2, "required": ["district"], "properties": longer}
    made = await propose(live, "item", {"schema": changed})
    assert made.status == 201, made.raw
    told = [(one["change"], one["before"], one["after"]) for one in made.json["differences"]]
    assert told == [
        ("need", "optional", "required"),
        ("label", "投票区 / District", "投票区 / Ward"),
        ("maxLength", 50, 80),
    ]
    assert (await decide(live, made.json["id"])).status == 204
    assert (await live.get("/items/electoral-roll")).json["x-schema-version"] == 2
    mark: dict[str, object] = {"x-source-identifier": True}
    hidden = {**changed, "x-schema-version": 3, "properties": {"district": {**longer["district"], **mark}}}
    assert (await decide(live, (await propose(live, "item", {"schema": hidden})).json["id"])).status == 204
    bare = await propose(live, "item", {"schema": {**changed, "x-schema-version": 4}})
    assert bare.status == 400 and "stays replaced" in bare.json["detail"]


async def test_a_proposal_takes_effect_once_however_many_approve_at_once(live: Live) -> None:
    await in_force(live)
    body = {"service": "shelter", "description": described(notify="https://a.example/")}
    made = await propose(live, "service", body)
    await live.staff("catalogue2")
    done = await asyncio.gather(*(decide(live, made.json["id"]) for _ in range(5)))
    assert sorted(one.status for one in done) == [204, 409, 409, 409, 409]
    assert (await live.get("/services/shelter")).json["version"] == 2


async def test_a_suspended_service_gets_no_token(live: Live) -> None:
    await live.service("shelter")
    by = await live.staff("catalogue")
    assert (await live.post("/catalogue/services/shelter/state", {"active": False}, by=by)).status == 204
    assert (await live.post("/catalogue/services/shelter/state", {"active": False}, by=by)).status == 409
    assert (await live.post("/catalogue/services/nothing/state", {"active": False}, by=by)).status == 404
    with pytest.raises(AssertionError, match="not valid here"):
        await live.service_token("shelter")
    for login in ("counter", "admin", "auditor"):
        reply = await live.post(
            "/catalogue/services/shelter/state", {"active": True}, by=await live.staff(login)
        )
        assert reply.status == 403
