"""Who registers themselves typed in their own reading and birth date: staff are told, until somebody looked. (personal-data.md 2)"""

from typing import Any

from tests.personal.live import Live

KANA, BIRTH = "ミホン ハナコ", "1951-04-05"
SEARCHED = {"nameKana": KANA, "birthDate": BIRTH}


async def registered_alone(live: Live) -> None:
    card = {"issuer": "f" * 43, "serial": "ab12"}
    made = await live.post("/demo/sessions", {"card": card, **SEARCHED})
    assert made.status == 201, made.raw


async def found(live: Live) -> list[dict[str, Any]]:
    reply = await live.post("/residents/search", SEARCHED, by=await live.staff("counter"))
    residents: list[dict[str, Any]] = reply.json["residents"]
    return residents


async def test_somebody_who_takes_a_name_is_told_apart_from_whom_staff_registered(live: Live) -> None:
    await live.register("hanako", **SEARCHED)
    await registered_alone(live)
    first, second = await found(live)
    assert "unchecked" not in first
    assert second["unchecked"] is True
    counter = await live.staff("counter")
    opened = await live.post("/residents/read", {"resident": second["resident"]}, by=counter)
    assert opened.json["unchecked"] is True


async def test_staff_note_that_they_looked_at_papers(live: Live) -> None:
    await registered_alone(live)
    (alone,) = await found(live)
    counter = await live.staff("counter")
    body = {"resident": alone["resident"]}
    assert (await live.post("/residents/checked", body, by=counter)).status == 204
    assert "unchecked" not in (await live.post("/residents/read", body, by=counter)).json
    assert "unchecked" not in (await found(live))[0]


async def test_who_enters_the_reading_anew_has_looked(live: Live) -> None:
    await registered_alone(live)
    (alone,) = await found(live)
    counter = await live.staff("counter")
    changed = await live.post("/residents/terms", {"resident": alone["resident"], **SEARCHED}, by=counter)
    assert changed.status == 204
    assert "unchecked" not in (await found(live))[0]


async def test_only_the_counter_notes_it(live: Live) -> None:
    await registered_alone(live)
    (alone,) = await found(live)
    for login in ("auditor", "catalogue", "emergency"):
        reply = await live.post(
            "/residents/checked", {"resident": alone["resident"]}, by=await live.staff(login)
        )
        assert reply.status == 403, login
