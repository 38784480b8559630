"""Residents at the counter: register, search, read. (issue 5; DESIGN 3)"""

from tests.personal.live import Live


async def test_a_registered_resident_is_found_by_reading_and_birth_date(live: Live) -> None:
    token = await live.staff("counter")
    made = await live.post(
        "/residents", {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01", "municipalId": "1001"}, by=token
    )
    assert made.status == 201
    found = await live.post(
        "/residents/search", {"nameKana": "やぶ　はなこ", "birthDate": "1990-04-01"}, by=token
    )
    assert [one["resident"] for one in found.json["residents"]] == [made.json["resident"]]


async def test_a_service_gets_a_token_for_its_assertion(live: Live) -> None:
    await live.service("shelter")
    assert (await live.service_token("shelter")).startswith("st_")


async def test_a_resident_logs_in(live: Live) -> None:
    await live.register("hanako")
    shown = await live.get("/session", by=await live.resident("hanako"))
    assert shown.json == {"kind": "resident", "roles": [], "level": 3}
