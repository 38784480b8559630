"""Guardians and proxies over HTTP: actor and subject apart, scope, expiry, revocation, protection. (DESIGN 3, issue 5)"""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.personal.consents.deciding import decide
from tests.personal.disclosure.sharing import leaves, name
from tests.personal.live import Live, Reply, asked, described, purpose

CHILD = {"nameKana": "ヤブ コタロウ", "birthDate": f"{datetime.now(UTC).year - 9}-04-01"}
PARENT = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
EVERYTHING = {"acts": ["see", "consent", "write", "rights"]}
PHONE = {"value": {"phones": [{"number": "079-662-0000", "kind": "home"}]}, "expectedVersion": 0}


async def found(live: Live, terms: dict[str, str], by: str = "counter") -> str:
    told = await live.post("/residents/search", terms, by=await live.staff(by))
    return str(told.json["residents"][0]["resident"])


async def family(live: Live) -> None:
    await live.register("kotaro", **CHILD)
    await live.register("hanako", **PARENT)


async def grant(live: Live, by: str = "counter", **more: Any) -> Reply:
    body = {
        "guardian": await found(live, PARENT, by),
        "resident": await found(live, CHILD, by),
        "relation": "parent",
        "birthDate": CHILD["birthDate"],
        "evidence": "scan-2026-0001",
        **EVERYTHING,
        **more,
    }
    return await live.post("/delegations", body, by=await live.staff(by))


async def act_for_child(live: Live) -> str:
    token = await live.resident("hanako")
    listed = await live.get("/me/represented", by=token)
    (child,) = listed.json["represented"]
    switched = await live.post("/me/acting-for", {"resident": child["resident"]}, by=token)
    assert switched.status == 200, switched.raw
    return token


async def protect(live: Live, terms: dict[str, str]) -> None:
    handle = await found(live, terms, "protection")
    body = {"resident": handle, "protected": True}
    assert (await live.post("/residents/protection", body, by=await live.staff("protection"))).status == 204


async def test_a_guardian_acts_for_a_child_and_back(live: Live) -> None:
    await family(live)
    made = await grant(live)
    assert made.status == 201, made.raw
    token = await act_for_child(live)
    assert (await live.ask("PUT", "/me/items/contact", PHONE, by=token)).status == 201
    child = await live.resident("kotaro")
    assert (await live.get("/me/items/contact", by=child)).json["value"] == PHONE["value"]
    theirs = {one["action"]["en"] for one in (await live.get("/me/accesses", by=child)).json["accesses"]}
    assert "Data was written or changed" in theirs
    assert (await live.post("/me/acting-for", {"resident": None}, by=token)).json == {"actingFor": None}
    assert (await live.get("/me/items/contact", by=token)).status == 404


async def test_what_a_guardian_does_is_in_the_childs_history_and_not_in_theirs(live: Live) -> None:
    await family(live)
    await grant(live)
    token = await act_for_child(live)
    await live.ask("PUT", "/me/items/contact", PHONE, by=token)
    seen = (await live.get("/me/accesses", by=token)).json["accesses"]
    child = (await live.get("/me/accesses", by=await live.resident("kotaro"))).json["accesses"]
    assert seen == child[1:]
    assert child[0]["action"]["en"].startswith("Somebody who acts for you looked at what was done")
    await live.post("/me/acting-for", {"resident": None}, by=token)
    own = (await live.get("/me/accesses", by=token)).json["accesses"]
    assert not {one["position"] for one in own} & {one["position"] for one in child}


async def test_a_scope_limits_acts_and_items(live: Live) -> None:
    await family(live)
    made = await grant(live, relation="adult-guardian", acts=["see"], items=["contact"])
    assert made.status == 201, made.raw
    child, token = await live.resident("kotaro"), await act_for_child(live)
    await live.ask("PUT", "/me/items/contact", PHONE, by=child)
    note = {"value": {"allergens": []}, "expectedVersion": 0}
    await live.ask("PUT", "/me/items/allergies", note, by=child)
    assert (await live.get("/me/items/contact", by=token)).status == 200
    assert (await live.get("/me/items/allergies", by=token)).status == 403
    assert (await live.ask("DELETE", "/me/items/contact", by=token)).status == 403


