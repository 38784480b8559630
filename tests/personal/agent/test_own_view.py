"""What residents see of records inside LGWAN: the value if city and inside allow it, else where it is; never an old one."""

import asyncio
from pathlib import Path

from tests.personal.agent import stands
from tests.personal.agent.insiders import PHONE, Town, introduce, outside, over_socket, town
from tests.personal.consents.cards import Authority
from tests.ports import free_port

NEWER = {"phones": [{"number": "079-000-9999", "kind": "home"}]}


async def test_the_city_and_the_inside_decide_whether_residents_see_their_own(tmp_path: Path) -> None:
    async with town(tmp_path, lgwan_own_view=True) as there:
        await there.resident("hanako")
        by = await there.live.resident("hanako")
        kept = await there.live.get("/me/items/contact", by=by)
        assert (kept.status, kept.json["title"]) == (403, "Kept inside LGWAN")
        assert "counter" in kept.json["detail"]
        listed = await there.live.get("/me/items", by=by)
        assert [(one["item"], one["location"]) for one in listed.json["records"]] == [("contact", "lgwan")]
        await there.approve_gateway("own-view")
        await there.live.town.store.write(lambda db: db.execute("UPDATE agent_order SET made = 0"))
        seen = await there.live.get("/me/items/contact", by=by)
        assert (seen.status, seen.json["value"]) == (200, PHONE), seen.raw


async def test_while_the_agent_is_away_it_is_pending_and_what_comes_then_is_what_was_written_last(
    tmp_path: Path,
) -> None:
    authority, port = Authority("JPKI"), free_port()
    url, folder = f"http://127.0.0.1:{port}", tmp_path / "inside"
    settings = {"port": port, "lgwan_wait_seconds": 0.3, "lgwan_own_view": True}
    async with outside(tmp_path / "outside", authority, **settings) as live:
        child = await stands.agent(folder, url)
        try:
            there = Town(live, over_socket(folder), authority)
            await introduce(there.do, live, authority)
            await there.approve_gateway("own-view")
            await there.resident("hanako")
        finally:
            await asyncio.to_thread(stands.end, child)
        by = await live.resident("hanako")
        written = await live.ask("PUT", "/me/items/contact", {"value": NEWER, "expectedVersion": 1}, by=by)
        assert (written.status, written.json["location"]) == (200, "lgwan"), written.raw
        seen = await live.get("/me/items/contact", by=by)
        assert (seen.status, seen.json["title"], seen.headers["Retry-After"]) == (503, "Pending", "30")
        assert "value" not in seen.json
        child = await stands.agent(folder, url)
        try:
            for _ in range(200):
                seen = await live.get("/me/items/contact", by=by)
                if seen.status != 503:
                    break
            assert (seen.status, seen.json["value"]) == (200, NEWER), seen.raw
        finally:
            await asyncio.to_thread(stands.end, child)
