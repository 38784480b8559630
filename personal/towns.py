"""The municipalities that share an installation: each with its own folder, database and keys. (共同利用)"""

import contextlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from base.database import sync_folder
from base.errors import AlreadyExists, BadRequestData
from base.settings import SettingError
from personal.locations import moving, sites
from personal.locations.records import Records
from personal.operations import delivery
from personal.operations.town import Town
from personal.settings import PersonalSettings
from personal.store.town import FILE as TOWN_FILE
from personal.store.town import TownStore
from personal.vault import opening, signing
from personal.vault.signing import Signer

FILE: Final = "municipalities.json"
MADE_UP: Final = "made-up"
"""A file in the data folder: everybody in it is made up."""
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_CODE: Final = re.compile(r"[0-9]{6}\Z")


@dataclass(frozen=True, slots=True)
class Listed:
    """A municipality in the list: its name in requests and folders, what people call it, its code (総務省).

    office, address: where an older version wrote down which office takes requests about personal data.
    """

    id: str
    name: str
    code: str
    office: str = ""
    address: str = ""


def listed(data: Path) -> list[Listed]:
    """Read which municipalities there are."""
    try:
        return [Listed(**row) for row in orjson.loads((data / FILE).read_bytes())["municipalities"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingError(f"{data / FILE} cannot be read; restore it from a back-up") from error


def add(data: Path, one: Listed) -> None:
    """Add a municipality to the list, durably."""
    if not _ID.match(one.id):
        raise BadRequestData("the id of a municipality is 1 to 32 small letters, digits or -, a letter first")
    if not _CODE.match(one.code):
        raise BadRequestData("the code of a municipality has six digits, as 総務省 lists it: 282227")
    known = listed(data)
    if any(other.id == one.id for other in known):
        raise AlreadyExists(f"there is a municipality {one.id} already")
    _write(data, [*known, one])


def _write(data: Path, rows: list[Listed]) -> None:
    body = orjson.dumps({"municipalities": [asdict(row) for row in rows]}, option=orjson.OPT_INDENT_2)
    fresh = data / (FILE + ".new")
    handle = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        os.write(handle, body)
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.replace(data / FILE)
    sync_folder(data)


def check_made_up(data: Path, *, demo: bool) -> None:
    """Keep demonstrations and real residents apart, for good: a folder is for one of the two; SettingError if not.

    A folder in which no municipality has been opened yet is made one for demonstrations.
    """
    if (data / MADE_UP).exists():
        if not demo:
            raise SettingError(
                f"{data} holds made-up residents of a demonstration: name another folder with --data, or add --demo"
            )
        return
    if not demo:
        return
    if any((data / one.id / TOWN_FILE).exists() for one in listed(data)):
        raise SettingError(
            f"{data} holds municipalities that are not made up, and demo lets anybody log in as anybody:"
            " name another folder with --data"
        )
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (data / MADE_UP).touch(mode=0o600)
    sync_folder(data)


@contextlib.asynccontextmanager
async def opened(settings: PersonalSettings, one: Listed) -> AsyncIterator[Town]:
    """Open a municipality while the block runs."""
    folder = settings.data / one.id
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        keys = opening.key_store(settings, folder)
        stack.push_async_callback(keys.close)
        if keys.top_changing:
            await keys.rotate_top()
        store = TownStore(folder)
        stack.push_async_callback(store.close)
        signer = Signer(await keys.named(signing.NAME))
        locations = await stack.enter_async_context(sites.opened(settings, one.id, store, keys))
        records = Records(one.id, store, keys, locations, replaced_days=settings.replaced_days)
        await stack.enter_async_context(moving.attended(records))
        town = Town(one.id, one.name, one.code, store, keys, signer, records, one.office, one.address)
        await stack.enter_async_context(delivery.attended(town, settings))
        yield town
