"""Residents at the counter: register, search, read, cards. (issue 5; DESIGN 3)"""

import asyncio
from pathlib import Path
from typing import Any

from tests.personal.live import Live, Reply, live_module

HANAKO = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
CARD = {"issuer": "J-LIS", "serial": "0001"}
NEW_CARD = {"issuer": "J-LIS", "serial": "0002"}


async def register(live: Live, by: str = "counter", **more: Any) -> str:
    reply = await live.post("/residents", {**HANAKO, **more}, by=await live.staff(by))
    assert reply.status == 201, reply.raw
    return str(reply.json["resident"])


async def search(live: Live, by: str = "counter", **more: Any) -> list[str]:
    reply = await live.post("/residents/search", more, by=await live.staff(by))
    assert reply.status == 200, reply.raw
    return [one["resident"] for one in reply.json["residents"]]


async def at_counter(live: Live, path: str, by: str = "counter", **body: Any) -> Reply:
    return await live.post(f"/residents/{path}", body, by=await live.staff(by))


async def test_a_registered_resident_is_found_by_reading_and_birth_date(live: Live) -> None:
    hanako = await register(live, municipalId="1001", cards=[CARD])
    for terms in (
        {"nameKana": "やぶ　はなこ", "birthDate": "1990-04-01"},
        {"nameKana": "ﾔﾌﾞﾊﾅｺ"},
        {"birthDate": "1990-04-01"},
        {"municipalId": "1001"},
        {"card": CARD},
        {"card": CARD, "nameKana": "ヤブハナコ"},
    ):
        assert await search(live, **terms) == [hanako]
    for terms in (
        {"nameKana": "ヤブ", "birthDate": "1990-04-01"},
        {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-02"},
        {"municipalId": "1002"},
        {"card": {"issuer": "J-LIS", "serial": "001"}},
        {"card": CARD, "nameKana": "ヤブタロウ"},
    ):
        assert await search(live, **terms) == []


async def test_a_handle_is_good_for_who_got_it_only(live: Live) -> None:
    mine = await register(live)
    theirs = (await search(live, by="counter2", nameKana="ヤブハナコ"))[0]
    assert theirs != mine
    assert (await at_counter(live, "read", resident=mine)).status == 200
    refused = await at_counter(live, "read", by="counter2", resident=mine)
    unknown = await at_counter(live, "read", by="counter2", resident="nobody")
    assert refused.status == unknown.status == 404
    assert refused.raw == unknown.raw


async def test_the_same_reading_and_birth_date_are_named_as_similar(live: Live) -> None:
    first = await register(live)
    reply = await live.post("/residents", HANAKO, by=await live.staff("counter"))
    assert reply.json["similar"] == [first]


async def test_an_identifier_stands_for_one_resident(live: Live) -> None:
    await register(live, municipalId="1001", cards=[CARD])
    for more in ({"municipalId": "1001"}, {"cards": [NEW_CARD, CARD]}):
        reply = await live.post("/residents", {**HANAKO, **more}, by=await live.staff("counter"))
        assert reply.status == 409
    assert len(await search(live, nameKana="ヤブハナコ")) == 1


async def test_a_renewed_card_takes_the_place_of_the_old_one(live: Live) -> None:
    hanako = await register(live, cards=[CARD])
    taro = await register(live, nameKana="ヤブ タロウ")
    stolen = await at_counter(live, "identifiers", resident=taro, card=NEW_CARD, replaces=CARD)
    assert stolen.status == 409
    who = {"card": CARD, "nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
    by = (await live.post("/demo/sessions", who)).json["token"]
    assert (await live.get("/session", by=by)).status == 200
    renewed = await at_counter(live, "identifiers", resident=hanako, card=NEW_CARD, replaces=CARD)
    assert renewed.status == 204, renewed.raw
    assert (await live.get("/session", by=by)).status == 401  # whoever has the former card
    assert await search(live, card=NEW_CARD) == [hanako]
    assert await search(live, card=CARD) == []
    shown = (await at_counter(live, "read", resident=hanako)).json
    assert [(one["kind"], "ended" in one) for one in shown["identifiers"]] == [
        ("card", True),
        ("card", False),
    ]
    ended = await at_counter(
        live, "identifiers/end", resident=hanako, identifier=shown["identifiers"][1]["identifier"]
    )
    assert ended.status == 204
    assert await search(live, card=NEW_CARD) == []
    assert (await at_counter(live, "identifiers/end", resident=hanako, identifier=taro)).status == 404


async def test_every_search_is_on_record_for_those_it_found(live: Live) -> None:
    await live.register("hanako")
    token = await live.resident("hanako")
    await search(live, nameKana="ヤブハナコ")
    await search(live, nameKana="ヤブタロウ")
    entries = await live.get("/audit/entries", by=await live.staff("auditor"))
    told = "".join(one["entry"] for one in entries.json["entries"])
    assert [told.count(word) for word in ('"resident-searched"', '"resident-found"', "ヤブ")] == [3, 1, 0]
    history = await live.get("/me/accesses", by=token)
    assert "A search by staff found you" in history.raw.decode()


async def test_searches_are_limited_per_hour(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data", searches_per_hour=3) as live:
        token = await live.staff("counter")
        for expected in (200, 200, 200, 429, 429):
            reply = await live.post("/residents/search", {"birthDate": "2000-01-01"}, by=token)
            assert reply.status == expected
        assert await search(live, by="counter2", birthDate="2000-01-01") == []
        entries = await live.get("/audit/entries", by=await live.staff("auditor"))
        assert sum('"resident-search-refused"' in one["entry"] for one in entries.json["entries"]) == 2


async def test_too_many_hits_are_not_shown(live: Live) -> None:
    for _ in range(21):
        await register(live)
    reply = await live.post("/residents/search", {"nameKana": "ヤブハナコ"}, by=await live.staff("counter"))
    assert reply.status == 403
    assert "residents" not in reply.json


async def test_who_has_nothing_to_do_with_residents_does_not_search(live: Live) -> None:
    for login in ("admin", "catalogue", "auditor"):
        reply = await live.post("/residents/search", {"birthDate": "2000-01-01"}, by=await live.staff(login))
        assert reply.status == 403
    assert (await live.post("/residents/search", {"birthDate": "2000-01-01"})).status == 403


async def test_the_dead_have_no_cards_and_no_logins(live: Live) -> None:
    hanako = await register(live, cards=[CARD], login="hanako")
    token = await live.resident("hanako")
    assert (await at_counter(live, "events", resident=hanako, event="died")).status == 204
    assert (await live.get("/session", by=token)).status == 401
    assert await search(live, card=CARD) == []
    assert (await live.post("/demo/sessions", {"resident": "hanako"})).status == 401
    assert (await at_counter(live, "identifiers", resident=hanako, card=NEW_CARD)).status == 409
    assert (await at_counter(live, "events", resident=hanako, event="moved")).status == 409
    # it was somebody else
    assert (await at_counter(live, "events", resident=hanako, event="returned")).status == 204
    assert await search(live, card=CARD) == [hanako]


async def test_who_moved_away_still_logs_in(live: Live) -> None:
    hanako = await register(live, login="hanako")
    assert (await at_counter(live, "events", resident=hanako, event="moved")).status == 204
    shown = (
        await live.post("/residents/search", {"nameKana": "ヤブハナコ"}, by=await live.staff("counter"))
    ).json
    assert shown["residents"][0]["state"] == "moved"
    assert await live.resident("hanako")


async def test_new_readings_replace_old_ones(live: Live) -> None:
    hanako = await register(live)
    married = {"nameKana": "アサゴ ハナコ", "birthDate": "1990-04-01", "otherReadings": ["ヤブ ハナ"]}
    assert (await at_counter(live, "terms", resident=hanako, **married)).status == 204
    assert await search(live, nameKana="ヤブハナコ") == []
    assert await search(live, nameKana="アサゴハナコ") == await search(live, nameKana="ヤブハナ") == [hanako]


async def test_residents_register_themselves_with_their_card_and_its_pin(live: Live) -> None:
    first = {"card": CARD, **HANAKO}
    assert (await live.post("/demo/sessions", {**first, "level": 1})).status == 401
    assert (await live.post("/demo/sessions", {"card": CARD})).status == 400
    made = await live.post("/demo/sessions", first)
    assert made.status == 201, made.raw
    assert len(await search(live, **HANAKO)) == len(await search(live, card=CARD)) == 1
    again = await live.post("/demo/sessions", {**first, "level": 1})
    assert again.json["level"] == 1
    asked = [await live.get("/session", by=one.json["token"]) for one in (made, again)]
    assert [one.json["level"] for one in asked] == [3, 1]
    assert len(await search(live, **HANAKO)) == 1


async def test_one_of_many_who_register_the_same_number_at_once_does(live: Live) -> None:
    by = await live.staff("counter")
    body = {**HANAKO, "municipalId": "1001"}
    done = await asyncio.gather(*(live.post("/residents", body, by=by) for _ in range(8)))
    assert sorted(one.status for one in done) == [201] + [409] * 7
    assert len(await search(live, nameKana="ヤブハナコ")) == 1
