"""Staff end consents: a form on paper that is not good, a stop of use that is granted; the resident sees why. (98条)"""

from typing import Any

import pytest

from tests.personal.consents.deciding import RECEPTION, SESSION, decide, item
from tests.personal.consents.test_ends import duties
from tests.personal.consents.test_storing import held, put
from tests.personal.disclosure.sharing import ALLERGIES, CARE, ask, hold, leaves, name, reasons
from tests.personal.live import Live, Reply, asked, described, purpose
from tests.personal.records.test_over_http import handle

WHY = "用紙の署名が本人のものではありませんでした。"


@pytest.fixture
async def hanako(live: Live) -> str:
    items = (asked("allergies"), asked("care-needs", need="optional"))
    await live.service("shelter", described(purpose("reception", *items)))
    await live.service("club", described(purpose("reception", *items)))
    person = await live.register("hanako")
    for one in ("shelter", "club"):
        await name(live, person, one)
    await hold(live, person, allergies=ALLERGIES, care_needs=CARE)
    return await live.resident("hanako")


async def on_paper(live: Live, *items: str) -> None:
    by = await live.staff("counter")
    who = {"resident": await handle(live, by)}
    made = await live.post("/consents/paper/prepare", {**who, **RECEPTION, "agree": items}, by=by)
    body = {**who, "prepared": made.json["prepared"], "evidence": {**SESSION, "scan": "scan-1"}}
    assert (await live.post("/consents/paper", body, by=by)).status == 201


async def revoke(live: Live, login: str = "counter", **more: Any) -> Reply:
    by = await live.staff(login)
    who = {"resident": await handle(live, await live.staff("counter")), **RECEPTION}
    return await live.post("/consents/paper/revoke", {**who, "reason": WHY, **more}, by=by)


async def test_a_form_that_is_not_good_is_revoked_and_the_resident_sees_why(live: Live, hanako: str) -> None:
    await on_paper(live, "allergies", "care-needs")
    ended = await revoke(live, items=["allergies"])
    assert ended.status == 200, ended.raw
    assert ended.json["ended"] == [{"kind": "share", "item": "allergies", **RECEPTION}]
    told = await item(live, hanako, "allergies")
    assert (told["state"], told["holds"]) == ("ConsentRevoked", False)
    assert (await item(live, hanako, "care-needs"))["holds"]
    events = (await live.get("/me/consents/events", by=hanako)).json["events"]
    assert (events[0]["event"], events[0]["reason"], "reason" in events[1]) == ("revoke", WHY, False)
    accesses = (await live.get("/me/accesses", by=hanako)).json["accesses"]
    assert "The municipality ended a consent of yours" in [one["action"]["en"] for one in accesses]
    assert "署名" not in str(leaves(live))
    assert duties(live) == [("shelter", "consent-ended")]
    token, subject = (
        await live.service_token("shelter"),
        await name(live, await live.person("hanako"), "shelter"),
    )
    assert reasons(await ask(live, token, subject, "allergies")) == {"allergies": "consent-withdrawn"}
    assert (await revoke(live, items=["allergies"])).status == 409


async def test_what_the_resident_agreed_to_themselves_is_not_staff_s_to_revoke(
    live: Live, hanako: str
) -> None:
    await decide(live, hanako, agree=["allergies"])
    refused = await revoke(live)
    assert (refused.status, "themselves" in refused.json["detail"]) == (409, True)
    assert (await item(live, hanako, "allergies"))["holds"]
    assert (await revoke(live, "catalogue")).status == 403


async def requested(live: Live, by: str, **more: Any) -> str:
    body = {"right": "stop", "text": "使わないでください。", **more}
    made = await live.post("/me/rights", body, by=by)
    assert made.status == 201, made.raw
    return str(made.json["id"])


async def decided(live: Live, id: str, **more: Any) -> Reply:
    body = {"outcome": "granted", "reason": "停止します。", **more}
    return await live.post(f"/rights/{id}/decision", body, by=await live.staff("privacy"))


