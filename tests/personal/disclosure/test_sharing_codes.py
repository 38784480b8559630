"""Sharing codes: once, short, chosen records; typing mistakes found, guesses limited. (issue 5)"""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import BadRequestData
from personal.operations.sharing_codes import GUESSES
from personal.rules import sharing_code
from personal.rules.sharing_code import LETTERS
from personal.store import people, sharing_codes
from tests.personal.disclosure.sharing import (
    ALLERGIES,
    CARE,
    PHONE,
    PURPOSE,
    ask,
    hold,
    leaves,
    reasons,
    service,
)
from tests.personal.live import Live, Reply

places = st.lists(st.integers(0, len(LETTERS) - 1), min_size=9, max_size=9)


@given(places, st.data())
def test_any_wrong_letter_and_any_two_that_changed_places_are_found(
    wanted: list[int], data: st.DataObject
) -> None:
    shown = sharing_code.spelled(wanted)
    letters = sharing_code.read(f" {shown.lower().replace('-', ' ')} ")
    assert letters == shown.replace("-", "")
    at = data.draw(st.integers(0, 9))
    other = data.draw(st.sampled_from([letter for letter in LETTERS if letter != letters[at]]))
    with pytest.raises(BadRequestData):
        sharing_code.read(letters[:at] + other + letters[at + 1 :])
    first, second = sorted(data.draw(st.lists(st.integers(0, 9), min_size=2, max_size=2, unique=True)))
    if letters[first] != letters[second]:
        swapped = list(letters)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        with pytest.raises(BadRequestData):
            sharing_code.read("".join(swapped))


async def resident(live: Live) -> tuple[str, str]:
    """Register a resident with some records; give their login and id."""
    person = await live.register("hanako")
    await hold(live, person, allergies=ALLERGIES, care_needs=CARE, contact=PHONE)
    return await live.resident("hanako"), person


async def make(live: Live, me: str, *items: str, minutes: int = 5, **more: Any) -> str:
    reply = await live.post("/me/sharing-codes", {"items": list(items), "minutes": minutes, **more}, by=me)
    assert reply.status == 201, reply.raw
    return str(reply.json["code"])


async def redeem(live: Live, token: str, code: str, purpose: str = PURPOSE) -> Reply:
    return await live.post("/sharing-codes/redeem", {"code": code, "purpose": purpose}, by=token)


async def test_a_code_shows_what_was_chosen_once_and_gives_the_service_a_name(live: Live) -> None:
    token, (me, _) = await service(live, "shelter", "allergies", "care-needs"), await resident(live)
    before = len(leaves(live))
    code = await make(live, me, "allergies", "contact")
    reply = await redeem(live, token, code.lower())
    assert reply.status == 200, reply.raw
    assert reply.json["items"] == {"allergies": ALLERGIES}
    assert reasons(reply) == {"contact": "not-in-catalogue"}
    again = await redeem(live, token, code)
    assert again.status == 404
    later = await ask(live, token, reply.json["subject"], "allergies")
    assert (later.json["items"], reasons(later)) == ({}, {"allergies": "no-consent"})
    assert [one["kind"] for one in leaves(live)[before:]] == [
        "sharing-code-made",
        "code-disclosure",
        "sharing-code-refused",
        "disclosure-refused",
    ]


async def test_a_code_is_good_for_its_service_only_and_not_for_long(live: Live) -> None:
    shelter, library = [await service(live, id, "allergies") for id in ("shelter", "library")]
    me, _ = await resident(live)
    code = await make(live, me, "allergies", service="library")
    wrong = await redeem(live, shelter, code)
    assert (wrong.status, (await redeem(live, library, code)).status) == (404, 200)
    old = await make(live, me, "allergies")
    await live.town.store.write(lambda db: db.execute("UPDATE sharing_code SET until = 1").get)
    unknown = sharing_code.spelled([1] * 9)
    assert (await redeem(live, shelter, old)).raw == wrong.raw == (await redeem(live, shelter, unknown)).raw


