"""A protected person (DV等支援措置) is, for everyone not cleared, like a person nothing is held about. (DESIGN 3)"""

import asyncio
import re
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.personal.live import ASAGO, YABU, Live, live_module
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
        ("identifiers/end", {"identifier": hanako}),
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


IDS = st.fixed_dictionaries(
    {},
    optional={
        "municipalId": st.sampled_from(("1001", "1002")),
        "cards": st.sampled_from(([CARD], [{"issuer": "J-LIS", "serial": "0002"}])),
        "login": st.sampled_from(("hanako", "taro")),
    },
)
NAMES = st.sampled_from(
    (
        {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"},
        {"nameKana": "ヤブ タロウ", "birthDate": "1990-04-01"},
    )
)
TERMS = st.sampled_from(
    ({"nameKana": "ヤブハナコ"}, {"birthDate": "1990-04-01"}, HANAKO, {"municipalId": "1001"}, {"card": CARD})
)
WHICH = st.integers(0, 3)
STEPS = st.lists(
    st.tuples(st.just(""), IDS, NAMES).map(lambda step: ("", {**step[1], **step[2]}, None))
    | st.tuples(st.just("search"), TERMS, st.none())
    | st.tuples(st.just("identifiers"), st.sampled_from(({"municipalId": "1001"}, {"card": CARD})), WHICH)
    | st.tuples(st.just("events"), st.sampled_from(({"event": "moved"}, {"event": "died"})), WHICH)
    | st.tuples(st.just("read"), st.just({}), WHICH)
    | st.tuples(st.just("merge"), WHICH, WHICH),
    min_size=5,
    max_size=15,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_town_with_somebody_protected_answers_like_one_without(tmp_path_factory: Any, steps: Any) -> None:
    folder = tmp_path_factory.mktemp("towns")

    async def story() -> None:
        async with live_module(folder / "data", (YABU, ASAGO)) as live:
            await register(live, municipalId="1001", cards=[CARD], login="hanako")
            await protect(live, nameKana="ヤブハナコ")
            handles: dict[str, list[str]] = {"yabu": [], "asago": []}
            for step in steps:
                told = [await told_in(live.at(town), step, known) for town, known in handles.items()]
                assert told[0] == told[1]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


async def told_in(live: Live, step: Any, known: list[str]) -> Any:
    """Take a step at the counter of a town; give the answer with residents by the order they were met in."""
    path, body, which = step
    if which is not None:
        resident = known[which % len(known)] if known else "nobody"
        other = {"double": known[body % len(known)] if known else "nobody"} if path == "merge" else body
        body = {"resident": resident, **other}
    reply = await live.post(f"/residents/{path}".rstrip("/"), body, by=await live.staff("counter"))
    if path == "" and reply.status == 201:
        known.append(reply.json["resident"])
    text = reply.raw.decode()
    for number, handle in enumerate(known):
        text = text.replace(handle, f"resident {number}")
    return reply.status, re.sub(r'"identifier":"[^"]+"|"(since|ended)":"[^"]+"', "", text)
