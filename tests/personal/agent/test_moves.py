"""Records move into the store inside and out of it, and are erased there. (DESIGN 3: copy, verify, switch, shred)"""

from pathlib import Path
from typing import Any

from base import clock
from personal.agent import store as kept
from personal.audit.log import name_of
from personal.locations import moving
from personal.operations import inside
from personal.store import leftovers, records
from personal.store.records import Choice
from tests.personal.agent.insiders import PHONE, SECRET, Town, town, until


async def choose(there: Town, place: str) -> None:
    """Have contacts live somewhere else, and do what that needs."""

    def work(db: Any) -> None:
        records.choose(db, Choice("contact", place))
        leftovers.order_all(db, "contact", clock.now())

    await there.live.town.store.write(work)
    await moving.attend(there.live.town.records, clock.now())


def place(there: Town, person: str) -> str:
    found = there.live.town.store.read(lambda db: records.find(db, person, "contact"))
    assert found is not None
    return found.location


def boxes(there: Town, person: str) -> dict[str, str]:
    """Say what the inside holds of a person."""
    return there.agent.inside.store.read(lambda db: kept.held(db, there.location.box(person)))


async def test_a_record_moves_in_and_out_only_when_officials_let_it(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        await choose(there, "local")
        person = await there.resident("hanako")
        assert place(there, person) == "local"
        await choose(there, "lgwan")
        assert place(there, person) == "lgwan" and len(boxes(there, person)) == 1
        database = tmp_path / "outside" / "data" / "yabu" / "personal.db"
        assert SECRET not in database.read_bytes()
        await choose(there, "local")  # the inside does not let it
        assert place(there, person) == "lgwan"
        alarms = there.agent.inside.store.read(kept.alarms)
        assert {why for _, why, _, _ in alarms} == {"service-not-approved-inside"}
        await there.approve_gateway()
        later = clock.now() + 3_600 * clock.SECOND
        await there.live.town.store.write(lambda db: db.execute("UPDATE agent_order SET made = 0"))
        await moving.attend(there.live.town.records, later)
        assert place(there, person) == "local" and boxes(there, person) == {}
        found = await there.live.town.records.fetch(person, "contact")
        assert found is not None and found.value == PHONE
        assert there.agent.inside.keys.of_person(there.location.box(person)) == []


async def test_what_a_resident_erases_is_gone_inside_with_its_key(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        person = await there.resident("hanako")
        store, keys, box = there.agent.inside.store, there.agent.inside.keys, there.location.box(person)
        await until(lambda: len(boxes(there, person)) == 1)
        gone = await there.live.ask("DELETE", "/me/items/contact", by=await there.live.resident("hanako"))
        assert gone.status == 200 and gone.json["erased"], gone.raw
        await until(lambda: not boxes(there, person) and not keys.of_person(box))
        again = await there.resident("taro")
        assert store.read(lambda db: kept.holders(db, there.location.box(again)))
        outer = there.live.town
        await outer.store.write(lambda db: inside.forget(db, again, clock.now()))
        await until(lambda: not keys.of_person(there.location.box(again)))
        assert store.read(lambda db: kept.holders(db, there.location.box(again))) == frozenset()


async def test_staff_see_whether_the_agent_calls_and_what_it_refused(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        await there.approve_service()
        person = await there.resident("hanako")
        await there.agree("hanako")
        await there.want("service-end", {"service": "shelter"})
        told = await there.disclosed("hanako", person)
        assert (told["items"], told["withheld"][0]["reason"]) == ({}, "not-released")
        by = await there.live.staff("auditor")
        for _ in range(100):
            reply = await there.live.get("/agent", by=by)
            assert reply.status == 200, reply.raw
            if reply.json["alarms"]:
                break
        assert reply.json["alarms"][0]["why"] == "service-not-approved-inside"
        assert reply.json["registered"] and reply.json["lastSeen"] and reply.json["waiting"] == 0
        assert reply.json["gateway"]["kid"] == there.location.keys.reader.kid
        counter = await there.live.staff("counter")
        assert (await there.live.get("/agent", by=counter)).status == 403
        search = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
        found = await there.live.post("/residents/search", search, by=counter)
        handle = found.json["residents"][0]["resident"]
        names = await there.live.post("/agent/enrolment", {"resident": handle}, by=counter)
        assert names.json == {"box": there.location.box(person), "subject": name_of(person)}
        nobody = await there.live.post("/agent/claim", {"wait": 0, "most": 1, "begin": True}, by=by)
        assert nobody.status == 403
