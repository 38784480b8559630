"""A process that is killed while it releases has put on record everything that went out. (DESIGN 3; issue 5, done when 2)"""

import asyncio
import random
import sys
from pathlib import Path

import orjson

from personal.audit import checking
from tests.personal.disclosure.sharing import ALLERGIES, PURPOSE, agree, hold, leaves, name, service
from tests.personal.live import live_module

KILLS = 2
CHILD = """
import asyncio, os, sys
from pathlib import Path
import orjson
from base import clock
from personal.operations import disclosures
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.server import module_of
from personal.settings import PersonalSettings

async def main():
    settings = PersonalSettings(data=Path(sys.argv[1]), requests_per_second=0.0)
    body = orjson.loads(sys.argv[2])
    async with module_of(settings, lambda: "") as module:
        town = module.towns["yabu"]
        async def ask():
            while True:
                call = Call(town, Actor(Who.SERVICE, "shelter"), body=body, now=clock.now())
                answer = await disclosures.disclose(call, module)
                os.write(1, answer.body["id"].encode() + b"\\n")
        await asyncio.gather(*(ask() for _ in range(4)))

asyncio.run(main())
"""


async def test_what_went_out_before_a_kill_is_in_the_log(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data") as live:
        await service(live, "shelter", "allergies")
        person = await live.register("hanako")
        await hold(live, person, allergies=ALLERGIES)
        await agree(live, person, "shelter", "allergies")
        body = {
            "subject": await name(live, person, "shelter"),
            "purpose": PURPOSE,
            "items": ["allergies"],
        }
    out: set[str] = set()
    for _ in range(KILLS):
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            CHILD,
            str(tmp_path / "data"),
            orjson.dumps(body).decode(),
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        for _ in range(random.randint(1, 60)):
            line = await asyncio.wait_for(child.stdout.readline(), 30)
            out.add(line.decode().strip())
        child.kill()
        rest, _ = await asyncio.wait_for(child.communicate(), 30)
        out |= {
            line for line in rest.decode().splitlines(keepends=False) if len(line) == len(next(iter(out)))
        }
    async with live_module(tmp_path / "data") as live:
        on_record = {leaf["disclosure"] for leaf in leaves(live) if leaf["kind"] == "disclosure"}
        assert live.town.store.read(lambda db: list(checking.faults(db))) == []
    assert len(out) >= KILLS
    assert out <= on_record
