"""Back-ups of a key store: the keys, wrapped, and the list of shredded ones; and how they come back. (DESIGN 3)"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from base import database
from base.database import Connection, connect, duplicate, migrate, transaction
from base.errors import AlreadyExists, BadRequestData, ResourceNotFound
from personal.vault import keys, shredded
from personal.vault.shredded import Shredded, ShredList
from personal.vault.top import TopKey

DAMAGED: Final = ".damaged"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: keys, how many were there before, how many the list of shredded keys kept away."""

    keys: int
    present: int
    kept_away: int


def save(folder: Path, target: Path) -> None:
    """Write the key store of a folder, and the list of shredded keys, to another folder."""
    if not (folder / keys.FILE).exists():
        raise ResourceNotFound(f"There is no key store in {folder}.")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (shredded.FILE, keys.FILE):
        if (target / name).exists():
            raise AlreadyExists(f"{target / name} is there already; give each back-up a folder of its own.")
    for name in (shredded.FILE, keys.FILE):
        duplicate(folder / name, target / name)


def restore(folder: Path, source: Path, top: TopKey) -> Restored:
    """Bring back the keys of a back-up that are missing, except shredded ones; nothing that is there changes.

    A key store that cannot be read any more is put aside.
    """
    _check(source / keys.FILE, top)
    entries = _listed(source / shredded.FILE)
    _put_aside_damaged(folder / keys.FILE)
    shred_list = ShredList(folder)
    try:
        shred_list.add(entries)
        return _merged(folder / keys.FILE, source / keys.FILE, shred_list)
    finally:
        shred_list.close()


def _put_aside_damaged(path: Path) -> None:
    if not path.exists() or _whole(path):
        return
    aside = path.with_name(path.name + DAMAGED)
    if aside.exists():
        raise AlreadyExists(f"{aside} is there already; move it away first.")
    path.rename(aside)
    database.remove(path)


def _whole(path: Path) -> bool:
    try:
        connection = connect(path)
        try:
            return str(connection.pragma("integrity_check")) == "ok"
        finally:
            connection.close()
    except apsw.Error:
        return False


def _listed(path: Path) -> list[Shredded]:
    """Read the list of a back-up; a store made before there was one has none."""
    return list(shredded.read(path)) if path.exists() else []


def _check(path: Path, top: TopKey) -> None:
    """Refuse a back-up that is none, or whose keys another top key wrapped."""
    try:
        connection = connect(path, readonly=True)
        try:
            strange = keys.tops(connection) - top.known
        finally:
            connection.close()
    except apsw.Error as error:
        raise BadRequestData(f"{path} is no back-up of a key store.") from error
    if strange:
        raise BadRequestData(
            "The back-up was made under another top key, which is needed to use it: restore that one from its shares."
        )


def _merged(path: Path, source: Path, shred_list: ShredList) -> Restored:
    connection = connect(path)
    try:
        connection.pragma("secure_delete", True)
        migrate(connection, keys.STEPS)
        connection.execute("ATTACH ? AS old", (str(source),))
        with transaction(connection):
            present = _count(connection)
            _copy(connection)
            all_of_them = _count(connection)
            connection.execute("UPDATE mark SET value = 0 WHERE name = 'replayed'")
            keys.replay(connection, shred_list)
            left = _count(connection)
        return Restored(left - present, present, all_of_them - left)
    finally:
        connection.close()


def _copy(connection: Connection) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO main.named (name, version, wrapped, top, made) "
        "SELECT name, version, wrapped, top, made FROM old.named"
    )
    connection.execute(
        "INSERT OR IGNORE INTO main.personal (id, person, location, item, generation, wrapped, top, made) "
        "SELECT id, person, location, item, generation, wrapped, top, made FROM old.personal"
    )


def _count(connection: Connection) -> int:
    found: Any = connection.execute(
        "SELECT (SELECT count(*) FROM main.named) + (SELECT count(*) FROM main.personal)"
    ).get
    return int(found)
