"""Keys of either side are renewed while orders run: the old and the new one hold for a time. (issue 5; decision 6)"""

from pathlib import Path
from typing import Any

from base import clock
from base.clock import SECOND
from personal.agent import store as kept
from personal.agent.server import running
from personal.store import agent_orders
from personal.vault.signing import Signer
from tests.personal.agent.insiders import PHONE, Town, bare, in_process, introduce, outside, settings_of, town
from tests.personal.agent.thieves import alarms, claims, give, stored
from tests.personal.consents.cards import Authority

LATER = 36 * 86_400 * SECOND


async def register(there: Town, keys: Any) -> None:
    """Have the outside know keys of the agent, by two members of staff."""
    live = there.live
    made = await live.post(
        "/proposals", {"kind": "agent-keys", "body": keys}, by=await live.staff("catalogue")
    )
    assert made.status == 201, made.raw
    by = await live.staff("catalogue2")
    assert (await live.post(f"/proposals/{made.json['id']}/approve", {}, by=by)).status == 204


async def test_the_agents_keys_are_renewed_and_nothing_stops(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        await there.approve_service()
        person = await there.resident("hanako")
        await there.agree("hanako")
        own, former = there.agent.inside.own, there.agent.inside.signer.kid
        await there.disclosed("hanako", person)
        keys = await there.do("keys.renew")
        assert keys["signing"]["kid"] == own.newest.kid != former == own.signer.kid
        assert (await there.disclosed("hanako", person))["items"] == {"contact": PHONE}
        await register(there, keys)
        assert (await there.disclosed("hanako", person))["items"] == {"contact": PHONE}
        assert own.signer.kid == own.newest.kid  # the outside has addressed it
        await there.keep(person, {"phones": []}, 1)
        assert (await there.disclosed("hanako", person))["items"] == {"contact": {"phones": []}}
        now = clock.now()
        assert own.kids(now) == {former, own.newest.kid} and own.kids(now + LATER) == {own.newest.kid}
        pinned = there.live.town.store.read(lambda db: agent_orders.agents(db, now))
        assert [one["signing"]["kid"] for one in pinned] == [own.newest.kid, former]
        assert len(there.live.town.store.read(lambda db: agent_orders.agents(db, now + LATER))) == 1
        assert await there.do("alarms") == []


async def test_keys_that_were_renewed_before_the_outside_knew_any_are_known_by_it_then(
    tmp_path: Path,
) -> None:
    authority = Authority("JPKI")
    async with (
        outside(tmp_path / "outside", authority) as live,
        running(settings_of(tmp_path / "inside", live.url)) as agent,
    ):
        do = in_process(agent)
        first = (await do("keys"))["signing"]["kid"]
        assert (await do("keys.renew"))["signing"]["kid"] != first
        await introduce(do, live, authority)
        there = Town(live, do, authority, agent)
        person = await stored(there, "hanako")
        assert person and agent.inside.signer.kid == agent.inside.own.newest.kid


async def test_the_key_of_the_outside_is_renewed_and_a_stolen_one_ended(tmp_path: Path) -> None:
    async with town(tmp_path) as there:
        await there.approve_service()
        person, fresh = await stored(there, "hanako"), Signer(b"n" * 32)
        real = await there.agree("hanako")
        assert await give(there, claims(there, person, **real), fresh) is None
        await there.want("outside", {"key": bare(fresh.public())})
        for signer in (fresh, there.location.keys.signer):
            answer = await give(there, claims(there, person, **real), signer)
            assert answer["outcome"] == "done"
        store, now = there.agent.inside.store, clock.now()
        assert len(store.read(lambda db: kept.outside(db, now + LATER))) == 1
        await there.want("outside-end", {"kid": there.location.keys.signer.kid})
        assert await give(there, claims(there, person, **real)) is None
        assert (await give(there, claims(there, person, **real), fresh))["outcome"] == "done"
        assert alarms(there) == ["forged", "forged"]