async def test_of_many_at_once_one_uses_a_code(live: Live) -> None:
    token, (me, _) = await service(live, "shelter", "allergies"), await resident(live)
    code = await make(live, me, "allergies")
    replies = await asyncio.gather(*(redeem(live, token, code) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [200, *[404] * 7]


async def test_guesses_are_limited_for_each_service_and_typing_mistakes_are_none(live: Live) -> None:
    shelter, library = [await service(live, id, "allergies") for id in ("shelter", "library")]
    me, _ = await resident(live)
    code = await make(live, me, "allergies")
    mistaken = ("A" if code[0] != "A" else "B") + code[1:]
    for _ in range(3):
        assert (await redeem(live, shelter, mistaken)).status == 400
    for number in range(GUESSES):
        assert (await redeem(live, shelter, sharing_code.spelled([2] * 8 + [number]))).status == 404
    refused = await redeem(live, shelter, code)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "3600")
    assert (await redeem(live, library, code)).status == 200


async def test_codes_are_few_withdrawn_together_and_kept_as_hashes(live: Live) -> None:
    token, (me, _) = await service(live, "shelter", "allergies"), await resident(live)
    codes = [await make(live, me, "allergies") for _ in range(5)]
    body = {"items": ["allergies"], "minutes": 5}
    assert (await live.post("/me/sharing-codes", body, by=me)).status == 409
    kept = b"".join(path.read_bytes() for path in live.town.store.path.parent.glob("personal.db*"))
    for code in codes:
        assert code.encode() not in kept
        assert code.replace("-", "").encode() not in kept
    assert (await live.ask("DELETE", "/me/sharing-codes", by=me)).status == 204
    assert (await redeem(live, token, codes[0])).status == 404
    await make(live, me, "allergies")


async def test_a_code_of_somebody_protected_since_shows_nothing(live: Live) -> None:
    token, (me, person) = await service(live, "shelter", "allergies"), await resident(live)
    code = await make(live, me, "allergies")
    await live.town.store.write(lambda db: people.protect(db, person, True, 1))
    reply = await redeem(live, token, code)
    assert (reply.json["items"], reasons(reply)) == ({}, {"allergies": "nothing-held"})
    body = {"items": ["allergies"], "minutes": 5}
    assert (await live.post("/me/sharing-codes", body, by=me)).status == 403


@pytest.mark.parametrize("event", ["died", "moved"])
async def test_a_code_outlasts_neither_death_nor_moving_away(live: Live, event: str) -> None:
    token, (me, _) = await service(live, "shelter", "allergies"), await resident(live)
    code = await make(live, me, "allergies")
    counter = await live.staff("counter")
    found = await live.post("/residents/search", {"birthDate": "1990-04-01"}, by=counter)
    body = {"resident": found.json["residents"][0]["resident"], "event": event}
    assert (await live.post("/residents/events", body, by=counter)).status == 204
    assert (await redeem(live, token, code)).status == 404


async def test_codes_of_doubles_are_withdrawn_together_and_end_when_they_are_parted(live: Live) -> None:
    token, (me, _) = await service(live, "shelter", "allergies"), await resident(live)
    await live.register("hana", nameKana="ヤブ ハナ")
    counter, codes = await live.staff("counter"), [await make(live, me, "allergies") for _ in range(2)]
    one, other = [
        (await live.post("/residents/search", {"nameKana": kana}, by=counter)).json["residents"][0][
            "resident"
        ]
        for kana in ("ヤブ ハナ", "ヤブ ハナコ")
    ]
    merged = await live.post("/residents/merge", {"resident": one, "double": other}, by=counter)
    assert merged.status == 200, merged.raw
    live.tokens.pop(("yabu", "resident/hanako/3"))
    me = await live.resident("hanako")
    assert (await live.ask("DELETE", "/me/sharing-codes", by=me)).status == 204
    assert (await redeem(live, token, codes[0])).status == 404
    later = await make(live, me, "allergies")
    parted = await live.post("/residents/part", {"resident": one, "sinceGoesTo": "double"}, by=counter)
    assert parted.status == 200, parted.raw
    assert (await redeem(live, token, later)).status == 404


async def test_what_cannot_be_is_refused(live: Live) -> None:
    token, (me, _) = await service(live, "shelter", "allergies"), await resident(live)
    for body in (
        {"items": ["allergies"], "minutes": 61},
        {"items": [], "minutes": 5},
        {"items": ["allergies"], "minutes": 5, "service": "nobody"},
    ):
        assert (await live.post("/me/sharing-codes", body, by=me)).status == 400
    low = await live.resident("hanako", level=1)
    assert (
        await live.post("/me/sharing-codes", {"items": ["allergies"], "minutes": 5}, by=low)
    ).status == 403
    code = await make(live, me, "allergies")
    assert (await redeem(live, token, code, purpose="other")).status == 403
    assert (await redeem(live, token, code)).status == 200
    assert live.town.store.read(lambda db: sharing_codes.count(db, "nobody", 0)) == 0
