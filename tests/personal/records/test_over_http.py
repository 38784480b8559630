"""Items of a person over HTTP: stored, read, found, erased, chosen where they live; each on record. (issue 5)"""

import asyncio
from typing import Any

import orjson
import pytest

from base import clock
from personal.audit import reading
from personal.locations import moving
from personal.operations.actors import Actor, Who
from personal.operations.handles import Handles
from personal.rules.residents import State
from personal.store import people, records
from personal.store import staff as members
from tests.personal.live import Live
from tests.personal.locations.sites import Elsewhere

PHONE = {"phones": [{"number": "079-662-0000", "kind": "home"}]}
OTHER = {"phones": [{"number": "079-662-1111", "kind": "home"}]}


async def handle(live: Live, by: str, **more: Any) -> str:
    found = await live.post(
        "/residents/search", {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01", **more}, by=by
    )
    assert found.status == 200, found.raw
    return str(found.json["residents"][0]["resident"])


def kinds(live: Live) -> list[str]:
    return [
        orjson.loads(one.body)["kind"]
        for one in live.town.store.read(lambda db: reading.entries(db, 0, 1_000))
    ]


async def test_a_resident_stores_reads_and_erases_an_item_of_their_own(live: Live) -> None:
    await live.register("hanako")
    me = await live.resident("hanako")
    body = {"value": PHONE, "expectedVersion": 0}
    made = await live.ask("PUT", "/me/items/contact", body, by=me)
    assert (made.status, made.json["version"], made.json["location"]) == (201, 1, "local")
    read = await live.get("/me/items/contact", by=me)
    assert (read.status, read.json["value"], read.json["version"]) == (200, PHONE, 1)
    assert read.headers["Cache-Control"] == "no-store"
    listed = await live.get("/me/items", by=me)
    assert [(one["item"], one["locations"]) for one in listed.json["records"]] == [("contact", ["local"])]
    gone = await live.ask("DELETE", "/me/items/contact", by=me)
    assert (gone.status, gone.json) == (200, {"item": "contact", "erased": True, "pending": False})
    assert (await live.get("/me/items/contact", by=me)).status == 404
    assert kinds(live)[-4:] == ["record-written", "own-record-read", "own-records-listed", "record-erased"]


async def test_a_version_that_is_not_the_present_one_is_refused(live: Live) -> None:
    await live.register("hanako")
    me = await live.resident("hanako")
    body = {"value": PHONE, "expectedVersion": 0}
    answers = await asyncio.gather(*(live.ask("PUT", "/me/items/contact", body, by=me) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409]
    assert kinds(live).count("record-written") == 1


async def test_staff_at_the_counter_write_and_read_by_handle(live: Live) -> None:
    await live.register("hanako")
    counter = await live.staff("counter")
    who = await handle(live, counter)
    value = {
        "name": "養父 花子",
        "address": "兵庫県養父市八鹿町八鹿1675",
        "birthDate": "1990-04-01",
        "sex": "female",
    }
    body = {"resident": who, "item": "basic-four", "value": value, "expectedVersion": 0}
    made = await live.post("/records/write", body, by=counter)
    assert made.status == 201, made.raw
    read = await live.post("/records/read", {"resident": who, "item": "basic-four"}, by=counter)
    assert read.json["value"] == value
    found = await live.post("/records/find", {"resident": who}, by=counter)
    assert [one["item"] for one in found.json["records"]] == ["basic-four"]
    me = await live.resident("hanako")
    assert (await live.get("/me/items/basic-four", by=me)).json["value"] == value
    own = {"value": value, "expectedVersion": 1}
    assert (await live.ask("PUT", "/me/items/basic-four", own, by=me)).status == 403


@pytest.mark.parametrize("login", ["auditor", "admin", "catalogue"])
async def test_staff_without_the_role_reach_nothing(live: Live, login: str) -> None:
    await live.register("hanako")
    who = await handle(live, await live.staff("counter"))
    for path in ("read", "erase"):
        reply = await live.post(
            f"/records/{path}", {"resident": who, "item": "contact"}, by=await live.staff(login)
        )
        assert reply.status == 403


async def test_a_handle_is_of_no_use_to_another_member_of_staff(live: Live) -> None:
    await live.register("hanako")
    who = await handle(live, await live.staff("counter"))
    reply = await live.post(
        "/records/read", {"resident": who, "item": "contact"}, by=await live.staff("counter2")
    )
    assert reply.status == 404


async def test_a_protected_person_is_as_nobody_for_who_is_not_cleared(live: Live) -> None:
    person = await live.register("hanako")
    counter, cleared = await live.staff("counter"), await live.staff("protection")
    who, shown = await handle(live, counter), await handle(live, cleared)
    body = {"item": "contact", "value": PHONE, "expectedVersion": 0}
    await live.post("/records/write", {"resident": who, **body}, by=counter)
    await live.town.store.write(lambda db: people.protect(db, person, True, 1))
    unknown = await live.post("/records/read", {"resident": "AAAA", "item": "contact"}, by=counter)
    for path, more in (
        ("read", {"item": "contact"}),
        ("erase", {"item": "contact"}),
        ("find", {}),
        ("write", body),
    ):
        reply = await live.post(f"/records/{path}", {"resident": who, **more}, by=counter)
        assert (reply.status, reply.raw) == (404, unknown.raw)
    assert (
        await live.post("/records/read", {"resident": shown, "item": "contact"}, by=cleared)
    ).status == 200
    assert (await live.get("/me/items/contact", by=await live.resident("hanako"))).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/me/items/contact", {"value": {"phones": "none"}, "expectedVersion": 0}, 400),
        ("/me/items/contact", {"value": {"shoeSize": 3}, "expectedVersion": 0}, 400),
        ("/me/items/contact", {"value": PHONE}, 400),
        ("/me/items/contact", {"value": PHONE, "expectedVersion": -1}, 400),
        ("/me/items/contact", {"value": PHONE, "expectedVersion": 3}, 409),
        ("/me/items/shoe-size", {"value": {}, "expectedVersion": 0}, 404),
    ],
)
async def test_what_is_not_as_it_must_be_is_refused_and_not_told_back(
    live: Live, path: str, body: Any, status: int
) -> None:
    await live.register("hanako")
    reply = await live.ask("PUT", path, body, by=await live.resident("hanako"))
    assert reply.status == status
    assert b"079-662" not in reply.raw and b"none" not in reply.raw


