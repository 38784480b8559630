"""API keys: shown once, kept as hashes, good until they are removed or expire; nobody can guess or list them."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from base import admin, clock
from base.access.caller import Caller
from base.access.keys import FILE, Keys
from base.errors import AlreadyExists, BadRequestData, ResourceNotFound
from base.settings import SettingError
from broker.server import all_handlers
from engawa.command import cli
from tests.access.secure import bearer
from tests.live import Live, live_broker

DAY = 86_400 * clock.SECOND


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data") as broker:
        yield broker


async def made(live: Live, name: str = "gate", **more: int) -> str:
    assert live.broker.doors.keys is not None
    text, _ = await live.broker.doors.keys.add(
        name, ["reader"], more.get("expires"), more.get("now", clock.now())
    )
    return text


async def status(live: Live, headers: dict[str, str]) -> int:
    return (await live.get("/types", headers=headers)).status


async def test_opens_by_either_header(live: Live) -> None:
    text = await made(live)
    assert await status(live, bearer(text)) == 200
    assert await status(live, {"Authorization": f"bEARER   {text} "}) == 200
    assert await status(live, {"X-API-Key": text}) == 200


async def test_opens_nothing_after_it_is_removed(live: Live) -> None:
    text = await made(live)
    assert await status(live, bearer(text)) == 200
    assert live.broker.doors.keys is not None
    await live.broker.doors.keys.remove("gate")
    reply = await live.get("/types", headers=bearer(text))
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="engawa", error="invalid_token"'


async def test_opens_nothing_after_it_has_expired(live: Live) -> None:
    now = clock.now()
    text = await made(live, expires=now - 1, now=now - DAY)
    assert await status(live, bearer(text)) == 401


async def test_guesses_look_alike_whatever_is_right_about_them(live: Live) -> None:
    text = await made(live)
    id = text.split("_")[1]
    removed = await made(live, "old")
    assert live.broker.doors.keys is not None
    await live.broker.doors.keys.remove("old")
    replies = [
        await live.get("/types", headers=bearer(guess))
        for guess in (
            f"engawa_{id}_{'A' * 43}",
            f"engawa_aaaaaaaa_{'A' * 43}",
            f"engawa_{id}_",
            f"engawa_{id}",
            "engawa_",
            text[:-1],
            text + "A",
            removed,
            "engawa_" + "x" * 5_000,
            f"engawa_{id}_{'é' * 43}",
        )
    ]
    assert {(reply.status, reply.raw) for reply in replies} == {(401, replies[0].raw)}
    assert b"engawa_" not in replies[0].raw


async def test_what_is_no_key_is_refused_where_keys_are_sent(live: Live) -> None:
    for text in ("x", "", "engawa", "Bearer x"):
        assert await status(live, {"X-API-Key": text}) == 401


async def test_keeps_hashes_for_its_owner_only(live: Live) -> None:
    text = await made(live)
    file = live.broker.settings.data / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = text.split("_", 2)[2]
    for path in live.broker.settings.data.iterdir():
        if path.is_file():
            assert secret.encode() not in path.read_bytes()


async def test_survives_a_restart(tmp_path: Path) -> None:
    text, _ = await Keys(tmp_path).add("gate", ["a", "b"], None, 1)
    caller = Keys(tmp_path).caller_of(text, 2)
    assert caller == Caller("key", "gate", frozenset(("a", "b")))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"keys": [{}]}',
        b"[]",
        b'{"keys":[{"id":"a","name":"a","hash":"","roles":[],"created":1,"expires":null}]}',
    ],
)
def test_refuses_to_start_with_a_broken_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SettingError, match="cannot be read"):
        Keys(tmp_path)


async def test_refuses_names_and_roles_that_nobody_can_write_down(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    await keys.add("門", ["読む"], None, 1)
    for name, roles, expires in (
        ("", [], None),
        ("a b", [], None),
        ("a" * 65, [], None),
        ("a\n", [], None),
        ("ok", ["a b"], None),
        ("ok", [""], None),
        ("ok", [f"r{number}" for number in range(33)], None),
        ("ok", [], 1),
    ):
        with pytest.raises(BadRequestData):
            await keys.add(name, roles, expires, 1)
    with pytest.raises(AlreadyExists):
        await keys.add("門", [], None, 1)
    with pytest.raises(ResourceNotFound):
        await keys.remove("none")


async def test_keys_made_at_once_are_all_kept(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    made = await asyncio.gather(*(keys.add(f"k{number}", [], None, 1) for number in range(20)))
    again = Keys(tmp_path)
    assert len(again) == 20
    assert len({text for text, _ in made}) == 20
    assert all(again.caller_of(text, 2) for text, _ in made)


async def test_commands_make_list_and_remove(live: Live) -> None:
    folder = str(live.broker.settings.data)

    def run(*words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli, ["keys", *words, "--data", folder])
        return done.exit_code, done.stdout, done.stderr

    async with admin.serve(live.broker.settings.data, all_handlers(live.broker)):
        code, out, err = await asyncio.to_thread(run, "add", "gate", "--role", "reader", "--expires", "90d")
        assert code == 0, err
        text = out.strip()
        assert "not shown again" in err
        assert await status(live, bearer(text)) == 200
        _, listed, _ = await asyncio.to_thread(run, "list", "--json")
        [row] = orjson.loads(listed)
        assert row["name"] == "gate" and row["roles"] == ["reader"] and row["expires"]
        assert text.startswith(row["begins"]) and text.rpartition("_")[2] not in listed
        assert (await asyncio.to_thread(run, "add", "late", "--expires", "soon"))[0] == 2
        assert (await asyncio.to_thread(run, "remove", "gate"))[0] == 0
        assert await status(live, bearer(text)) == 401
        assert (await asyncio.to_thread(run, "list"))[1].split() == [
            "name",
            "begins",
            "roles",
            "created",
            "expires",
        ]
