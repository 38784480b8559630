"""The power is cut again and again while changes are written; what was answered must be on the disk. (DESIGN 2.5)"""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import apsw

from base.database import Opening
from broker.settings import BrokerSettings
from broker.store.sqlite.tenant import SqliteTenantStore
from tests.store import hardship
from tests.store.power_loss_vfs import PowerLossVFS

VFS = "power-loss"
CHECKPOINT_PAGES = 30  # often, since a checkpoint is the most delicate moment
MOST_STEPS = 1_500


def suffer(folder: Path, cuts: int, seed: int, *, careless: bool = False) -> tuple[int, list[str]]:
    """Cut the power so many times; say how many changes were acknowledged, and what was wrong afterwards.

    `careless` lets SQLite not sync, to show that this would be noticed.
    """
    vfs = PowerLossVFS(VFS)
    try:
        return asyncio.run(_suffer(vfs, folder, cuts, seed, careless))
    finally:
        vfs.unregister()


async def _suffer(
    vfs: PowerLossVFS, folder: Path, cuts: int, seed: int, careless: bool
) -> tuple[int, list[str]]:
    chance = random.Random(seed)
    vfs.chance = chance
    acknowledged = 0
    path = folder / "0" / "tenant.db"
    path.parent.mkdir(parents=True)
    await _open(path, Opening()).close()
    for cut in range(cuts):
        told = await _write_until_cut(vfs, path, chance, careless)
        acknowledged += len(told)
        path = _after_cut(vfs, path, folder / str(cut + 1))
        complaints = await _inspect(path, told)
        if complaints:
            return acknowledged, [f"after cut {cut + 1} (seed {seed}): {c}" for c in complaints]
    return acknowledged, []


async def _write_until_cut(
    vfs: PowerLossVFS, path: Path, chance: random.Random, careless: bool
) -> list[tuple[int, int]]:
    vfs.disks, vfs.lost = {}, {}
    for file in path.parent.iterdir():
        vfs.adopt(file)
    vfs.countdown = chance.randint(1, MOST_STEPS)
    store = _open(path, Opening(VFS, exclusive=True, checkpoint_pages=CHECKPOINT_PAGES))
    if careless:
        store._write.pragma("synchronous", "OFF")
    told: list[tuple[int, int]] = []
    await hardship.write(store, lambda *round_: told.append(round_), lambda: vfs.cut, chance.getrandbits(32))
    await store.close()
    return told


def _after_cut(vfs: PowerLossVFS, path: Path, folder: Path) -> Path:
    folder.mkdir()
    for name, content in vfs.lost.items():
        (folder / Path(name).name).write_bytes(content)
    for old in path.parent.iterdir():
        old.unlink()
    return folder / path.name


async def _inspect(path: Path, told: list[tuple[int, int]]) -> list[str]:
    try:
        store = _open(path, Opening())
    except apsw.Error as error:
        return [f"the database cannot be opened: {error}"]
    try:
        return await hardship.complaints(store, told)
    except apsw.Error as error:
        return [f"the database cannot be read: {error}"]
    finally:
        await store.close()


def _open(path: Path, opening: Opening) -> SqliteTenantStore:
    settings = replace(BrokerSettings(), index_threshold=1)
    return SqliteTenantStore("", path, settings, ThreadPoolExecutor(1), opening)
