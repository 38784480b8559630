"""`engawa vault-keys` and `engawa vault-clients`, as an operator uses them. (issue 5)"""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from base.database import remove
from engawa.command import cli
from personal.store import records
from personal.vault import backup, signing
from personal.vault.keys import KeyStore
from personal.vault.shredded import Kind, Shredded
from personal.vault.top import FileTopKey
from tests.personal.cloud.vaults import vault
from tests.personal.live import Live, live_module
from tests.personal.locations.sites import Elsewhere

PHONE = {"phones": [{"number": "079-662-0000", "kind": "home"}]}


def engawa(*words: Any, code: int = 0) -> str:
    """Run a command; gives what it printed."""
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done.output


async def at(folder: Path, *words: Any, code: int = 0) -> Any:
    """Run a command that prints JSON beside a running module."""
    return json.loads(await asyncio.to_thread(engawa, *words, "--data", folder, "--json", code=code))


async def keep(live: Live, value: Any = PHONE, expected: int = 0) -> None:
    if not expected:
        await live.register("hanako")
    body = {"value": value, "expectedVersion": expected}
    reply = await live.ask("PUT", "/me/items/contact", body, by=await live.resident("hanako"))
    assert reply.status in (200, 201), reply.raw


async def read(live: Live) -> Any:
    return (await live.get("/me/items/contact", by=await live.resident("hanako"))).json.get("value")


async def test_keys_are_listed_and_renewed_and_everything_stays_readable(tmp_path: Path) -> None:
    async with live_module(tmp_path) as live:
        await keep(live)
        before = await at(tmp_path, "vault-keys", "list", "yabu")
        assert await at(tmp_path, "vault-keys", "renew", "yabu", "ppid") == {"key": "ppid", "version": 1}
        assert (await at(tmp_path, "vault-keys", "renew", "yabu", "ppid"))["version"] == 2
        await at(tmp_path, "vault-keys", "renew", "yabu", "residents")
        await keep(live, {"phones": []}, 1)
        after = await at(tmp_path, "vault-keys", "list", "yabu")
        assert after["personal"] == before["personal"] + 1
        assert await at(tmp_path, "vault-keys", "prune", "yabu", "--days", "0") == {"destroyed": 1}
        done = await at(tmp_path, "vault-keys", "rotate-top", "yabu")
        assert done["top"] != before["top"]
        assert await read(live) == {"phones": []}
        assert "ppid" in await asyncio.to_thread(engawa, "vault-keys", "list", "yabu", "--data", tmp_path)
    async with live_module(tmp_path) as live:
        assert await read(live) == {"phones": []}


async def test_what_was_signed_before_a_renewal_still_verifies(tmp_path: Path) -> None:
    async with live_module(tmp_path) as live:
        signed = live.town.signer.sign({"told": 1}, "test+jwt")
        await at(tmp_path, "vault-keys", "renew", "yabu", "signing")
    async with live_module(tmp_path) as live:
        found = (await live.get("/keys")).json["keys"]
        assert found[0]["kid"] == live.town.signer.kid and len(found) == 2
        assert signing.opened(signed, found[1], "test+jwt") == {"told": 1}


async def test_old_keys_that_go_leave_a_trace_to_what_lives_elsewhere(tmp_path: Path) -> None:
    elsewhere = Elsewhere()
    async with live_module(tmp_path) as live:
        live.town.records.locations = {**live.town.records.locations, "cloud": elsewhere}
        await live.town.store.write(lambda db: records.choose(db, records.Choice("contact", "cloud")))
        await keep(live)
        await at(tmp_path, "vault-keys", "renew", "yabu", "residents")
        await keep(live, {"phones": []}, 1)
        await live.town.store.write(lambda db: db.execute("DELETE FROM leftover"))
        assert await at(tmp_path, "vault-keys", "prune", "yabu", "--days", "0") == {"destroyed": 1}
        entry = live.town.keys.shredded.since(0)[1][-1]
        assert entry.successor and entry.successor.name in elsewhere.copies


async def test_a_municipality_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with live_module(tmp_path):
        told = await asyncio.to_thread(engawa, "vault-keys", "list", "nowhere", "--data", tmp_path, code=1)
        assert "no municipality nowhere" in told
    assert "no municipality" in engawa(
        "vault-keys", "backup", "none", tmp_path / "b", "--data", tmp_path, code=1
    )
    told = await asyncio.to_thread(engawa, "vault-keys", "list", "yabu", "--data", tmp_path, code=3)
    assert "nothing runs" in told


async def test_a_top_key_comes_back_from_shares_and_keys_from_a_back_up(tmp_path: Path) -> None:
    data, shares, saved = tmp_path / "data", tmp_path / "shares", tmp_path / "saved"
    async with live_module(data) as live:
        await keep(live)
        await at(data, "vault-keys", "escrow", "yabu", shares)
        await at(data, "vault-keys", "backup", "yabu", saved)
        assert "is there already" in await asyncio.to_thread(
            engawa, "vault-keys", "backup", "yabu", saved, "--data", data, code=1
        )
        running = await asyncio.to_thread(
            engawa, "vault-keys", "restore", "yabu", saved, "--data", data, code=1
        )
        assert "in use by another process" in running
    (data / "yabu/top.key").unlink()
    (data / "yabu/keys.db").unlink()
    files = [shares / f"yabu-share-{number}" for number in (1, 3, 5)]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert "missing" in engawa("vault-keys", "restore", "yabu", saved, "--data", data, code=2)
    assert "are needed" in engawa("vault-keys", "recover", "yabu", *files[:2], "--data", data, code=1)
    engawa("vault-keys", "recover", "yabu", *files, "--data", data)
    assert "there already" in engawa("vault-keys", "recover", "yabu", *files, "--data", data, code=1)
    engawa("vault-keys", "restore", "yabu", saved, "--data", data)
    async with live_module(data) as live:
        assert await read(live) == PHONE


