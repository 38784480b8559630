"""A protected person (DV等支援措置) is, for everyone not cleared, like a person nothing is held about. (DESIGN 3)"""

from typing import Any

import pytest

from tests.personal.live import Live
from tests.personal.people.test_registering import CARD, HANAKO, at_counter, register, search


async def protect(live: Live, protected: bool = True, **terms: Any) -> Any:
    handle = (await search(live, by="protection", **terms))[0]
    return await at_counter(live, "protection", by="protection", resident=handle, protected=protected)


@pytest.mark.parametrize(
    "terms",
    [
        {"nameKana": "ヤブハナコ"},
        {"birthDate": "1990-04-01"},
        HANAKO,
        {"municipalId": "1001"},
        {"card": CARD},
    ],
)
async def test_search_answers_as_if_nobody_were_there(live: Live, terms: Any) -> None:
    await register(live, municipalId="1001", cards=[CARD])
    assert (await protect(live, nameKana="ヤブハナコ")).status == 204
    by = await live.staff("counter")
    hidden = await live.post("/residents/search", terms, by=by)
    nobody = await live.post("/residents/search", {"municipalId": "9999"}, by=by)
    assert (hidden.status, hidden.raw) == (nobody.status, nobody.raw)
    cleared = await live.post("/residents/search", terms, by=await live.staff("protection"))
    assert cleared.json["residents"][0]["protected"] is True


async def test_a_handle_from_before_names_nobody(live: Live) -> None:
    hanako = await register(live, cards=[CARD])
    await protect(live, nameKana="ヤブハナコ")
    by = await live.staff("counter")
    for path, more in (
        ("read", {}),
        ("events", {"event": "moved"}),
        ("identifiers", {"card": {"issuer": "x", "serial": "y"}}),
        ("identifiers/end", {"number": 1}),
        ("terms", HANAKO),
    ):
        hidden = await live.post(f"/residents/{path}", {"resident": hanako, **more}, by=by)
        nobody = await live.post(f"/residents/{path}", {"resident": "nobody", **more}, by=by)
        assert (hidden.status, hidden.raw) == (404, nobody.raw)


async def test_only_who_is_cleared_protects(live: Live) -> None:
    hanako = await register(live)
    assert (await at_counter(live, "protection", resident=hanako, protected=True)).status == 403


async def test_registering_somebody_protected_tells_nothing(live: Live) -> None:
    await register(live, municipalId="1001", cards=[CARD], login="hanako")
    person = await live.person("hanako")
    await protect(live, nameKana="ヤブハナコ")
    by = await live.staff("counter")
    again = await live.post(
        "/residents", {**HANAKO, "municipalId": "1001", "cards": [CARD], "login": "hanako"}, by=by
    )
    assert again.status == 201
    assert again.json["similar"] == []
    assert await search(live, municipalId="1001") == [again.json["resident"]]
    # the protected person's own card and login are still theirs
    live.tokens.clear()
    assert await live.person("hanako") == person


async def test_protection_ends_when_its_double_was_merged(live: Live) -> None:
    await register(live, municipalId="1001")
    await protect(live, nameKana="ヤブハナコ")
    await register(live, municipalId="1001")
    assert (await protect(live, protected=False, municipalId="1001")).status == 409
    found = await live.post("/residents/search", HANAKO, by=await live.staff("protection"))
    real, double = sorted(found.json["residents"], key=lambda one: "protected" not in one)
    merged = await at_counter(
        live, "merge", by="protection", resident=real["resident"], double=double["resident"]
    )
    assert merged.status == 200
    assert await search(live, municipalId="1001") == []
    assert (await protect(live, protected=False, municipalId="1001")).status == 204
    assert len(await search(live, municipalId="1001")) == 1


async def test_merging_with_somebody_protected_is_for_who_is_cleared(live: Live) -> None:
    hanako = await register(live)
    other = await register(live, nameKana="ヤブ ハナ")
    await protect(live, nameKana="ヤブハナ")
    hidden = await at_counter(live, "merge", resident=hanako, double=other)
    nobody = await at_counter(live, "merge", resident=hanako, double="nobody")
    assert (hidden.status, hidden.raw) == (404, nobody.raw)


async def test_a_protected_resident_logs_in_and_stays_logged_out_elsewhere(live: Live) -> None:
    await register(live, login="hanako")
    token = await live.resident("hanako")
    await protect(live, nameKana="ヤブハナコ")
    assert (await live.get("/session", by=token)).status == 401
    live.tokens.clear()
    assert (await live.get("/session", by=await live.resident("hanako"))).status == 200