async def test_the_birth_date_must_be_the_childs_and_below_the_age_limit(live: Live) -> None:
    await live.register("kotaro", **{**CHILD, "birthDate": "2000-04-01"})
    await live.register("hanako", **PARENT)
    handle = await found(live, {"nameKana": CHILD["nameKana"]})
    for birth, status in ((None, 400), ("2015-04-01", 409), ("2000-04-01", 409)):
        more = {} if birth is None else {"birthDate": birth}
        body = {"guardian": await found(live, PARENT), "resident": handle, "relation": "parent",
                "evidence": "scan-1", **EVERYTHING, **more}  # fmt: skip
        assert (await live.post("/delegations", body, by=await live.staff("counter"))).status == status


async def test_more_than_before_needs_a_second_member_of_staff(live: Live) -> None:
    await family(live)
    made = await grant(live, relation="proxy", acts=["see"], until="2099-01-01T00:00:00Z")
    id, counter = made.json["delegation"], await live.staff("counter")
    more = {**EVERYTHING, "evidence": "scan-2", "until": "2099-01-01T00:00:00Z"}
    asked = await live.ask("PATCH", f"/delegations/{id}", more, by=counter)
    assert asked.status == 202, asked.raw
    token = await act_for_child(live)
    assert (await live.ask("PUT", "/me/items/contact", PHONE, by=token)).status == 403
    proposal = asked.json["proposal"]["id"]
    assert (await live.post(f"/proposals/{proposal}/approve", None, by=counter)).status == 403
    second = await live.staff("counter2")
    assert (await live.post(f"/proposals/{proposal}/approve", None, by=second)).status == 204
    assert (await live.ask("PUT", "/me/items/contact", PHONE, by=token)).status == 201


async def test_ending_and_writing_anew_does_not_widen_alone(live: Live) -> None:
    await family(live)
    made = await grant(live, acts=["see"])
    id, counter = made.json["delegation"], await live.staff("counter")
    assert (await live.ask("DELETE", f"/delegations/{id}", by=counter)).status == 204
    assert (await grant(live)).status == 202
    assert (await live.get("/me/represented", by=await live.resident("hanako"))).json["represented"] == []
    assert (await grant(live, acts=["see"])).status == 201


async def test_less_than_before_takes_effect_at_once(live: Live) -> None:
    await family(live)
    id, token = (await grant(live)).json["delegation"], await act_for_child(live)
    less = {"acts": ["see"], "evidence": "scan-2", "birthDate": CHILD["birthDate"]}
    assert (await live.ask("PATCH", f"/delegations/{id}", less, by=await live.staff("counter"))).status == 201
    assert (await live.ask("PUT", "/me/items/contact", PHONE, by=token)).status == 403
    assert (await live.get("/me/items", by=token)).status == 200


async def test_who_is_acted_for_takes_a_proxy_back_but_not_a_parent(live: Live) -> None:
    await family(live)
    child = await live.resident("kotaro")
    parent = (await grant(live)).json["delegation"]
    assert (await live.ask("DELETE", f"/me/guardians/{parent}", by=child)).status == 403
    await live.ask("DELETE", f"/me/represented/{parent}", by=await live.resident("hanako"))
    assert (await live.get("/me/guardians", by=child)).json == {"guardians": []}
    # another relation than before needs a second person, so the pair starts with others here
    await live.register("taro", nameKana="ヤブ タロウ", birthDate="1985-01-01")
    guardian = await found(live, {"nameKana": "ヤブ タロウ"})
    proxy = await grant(live, guardian=guardian, relation="proxy", until="2099-01-01T00:00:00Z")
    assert proxy.status == 201, proxy.raw
    id = proxy.json["delegation"]
    assert (await live.ask("DELETE", f"/me/guardians/{id}", by=child)).status == 204
    assert (await live.get("/me/represented", by=await live.resident("taro"))).json["represented"] == []


async def test_acting_ends_with_the_delegation(live: Live) -> None:
    await family(live)
    id, token = (await grant(live)).json["delegation"], await act_for_child(live)
    assert (await live.ask("DELETE", f"/delegations/{id}", by=await live.staff("counter"))).status == 204
    assert (await live.get("/me/items", by=token)).status == 401