async def test_a_stop_of_use_that_is_granted_ends_the_consents_it_is_about(live: Live, hanako: str) -> None:
    for one in ("shelter", "club"):
        await decide(live, hanako, agree=["allergies", "care-needs"], service=one)
    id = await requested(live, hanako, items=["allergies"])
    made = await decided(live, id)
    assert made.status == 200, made.raw
    assert [(one["service"], one["item"]) for one in made.json["ended"]] == [
        ("club", "allergies"),
        ("shelter", "allergies"),
    ]
    assert sorted(duties(live)) == [("club", "consent-ended"), ("shelter", "consent-ended")]
    assert (await item(live, hanako, "care-needs"))["holds"]
    events = (await live.get("/me/consents/events", by=hanako)).json["events"]
    assert {one["reason"] for one in events[:2]} == {"停止します。"}
    leaf = next(one for one in leaves(live) if one["kind"] == "consent-revoked")
    assert leaf["request"] == id


async def test_a_stop_that_is_granted_in_part_names_its_part(live: Live, hanako: str) -> None:
    for one in ("shelter", "club"):
        await decide(live, hanako, agree=["allergies"], service=one)
    id = await requested(live, hanako)
    assert (await decided(live, id, outcome="partly-granted")).status == 400
    assert (await decided(live, id, outcome="refused", items=["allergies"])).status == 400
    made = await decided(live, id, outcome="partly-granted", services=["club"])
    assert [one["service"] for one in made.json["ended"]] == ["club"]
    assert (await item(live, hanako, "allergies"))["holds"]
    narrow = await requested(live, hanako, items=["care-needs"])
    assert (await decided(live, narrow, items=["allergies"])).status == 400
    assert (await decided(live, narrow, outcome="refused")).json["state"] == "refused"


async def test_a_stop_may_erase_what_services_stored(live: Live, hanako: str) -> None:
    await live.ask("DELETE", "/me/items/allergies", by=hanako)
    await decide(live, hanako, kind="store", agree=["allergies"])
    assert (await put(live)).status == 201
    assert (await decided(live, await requested(live, hanako))).json["ended"] == []
    assert "allergies" in await held(live, hanako)
    made = await decided(live, await requested(live, hanako), erase=True)
    assert [(one["kind"], one["item"]) for one in made.json["ended"]] == [("store", "allergies")]
    assert "allergies" not in await held(live, hanako)


async def test_a_correction_reaches_those_who_were_told_the_wrong(live: Live, hanako: str) -> None:
    await decide(live, hanako, agree=["allergies"])
    id = await requested(live, hanako, right="correction", items=["allergies"])
    privacy, counter = await live.staff("privacy"), await live.staff("counter")
    shown = (await live.get(f"/rights/{id}", by=privacy)).json
    assert (shown["writtenSince"], shown["deadlineLaw"], shown["extensionLaw"]) == (
        [],
        "個人情報保護法94条1項",
        "個人情報保護法94条2項",
    )
    body = {
        "resident": await handle(live, counter),
        "item": "allergies",
        "value": {"allergies": [{"to": "buckwheat"}]},
        "expectedVersion": 1,
    }
    assert (await live.post("/records/write", body, by=counter)).status == 200
    assert (await live.get(f"/rights/{id}", by=privacy)).json["writtenSince"] == ["allergies"]
    assert (await decided(live, id)).status == 200
    told = live.town.store.read(
        lambda db: list(db.execute("SELECT service FROM notice WHERE event = 'item-changed'"))
    )
    assert told == [("shelter",)]


async def test_each_town_sets_by_when_services_erase_with_four_eyes(live: Live, hanako: str) -> None:
    privacy = await live.staff("privacy")
    listed = (await live.get("/deadlines", by=privacy)).json["deadlines"]
    assert {one["name"]: one["days"] for one in listed} == {"rights": 30, "rights-extension": 30, "erase": 14}
    body = {"kind": "deadline", "body": {"name": "erase", "days": 3}}
    made = (await live.post("/proposals", body, by=privacy)).json
    approved = await live.post(f"/proposals/{made['id']}/approve", None, by=await live.staff("catalogue"))
    assert approved.status == 204, approved.raw
    await decide(live, hanako, agree=["allergies"])
    await live.post("/me/consents/withdraw", {"everything": True}, by=hanako)
    (due, by) = live.town.store.read(
        lambda db: next(iter(db.execute("SELECT due, erase_by FROM notice WHERE erase_by > 0")))
    )
    assert (by - due) // 86_400_000_000 == 3
