"""API keys: made here, shown once, kept as hashes in one file of the data folder."""

import asyncio
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from base import clock
from base.access.caller import Caller
from base.errors import AlreadyExists, BadRequestData, ResourceNotFound
from base.settings import SettingError

FILE: Final = "keys.json"
PREFIX: Final = "engawa_"
MOST: Final = 10_000
_ID_BYTES, _SECRET_BYTES = 5, 32
_KEY = re.compile(r"engawa_([a-z2-7]{8})_[\w-]{43}\Z", re.ASCII)
_NAME = re.compile(r"[\w.-]{1,64}\Z")
_ROLE = re.compile(r"[\w.:-]{1,64}\Z")
_MOST_ROLES = 32
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key: not the key."""

    id: str  # its part after engawa_, by which people recognise it
    name: str
    hash: str  # SHA-256 of the whole key, which holds 256 random bits, in hexadecimal
    roles: tuple[str, ...]
    created: int
    expires: int | None

    def shown(self) -> dict[str, Any]:
        """Give what a person may see of it."""
        return {
            "name": self.name,
            "begins": f"{PREFIX}{self.id}",
            "roles": list(self.roles),
            "created": clock.show(self.created),
            "expires": None if self.expires is None else clock.show(self.expires),
        }


class Keys:
    """The API keys of one part."""

    def __init__(self, folder: Path) -> None:
        """Read the keys of a data folder; SettingError if their file cannot be read."""
        self._path = folder / FILE
        self._writing = asyncio.Lock()
        self._keys = {key.id: key for key in _read(self._path)}

    def __len__(self) -> int:
        return len(self._keys)

    def caller_of(self, text: str, now: int) -> Caller | None:
        """Say whose key this is; None if it is none, removed or expired."""
        shape = _KEY.match(text)
        key = self._keys.get(shape[1]) if shape else None
        expected = bytes.fromhex(key.hash) if key else _NOBODY
        same = hmac.compare_digest(digest(text), expected)
        if key is None or not same or (key.expires is not None and key.expires <= now):
            return None
        return Caller("key", key.name, frozenset(key.roles))

    def listed(self) -> list[ApiKey]:
        """List the keys by name."""
        return sorted(self._keys.values(), key=lambda key: key.name)

    async def add(self, name: str, roles: Iterable[str], expires: int | None, now: int) -> tuple[str, ApiKey]:
        """Make a key; gives its text, which is kept nowhere, and what is kept."""
        roles = tuple(sorted(set(roles)))
        _check(name, roles, expires, now)
        async with self._writing:
            if any(key.name == name for key in self._keys.values()):
                raise AlreadyExists(f"there is a key named {name}; remove it first, or choose another name")
            if len(self._keys) >= MOST:
                raise BadRequestData(f"there are {MOST} keys; remove some first")
            id = _new_id(self._keys)
            text = f"{PREFIX}{id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
            key = ApiKey(id, name, digest(text).hex(), roles, now, expires)
            await self._keep({**self._keys, id: key})
        return text, key

    async def remove(self, name: str) -> ApiKey:
        """Remove a key; from now on it opens nothing."""
        async with self._writing:
            key = next((key for key in self._keys.values() if key.name == name), None)
            if key is None:
                raise ResourceNotFound(
                    f"there is no key named {name}; 'engawa keys list' shows those there are"
                )
            await self._keep({id: other for id, other in self._keys.items() if id != key.id})
        return key

    async def _keep(self, keys: dict[str, ApiKey]) -> None:
        body = orjson.dumps({"keys": [asdict(key) for key in keys.values()]}, option=orjson.OPT_INDENT_2)
        await asyncio.to_thread(_write, self._path, body)
        self._keys = keys


def digest(text: str) -> bytes:
    """Hash a credential; bytes that are no text are hashed as they came."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _new_id(taken: Iterable[str]) -> str:
    while (id := "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(8))) in taken:
        pass
    return id


def _check(name: str, roles: tuple[str, ...], expires: int | None, now: int) -> None:
    if not _NAME.match(name):
        raise BadRequestData("the name of a key is 1 to 64 letters, digits or any of . _ -")
    if len(roles) > _MOST_ROLES or not all(map(_ROLE.match, roles)):
        raise BadRequestData(
            f"a key has at most {_MOST_ROLES} roles, each 1 to 64 letters, digits or any of . : _ -"
        )
    if expires is not None and expires <= now:
        raise BadRequestData("the key would have expired already; give a time that is to come")


def _read(path: Path) -> list[ApiKey]:
    try:
        rows = orjson.loads(path.read_bytes())["keys"]
        keys = [ApiKey(**{**row, "roles": tuple(row["roles"])}) for row in rows]
        if any(len(bytes.fromhex(key.hash)) != len(_NOBODY) for key in keys):
            raise ValueError("a hash is too short")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingError(
            f"the API keys in {path} cannot be read; restore the file from a back-up"
        ) from error
    return keys


def _write(path: Path, body: bytes) -> None:
    """Replace the file at once and durably; only its owner may read it."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(0o600, exist_ok=False)
    with fresh.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
