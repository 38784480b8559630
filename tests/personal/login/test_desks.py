"""Desks are added, listed and removed by administrators; what one was told outlives the module's end. (issue 6)"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from click.testing import CliRunner, Result

from base import clock
from engawa.command import cli
from personal import towns
from personal.audit import checking
from tests.personal.consents.cards import Authority, ec_key
from tests.personal.live import Live, live_module
from tests.personal.login.desks import Browser, Desk, anchors, shown
from tests.personal.login.test_card_logins import token
from tests.ports import free_port


async def run(live: Live, *words: str) -> Result:
    told = {"ENGAWA_CONFIG": None, "NO_COLOR": "1"}
    words = ("desks", *words, "--data", str(live.module.settings.data))
    return await asyncio.to_thread(CliRunner().invoke, cli, list(words), prog_name="engawa", env=told)


async def test_desks_are_added_listed_and_removed_at_the_machine(live: Live, tmp_path: Path) -> None:
    desk = Desk(live, "library-1")
    assert await desk.log_in() == 401
    file = tmp_path / "desk.json"
    file.write_bytes(orjson.dumps(desk.keys["keys"][0]))
    words = ("add", "library-1", "--name", "図書館", "--place", "図書館1階", "--key", str(file))
    done = await run(live, *words)
    assert done.exit_code == 0 and "desk.library-1" in done.output, done.output
    assert await desk.log_in() == 200
    own = (await live.get("/desks/own", by=desk.token)).json
    assert (own["place"], own["municipality"]["name"]) == ("図書館1階", "養父市")
    again = await run(live, *words)
    assert again.exit_code == 1 and "already" in str(again.exception) + again.output
    listed = await run(live, "list", "--json")
    assert [one["id"] for one in orjson.loads(listed.stdout)] == ["library-1"]
    assert "図書館" in (await run(live, "list")).stdout
    assert (await run(live, "remove", "library-1")).exit_code == 0
    assert (await live.get("/desks/own", by=desk.token)).status == 401
    assert await desk.log_in() == 401


async def test_only_administrators_let_desks_in_and_none_without_a_key_of_its_own(live: Live) -> None:
    desk = Desk(live)
    body: dict[str, Any] = {"id": "a-desk", "name": "窓口", "place": "本庁舎", "keys": desk.keys}
    assert (await live.post("/desks", body, by=await live.staff("counter"))).status == 403
    admin = await live.staff("admin")
    wrong: tuple[dict[str, Any], ...] = (
        {"id": "A desk"},
        {"id": "a.desk"},
        {"keys": {"keys": []}},
        {"keys": {"keys": [desk.key.as_dict(private=True)]}},
        {"service": "nobody"},
        {"name": "  "},
    )
    for more in wrong:
        assert (await live.post("/desks", {**body, **more}, by=admin)).status == 400, more
    assert (await live.post("/desks", body, by=admin)).status == 201
    assert (await live.post("/desks", body, by=admin)).status == 409
    assert [one["id"] for one in (await live.get("/desks", by=admin)).json["desks"]] == ["a-desk"]
    assert (await live.ask("DELETE", "/desks/nobody", by=admin)).status == 404
    stranger = Desk(live, "a-desk")
    assert await stranger.log_in() == 401  # it has another key
    for path in ("/desks", "/me/items", "/staff"):
        desk.id = "a-desk"
        assert await desk.log_in() == 200
        assert (await live.get(path, by=desk.token)).status == 403


@pytest.mark.kill
async def test_what_a_desk_was_told_outlives_a_kill(tmp_path: Path, authority: Authority) -> None:
    card, port, data = authority.issue(ec_key()), free_port(), tmp_path / "data"
    path = anchors(tmp_path / "trust", authority)
    async with live_module(data, card_authorities=path) as live:
        desk = Desk(live)
        await desk.join()
    (data / towns.MADE_UP).touch()
    words = ("personal", "--demo", "--port", str(port), "--data", str(data), "--card-authorities", str(path))
    url = f"http://127.0.0.1:{port}"

    async def start() -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engawa",
            "run",
            *words,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(30):
            while True:
                try:
                    async with session.get(f"{url}/personal/v1/keys"):
                        return child
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)

    async with aiohttp.ClientSession() as session, Browser(url) as browser:
        desk.live = Live(url, session, live.module, live.town)
        child = await start()
        try:
            await desk.log_in()
            page = await browser.post("/login/card", town="yabu", next="/me")
            claimed = (await desk.claim(page.transaction)).json
            told = await desk.send(page.transaction, **shown(card, claimed))
            assert told.json["state"] == "register"
            child.send_signal(signal.SIGKILL)
            await child.wait()
            child = await start()
            form = await browser.back(page.transaction, told.json["code"])
            done = await browser.register(form)
            assert done.status == 303 and done.location.startswith("/me")
        finally:
            child.kill()
            await child.wait()
    async with live_module(data, card_authorities=path) as live:
        assert (await live.get("/session", by=token(browser))).json["method"] == "card"
        assert live.town.store.read(lambda db: list(checking.faults(db))) == []
        count = live.town.store.read(
            lambda db: list(db.execute("SELECT count(*) FROM person WHERE created <= ?", (clock.now(),)))
        )
        assert count == [(1,)]
