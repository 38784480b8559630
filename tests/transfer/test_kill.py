"""An import whose broker is killed in the middle: called again, it gives the whole tenant. (docs/transfer.md)"""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.live import live_broker
from tests.notify.test_kill import process
from tests.transfer.harbour import TENANT, call, state


async def engawa(folder: Path, *words: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "engawa", *words, "--data", str(folder)]
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


@pytest.mark.kill
async def test_an_import_goes_on_after_the_broker_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    async with live_broker(tmp_path / "a") as live:
        for start in range(0, 800, 400):
            batch = [
                {"id": f"urn:x:{n:04}", "type": "T", "a": n, "b": "x"} for n in range(start, start + 400)
            ]
            assert (await live.post("/entityOperations/create", batch, headers=TENANT)).status == 201
        assert (await call(live, "export", str(file), "--tenant", "harbour")).exit_code == 0
        expected = await state(live)
    folder = tmp_path / "b"
    async with aiohttp.ClientSession() as session:
        async with process(folder, session) as url:
            importing = await engawa(folder, "import", str(file))
            for _ in range(200):
                async with session.get(f"{url}/entities/urn:x:0100", headers=TENANT) as reply:
                    if reply.status == 200:
                        break
                await asyncio.sleep(0.02)
        await importing.communicate()
        assert importing.returncode in (0, 3)  # 3: it could not reach the broker any more
        async with process(folder, session):
            again = await engawa(folder, "import", str(file), "--json")
            out, _ = await again.communicate()
            assert again.returncode == 0 and json.loads(out)["rejected"] == []
    async with live_broker(folder) as live:
        assert await state(live) == expected
        assert live.broker.catalogue.open("harbour").check() == []
