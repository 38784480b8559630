"""A module whose records live in a vault elsewhere, both real; what the vault sees; both killed. (issue 5)"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from base import clock
from personal.locations import moving
from personal.locations.cloud import KEY, Cloud
from personal.store import leftovers, records
from personal.store.records import Choice
from personal.vault import requests
from personal.vault.signing import Signer
from tests.personal.cloud.vaults import Vault, vault
from tests.personal.live import ASAGO, YABU, Live, live_module
from tests.personal.locations.sites import ITEM, Site, populate, site
from tests.ports import free_port

YEAR = 365 * 86_400 * clock.SECOND
PHONE = {"phones": [{"number": "079-662-0000", "kind": "home"}]}


async def join(live: Live, there: Vault) -> None:
    """Make a municipality a client of the vault."""
    key = requests.public_key(Signer(await live.town.keys.named(KEY)).public())
    await there.store.change_key(live.town.id, key)


async def keep(live: Live, login: str) -> str:
    person = await live.register(login)
    body = {"value": PHONE, "expectedVersion": 0}
    reply = await live.ask("PUT", "/me/items/contact", body, by=await live.resident(login))
    assert reply.status == 201, reply.raw
    return person


async def test_records_of_two_municipalities_live_in_one_vault_and_it_sees_nothing(tmp_path: Path) -> None:
    async with (
        vault(tmp_path / "vault") as there,
        live_module(tmp_path / "data", (YABU, ASAGO), vault_url=there.url) as live,
    ):
        persons = []
        for town in (live, live.at("asago")):
            await join(town, there)
            await town.town.store.write(lambda db: records.choose(db, Choice("contact", "cloud")))
            persons.append(await keep(town, "hanako"))
            read = await town.get("/me/items/contact", by=await town.resident("hanako"))
            assert (read.json["value"], read.json["location"]) == (PHONE, "cloud")
        assert all((one.bytes > 0) for one in there.store.clients())
        seen = b"".join(path.read_bytes() for path in _files(tmp_path / "vault"))
        for told in (b"079-662", b"phones", b"contact", b"hanako", *(person.encode() for person in persons)):
            assert told not in seen


async def test_a_record_moves_into_the_vault_and_back_and_is_erased_there(tmp_path: Path) -> None:
    async with (
        vault(tmp_path / "vault") as there,
        live_module(tmp_path / "data", vault_url=there.url) as live,
    ):
        await join(live, there)
        person = await keep(live, "hanako")
        me = await live.resident("hanako")
        for place, kept in (("cloud", True), ("local", False), ("cloud", True)):
            await live.town.store.write(lambda db, place=place: _choose(db, place))
            await moving.attend(live.town.records, clock.now())
            read = await live.get("/me/items/contact", by=me)
            assert (read.json["value"], read.json["location"], read.json["version"]) == (PHONE, place, 1)
            found = there.store.client("yabu")
            assert found and (found.bytes > 0) is kept
        gone = await live.ask("DELETE", "/me/items/contact", by=me)
        assert gone.json["erased"] and not gone.json["pending"]
        found = there.store.client("yabu")
        assert found and found.bytes == 0
        assert live.town.keys.of_person(person) == []


def _choose(db: Any, place: str) -> None:
    records.choose(db, Choice("contact", place))
    leftovers.order_all(db, "contact", clock.now())


async def _write(folder: Path, url: str, seed: int) -> None:
    """Write, move and erase until killed; tells what is done, as a client that was answered knows it."""
    chance = random.Random(seed)
    async with aiohttp.ClientSession() as session, site(folder) as one:
        signer = Signer(await one.keys.named(KEY))
        one.records.locations = {**one.records.locations, "cloud": Cloud(session, url, "yabu", signer)}
        while True:
            person = f"r_{chance.randint(1, 3)}"
            present = one.store.read(lambda db, person=person: records.find(db, person, ITEM))
            match chance.choice(["keep", "keep", "order", "order", "erase"]):
                case "keep":
                    number = (await one.value(person) or 0) + 1 if present else 1
                    _say(f"try {person} {number}")
                    await one.keep(person, number, present.version if present else 0)
                    _say(f"done {person} {number}")
                case "order":
                    await one.order(person, chance.choice(["local", "cloud"]))
                    await moving.attend(one.records, one.moment())
                case "erase" if present:
                    _say(f"try {person} 0")
                    await one.erase(person)
                    _say(f"done {person} 0")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


@pytest.mark.kill
@pytest.mark.parametrize("victim", ["module", "both"])
async def test_killed_again_and_again_both_agree_and_keep_what_was_acknowledged(
    tmp_path: Path, victim: str
) -> None:
    folder, port, chance = tmp_path / "yabu", free_port(), random.Random(7)
    folder.mkdir()
    async with site(folder) as one:
        await populate(one)
        key = requests.public_key(Signer(await one.keys.named(KEY)).public())
    async with vault(tmp_path / "vault") as there:
        await there.store.change_key("yabu", key)
    expected: dict[str, set[int]] = {f"r_{n}": {0} for n in (1, 2, 3)}
    server = await _vault_process(tmp_path / "vault", port)
    try:
        for kill in range(3):
            fallen = server if victim == "both" else None
            told = await asyncio.to_thread(
                _run_and_kill, folder, port, kill, chance.uniform(0.2, 0.6), fallen
            )
            _follow(expected, told)
            if fallen:
                server = await _vault_process(tmp_path / "vault", port)
            await _inspect(folder, port, expected, tmp_path / "vault")
    finally:
        server.kill()
        server.wait()


def _run_and_kill(
    folder: Path, port: int, seed: int, seconds: float, server: subprocess.Popen[bytes] | None
) -> list[str]:
    import time

    command = [
        sys.executable,
        "-m",
        "tests.personal.cloud.test_with_module",
        str(folder),
        f"http://127.0.0.1:{port}",
        str(seed),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as child:
        assert child.stdout
        first = child.stdout.readline()
        assert first
        time.sleep(seconds)
        if server:
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read()
    lines = (first + rest).decode().split("\n")[:-1]
    return [line for line in lines if line.startswith(("try ", "done "))]  # the others are of its log


def _follow(expected: dict[str, set[int]], told: list[str]) -> None:
    for line in told:
        what, person, number = line.split()
        if what == "try":
            expected[person] |= {int(number)}
        else:
            expected[person] = {int(number)}


async def _inspect(folder: Path, port: int, expected: dict[str, set[int]], kept: Path) -> None:
    async with aiohttp.ClientSession() as session, site(folder) as one:
        signer = Signer(await one.keys.named(KEY))
        url = f"http://127.0.0.1:{port}"
        one.records.locations = {**one.records.locations, "cloud": Cloud(session, url, "yabu", signer)}
        for _ in range(2):
            await moving.attend(one.records, one.moment() + YEAR)  # what failed is due again
        for person, possible in expected.items():
            value = await one.value(person) or 0
            assert value in possible, (person, value, possible)
            expected[person] = {value}
        assert not one.waiting()
        there = _names(kept)
        assert there == _ledger(one, "cloud")


def _ledger(one: Site, location: str) -> set[str]:
    found = one.store.read(
        lambda db: [record for n in (1, 2, 3) for record in records.held(db, f"r_{n}", ITEM)]
    )
    return {record.name for record in found if record.location == location}


def _names(kept: Path) -> set[str]:
    from base.database import connect

    connection = connect(kept / "vault.db", readonly=True)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM copy WHERE sealed IS NOT NULL")}
    finally:
        connection.close()


async def _vault_process(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "engawa", "run", "vault", "--port", str(port), "--data", str(folder)]
    child = await asyncio.to_thread(
        subprocess.Popen, command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            try:
                async with session.get(f"http://127.0.0.1:{port}/health/live") as reply:
                    assert reply.status == 200
                    return child
            except aiohttp.ClientConnectionError:
                assert child.poll() is None
                await asyncio.sleep(0.1)
    child.kill()
    raise AssertionError("the vault does not start")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


if __name__ == "__main__":
    asyncio.run(_write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
