"""Declared emergencies and break-glass over HTTP: two persons, an end, nothing of the protected. (DESIGN 3, issue 5)"""

from typing import Any

import pytest

from base import clock
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import lapsing
from personal.rules.emergency import barred
from personal.store import emergencies
from tests.personal.disclosure.sharing import ALLERGIES, PHONE, ask, hold, leaves, name, reasons, service
from tests.personal.live import Live, Reply

NAME = {"ja": "令和8年11月豪雨", "en": "Heavy rain of November 2026"}
FLOOD = {
    "name": NAME,
    "basis": "law:災害対策基本法49条の11第3項",
    "services": ["shelter"],
    "items": ["allergies"],
    "hours": 24,
}
TERMS = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
HOURS = 3_600_000_000


async def propose(live: Live, **more: Any) -> Reply:
    return await live.post("/emergencies", {**FLOOD, **more}, by=await live.staff("emergency"))


async def declared(live: Live, **more: Any) -> str:
    made = await propose(live, **more)
    assert made.status == 201, made.raw
    second = await live.staff("emergency2")
    assert (await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)).status == 204
    return str(made.json["body"]["emergency"])


async def resident(live: Live, login: str = "hanako") -> tuple[str, str, str]:
    """Give a resident with allergies and a telephone: their id, the shelter's token and name for them."""
    person = await live.register(login)
    await hold(live, person, allergies=ALLERGIES, contact=PHONE)
    token = await service(live, "shelter", "allergies", "contact")
    return person, token, await name(live, person, "shelter")


async def handle(live: Live, by: str, terms: dict[str, str] = TERMS) -> str:
    found = await live.post("/residents/search", terms, by=await live.staff(by))
    return str(found.json["residents"][0]["resident"])


async def protect(live: Live) -> None:
    body = {"resident": await handle(live, "protection"), "protected": True}
    assert (await live.post("/residents/protection", body, by=await live.staff("protection"))).status == 204


async def test_what_is_named_goes_out_without_consent_and_the_resident_sees_it(live: Live) -> None:
    _, token, subject = await resident(live)
    event = await declared(live)
    told = await ask(live, token, subject, "allergies", "contact", event=event)
    assert told.json["items"] == {"allergies": ALLERGIES}
    assert reasons(told) == {"contact": "no-consent"}
    seen = (await live.get("/me/accesses", by=await live.resident("hanako"))).json["accesses"]
    mine = [one for one in seen if one.get("event") == event]
    assert [(one["items"], one["basis"]) for one in mine] == [(["allergies"], [f"emergency:{event}"])]
    without = await ask(live, token, subject, "allergies")
    assert reasons(without) == {"allergies": "no-consent"}


async def test_nothing_goes_out_before_a_second_person_agrees_or_after_the_end(live: Live) -> None:
    _, token, subject = await resident(live)
    made = await propose(live)
    event = made.json["body"]["emergency"]
    first = await live.staff("emergency")
    assert (await live.post(f"/proposals/{made.json['id']}/approve", None, by=first)).status == 403
    assert (await ask(live, token, subject, "allergies", event=event)).json["items"] == {}
    assert (await live.get("/emergencies")).json == {"emergencies": []}
    second = await live.staff("emergency2")
    await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)
    assert (await ask(live, token, subject, "allergies", event=event)).json["items"]
    assert [one["id"] for one in (await live.get("/emergencies")).json["emergencies"]] == [event]
    assert (await live.post(f"/emergencies/{event}/end", None, by=first)).status == 204
    assert (await ask(live, token, subject, "allergies", event=event)).json["items"] == {}
    assert (await live.get("/emergencies")).json == {"emergencies": []}
    assert (await live.post(f"/emergencies/{event}/end", None, by=first)).status == 409
    longer = await live.post(f"/emergencies/{event}/extension", {"hours": 24}, by=first)
    assert longer.status == 409


async def test_it_runs_longer_by_two_only_and_never_beyond_the_setting(live: Live) -> None:
    event = (await resident(live)) and await declared(live, hours=1)
    first, second = await live.staff("emergency"), await live.staff("emergency2")

    async def until() -> str:
        return str((await live.get("/emergencies")).json["emergencies"][0]["until"])

    before = await until()
    too_long = await live.post(f"/emergencies/{event}/extension", {"hours": 100}, by=first)
    assert (too_long.status, (await propose(live, hours=100)).status) == (400, 400)
    made = await live.post(f"/emergencies/{event}/extension", {"hours": 10}, by=first)
    assert await until() == before
    assert (await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)).status == 204
    assert clock.parse(await until()) > clock.parse(before) + 8 * HOURS


