"""A store inside that is restored knows less than it did: nothing old runs again, nothing ended comes back. (DESIGN 3)"""

from pathlib import Path
from typing import Any

import pytest

from base import clock
from base.database import remove
from base.errors import AlreadyExists, ResourceNotFound
from personal.agent import keeping
from personal.agent import store as kept
from personal.agent.server import running
from personal.operations import retelling
from personal.rules.decisions import digest, shown
from personal.vault.top import FileTopKey
from tests.personal.agent.insiders import (
    PHONE,
    SECRET,
    Town,
    in_process,
    introduce,
    outside,
    settings_of,
    until,
)
from tests.personal.agent.thieves import claims, give, stored
from tests.personal.consents.cards import Authority


async def withdraw(there: Town, login: str, decision: dict[str, Any]) -> None:
    """Withdraw what was agreed to, and wait until the inside knows."""
    body = {"service": "shelter", "purpose": "reception", "items": ["contact"]}
    gone = await there.live.post("/me/consents/withdraw", body, by=await there.live.resident(login))
    assert gone.status in (200, 204), gone.raw
    store, mark = there.agent.inside.store, shown(digest(decision))
    await until(lambda: store.read(lambda db: kept.is_withdrawn(db, mark, "contact")))


async def test_a_store_that_was_restored_releases_nothing_that_ended_since(tmp_path: Path) -> None:
    folder, safe, authority = tmp_path / "inside", tmp_path / "safe", Authority("JPKI")
    async with outside(tmp_path / "outside", authority, lgwan_wait_seconds=15.0) as live:
        async with running(settings_of(folder, live.url)) as agent:
            do = in_process(agent)
            await introduce(do, live, authority)
            there = Town(live, do, authority, agent)
            await there.approve_service()
            hanako, taro, yuki = [await stored(there, name) for name in ("hanako", "taro", "yuki")]
            real = {name: await there.agree(name) for name in ("hanako", "taro", "yuki")}
            old = claims(there, yuki, **real["yuki"])
            keeping.save(folder, safe)
            with pytest.raises(AlreadyExists):
                keeping.save(folder, safe)
            assert (await give(there, old))["outcome"] == "done"
            await there.agent.inside.store.write(lambda db: kept.acknowledge(db, [old["order"]]))
            await withdraw(there, "hanako", real["hanako"]["decision"])
            gone = await live.ask("DELETE", "/me/items/contact", by=await live.resident("taro"))
            assert gone.status == 200 and gone.json["erased"], gone.raw
            await until(lambda: agent.inside.keys.of_person(there.location.box(taro)) == [])
        assert SECRET not in b"".join(one.read_bytes() for one in safe.iterdir())
        with pytest.raises(AlreadyExists):
            await keeping.restore(folder, safe, FileTopKey(folder))
        with pytest.raises(ResourceNotFound):
            await keeping.restore(folder, tmp_path, FileTopKey(folder))
        remove(folder / kept.FILE)
        done = await keeping.restore(folder, safe, FileTopKey(folder))
        assert (done.records, done.shredded) == (2, 1)  # what was erased meanwhile is not among them
        async with running(settings_of(folder, live.url)) as agent:
            there = Town(live, in_process(agent), authority, agent, there.cards)
            assert await give(there, old) is None  # it was done, and whoever restores cannot tell
            assert await give(there, claims(there, hanako, **real["hanako"])) is None
            later = clock.now() // clock.SECOND + 1
            assert (
                await give(there, claims(there, yuki, **real["yuki"], iat=later)) is None
            )  # not told again yet
            told = await retelling.tell_again(live.town)
            assert told == {"decisions": 2, "forgotten": 0}  # hanako's, and that about what taro erased
            await until(lambda: agent.inside.store.read(kept.untold_since) is None)
            refused = await give(there, claims(there, hanako, **real["hanako"], iat=later))
            assert refused["why"] == "consent-withdrawn"
            good = await give(there, claims(there, yuki, **real["yuki"], iat=later))
            assert (
                there.location.read_item(good["order"], "contact", good["items"]["contact"])["value"] == PHONE
            )
            alarms = [why for _, why, _, _ in agent.inside.store.read(kept.alarms)]
            assert alarms == ["expired", "expired"]
