"""What death, moving away and doubles do to consents. (issue 5)"""

from typing import Any

import pytest

from tests.personal.consents.deciding import decide, item
from tests.personal.live import Live


@pytest.fixture
async def hanako(live: Live) -> str:
    await live.service("shelter")
    await live.register("hanako", nameKana="ヤブ ハナコ")
    token = await live.resident("hanako")
    for kind in ("share", "store"):
        assert (await decide(live, token, kind=kind, agree=["basic-four"])).status == 201
    return token


async def handle(live: Live, kana: str) -> str:
    by = await live.staff("counter")
    found = (await live.post("/residents/search", {"nameKana": kana}, by=by)).json["residents"]
    assert len(found) == 1
    return str(found[0]["resident"])


async def at_counter(live: Live, path: str, **body: Any) -> Any:
    reply = await live.post(f"/residents/{path}", body, by=await live.staff("counter"))
    assert reply.status < 300, reply.raw
    return reply.json


async def test_who_moves_away_shares_nothing_more_and_keeps_what_is_stored(live: Live, hanako: str) -> None:
    await at_counter(live, "events", resident=await handle(live, "ヤブ ハナコ"), event="moved")
    share = await item(live, hanako, "basic-four", "share")
    store = await item(live, hanako, "basic-four", "store")
    assert (share["state"], store["state"]) == ("ConsentInvalidated", "ConsentGiven")
    assert (await decide(live, hanako, agree=["basic-four"])).status == 201
    assert (await item(live, hanako, "basic-four"))["holds"]


async def test_death_ends_everything_and_nothing_comes_back_by_itself(live: Live, hanako: str) -> None:
    resident = await handle(live, "ヤブ ハナコ")
    await at_counter(live, "events", resident=resident, event="died")
    by = await live.staff("counter")
    body = {"resident": resident, "service": "shelter", "purpose": "reception", "agree": ["basic-four"]}
    assert (await live.post("/consents/paper/prepare", body, by=by)).status == 409
    await at_counter(live, "events", resident=resident, event="returned")
    live.tokens.clear()
    again = await live.resident("hanako")
    for kind in ("share", "store"):
        assert (await item(live, again, "basic-four", kind))["state"] == "ConsentInvalidated"
    told = (await live.get("/me/accesses", by=again)).json["accesses"]
    assert [one["action"]["en"] for one in told].count("Consent ended because you died or moved away") == 2


async def test_the_last_decision_of_two_entries_counts_and_parting_gives_each_its_own(
    live: Live, hanako: str
) -> None:
    await live.register("hana", nameKana="ヤブ ハナ", municipalId="7")
    other = await live.resident("hana")
    await decide(live, other, evidence=None, agree=[], refuse=["basic-four"])
    first, second = await handle(live, "ヤブ ハナコ"), await handle(live, "ヤブ ハナ")
    await at_counter(live, "merge", resident=first, double=second)
    live.tokens.clear()
    assert not (await item(live, await live.resident("hanako"), "basic-four"))["holds"]
    assert len((await live.get("/me/receipts", by=await live.resident("hanako"))).json["receipts"]) == 3
    await decide(live, await live.resident("hanako"), agree=["basic-four"])
    await at_counter(live, "part", resident=first, sinceGoesTo="double")
    live.tokens.clear()
    assert (await item(live, await live.resident("hana"), "basic-four"))["holds"]
    assert (await item(live, await live.resident("hanako"), "basic-four"))["state"] == "ConsentGiven"
    assert len((await live.get("/me/receipts", by=await live.resident("hana"))).json["receipts"]) == 2