@pytest.mark.parametrize("more", [{"services": ["nobody"]}, {"items": ["horoscope"]}])
async def test_it_names_services_and_items_that_there_are(live: Live, more: Any) -> None:
    await resident(live)
    assert (await propose(live, **more)).status == 400


async def test_it_cannot_be_proposed_past_its_own_place(live: Live) -> None:
    for kind in ("emergency", "emergency-extension"):
        body = {"kind": kind, "body": {"emergency": "e_x"}}
        assert (await live.post("/proposals", body, by=await live.staff("emergency"))).status == 400
    body = {"kind": "break-glass", "body": {"emergency": "e_x"}}
    assert (await live.post("/proposals", body, by=await live.staff("privacy"))).status == 400


async def test_only_residents_of_the_districts_fall_under_it(live: Live) -> None:
    _, token, subject = await resident(live)
    settled = {"resident": await handle(live, "counter"), "districts": ["oya-1"]}
    counter = await live.staff("counter")
    here, elsewhere = (
        await declared(live, districts=["oya-1", "oya-2"]),
        await declared(live, districts=["sekinomiya"]),
    )
    assert (await ask(live, token, subject, "allergies", event=here)).json["items"] == {}
    assert (await live.post("/residents/districts", settled, by=counter)).status == 204
    assert (await ask(live, token, subject, "allergies", event=here)).json["items"] == {
        "allergies": ALLERGIES
    }
    assert (await ask(live, token, subject, "allergies", event=elsewhere)).json["items"] == {}
    told = {one["id"]: one["districts"] for one in (await live.get("/emergencies")).json["emergencies"]}
    assert told[here] == ["oya-1", "oya-2"]
    kept = live.town.store.read(lambda db: list(db.execute("SELECT hash FROM district")))
    assert kept and b"oya" not in kept[0][0]


async def test_a_protected_person_is_in_an_emergency_like_one_nothing_is_held_about(live: Live) -> None:
    _, token, subject = await resident(live)
    nobody = await name(live, await live.register("taro", nameKana="ヤブ タロウ"), "shelter")
    event = await declared(live)
    await protect(live)
    hidden = await ask(live, token, subject, "allergies", event=event)
    empty = await ask(live, token, nobody, "allergies", event=event)
    assert reasons(hidden) == reasons(empty) or hidden.json["items"] == {}
    assert hidden.json["items"] == empty.json["items"] == {}


async def glass(live: Live, by: str = "emergency", **more: Any) -> Reply:
    body = {
        "resident": await handle(live, by),
        "basis": "law:個人情報保護法69条2項4号",
        "items": ["allergies"],
        "reason": "Unconscious at the station, the ambulance asks.",
        "minutes": 10,
        **more,
    }
    return await live.post("/break-glass", body, by=await live.staff(by))


async def test_one_person_alone_looks_loudly_and_is_reviewed(live: Live) -> None:
    await resident(live)
    made = await glass(live)
    assert made.status == 201, made.raw
    id, alone, privacy = made.json["id"], await live.staff("emergency"), await live.staff("privacy")
    read = await live.post(f"/break-glass/{id}/read", {"item": "allergies"}, by=alone)
    assert read.json["value"] == ALLERGIES
    assert (await live.post(f"/break-glass/{id}/read", {"item": "contact"}, by=alone)).status == 404
    other = await live.staff("emergency2")
    assert (await live.post(f"/break-glass/{id}/read", {"item": "allergies"}, by=other)).status == 404
    (alarm,) = (await live.get("/proposals", by=privacy)).json["proposals"]
    assert alarm["body"]["emergency"] == id
    (look,) = (await live.get("/break-glass", by=privacy)).json["looks"]
    assert (look["overdue"], look["reason"][:11], "justified" in look) == (False, "Unconscious", False)
    assert (await live.post(f"/proposals/{alarm['id']}/refuse", {"reason": "no"}, by=alone)).status == 404
    assert (await live.post(f"/proposals/{alarm['id']}/approve", None, by=privacy)).status == 204
    (look,) = (await live.get("/break-glass", by=privacy)).json["looks"]
    assert look["justified"] is True
    seen = (await live.get("/me/accesses", by=await live.resident("hanako"))).json["accesses"]
    assert sum(one.get("event") == id for one in seen) == 3
    assert [one["outcome"] for one in seen if one.get("event") == id and "outcome" in one] == ["justified"]
    assert "Unconscious" not in str(leaves(live))