@pytest.mark.parametrize("how", ["protected", "ended", "dead"])
async def test_a_protected_person_looks_to_guardians_like_an_ended_delegation(live: Live, how: str) -> None:
    """What is asked and what comes back is the same, byte for byte, whatever happened to the child."""
    await family(live)
    id, token = (await grant(live)).json["delegation"], await act_for_child(live)
    handle = (await live.get("/me/represented", by=token)).json["represented"][0]["resident"]
    counter = await live.staff("counter")
    if how == "protected":
        await protect(live, CHILD)
    elif how == "ended":
        assert (await live.ask("DELETE", f"/delegations/{id}", by=counter)).status == 204
    else:
        body = {"resident": await found(live, CHILD), "event": "died"}
        assert (await live.post("/residents/events", body, by=counter)).status == 204
    seen = []
    for path in ("/me/items", "/me/accesses", "/me/represented"):
        seen.append(await live.get(path, by=token))
    live.tokens.clear()
    again = await live.resident("hanako")
    seen.append(await live.get("/me/represented", by=again))
    for guess in (handle, "nobody"):
        seen.append(await live.post("/me/acting-for", {"resident": guess}, by=again))
    seen.append(await live.ask("DELETE", f"/me/represented/{id}", by=again))
    assert [one.status for one in seen] == [401, 401, 401, 200, 404, 404, 404]
    unauthorized = '{"type":"urn:engawa:errors:Unauthorized","title":"Unauthorized","detail":"The token or login is not valid here (any more). Get a new one.","status":401}'
    assert {one.raw.decode() for one in seen[:3]} == {unauthorized}
    assert seen[3].json == {"represented": [], "actingFor": None}
    assert seen[4].raw == seen[5].raw


async def test_staff_who_are_not_cleared_see_no_delegation_of_a_protected_person(live: Live) -> None:
    await family(live)
    id = (await grant(live)).json["delegation"]
    asked = await live.post(
        "/delegations/find", {"resident": await found(live, PARENT)}, by=await live.staff("counter")
    )
    assert len(asked.json["represented"]) == 1
    await protect(live, CHILD)
    counter = await live.staff("counter")
    hidden, nothing = (
        await live.get(f"/delegations/{id}", by=counter),
        await live.get("/delegations/g_x", by=counter),
    )
    assert (hidden.status, hidden.raw) == (404, nothing.raw)
    asked = await live.post("/delegations/find", {"resident": await found(live, PARENT)}, by=counter)
    assert asked.json == {"represented": [], "guardians": []}


async def test_protection_that_is_lifted_brings_no_guardian_back(live: Live) -> None:
    await family(live)
    await grant(live)
    await protect(live, CHILD)
    cleared = await live.staff("protection")
    body = {"resident": await found(live, CHILD, "protection"), "protected": False}
    assert (await live.post("/residents/protection", body, by=cleared)).status == 204
    assert (await live.get("/me/represented", by=await live.resident("hanako"))).json["represented"] == []


async def test_a_protected_guardian_is_not_shown_to_the_one_acted_for(live: Live) -> None:
    await family(live)
    await grant(live)
    await protect(live, PARENT)
    assert (await live.get("/me/guardians", by=await live.resident("kotaro"))).json == {"guardians": []}
    live.tokens.clear()
    assert await act_for_child(live)


async def test_who_acted_is_on_record_apart_from_whom_it_was_about(live: Live) -> None:
    await family(live)
    await grant(live)
    token = await act_for_child(live)
    await live.ask("PUT", "/me/items/contact", PHONE, by=token)
    (written,) = [one for one in leaves(live) if one["kind"] == "record-written"]
    assert written["by"] == "guardian"
    assert written["subject"] != written["guardian"]
    seen = (await live.get("/me/accesses", by=await live.resident("kotaro"))).json["accesses"]
    assert [one["by"] for one in seen if one["action"]["en"] == "Data was written or changed"] == ["guardian"]


