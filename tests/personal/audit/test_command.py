"""`engawa audit verify`, as an auditor outside and an operator at the machine use it. (issue 5: Audit)"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from click.testing import CliRunner

from base import clock
from engawa.command import cli
from tests.personal.audit.doings import write_entries
from tests.personal.live import ASAGO, YABU, Live, live_module
from tests.ports import free_port


async def verify(*words: Any, code: int = 0) -> dict[str, Any]:
    """Run the command; give what it printed."""
    given = ["audit", "verify", *map(str, words), "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, cli, given)
    assert done.exit_code == code, done.output
    told: dict[str, Any] = orjson.loads(done.stderr if code else done.stdout)
    return told


async def test_each_run_proves_that_the_log_has_only_grown_since_the_last_one(tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    async with live_module(tmp_path / "data") as live:
        first = await verify(live.url, "--heads", file)
        assert (first["municipality"], first["size"]) == ("yabu", 10)
        assert "keep the head" in first["proven"]
        assert "nothing was added" in (await verify(live.url, "--heads", file))["proven"]
        for size in (15, 20):
            await write_entries(live, 5, clock.now())
            told = await verify(live.url, "--heads", file)
            assert (told["size"], told["root"]) == (size, (await live.get("/audit/head")).json["root"])
            assert f"begins with the {size - 5} entries" in told["proven"]
        at_machine = await verify("--data", tmp_path / "data", "--heads", file)
        assert (at_machine["size"], at_machine["compared"]) == (20, 3)
    kept = orjson.loads(file.read_bytes())
    assert (len(kept["heads"]), len(kept["keys"]), kept["contradicting"]) == (3, 1, [])


async def test_a_new_key_of_the_municipality_is_pointed_out_and_old_heads_still_count(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "heads.json"
    async with live_module(data) as live:
        await verify(live.url, "--heads", file)
        await live.town.keys.renew("signing")
    async with live_module(data) as live:
        await write_entries(live, 1, clock.now())
        told = await verify(live.url, "--heads", file)
        assert told["keys"] == "1 key not seen before; is that as the municipality says?"
        assert "begins with the 10 entries" in told["proven"]
        assert "keys" not in await verify(live.url, "--heads", file)
        assert (await verify("--data", data))["holds"]


async def test_keys_that_are_trusted_are_the_only_ones_that_count(tmp_path: Path) -> None:
    ours, others = tmp_path / "ours.json", tmp_path / "others.json"
    async with live_module(tmp_path / "data", (YABU, ASAGO)) as live:
        for file, town in ((ours, live), (others, live.at("asago"))):
            file.write_bytes((await town.get("/keys")).raw)
        words = (live.url, "--municipality", "yabu", "--keys")
        assert (await verify(*words, ours))["municipality"] == "yabu"
        assert "does not hold" in (await verify(*words, others, code=1))["error"]
        assert "is no JWKS" in (await verify(*words, tmp_path / "none", code=1))["error"]


async def test_of_several_municipalities_one_has_to_be_named(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data", (YABU, ASAGO)) as live:
        told = await verify(live.url, code=1)
        assert "Engawa-Municipality" in told["error"] and "--municipality" in told["hint"]
        assert (await verify(live.url, "--municipality", "asago"))["municipality"] == "asago"
        assert "--municipality" in (await verify("--data", tmp_path / "data", code=1))["error"]
        data = ("--data", tmp_path / "data")
        assert (await verify(*data, "--municipality", "asago"))["municipality"] == "asago"


@contextlib.asynccontextmanager
async def in_between(live: Live, change: Callable[[str, dict[str, Any]], Any]) -> AsyncIterator[str]:
    """Stand between a module and who asks it, and change the answers; gives the URL."""

    async def handle(request: web.Request) -> web.Response:
        reply = await live.get(f"/{request.path_qs.removeprefix('/personal/v1/')}")
        return web.json_response(change(request.path, reply.json))

    app, port = web.Application(), free_port()
    app.router.add_get("/{rest:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


CHANGES: tuple[tuple[str, Any, str], ...] = (
    ("head", {"size": 11}, "not the one that was signed"),
    ("head", {"root": "00" * 32}, "not the one that was signed"),
    ("head", {"signed": "a.b.c"}, "does not hold"),
    ("head", {"signed": None}, "does not hold"),
    ("keys", {"keys": []}, "does not hold"),
    ("keys", {"keys": "x"}, "does not hold"),
    ("consistency", {"proof": []}, "does not begin with the 10 entries"),
    ("consistency", {"proof": ["00" * 32] * 4}, "does not begin with the 10 entries"),
    ("consistency", {"proof": "x"}, "is not what a module answers"),
    ("head", [], "is not what a module answers"),
)
"""What is answered where, instead of what; what is told of it."""


async def test_what_was_changed_on_the_way_proves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    async with live_module(tmp_path / "data") as live:
        await verify(live.url, "--heads", file)
        before = orjson.loads(file.read_bytes())["heads"]
        await write_entries(live, 3, clock.now())
        for path, change, told in CHANGES:
            async with in_between(live, partial(changed, path, change)) as url:
                assert told in (await verify(url, "--heads", file, code=1))["error"], change
        assert orjson.loads(file.read_bytes())["heads"] == before
        assert "begins with the 10 entries" in (await verify(live.url, "--heads", file))["proven"]


def changed(path: str, change: Any, asked: str, answer: dict[str, Any]) -> Any:
    """Answer something else at a path."""
    if not asked.endswith(path):
        return answer
    return {**answer, **change} if isinstance(change, dict) else change


async def test_heads_of_another_municipality_prove_nothing_here(tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    async with live_module(tmp_path / "data", (YABU, ASAGO)) as live:
        await verify(live.url, "--municipality", "yabu", "--heads", file)
        await write_entries(live.at("asago"), 3, clock.now())
        told = await verify(live.url, "--municipality", "asago", "--heads", file, code=1)
        assert told["error"] == "The heads are of two logs: yabu and asago."


async def test_what_cannot_be_asked_is_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    file.write_text("{}")
    assert "is no file of heads" in (await verify("http://127.0.0.1:1", "--heads", file, code=1))["error"]
    assert "cannot be reached" in (await verify(f"http://127.0.0.1:{free_port()}", code=3))["error"]
    assert "could be anybody's" in (await verify("http://personal.example.jp", code=1))["error"]
    assert "is no URL" in (await verify("personal.example.jp", code=2))["error"]
    assert "nothing runs" in (await verify("--data", tmp_path, code=3))["error"]