async def test_a_look_alone_is_short_and_about_one_person(live: Live) -> None:
    _, token, subject = await resident(live)
    assert (await glass(live, minutes=31)).status == 400
    other = await name(live, await live.register("taro", nameKana="ヤブ タロウ"), "shelter")
    id = (await glass(live, services=["shelter"])).json["id"]
    assert (await ask(live, token, subject, "allergies", event=id)).json["items"] == {"allergies": ALLERGIES}
    assert (await ask(live, token, other, "allergies", event=id)).json["items"] == {}
    later = clock.now() + 11 * 60 * clock.SECOND
    person = await live.person("hanako")
    assert live.town.store.read(lambda db: emergencies.under(db, id, person, later)) == []


async def test_who_was_not_reviewed_in_time_does_not_look_alone_again(live: Live) -> None:
    await resident(live)
    id = (await glass(live)).json["id"]
    assert (await glass(live)).status == 201
    ago = clock.now() - 73 * HOURS
    await live.town.store.write(
        lambda db: db.execute("UPDATE emergency SET made = ? WHERE id = ?", (ago, id))
    )
    assert (await glass(live)).status == 409
    looks = (await live.get("/break-glass", by=await live.staff("privacy"))).json["looks"]
    assert {one["id"]: one["overdue"] for one in looks}[id] is True


async def test_who_is_not_cleared_breaks_no_glass_for_a_protected_person(live: Live) -> None:
    await resident(live)
    known = await handle(live, "emergency")
    await protect(live)
    hidden, nobody = await glass_of(live, known), await glass_of(live, "nobody")
    assert (hidden.status, hidden.raw) == (404, nobody.raw)


async def glass_of(live: Live, handle: str) -> Reply:
    body = {
        "resident": handle,
        "basis": "law:x",
        "items": ["allergies"],
        "reason": "a long enough reason",
        "minutes": 5,
    }
    return await live.post("/break-glass", body, by=await live.staff("emergency"))


async def test_protection_ends_a_look_that_is_under_way(live: Live) -> None:
    await resident(live)
    id = (await glass(live)).json["id"]
    await protect(live)
    by = await live.staff("emergency")
    assert (await live.post(f"/break-glass/{id}/read", {"item": "allergies"}, by=by)).status == 404
    (look,) = (await live.get("/break-glass", by=await live.staff("privacy"))).json["looks"]
    assert "resident" not in look
    assert "reason" not in look


async def test_who_decides_on_an_emergency_sees_its_districts(live: Live) -> None:
    await resident(live)
    made = await propose(live, districts=["oya-1", "yoka-2"])
    second = await live.staff("emergency2")
    shown = (await live.get(f"/proposals/{made.json['id']}", by=second)).json
    assert (shown["districts"], shown["body"]["area"]) == (["oya-1", "yoka-2"], "districts")
    (listed,) = (await live.get("/proposals", by=second)).json["proposals"]
    assert listed["districts"] == ["oya-1", "yoka-2"]
    await live.post(f"/proposals/{made.json['id']}/approve", None, by=second)
    longer = await live.post(
        f"/emergencies/{made.json['body']['emergency']}/extension", {"hours": 48}, by=second
    )
    (listed,) = (await live.get("/proposals", by=await live.staff("emergency"))).json["proposals"]
    assert (listed["id"], listed["districts"]) == (longer.json["id"], ["oya-1", "yoka-2"])
    whole = await propose(live)
    assert "districts" not in (await live.get(f"/proposals/{whole.json['id']}", by=second)).json
    stored = live.town.store.read(lambda db: list(db.execute("SELECT body FROM proposal")))
    assert "oya-1" not in str(stored), "in the database they are sealed"


async def test_the_end_by_itself_is_on_record_and_stays(live: Live) -> None:
    _, token, subject = await resident(live)
    event = await declared(live, hours=1)
    over = clock.now() + 2 * HOURS
    for _ in range(2):
        await lapsing.round(live.town, live.module.consent_reactions, over)
    ends = [one for one in leaves(live) if one["kind"] == "emergency-ended"]
    assert [(one["event"], one["by"]) for one in ends] == [(event, "its-time")]
    await live.come_back()
    assert (await ask(live, token, subject, "allergies", event=event)).json["items"] == {}
    assert (await live.get("/emergencies")).json == {"emergencies": []}


