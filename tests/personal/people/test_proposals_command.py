"""The commands by which two members of staff decide together. (issue 5)"""

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner, Result

from engawa.command import cli
from tests.personal.live import Live


async def run(live: Live, login: str, *words: str) -> Result:
    env = {"ENGAWA_CONFIG": None, "NO_COLOR": "1", "ENGAWA_STAFF_TOKEN": await live.staff(login)}
    words = ("proposals", *words, "--url", live.url)
    return await asyncio.to_thread(CliRunner().invoke, cli, words, prog_name="engawa", env=env)


async def test_one_proposes_another_approves_and_nobody_their_own(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    file.write_text(json.dumps({"item": "contact", "location": "local"}), encoding="ascii")
    made = await run(live, "catalogue", "make", "item-location", str(file), "--json")
    id = json.loads(made.stdout)["id"]
    assert id in (await run(live, "catalogue2", "list", "--json")).stdout
    assert json.loads((await run(live, "catalogue2", "show", id)).stdout)["body"]["item"] == "contact"
    own = await run(live, "catalogue", "approve", id)
    assert own.exit_code == 1 and "a second person" in own.output
    assert (await run(live, "counter", "approve", id)).exit_code == 1
    done = await run(live, "catalogue2", "approve", id)
    assert done.exit_code == 0 and f"{id} is approved." in done.output
    assert id in (await run(live, "catalogue", "list", "--state", "approved")).output


async def test_a_proposal_is_refused_with_a_reason_or_taken_back(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "place.json"
    file.write_text(json.dumps({"item": "contact", "location": "local"}), encoding="ascii")
    ids = [
        json.loads((await run(live, "catalogue", "make", "item-location", str(file), "--json")).stdout)["id"]
        for _ in range(2)
    ]
    assert (await run(live, "catalogue2", "refuse", ids[0], "--reason", "later")).exit_code == 0
    assert json.loads((await run(live, "catalogue", "show", ids[0])).stdout)["reason"] == "later"
    assert (await run(live, "catalogue", "withdraw", ids[1])).exit_code == 0
    file.write_text("{", encoding="ascii")
    assert "is no JSON" in (await run(live, "catalogue", "make", "item", str(file))).output
