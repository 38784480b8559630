"""Who is affected by which releases, after an incident; the register of files. (個人情報保護法 68, 75条)"""

import asyncio
import csv
import io
from functools import partial
from typing import Any

from base import clock
from personal.operations import releasing
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.operations.disclosures import disclose
from personal.store import items, people
from tests.personal.audit.doings import handle
from tests.personal.disclosure.sharing import ALLERGIES, PHONE, PURPOSE, agree, ask, hold, name, service
from tests.personal.live import Live, Reply, asked, described, purpose
from tests.personal.locations.sites import Elsewhere

MINUTE = 60 * clock.SECOND
DAY = 1_440 * MINUTE
FIRST = clock.parse("2031-05-01T00:00:00Z")


async def shared(live: Live, login: str, *services: str, **more: Any) -> tuple[str, dict[str, str]]:
    """Register a resident who shares both items with services; give their id, and their names there."""
    person = await live.register(login, **more)
    await hold(live, person, allergies=ALLERGIES, contact=PHONE)
    for one in services:
        await agree(live, person, one, "allergies", "contact")
    return person, {one: await name(live, person, one) for one in services}


async def at(live: Live, moment: int, service: str, subject: str, *items: str) -> str:
    """Let a service ask at a moment; give the id under which it received the answer."""
    body = {"subject": subject, "purpose": PURPOSE, "items": list(items)}
    answer = await disclose(Call(live.town, Actor(Who.SERVICE, service), body=body, now=moment), live.module)
    return str(answer.body["id"])


async def affected(live: Live, start: int, end: int, by: str = "privacy", **more: Any) -> Reply:
    """Ask who is affected by what went out in a span of time."""
    body = {"from": clock.show(start), "until": clock.show(end), **more}
    return await live.post("/reports/affected", body, by=await live.staff(by))


async def test_it_names_each_release_of_a_service_and_time_and_item(live: Live) -> None:
    for one in ("shelter", "school"):
        await service(live, one, "allergies", "contact")
    hanako, known = await shared(live, "hanako", "shelter", "school")
    taro, other = await shared(live, "taro", "shelter", nameKana="ヤブ タロウ")
    ids = [
        await at(live, FIRST, "shelter", known["shelter"], "allergies"),
        await at(live, FIRST + MINUTE, "shelter", known["shelter"], "allergies", "contact"),
        await at(live, FIRST + 2 * MINUTE, "school", known["school"], "contact"),
        await at(live, FIRST + 3 * MINUTE, "shelter", other["shelter"], "contact"),
        await at(live, FIRST + DAY, "shelter", known["shelter"], "allergies"),
    ]
    await live.come_back()
    told = (await affected(live, FIRST, FIRST + 5 * MINUTE, service="shelter")).json
    assert (told["count"], told["releases"], told["erased"]) == (2, 3, 0)
    first, second = told["residents"]
    assert first["resident"] == await handle(live, "privacy", hanako)
    assert second["resident"] == await handle(live, "privacy", taro)
    assert [one["disclosure"] for one in first["releases"]] == ids[:2]
    assert [one["items"] for one in first["releases"]] == [["allergies"], ["allergies", "contact"]]
    assert {(one["service"], one["purpose"]) for one in first["releases"]} == {("shelter", PURPOSE)}
    assert (first["items"], first["services"]) == (["allergies", "contact"], ["shelter"])
    assert first["bases"] == ["consent"]
    assert (first["first"], first["last"]) == (clock.show(FIRST), clock.show(FIRST + MINUTE))
    by_item = (await affected(live, FIRST, FIRST + 5 * MINUTE, items=["contact"])).json
    seen = [[one["disclosure"] for one in row["releases"]] for row in by_item["residents"]]
    assert seen == [ids[1:3], ids[3:4]]
    assert by_item["residents"][0]["items"] == ["contact"], "what else went with it is not what was asked"
    both = (await affected(live, FIRST, FIRST + 2 * DAY, service="school", items=["allergies"])).json
    assert both == {"count": 0, "releases": 0, "erased": 0, "residents": []}
    assert (await affected(live, FIRST + DAY, FIRST + 2 * DAY, service="shelter")).json["releases"] == 1
    position = first["releases"][0]["position"]
    entry = (await live.get(f"/audit/entries?from={position}&limit=1", by=await live.staff("auditor"))).json
    assert ids[0] in entry["entries"][0]["entry"]


