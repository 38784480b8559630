"""Towns without any line carry signed files in and out; each is used once, by commands that people type. (issue 5)"""

import asyncio
from pathlib import Path

import orjson
from click.testing import CliRunner

from engawa.command import cli
from personal.agent.server import running
from tests.personal.agent.insiders import PHONE, SECRET, Town, in_process, introduce, outside, settings_of
from tests.personal.consents.cards import Authority


async def engawa(*words: str, status: int = 0) -> str:
    """Run a command as people do."""
    done = await asyncio.to_thread(CliRunner().invoke, cli, list(words))
    assert done.exit_code == status, (words, done.output)
    return done.output


async def test_orders_and_answers_go_in_files(tmp_path: Path) -> None:
    authority, data, inside = Authority("JPKI"), tmp_path / "outside" / "data", tmp_path / "inside"
    first, second = str(tmp_path / "1.bundle"), str(tmp_path / "2.bundle")
    async with (
        outside(tmp_path / "outside", authority, lgwan_wait_seconds=0.1) as live,
        running(settings_of(inside, "")) as agent,
    ):
        do = in_process(agent)
        await introduce(do, live, authority)
        there = Town(live, do, authority, agent)
        await there.approve_service()
        person = await there.resident("hanako")
        await there.agree("hanako")
        assert (await there.disclosed("hanako", person))["withheld"][0]["reason"] == "pending"
        out = await engawa("personal", "bundle", "export", first, "--data", str(data))
        assert out.startswith("3 orders")
        assert SECRET not in (tmp_path / "1.bundle").read_bytes()
        assert "3 orders were read, 0 of them" in await engawa(
            "agent", "bundle", "in", first, "--data", str(inside)
        )
        assert "before" in await engawa("agent", "bundle", "in", first, "--data", str(inside), status=1)
        assert "3 answers and 0 alarms" in await engawa(
            "agent", "bundle", "out", second, "--data", str(inside)
        )
        text = (tmp_path / "2.bundle").read_text()
        (tmp_path / "2.bundle").write_text(text[:-9] + ("A" if text[-9] != "A" else "B") + text[-8:])
        await engawa("personal", "bundle", "import", second, "--data", str(data), status=1)
        (tmp_path / "2.bundle").write_text(text)
        assert "3 answers" in await engawa("personal", "bundle", "import", second, "--data", str(data))
        await engawa("personal", "bundle", "import", second, "--data", str(data), status=1)
        assert (await there.disclosed("hanako", person))["items"] == {"contact": PHONE}
        third = str(tmp_path / "3.bundle")
        await engawa("personal", "bundle", "export", third, "--data", str(data))
        await engawa("agent", "bundle", "in", third, "--data", str(inside))
        assert (await do("status"))["answersWaiting"] == 0  # the outside has said what it has


async def test_two_officials_enter_what_widens_and_one_is_enough_to_narrow(tmp_path: Path) -> None:
    inside, at = tmp_path / "inside", ("--data", str(tmp_path / "inside"))
    async with running(settings_of(inside, "")):
        for name in ("sato", "tanaka", "mori"):
            printed = await engawa("agent", "official-key", str(tmp_path / f"{name}.key"))
            (tmp_path / f"{name}.jwk").write_text(printed)
        for name in ("sato", "tanaka"):
            assert name in await engawa("agent", "begin", name, str(tmp_path / f"{name}.jwk"), *at)
        await engawa("agent", "begin", "mori", str(tmp_path / "mori.jwk"), *at, status=1)
        document = {
            "service": "shelter", "least": 1, "recipient": orjson.loads((tmp_path / "mori.jwk").read_bytes()),
            "purposes": [{"id": "reception", "basis": "consent", "items": ["contact"]}],
        }  # fmt: skip
        (tmp_path / "service.json").write_bytes(orjson.dumps(document))
        wish = ("agent", "wish", "service", str(tmp_path / "service.json"), "--key")
        told = await engawa(*wish, str(tmp_path / "sato.key"), *at)
        id = told.split()[-1]
        assert orjson.loads(await engawa("agent", "services", *at)) == []
        assert "second official" in await engawa(
            "agent", "approve", id, "--key", str(tmp_path / "sato.key"), *at, status=1
        )
        await engawa("agent", "approve", id, "--key", str(tmp_path / "mori.key"), *at, status=1)
        await engawa("agent", "approve", id, "--key", str(tmp_path / "tanaka.key"), *at)
        assert orjson.loads(await engawa("agent", "services", *at))[0]["service"] == "shelter"
        (tmp_path / "limit.json").write_bytes(orjson.dumps({"limit": "item:contact", "most": 5}))
        limit = (
            "agent",
            "wish",
            "limit",
            str(tmp_path / "limit.json"),
            "--key",
            str(tmp_path / "tanaka.key"),
            *at,
        )
        assert "It is done" in await engawa(*limit)
        (tmp_path / "limit.json").write_bytes(orjson.dumps({"limit": "item:contact", "most": 500}))
        assert "second official" in await engawa(*limit)
        assert orjson.loads(await engawa("agent", "limits", "--json", *at))["item:contact"] == 5
        (tmp_path / "end.json").write_bytes(orjson.dumps({"service": "shelter"}))
        await engawa(
            "agent",
            "wish",
            "service-end",
            str(tmp_path / "end.json"),
            "--key",
            str(tmp_path / "sato.key"),
            *at,
        )
        assert orjson.loads(await engawa("agent", "services", *at)) == []
        assert orjson.loads(await engawa("agent", "alarms", "--json", *at)) == []
