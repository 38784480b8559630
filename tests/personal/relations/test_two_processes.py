"""Exchange with a municipality whose module is a process of its own; it ends in the middle and comes back. (issue 5)"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from personal import towns
from tests.personal.disclosure.sharing import ALLERGIES, agree, hold, name, service
from tests.personal.live import ASAGO, YABU, Live, live_module
from tests.personal.relations.test_exchange import HANAKO, ask, begun, finished, register
from tests.ports import free_port

ROOT = Path(__file__).parents[3]


@contextlib.asynccontextmanager
async def process(folder: Path, port: int, session: aiohttp.ClientSession) -> AsyncIterator[None]:
    """Run a module in a process of its own until the block ends."""
    command = [
        sys.executable,
        "-m",
        "engawa",
        "run",
        "personal",
        "--data",
        str(folder),
        "--port",
        str(port),
        "--demo",
    ]
    child = await asyncio.to_thread(
        subprocess.Popen, command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    try:
        async with asyncio.timeout(30):
            while not await ready(session, port):
                assert child.poll() is None
                await asyncio.sleep(0.05)
        yield
    finally:
        child.terminate()
        await asyncio.to_thread(child.wait, 30)


async def ready(session: aiohttp.ClientSession, port: int) -> bool:
    """Say whether a module answers."""
    try:
        async with session.get(f"http://127.0.0.1:{port}/health/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_two_processes_exchange_and_one_that_is_away_is_off_line(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "asago"
    towns.check_made_up(folder, demo=True)
    async with live_module(tmp_path / "yabu", (YABU,)) as yabu:
        await service(yabu, "shelter", "allergies")
        here = await yabu.register("hanako", **HANAKO)
        async with live_module(folder, (ASAGO,), port=port) as asago:
            await service(asago, "yabu-shelter", "allergies")
            there = await asago.register("hanako", **HANAKO)
            await hold(asago, there, allergies=ALLERGIES)
            await agree(asago, there, "yabu-shelter", "allergies")
            assert (await register(asago, yabu, {"shelter": "yabu-shelter"})).status == 204
            assert (await register(yabu, asago, {})).status == 204
        subject = await name(yabu, here, "shelter")
        async with process(folder, port, yabu.session):
            elsewhere = Live(asago.url, yabu.session, asago.module, asago.town)
            code = await begun(yabu, elsewhere, "hanako")
            assert (await finished(yabu, elsewhere, "hanako", code)).status == 204
            assert (await ask(yabu, subject, "allergies")).json["items"] == {"allergies": ALLERGIES}
        away = await ask(yabu, subject, "allergies")
        assert (away.status, "items" in away.json) == (502, False)
        async with process(folder, port, yabu.session):
            assert (await ask(yabu, subject, "allergies")).json["items"] == {"allergies": ALLERGIES}