async def test_it_finds_what_went_out_while_the_clock_was_wrong(live: Live) -> None:
    """The log is in the order in which things were done; times in it may go back where the clock was set."""
    await service(live, "shelter", "allergies", "contact")
    _, known = await shared(live, "hanako", "shelter")
    ahead = await at(live, clock.now() + 300 * DAY, "shelter", known["shelter"], "allergies")
    await live.come_back()
    start = clock.now()
    now = await at(live, start, "shelter", known["shelter"], "allergies")
    told = (await affected(live, start, start + DAY, service="shelter")).json
    assert [one["disclosure"] for one in told["residents"][0]["releases"]] == [now]
    later = (await affected(live, start + 299 * DAY, start + 301 * DAY, service="shelter")).json
    assert [one["disclosure"] for one in later["residents"][0]["releases"]] == [ahead]


async def test_what_did_not_arrive_affects_nobody(live: Live) -> None:
    """An item that could not be fetched has an entry as released, and a second one that it failed."""
    await service(live, "shelter", "allergies", "contact")
    elsewhere = Elsewhere()
    live.town.records.locations = {**live.town.records.locations, "cloud": elsewhere}
    person, known = await shared(live, "hanako", "shelter")
    await live.town.store.write(
        lambda db: db.execute("UPDATE record SET location = 'cloud' WHERE item = 'contact'")
    )
    elsewhere.gone = True
    token, start = await live.service_token("shelter"), clock.now()
    reply = await ask(live, token, known["shelter"], "allergies", "contact")
    assert list(reply.json["items"]) == ["allergies"]
    told = (await affected(live, start, start + DAY, service="shelter")).json
    assert told["residents"][0]["items"] == ["allergies"]
    reply = await ask(live, token, known["shelter"], "contact")
    assert (await affected(live, start, start + DAY, items=["contact"])).json["count"] == 0
    _ = person


async def test_a_long_log_is_gone_through_in_parts(live: Live) -> None:
    await service(live, "shelter", "allergies", "contact")
    _, known = await shared(live, "hanako", "shelter")
    ask = releasing.Ask("shelter", PURPOSE, ("allergies",))
    names = [known["shelter"]] * 2_100
    rule = lambda db: releasing.rule_on(db, live.module, ask, names, FIRST)  # noqa: E731  # used once, repeatable
    rulings = await live.town.store.write(rule)
    await live.come_back()
    told, _ = await asyncio.gather(
        affected(live, FIRST, FIRST + 1, service="shelter"), live.get("/audit/head")
    )
    assert [one["disclosure"] for one in told.json["residents"][0]["releases"]] == [one.id for one in rulings]


async def test_only_who_may_know_of_a_resident_sees_that_they_are_affected(live: Live) -> None:
    await service(live, "shelter", "allergies", "contact")
    person, known = await shared(live, "hanako", "shelter")
    start = clock.now()
    await ask(live, await live.service_token("shelter"), known["shelter"], "allergies")
    span = (start, start + DAY)
    assert (await affected(live, *span, service="shelter")).json["count"] == 1
    assert person not in (await affected(live, *span, service="shelter")).raw.decode()
    found = {"resident": await handle(live, "protection", person), "protected": True}
    protected = await live.post("/residents/protection", found, by=await live.staff("protection"))
    assert protected.status == 204
    hidden = (await affected(live, *span, service="shelter")).json
    assert hidden == {"count": 0, "releases": 0, "erased": 0, "residents": []}
    await live.town.store.write(
        lambda db: db.execute("UPDATE staff SET roles = 'privacy protection' WHERE login = 'privacy'")
    )
    live.tokens.pop((live.town.id, "staff/privacy/3"))
    assert (await affected(live, *span, service="shelter")).json["count"] == 1


