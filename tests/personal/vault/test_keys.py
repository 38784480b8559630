"""The key store: what it gives, destroys for good, and wraps anew. (DESIGN 3)"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from base.errors import ResourceNotFound
from base.settings import SettingError
from personal.vault import top
from personal.vault.envelope import Unreadable, seal, unseal
from personal.vault.keys import KeyStore, _rewrap
from personal.vault.shredded import Kind, Shredded
from personal.vault.top import FileTopKey


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[KeyStore]:
    store = opened(tmp_path)
    yield store
    await store.close()


def opened(folder: Path) -> KeyStore:
    return KeyStore(folder, FileTopKey(folder))


def wrapped(store: KeyStore, id: str) -> bytes:
    found: bytes = store._read.execute("SELECT wrapped FROM personal WHERE id = ?", (id,)).get
    return found


def in_files(folder: Path, sealed: bytes) -> bool:
    return any(sealed in path.read_bytes() for path in folder.iterdir() if path.is_file())


async def test_a_key_is_the_same_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    key = await store.fresh("r_1", "local", "contact")
    named = await store.named("ppid")
    whole = await store.personal("r_1", "local")
    await store.close()
    store = opened(tmp_path)
    assert store.opened(key.id) == key.secret
    assert await store.named("ppid") == named
    assert await store.personal("r_1", "local") == whole == store.must("r_1", "local")
    await store.close()


async def test_a_renewed_named_key_leaves_the_old_version_readable(keys: KeyStore) -> None:
    first = await keys.named("ppid")
    assert await keys.renew("ppid") == 2
    second = await keys.named("ppid")
    assert keys.versions("ppid") == [(2, second), (1, first)]
    assert first != second


async def test_a_destroyed_key_is_in_no_file_any_more(tmp_path: Path, keys: KeyStore) -> None:
    kept = [await keys.fresh("r_1", "local", f"item-{n}") for n in range(40)]
    gone = await keys.fresh("r_2", "local", "contact")
    sealed = wrapped(keys, gone.id)
    assert in_files(tmp_path, sealed)
    await keys.destroy([Shredded(Kind.KEY, gone.id, 1)])
    assert not in_files(tmp_path, sealed)
    with pytest.raises(ResourceNotFound):
        keys.opened(gone.id)
    assert all(keys.opened(key.id) == key.secret for key in kept)


async def test_an_old_copy_of_the_key_store_brings_no_shredded_key_back(tmp_path: Path) -> None:
    store = opened(tmp_path)
    gone, kept = await store.fresh("r_1", "local", "contact"), await store.fresh("r_2", "local", "contact")
    whole = await store.personal("r_3", "local")
    await store.close()
    shutil.copy(tmp_path / "keys.db", tmp_path / "old")
    store = opened(tmp_path)
    await store.destroy([Shredded(Kind.KEY, gone.id, 1)])
    await store.forget("r_3")
    await store.close()
    shutil.move(tmp_path / "old", tmp_path / "keys.db")
    store = opened(tmp_path)
    assert store.opened(kept.id) == kept.secret
    assert store.held("r_3", "local") is None, whole
    with pytest.raises(ResourceNotFound):
        store.opened(gone.id)
    await store.close()


async def test_destroying_one_generation_takes_the_older_ones_and_no_younger(keys: KeyStore) -> None:
    first = await keys.fresh("r_1", "local", "contact")
    second = await keys.fresh("r_1", "local", "contact")
    third = await keys.fresh("r_1", "local", "contact")
    other = await keys.fresh("r_1", "cloud", "contact")
    assert sorted(keys.upto(second.id)) == sorted([first.id, second.id])
    await keys.destroy([Shredded(Kind.KEY, id, 1) for id in keys.upto(second.id)])
    assert sorted(keys.of_person("r_1")) == sorted([third.id, other.id])


async def test_keys_made_before_a_renewal_are_old_and_later_ones_are_not(keys: KeyStore) -> None:
    before = await keys.fresh("r_1", "local", "contact")
    assert not keys.old(before.id)
    await keys.renew_personal(2**62)
    assert keys.old(before.id)
    await keys.renew_personal(5)  # an earlier moment takes nothing back
    assert keys.old(before.id)


async def test_superseded_keys_are_those_with_a_younger_one(keys: KeyStore) -> None:
    first = await keys.fresh("r_1", "local", "contact")
    await keys.fresh("r_1", "local", "contact")
    await keys.fresh("r_2", "local", "contact")
    assert keys.superseded(2**62) == [(first.id, ("r_1", "local", "contact"))]
    assert keys.superseded(0) == []


async def test_a_key_moved_to_another_row_does_not_open(keys: KeyStore) -> None:
    one, other = await keys.fresh("r_1", "local", "contact"), await keys.fresh("r_2", "local", "contact")
    await keys._writer.run(
        lambda: keys._write.execute(
            "UPDATE personal SET wrapped = ? WHERE id = ?", (wrapped(keys, one.id), other.id)
        )
    )
    with pytest.raises(Unreadable):
        keys.opened(other.id)


class Cut(Exception):
    """The process ends here."""


@pytest.mark.parametrize("groups", [0, 1, 2])
async def test_a_change_of_the_top_key_goes_on_where_it_was_cut(tmp_path: Path, groups: int) -> None:
    store = opened(tmp_path)
    made = await store.fresh_many([(f"r_{n}", "local", "contact") for n in range(1_200)])
    named = await store.named("ppid")
    before = (tmp_path / "top.key").read_bytes()
    seen = []

    def reached() -> None:
        if len(seen) == groups:
            raise Cut
        seen.append(1)

    with pytest.raises(Cut):
        await store.rotate_top(reached)
    late = await store.fresh("r_late", "local", "contact")
    await store.close()
    store = opened(tmp_path)
    assert store.top_changing
    assert store.opened(made[0].id) == made[0].secret and store.opened(made[-1].id) == made[-1].secret
    await store.rotate_top()
    await store.close()
    assert (tmp_path / "top.key").read_bytes() != before
    assert not (tmp_path / "top.key.next").exists()
    store = opened(tmp_path)
    assert not store.top_changing
    assert all(store.opened(key.id) == key.secret for key in (*made, late))
    assert await store.named("ppid") == named
    await store.close()


async def test_a_change_of_the_top_key_that_ended_while_the_old_one_was_wiped_goes_on(tmp_path: Path) -> None:
    store = opened(tmp_path)
    key = await store.fresh("r_1", "local", "contact")
    store._top.succeed()
    await store._writer.run(lambda: _rewrap(store._write, store._top))
    await store.close()
    top.overwrite(tmp_path / "top.key")
    store = opened(tmp_path)
    assert store.top_changing and store.opened(key.id) == key.secret
    await store.rotate_top()
    await store.close()
    assert opened(tmp_path).opened(key.id) == key.secret


async def test_a_missing_top_key_is_not_made_anew_where_keys_are(tmp_path: Path) -> None:
    await opened(tmp_path).close()
    (tmp_path / "top.key").unlink()
    with pytest.raises(SettingError, match=r"top\.key is missing"):
        opened(tmp_path)
    assert not (tmp_path / "top.key").exists()


async def test_another_top_key_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path)
    await store.named("ppid")
    await store.close()
    top.write(tmp_path / "top.key", bytes(32))
    with pytest.raises(SettingError, match="not the one that wrapped"):
        opened(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_top_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    await opened(tmp_path).close()
    (tmp_path / "top.key").chmod(mode)
    with pytest.raises(SettingError, match="others may read"):
        opened(tmp_path)


async def test_a_top_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    await opened(tmp_path).close()
    (tmp_path / "top.key").write_bytes(b"short")
    with pytest.raises(SettingError, match="no key of 32 bytes"):
        opened(tmp_path)


def test_no_key_shows_in_a_representation(keys: KeyStore) -> None:
    from personal.vault.keys import Key

    assert "secret" not in repr(Key("k_1", b"secret"))


def test_what_is_sealed_opens_under_its_key_and_bound_only() -> None:
    sealed = seal(bytes(32), b"value", b"here")
    assert unseal(bytes(32), sealed, b"here") == b"value"
    for key, bound, data in (
        (b"\x01" * 32, b"here", sealed),
        (bytes(32), b"there", sealed),
        (bytes(32), b"here", sealed[:-1]),
        (bytes(32), b"here", b"\x02" + sealed[1:]),
        (bytes(32), b"here", b""),
    ):
        with pytest.raises(Unreadable):
            unseal(key, data, bound)