async def test_a_login_without_the_pin_reads_nothing(live: Live) -> None:
    await live.register("hanako")
    me = await live.resident("hanako", level=1)
    reply = await live.get("/me/items/contact", by=me)
    assert (reply.status, reply.json["needs"]) == (403, "card-pin")


async def test_a_hold_delays_erasing_and_says_until_when(live: Live) -> None:
    await live.register("hanako")
    me, privacy, counter = (
        await live.resident("hanako"),
        await live.staff("privacy"),
        await live.staff("counter"),
    )
    await live.ask("PUT", "/me/items/contact", {"value": PHONE, "expectedVersion": 0}, by=me)
    person = await live.person("hanako")
    shown = await shown_to(live, "privacy", person)
    hold = {
        "resident": shown,
        "item": "contact",
        "basis": "law:公文書管理条例",
        "until": "2099-01-01T00:00:00Z",
    }
    past = await live.post("/records/hold", {**hold, "until": "2020-01-01T00:00:00Z"}, by=privacy)
    assert past.status == 400
    assert (await live.post("/records/hold", hold, by=counter)).status == 403
    assert (await live.post("/records/hold", hold, by=privacy)).status == 204
    reply = await live.ask("DELETE", "/me/items/contact", by=me)
    assert (reply.status, reply.json["erased"], reply.json["heldUntil"]) == (
        202,
        False,
        "2099-01-01T00:00:00.000Z",
    )
    assert (await live.get("/me/items/contact", by=me)).status == 404
    del hold["until"]
    assert (await live.post("/records/lift", hold, by=privacy)).status == 204
    await moving.attend(live.town.records, clock.now())
    assert not live.town.store.read(lambda db: records.held(db, person, "contact"))
    assert [kind for kind in kinds(live) if kind.startswith("record-")] == [
        "record-written", "record-hold-set", "record-erasure-held", "record-hold-lifted", "record-erased",
    ]  # fmt: skip