async def test_what_a_protected_guardian_does_is_not_shown_to_the_other_one(live: Live) -> None:
    await family(live)
    await grant(live)
    await live.register("taro", nameKana="ヤブ タロウ", birthDate="1985-01-01")
    made = await grant(live, guardian=await found(live, {"nameKana": "ヤブ タロウ"}))
    assert made.status == 201, made.raw
    await protect(live, PARENT)
    live.tokens.clear()
    mother = await act_for_child(live)
    assert (await live.ask("PUT", "/me/items/contact", PHONE, by=mother)).status == 201
    father, child = await live.resident("taro"), await live.resident("kotaro")
    (kotaro,) = (await live.get("/me/represented", by=father)).json["represented"]
    await live.post("/me/acting-for", {"resident": kotaro["resident"]}, by=father)
    own = (await live.get("/me/accesses", by=child)).json["accesses"]
    theirs = (await live.get("/me/accesses", by=father)).json["accesses"]
    hidden = {one["position"] for one in own} - {one["position"] for one in theirs}
    assert {one["action"]["en"] for one in own if one["position"] in hidden} == {
        "Data was written or changed", "Somebody began to act for you", "Somebody was entered who may act for you",
    }  # fmt: skip
    for position in sorted(hidden):
        assert (await live.get(f"/me/accesses/{position}/proof", by=father)).status == 404
        assert (await live.get(f"/me/accesses/{position}/proof", by=child)).status == 200


async def test_a_guardian_exports_what_is_within_their_scope(live: Live) -> None:
    await family(live)
    await grant(live, relation="adult-guardian", acts=["see", "rights"], items=["contact"])
    child = await live.resident("kotaro")
    await live.ask("PUT", "/me/items/contact", PHONE, by=child)
    await live.ask(
        "PUT",
        "/me/items/allergies",
        {"value": {"allergies": [{"to": "wheat"}]}, "expectedVersion": 0},
        by=child,
    )
    token = await act_for_child(live)
    told = (await live.get("/me/export", by=token)).json
    assert [one["item"] for one in told["records"]] == ["contact"]
    assert "identifiers" not in told
    assert (await live.post("/me/erase", None, by=token)).status == 403
    await live.post("/me/acting-for", {"resident": None}, by=token)
    assert (await live.get("/me/export", by=token)).json["records"] == []


async def test_a_guardian_asks_and_sees_requests_within_their_scope_only(live: Live) -> None:
    await family(live)
    await grant(live, relation="adult-guardian", acts=["rights"], items=["contact"])
    child, token = await live.resident("kotaro"), await act_for_child(live)
    body = {"right": "disclosure", "text": "見せてください。"}
    everything = await live.post("/me/rights", body, by=child)
    for items, status in ((None, 403), ([], 403), (["allergies"], 403), (["contact"], 201)):
        asked = {**body, **({} if items is None else {"items": items})}
        assert (await live.post("/me/rights", asked, by=token)).status == status
    listed = (await live.get("/me/rights", by=token)).json["requests"]
    assert [one["items"] for one in listed] == [["contact"]]
    assert (await live.ask("DELETE", f"/me/rights/{everything.json['id']}", by=token)).status == 404
    assert len((await live.get("/me/rights", by=child)).json["requests"]) == 2


@pytest.mark.parametrize("side", ["resident", "double"])
async def test_a_delegation_follows_those_who_are_parted(live: Live, side: str) -> None:
    await family(live)
    counter = await live.staff("counter")
    await live.register("kenji", nameKana="ヤブ ケンジ", birthDate=CHILD["birthDate"])
    kotaro, kenji = await found(live, CHILD), await found(live, {"nameKana": "ヤブ ケンジ"})
    merged = await live.post("/residents/merge", {"resident": kotaro, "double": kenji}, by=counter)
    assert merged.status == 200, merged.raw
    assert (await grant(live, resident=kotaro)).status == 201
    parted = await live.post("/residents/part", {"resident": kotaro, "sinceGoesTo": side}, by=counter)
    assert parted.status == 200, parted.raw
    acted_for = {}
    for one in ("resident", "double"):
        told = await live.post("/delegations/find", {"resident": parted.json[one]}, by=counter)
        acted_for[one] = len(told.json["guardians"])
    assert acted_for == {"resident": int(side == "resident"), "double": int(side == "double")}


FATHER = {"nameKana": "ヤブ タロウ", "birthDate": "1988-05-05"}