async def test_what_was_erased_is_counted_and_names_nobody(live: Live) -> None:
    await service(live, "shelter", "allergies", "contact")
    person, known = await shared(live, "hanako", "shelter")
    start = clock.now()
    await ask(live, await live.service_token("shelter"), known["shelter"], "allergies")
    await live.town.store.write(lambda db: db.execute("DELETE FROM opening WHERE person = ?", (person,)))
    told = (await affected(live, start, start + DAY, service="shelter")).json
    assert told == {"count": 0, "releases": 0, "erased": 1, "residents": []}


async def test_a_list_that_cannot_be_made_is_refused(live: Live) -> None:
    await service(live, "shelter", "allergies")
    now = clock.now()
    assert (await affected(live, now, now + 1, service="x")).status == 404
    assert (await affected(live, now, now, service="shelter")).status == 400
    assert (await affected(live, now, now + 1)).status == 400
    assert (await affected(live, now, now + 1, service="shelter", by="catalogue")).status == 403
    bad = {"service": "shelter", "from": "yesterday", "until": clock.show(now)}
    assert (await live.post("/reports/affected", bad, by=await live.staff("privacy"))).status == 400


async def test_the_register_says_of_each_file_what_the_law_wants_to_be_said(live: Live) -> None:
    """Name, who uses it for what, what is recorded of whom, how it is collected, special care, recipients. (74条1項)"""
    wanted = purpose(PURPOSE, asked("allergies", recipients=["消防"]), registeredPurpose="避難者の受付")
    await live.service("shelter", described(wanted))
    told = (await live.get("/reports/personal-files")).json
    assert (told["municipality"], told["requestsTo"]) == ("養父市", "養父市")
    files = {one["item"]: one for one in told["files"]}
    assert files.keys() == live.town.store.read(items.listed).keys()
    one = files["allergies"]
    assert (one["label"]["ja"], one["recorded"], one["class"]) == (
        "アレルギー",
        ["allergies", "epinephrine", "confirmedOn"],
        "special-care",
    )
    assert (files["contact"]["class"], "phones" in files["contact"]["recorded"]) == ("ordinary", True)
    assert all(file["persons"]["ja"] and file["collection"]["ja"] for file in files.values())
    (use,) = one["uses"]
    assert (use["operator"], use["registeredPurpose"], use["recipients"]) == (
        "養父市 危機管理室",
        "避難者の受付",
        ["消防"],
    )
    assert not one["atLeast1000"]
    by = await live.staff("catalogue")
    assert (await live.post("/catalogue/services/shelter/state", {"active": False}, by=by)).status < 300
    raw = (await live.get("/reports/personal-files?format=csv")).raw.decode("utf-8-sig")
    row = {row["item"]: row for row in csv.DictReader(io.StringIO(raw))}["allergies"]
    assert (row["recorded"], row["persons"]) == ("allergies、epinephrine、confirmedOn", one["persons"]["ja"])
    assert row["service"] == "", "who does not work any more uses nothing"


async def test_the_register_marks_files_about_a_thousand_or_more(live: Live) -> None:
    """Of fewer people a file need not be published; of more it has to be. (施行令 20条2項)"""

    def work(db: Any, numbers: range) -> None:
        for number in numbers:
            people.add(db, f"r_{number}", 1)
            row = (f"r_{number}", f"name {number}")
            db.execute("INSERT INTO record VALUES (?, 'contact', 'local', 1, ?, 'k', 1, NULL)", row)

    for numbers, marked in ((range(999), False), (range(999, 1_000), True)):
        await live.town.store.write(partial(work, numbers=numbers))
        told = (await live.get("/reports/personal-files")).json["files"]
        assert next(one for one in told if one["item"] == "contact")["atLeast1000"] is marked