async def test_residents_see_afterwards_by_which_emergency_what_went_out(live: Live) -> None:
    _, token, subject = await resident(live)
    event = await declared(live, districts=["oya-1"])
    settled = {"resident": await handle(live, "counter"), "districts": ["oya-1"]}
    await live.post("/residents/districts", settled, by=await live.staff("counter"))
    await ask(live, token, subject, "allergies", event=event)
    await live.post(f"/emergencies/{event}/end", None, by=await live.staff("emergency"))
    (mine,) = (await live.get("/me/emergencies", by=await live.resident("hanako"))).json["emergencies"]
    assert (mine["id"], mine["name"], mine["basis"]) == (event, NAME, FLOOD["basis"])
    assert mine["districts"] == ["oya-1"] and "ended" in mine
    assert [(one["service"], one["items"]) for one in mine["releases"]] == [("shelter", ["allergies"])]
    await live.register("taro", nameKana="ヤブ タロウ")
    assert (await live.get("/me/emergencies", by=await live.resident("taro"))).json == {"emergencies": []}


async def test_the_counter_sees_of_one_resident_who_received_what_in_emergencies(live: Live) -> None:
    person, token, subject = await resident(live)
    event = await declared(live)
    given = await ask(live, token, subject, "allergies", event=event)
    assert (await glass(live)).status == 201
    counter = await live.staff("counter")
    body = {"resident": await handle(live, "counter")}
    look, flood = (await live.post("/emergencies/find", body, by=counter)).json["emergencies"]
    assert (look["area"], [one["by"] for one in look["releases"]]) == ("person", ["emergency さん"])
    assert flood["id"] == event and "failed" not in flood["releases"][0]
    assert [(one["service"], one["items"]) for one in flood["releases"]] == [("shelter", ["allergies"])]
    facts = {"disclosure": given.json["id"], "items": ["allergies"]}
    failed = Entry("disclosure-failed", facts, {"subject": person})
    await live.town.store.write(lambda db: log.append(db, failed, clock.now()))
    _, flood = (await live.post("/emergencies/find", body, by=counter)).json["emergencies"]
    assert flood["releases"][0]["failed"] == ["allergies"]
    away = ("UPDATE record SET location = 'cloud' WHERE person = ?", (person,))
    await live.town.store.write(lambda db: db.execute(*away))
    path, by = f"/break-glass/{look['id']}/read", await live.staff("emergency")
    assert (await live.post(path, {"item": "allergies"}, by=by)).status >= 500
    for told in (
        await live.post("/emergencies/find", body, by=counter),
        await live.get("/me/emergencies", by=await live.resident("hanako")),
    ):
        looks = told.json["emergencies"][0]["releases"]
        assert [one.get("failed") for one in looks] == [["allergies"], None]
    seen = (await live.get("/me/accesses", by=await live.resident("hanako"))).json["accesses"]
    assert any(one["kind"] == "emergencies-listed" for one in seen)
    for login in ("emergency", "catalogue", "admin"):
        assert (await live.post("/emergencies/find", body, by=await live.staff(login))).status == 403
    await protect(live)
    hidden = await live.post("/emergencies/find", body, by=counter)
    assert hidden.status == 404
    nobody = {"resident": "x" * len(body["resident"])}
    assert (await live.post("/emergencies/find", nobody, by=counter)).json == hidden.json
    cleared = {"resident": await handle(live, "protection")}
    found = await live.post("/emergencies/find", cleared, by=await live.staff("protection"))
    assert [one["id"] for one in found.json["emergencies"]] == [look["id"], event]


async def test_a_look_that_was_wrong_ends_is_told_and_bars_who_looked(live: Live) -> None:
    _, token, subject = await resident(live)
    id = (await glass(live, services=["shelter"])).json["id"]
    assert (await ask(live, token, subject, "allergies", event=id)).json["items"]
    privacy, alone = await live.staff("privacy"), await live.staff("emergency")
    (alarm,) = (await live.get("/proposals", by=privacy)).json["proposals"]
    body = {"reason": "There was no danger."}
    assert (await live.post(f"/proposals/{alarm['id']}/refuse", body, by=privacy)).status == 204
    assert (await ask(live, token, subject, "allergies", event=id)).json["items"] == {}
    assert (await live.post(f"/break-glass/{id}/read", {"item": "allergies"}, by=alone)).status == 409
    assert (await glass(live)).status == 403
    (mine,) = (await live.get("/me/emergencies", by=await live.resident("hanako"))).json["emergencies"]
    assert mine["justified"] is False
    seen = (await live.get("/me/accesses", by=await live.resident("hanako"))).json["accesses"]
    assert [one["outcome"] for one in seen if one["action"]["en"].startswith("Somebody else reviewed")] == [
        "not-justified"
    ]
    told = live.town.store.read(
        lambda db: list(db.execute("SELECT service, event FROM notice WHERE erase_by IS NOT NULL"))
    )
    assert told == [("shelter", "consent-ended")]
    assert barred(0, 89 * 24 * HOURS) and not barred(0, 90 * 24 * HOURS)