async def both_parents(live: Live) -> tuple[str, str]:
    """Give the tokens of two guardians who act for the same child; the second one only looks."""
    await live.service("shelter", described(purpose("reception", asked("contact"))))
    await family(live)
    await live.register("taro", **FATHER)
    await grant(live)
    await grant(live, guardian=await found(live, FATHER))
    mother, father = await act_for_child(live), await live.resident("taro")
    (child,) = (await live.get("/me/represented", by=father)).json["represented"]
    await live.post("/me/acting-for", {"resident": child["resident"]}, by=father)
    return mother, father


async def test_what_a_protected_guardian_decides_is_not_shown_to_the_other_one(live: Live) -> None:
    mother, father = await both_parents(live)
    paths = ("/me/consents", "/me/consents/events", "/me/receipts", "/me/rights")

    async def seen() -> list[Any]:
        told = [(await live.get(path, by=father)).json for path in paths]
        exported = (await live.get("/me/export", by=father)).json
        return [*told, exported["consents"]]

    before = await seen()
    made = await decide(live, mother, agree=["contact"])
    assert made.status == 201, made.raw
    asked_for = {"right": "stop", "text": "父に知らせないでください。"}
    assert (await live.post("/me/rights", asked_for, by=mother)).status == 201
    assert await seen() != before, "who is not protected is seen"
    await protect(live, PARENT)
    assert await seen() == before
    assert (await live.get(f"/me/receipts/{made.json['receipt']}", by=father)).status == 404
    body = {"service": "shelter", "purpose": "reception", "agree": ["contact"]}
    told = (await live.post("/me/consents/prepare", body, by=father)).json["changes"]
    assert told[0]["en"].startswith("You newly agree"), told
    withdrawn = await live.post("/me/consents/withdraw", {"everything": True}, by=father)
    assert withdrawn.json == {"withdrawn": []}
    child = await live.resident("kotaro")
    (mine,) = (await live.get("/me/consents", by=child)).json["services"]
    assert mine["purposes"][0]["items"][0]["share"]["holds"], "nobody withdraws what they may not know of"


async def test_every_act_of_a_guardian_names_them_apart(live: Live) -> None:
    await live.service("shelter", described(purpose("reception", asked("contact"))))
    await family(live)
    await grant(live)
    child = await live.person("kotaro")
    await name(live, child, "shelter")
    token = await act_for_child(live)
    begin = len(leaves(live))
    body = {"items": ["contact"], "minutes": 5, "service": "shelter"}
    assert (await live.post("/me/sharing-codes", body, by=token)).status == 201
    assert (await live.ask("DELETE", "/me/sharing-codes", by=token)).status == 204
    assert (await live.get("/me/pseudonyms", by=token)).status == 200
    assert (await live.post("/pseudonyms/rotate", {"service": "shelter"}, by=token)).status == 202
    made = leaves(live, begin)
    assert [one["kind"] for one in made] == [
        "sharing-code-made",
        "sharing-code-withdrawn",
        "pseudonyms-listed",
        "pseudonym-rotated",
    ]
    assert all(one["by"] == "guardian" and "guardian" in one and "subject" in one for one in made), made


async def test_what_is_proposed_about_a_protected_person_is_for_who_is_cleared(live: Live) -> None:
    await family(live)
    id = (await grant(live, relation="proxy", acts=["see"], until="2099-01-01T00:00:00Z")).json["delegation"]
    more = {**EVERYTHING, "evidence": "scan-2", "until": "2099-01-01T00:00:00Z"}
    asked = await live.ask("PATCH", f"/delegations/{id}", more, by=await live.staff("counter"))
    proposal = asked.json["proposal"]["id"]
    second, cleared = await live.staff("counter2"), await live.staff("protection")
    assert [one["id"] for one in (await live.get("/proposals", by=second)).json["proposals"]] == [proposal]
    await protect(live, CHILD)
    assert (await live.get("/proposals", by=second)).json == {"proposals": []}
    for path, method in (("", "GET"), ("/approve", "POST"), ("/refuse", "POST")):
        sent: Any = {} if path == "/refuse" else None
        hidden = await live.ask(method, f"/proposals/{proposal}{path}", sent, by=second)
        nothing = await live.ask(method, f"/proposals/q_x{path}", sent, by=second)
        assert (hidden.status, hidden.raw) == (404, nothing.raw)
    assert [one["id"] for one in (await live.get("/proposals", by=cleared)).json["proposals"]] == [proposal]
