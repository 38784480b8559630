"""Back-ups of the store inside, and how one comes back: erased stays erased, and no old order runs again. (DESIGN 3)"""

from dataclasses import dataclass
from pathlib import Path

from base import clock
from base.clock import SECOND
from base.database import Connection, duplicate
from base.errors import AlreadyExists, ResourceNotFound
from personal.agent.store import FILE, AgentStore
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.store.town import rows
from personal.vault import backup
from personal.vault.keys import KeyStore
from personal.vault.top import TopKey


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: records, and those whose keys were shredded since the back-up was made."""

    records: int
    shredded: int


def save(folder: Path, target: Path) -> None:
    """Write the store of a folder, its wrapped keys and the list of shredded ones to a new folder; not the top key."""
    if not (folder / FILE).exists():
        raise ResourceNotFound(f"There is no store in {folder}.")
    if (target / FILE).exists():
        raise AlreadyExists(f"{target / FILE} is there already; give each back-up a folder of its own.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    duplicate(folder / FILE, target / FILE)  # before the keys, so that each record finds its own
    backup.save(folder, target)


async def restore(folder: Path, source: Path, top: TopKey) -> Restored:
    """Bring a store back into a folder that has none; releases begin when the outside has told again what ended."""
    if not (source / FILE).exists():
        raise ResourceNotFound(f"There is no back-up of a store in {source}.")
    if (folder / FILE).exists():
        raise AlreadyExists(f"There is a store in {folder}; move {FILE} and what begins so away first.")
    backup.restore(folder, source, top)
    duplicate(source / FILE, folder / FILE)
    keys = KeyStore(folder, top)
    try:
        return await _without_shredded(folder, keys)
    finally:
        await keys.close()


async def _without_shredded(folder: Path, keys: KeyStore) -> Restored:
    store, now = AgentStore(folder), clock.now()
    try:
        held = store.read(lambda db: rows(db, "SELECT name, key FROM copy WHERE sealed IS NOT NULL"))
        gone = [name for name, key in held if key in keys.shredded]
        await store.write(lambda db: _mark(db, gone, now))
        return Restored(len(held) - len(gone), len(gone))
    finally:
        await store.close()


def _mark(db: Connection, gone: list[str], now: int) -> None:
    db.executemany("UPDATE copy SET sealed = NULL WHERE name = ?", [(name,) for name in gone])
    db.execute("INSERT INTO restored (at) VALUES (?)", (now // SECOND,))
    audit.append(db, Entry("store-restored", {"shredded": len(gone)}), now)