async def test_a_module_does_not_start_on_data_whose_key_store_is_missing(tmp_path: Path) -> None:
    async with live_module(tmp_path) as live:
        await keep(live)
    remove(tmp_path / "yabu/keys.db")
    with pytest.raises(Exception, match=r"key store .* is missing"):
        async with live_module(tmp_path):
            pass
    assert not (tmp_path / "yabu/keys.db").exists()


async def test_what_was_erased_after_a_back_up_stays_erased_when_all_is_restored(tmp_path: Path) -> None:
    data, saved = tmp_path / "data", tmp_path / "saved"
    async with live_module(data) as live:
        await keep(live)
        await at(data, "vault-keys", "backup", "yabu", saved)
        shutil.copy(data / "yabu/personal.db", tmp_path / "old.db")
        shutil.copy(data / "yabu/personal.db-wal", tmp_path / "old.db-wal")
        person = await live.person("hanako")
        record = live.town.store.read(lambda db: records.find(db, person, "contact"))
        assert record
        await live.ask("DELETE", "/me/items/contact", by=await live.resident("hanako"))
    for suffix in ("", "-wal"):
        shutil.move(tmp_path / f"old.db{suffix}", data / f"yabu/personal.db{suffix}")
    told = json.loads(engawa("vault-keys", "restore", "yabu", saved, "--data", data, "--json"))
    assert told["shredded"] == 1
    async with live_module(data) as live:
        assert await read(live) is None
        assert not live.town.store.read(lambda db: records.held(db, person, "contact"))
        with pytest.raises(Exception, match="was erased"):
            live.town.keys.opened(record.key)


async def test_a_damaged_key_store_is_put_aside_and_nothing_present_is_lost(tmp_path: Path) -> None:
    folder, saved = tmp_path / "yabu", tmp_path / "saved"
    folder.mkdir()
    store = KeyStore(folder, FileTopKey(folder))
    old = await store.fresh("r_1", "local", "contact")
    gone = await store.fresh("r_2", "local", "contact")
    await store.close()
    backup.save(folder, saved)
    store = KeyStore(folder, FileTopKey(folder))
    young = await store.fresh("r_1", "cloud", "contact")
    await store.destroy([Shredded(Kind.KEY, gone.id, 1)])
    await store.close()
    found = backup.restore(folder, saved, FileTopKey(folder))
    assert (found.keys, found.present, found.kept_away) == (0, 2, 1)
    (folder / "keys.db").write_bytes(b"SQLite format 3\x00" + bytes(5_000))
    found = backup.restore(folder, saved, FileTopKey(folder))
    assert (found.keys, found.present, found.kept_away) == (1, 0, 1)
    assert (folder / "keys.db.damaged").exists()
    store = KeyStore(folder, FileTopKey(folder))
    assert store.opened(old.id) == old.secret
    assert store.of_person("r_2") == [] and young.id not in store.of_person("r_1")
    await store.close()


async def test_a_back_up_under_another_top_key_or_none_at_all_is_refused(tmp_path: Path) -> None:
    folder, saved = tmp_path / "yabu", tmp_path / "saved"
    folder.mkdir()
    store = KeyStore(folder, FileTopKey(folder))
    await store.fresh("r_1", "local", "contact")
    backup.save(folder, saved)
    await store.rotate_top()
    await store.close()
    with pytest.raises(Exception, match="another top key"):
        backup.restore(folder, saved, FileTopKey(folder))
    (saved / "keys.db").write_bytes(b"nonsense" * 1_000)
    with pytest.raises(Exception, match="no back-up of a key store"):
        backup.restore(folder, saved, FileTopKey(folder))


async def test_a_municipality_becomes_a_client_of_a_vault_by_its_public_key(tmp_path: Path) -> None:
    async with (
        vault(tmp_path / "vault") as there,
        live_module(tmp_path / "data", vault_url=there.url) as live,
    ):
        await there.store.remove_client("yabu", with_copies=True)
        key = await asyncio.to_thread(
            engawa, "vault-keys", "public", "yabu", "cloud", "--data", tmp_path / "data"
        )
        (tmp_path / "yabu.jwk").write_text(key)
        made = await at(tmp_path / "vault", "vault-clients", "add", "yabu", tmp_path / "yabu.jwk")
        await live.town.store.write(lambda db: records.choose(db, records.Choice("contact", "cloud")))
        await keep(live)
        assert await read(live) == PHONE
        listed = await at(tmp_path / "vault", "vault-clients", "list")
        assert [(one["id"], one["key"]) for one in listed if one["bytes"]] == [("yabu", made["key"])]
        refused = await asyncio.to_thread(
            engawa, "vault-clients", "remove", "yabu", "--data", tmp_path / "vault", code=1
        )
        assert "keeps 1 copies" in refused
        await at(tmp_path / "vault", "vault-clients", "key", "asago", tmp_path / "yabu.jwk")
        gone = await at(tmp_path / "vault", "vault-clients", "remove", "yabu", "--with-copies")
        assert gone == {"copies": 1}