async def test_two_members_of_staff_choose_where_an_item_lives_and_a_resident_elsewhere(live: Live) -> None:
    cloud = Elsewhere()
    live.town.records.locations = {**live.town.records.locations, "cloud": cloud}
    both = [(name, await live.register(name)) for name in ("hanako", "taro")]
    for name, _ in both:
        body = {"value": PHONE, "expectedVersion": 0}
        await live.ask("PUT", "/me/items/contact", body, by=await live.resident(name))
    taro = await live.resident("taro")
    there = {"location": "cloud"}
    assert (await live.ask("PUT", "/me/items/contact/location", there, by=taro)).status == 409
    body = {"item": "contact", "location": "cloud", "offered": ["local", "cloud"]}
    made = await live.post(
        "/proposals", {"kind": "item-location", "body": body}, by=await live.staff("catalogue")
    )
    assert made.status == 201, made.raw
    approve = f"/proposals/{made.json['id']}/approve"
    assert (await live.ask("POST", approve, by=await live.staff("catalogue"))).status in (403, 409)
    assert (await live.ask("POST", approve, by=await live.staff("catalogue2"))).status == 204
    await moving.attend(live.town.records, clock.now())
    assert len(cloud.copies) == 2
    back = await live.ask("PUT", "/me/items/contact/location", {"location": "local"}, by=taro)
    assert (back.status, back.json["moving"]) == (202, True)
    await moving.attend(live.town.records, clock.now())
    assert len(cloud.copies) == 1
    found = [(await live.get("/me/items/contact", by=await live.resident(name))).json for name, _ in both]
    assert [(one["location"], one["value"]) for one in found] == [("cloud", PHONE), ("local", PHONE)]
    places = await live.get("/locations", by=await live.staff("catalogue"))
    assert places.json["items"] == [body] and places.json["waiting"] == {}


async def shown_to(live: Live, login: str, person: str) -> str:
    """Give the handle of a resident for a member of staff who may not search."""
    member = next(one for one in live.town.store.read(members.listed) if one.login == login)
    return Handles(await live.town.keys.named("handle"), "yabu", Actor(Who.STAFF, member.id)).show(person)


async def test_who_moved_away_is_forgotten_whole_but_for_what_a_law_keeps(live: Live) -> None:
    await live.register("hanako")
    me, privacy, person = (
        await live.resident("hanako"),
        await live.staff("privacy"),
        await live.person("hanako"),
    )
    await live.ask("PUT", "/me/items/contact", {"value": PHONE, "expectedVersion": 0}, by=me)
    who = {"resident": await shown_to(live, "privacy", person)}
    assert (await live.post("/records/forget", who, by=await live.staff("counter"))).status == 403
    assert (await live.post("/records/forget", who, by=privacy)).status == 409
    assert (await live.get("/me/items/contact", by=me)).status == 200
    await live.town.store.write(lambda db: people.set_state(db, person, State.MOVED, 1))
    hold = {**who, "item": "contact", "basis": "law:公文書管理条例"}
    await live.post("/records/hold", {**hold, "until": "2099-01-01T00:00:00Z"}, by=privacy)
    kept = await live.post("/records/forget", who, by=privacy)
    assert (kept.status, kept.json["erased"], kept.json["kept"][0]["item"]) == (202, [], "contact")
    await live.post("/records/lift", hold, by=privacy)
    await moving.attend(live.town.records, clock.now())
    gone = await live.post("/records/forget", who, by=privacy)
    assert (gone.status, gone.json) == (200, {"erased": [], "kept": []})
    assert live.town.keys.of_person(person) == []
    assert (await live.get("/me/items/contact", by=me)).status == 401
    again = await live.post("/demo/sessions", {"resident": "hanako", "level": 3})
    assert again.status >= 400
    assert kinds(live).count("resident-forgotten") == 2


async def test_a_location_that_is_off_line_is_told_and_is_on_record(live: Live) -> None:
    cloud = Elsewhere()
    live.town.records.locations = {**live.town.records.locations, "cloud": cloud}
    await live.register("hanako")
    me = await live.resident("hanako")
    await live.town.store.write(lambda db: records.choose(db, records.Choice("contact", "cloud")))
    await live.ask("PUT", "/me/items/contact", {"value": PHONE, "expectedVersion": 0}, by=me)
    cloud.gone = True
    read = await live.get("/me/items/contact", by=me)
    assert (read.status, read.json["type"]) == (503, "urn:engawa:errors:LocationOffline")
    assert kinds(live)[-2:] == ["own-record-read", "own-record-read-failed"]
    written = await live.ask("PUT", "/me/items/contact", {"value": OTHER, "expectedVersion": 1}, by=me)
    assert written.status == 503
    cloud.gone = False
    assert (await live.get("/me/items/contact", by=me)).json["value"] == PHONE
