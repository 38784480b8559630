"""Killed at any moment, agent and module lose nothing and do nothing twice. (issue 5, done when 2 and 3)"""

import asyncio
import contextlib
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from base import clock
from base.database import connect
from personal import towns
from personal.agent import store as kept
from personal.agent.inside import Given, Inside
from personal.agent.server import running
from tests.personal.agent import stands
from tests.personal.agent.insiders import Town, in_process, introduce, outside, over_socket, settings_of
from tests.personal.consents.cards import Authority
from tests.personal.disclosure import sharing
from tests.personal.live import Live
from tests.ports import free_port

NAMES = ("hanako", "taro", "yuki")


def phone(number: int) -> dict[str, Any]:
    return {"phones": [{"number": f"079-662-{number:04}", "kind": "home"}]}


def leaves(database: Path, kind: str) -> Counter[str]:
    """Count the entries of a log by order."""
    connection = connect(database, readonly=True)
    try:
        found = [orjson.loads(entry) for (entry,) in connection.execute("SELECT entry FROM leaf")]
    finally:
        connection.close()
    return Counter(one["order"] for one in found if one["kind"] == kind and "order" in one)


class Cut(Exception):
    """The process ends here."""


@pytest.mark.parametrize("step", ["read", "judged", "taken", "answered", "acknowledged"])
async def test_an_order_is_done_once_wherever_the_agent_is_cut(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority("JPKI")
    async with outside(tmp_path / "outside", authority, lgwan_wait_seconds=15.0) as live:
        async with running(settings_of(tmp_path / "inside", live.url)) as agent:
            do = in_process(agent)
            await introduce(do, live, authority)
            there = Town(live, do, authority, agent)
            await there.approve_service()
            person = await there.resident("hanako", phone(1))
            await there.agree("hanako")
            await there.disclosed("hanako", person)
        asked = asyncio.create_task(there.disclosed("hanako", person))
        await _until_queued(live)
        await _cut_at(step, tmp_path / "inside", live)
        async with running(settings_of(tmp_path / "inside", live.url)):
            told = await asked
            assert told["items"] == {"contact": phone(1)}
    counted = leaves(tmp_path / "inside" / "agent.db", "inside-release")
    assert len(counted) == 2 and set(counted.values()) == {1}
    assert set(leaves(tmp_path / "outside" / "data" / "yabu" / "personal.db", "inside-release").values()) == {
        1
    }


async def _until_queued(live: Live) -> None:
    for _ in range(400):
        if live.town.store.read(
            lambda db: (
                db.execute("SELECT count(*) FROM agent_order WHERE task = 'release' AND answer IS NULL").get
            )
        ):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no order was queued")


async def _cut_at(step: str, folder: Path, live: Live) -> None:
    """Run an agent by hand up to a step, and stop it there as a kill does: what is not on disk is gone."""
    async with running(settings_of(folder, "")) as agent:
        from personal.agent import line as lines

        settings = settings_of(folder, live.url)
        async with lines.opened(settings, agent.inside) as line:
            found = await line._ask("/agent/claim", {"wait": 10, "most": 10, "begin": True}, 30.0)
            if step == "read":
                return
            inside = agent.inside
            for one in found["orders"]:
                given = Given(one["order"], one["content"])
                if step == "judged":
                    with contextlib.suppress(Cut):
                        await _cut_while_taking(inside, given)
                    continue
                await inside.obey(given, clock.now())
            if step in ("judged", "taken"):
                return
            waiting = inside.store.read(lambda db: kept.unanswered(db, 10))
            assert waiting
            taken = await line._ask("/agent/answers", {"answers": [text for _, text in waiting]}, 30.0)
            if step == "answered":
                return
            assert (
                await line._ask("/agent/answers", {"answers": [text for _, text in waiting]}, 30.0) == taken
            )
            if step == "acknowledged":
                await inside.store.write(lambda db: kept.acknowledge(db, taken["taken"]))


async def _cut_while_taking(inside: Inside, given: Given) -> None:
    order, digest = inside.read(given, clock.now())
    done = await inside._prepared(order, given.content, clock.now())

    def work(db: Any) -> None:
        inside._finish(db, order, digest, done, clock.now())
        raise Cut

    await inside.store.write(work)


@pytest.mark.kill
async def test_killed_again_and_again_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    chance, port, authority = random.Random(11), free_port(), Authority("JPKI")
    url, folder, data = f"http://127.0.0.1:{port}", tmp_path / "inside", tmp_path / "outside" / "data"
    names, keys = await _prepared(tmp_path, port, authority)
    module = await _module(data, port, tmp_path / "outside" / "cards.pem")
    agent = await stands.agent(folder, url)
    try:
        async with aiohttp.ClientSession() as session:
            live = Live(url, session, None, _Named("yabu"), keys=keys)  # type: ignore[arg-type]  # no module in here
            written = dict.fromkeys(names, 1)
            for turn, victim in enumerate(("agent", "module")):
                work = asyncio.create_task(_work(live, names, written, turn))
                await asyncio.sleep(chance.uniform(0.3, 0.9))
                if victim == "agent":
                    await asyncio.to_thread(stands.end, agent, signal.SIGKILL)
                    agent = await stands.agent(folder, url)
                else:
                    await asyncio.to_thread(stands.end, module, signal.SIGKILL)
                    live.tokens.clear()
                    module = await _module(data, port, tmp_path / "outside" / "cards.pem")
                await work
            for name, subject in names.items():
                assert await _eventually(live, subject) == phone(written[name]), name
            status = await over_socket(folder)("status")
            assert status["alarms"] == 0
    finally:
        await asyncio.to_thread(stands.end, agent)
        await asyncio.to_thread(stands.end, module)
    for kind in ("inside-release", "inside-store"):
        counted = leaves(folder / "agent.db", kind)
        assert counted and set(counted.values()) == {1}
        assert set(leaves(data / "yabu" / "personal.db", kind).values()) == {1}


class _Named:
    """A town of which only the name is needed."""

    def __init__(self, id: str) -> None:
        self.id = id


async def _prepared(tmp_path: Path, port: int, authority: Authority) -> tuple[dict[str, str], Any]:
    folder = tmp_path / "outside" / "data"
    folder.mkdir(mode=0o700, parents=True)
    towns.check_made_up(folder, demo=True)
    async with outside(tmp_path / "outside", authority, port=port) as live:
        async with running(settings_of(tmp_path / "inside", live.url)) as agent:
            do = in_process(agent)
            await introduce(do, live, authority)
            there = Town(live, do, authority, agent)
            await there.approve_service()
            names = {}
            for name in NAMES:
                person = await there.resident(name, phone(1))
                await there.agree(name)
                names[name] = await sharing.name(live, person, "shelter")
            for name in NAMES:
                await there.disclosed(name, await live.person(name))
        return names, live.keys


async def _module(data: Path, port: int, cards: Path) -> Any:
    words = ("--demo", "--port", str(port), "--data", str(data), "--lgwan", "--card-authorities", str(cards))
    child = await asyncio.to_thread(
        stands.engawa, "run", "personal", *words, "--lgwan-wait-seconds", "2", log=data.with_suffix(".log")
    )
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.get(f"http://127.0.0.1:{port}/health/live") as reply:
                    assert reply.status == 200
                    return child
            assert child.poll() is None, data.with_suffix(".log").read_text()
            await asyncio.sleep(0.1)
    child.kill()
    raise AssertionError("the module does not start")


async def _work(live: Live, names: dict[str, str], written: dict[str, int], turn: int) -> None:
    """Change and read while something is killed; what is acknowledged is noted."""
    for name, subject in names.items():
        number = turn * 10 + 2
        for _ in range(400):  # the module that was killed has to start again
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, AssertionError, OSError):
                if await _wrote(live, name, number):
                    written[name] = number
                    break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("a write is never taken")
        with contextlib.suppress(aiohttp.ClientError, AssertionError, OSError):
            await _ask(live, subject)


async def _wrote(live: Live, name: str, number: int) -> bool:
    """Write a contact; one that was cut off and happened all the same counts."""
    by = await live.resident(name)
    listed = await live.get("/me/items", by=by)
    assert listed.status == 200, listed.raw
    version = next(one["version"] for one in listed.json["records"] if one["item"] == "contact")
    reply = await live.ask(
        "PUT", "/me/items/contact", {"value": phone(number), "expectedVersion": version}, by=by
    )
    return reply.status in (200, 201)


async def _ask(live: Live, subject: str) -> Any:
    body = {"subject": subject, "purpose": "reception", "items": ["contact"]}
    reply = await live.post("/disclosures", body, by=await live.service_token("shelter"))
    assert reply.status == 200, reply.raw
    return reply.json["items"].get("contact")


async def _eventually(live: Live, subject: str) -> Any:
    for _ in range(40):
        found = await _ask(live, subject)
        if found is not None:
            return found
    raise AssertionError("it stays pending")
