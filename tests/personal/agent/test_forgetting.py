"""Who is forgotten outside is forgotten inside, too: records, keys, and whose credentials they were. (issue 5)"""

import asyncio
from pathlib import Path

from base import clock
from personal.agent import store as kept
from personal.locations import moving
from personal.operations.actors import Actor, Who
from personal.operations.handles import Handles
from personal.rules.residents import State
from personal.store import agent_orders, people
from personal.store import staff as members
from tests.personal.agent import stands
from tests.personal.agent.insiders import Town, introduce, outside, over_socket, town, until
from tests.personal.consents.cards import Authority
from tests.ports import free_port


async def asked(there: Town, person: str) -> dict[str, str]:
    """Name a resident as the office for privacy does, after they moved away."""
    live = there.live
    await live.town.store.write(lambda db: people.set_state(db, person, State.MOVED, 1))
    member = next(one for one in live.town.store.read(members.listed) if one.login == "privacy")
    names = Handles(await live.town.keys.named("handle"), "yabu", Actor(Who.STAFF, member.id))
    return {"resident": names.show(person)}


async def test_who_is_forgotten_has_nothing_inside_any_more(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        person, other = await there.resident("hanako"), await there.resident("taro")
        box, beside = there.location.box(person), there.location.box(other)
        store, keys = there.agent.inside.store, there.agent.inside.keys
        await until(lambda: store.read(lambda db: kept.held(db, box)))
        body = await asked(there, person)
        by = await there.live.staff("privacy")
        replies = await asyncio.gather(*(there.live.post("/records/forget", body, by=by) for _ in range(4)))
        assert [one.status for one in replies] == [200] * 4, [one.raw for one in replies]
        assert sum(one.json["erased"] == ["contact"] for one in replies) == 1
        await until(lambda: not store.read(lambda db: kept.held(db, box)) and not keys.of_person(box))
        await until(lambda: store.read(lambda db: kept.holders(db, box)) == frozenset())
        assert store.read(lambda db: kept.holders(db, beside)) and keys.of_person(beside)
        again = await there.live.post("/records/forget", body, by=await there.live.staff("privacy"))
        assert (again.status, again.json) == (200, {"erased": [], "kept": []})


async def test_somebody_is_forgotten_while_the_agent_is_away_and_inside_when_it_is_back(
    tmp_path: Path,
) -> None:
    authority, port = Authority("JPKI"), free_port()
    url = f"http://127.0.0.1:{port}"
    async with outside(tmp_path / "outside", authority, port=port, lgwan_wait_seconds=0.3) as live:
        child = await stands.agent(tmp_path / "inside", url)
        try:
            do = over_socket(tmp_path / "inside")
            await introduce(do, live, authority)
            there = Town(live, do, authority)
            person = await there.resident("hanako")
            for _ in range(300):
                if (await do("status"))["records"] == 1:
                    break
        finally:
            await asyncio.to_thread(stands.end, child)
        body = await asked(there, person)
        gone = await live.post("/records/forget", body, by=await live.staff("privacy"))
        assert (gone.status, gone.json["erased"]) == (200, ["contact"]), gone.raw
        assert (await live.post("/records/forget", body, by=await live.staff("privacy"))).status == 200
        child = await stands.agent(tmp_path / "inside", url)
        try:
            await until(lambda: live.town.store.read(agent_orders.count) == 0)
            assert (await do("status"))["records"] == 0
        finally:
            await asyncio.to_thread(stands.end, child)
        await moving.attend(live.town.records, clock.now())
