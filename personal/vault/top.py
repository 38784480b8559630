"""The top key of a municipality: wraps all others; in a file for its owner only, or in a token (PKCS#11)."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Final, Protocol

from base.database import sync_folder
from base.settings import SettingError
from personal.vault.envelope import KEY_BYTES, Unreadable, new_key, seal, unseal

FILE: Final = "top.key"
NEXT: Final = "top.key.next"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_KEYS: Final = "keys.db"


class TopKey(Protocol):
    """What wraps keys; a token does it without giving its key away. While it changes there are two."""

    @property
    def id(self) -> str:
        """Name the key that wraps now."""

    @property
    def known(self) -> frozenset[str]:
        """Name all that unwrap."""

    @property
    def changing(self) -> bool:
        """Say whether there is more than one."""

    def wrap(self, key: bytes, name: bytes) -> bytes:
        """Wrap a key, bound to its name."""

    def unwrap(self, wrapped: bytes, name: bytes, id: str) -> bytes:
        """Unwrap a key that the top key of this id wrapped; Unreadable if it is not the one of this name."""

    def succeed(self) -> None:
        """Make a new key that wraps from now on, durably; the one before still unwraps."""

    def retire(self) -> None:
        """Destroy every key but the newest."""


class FileTopKey:
    """A top key in a file of mode 0600; while it changes, the new one stands in a file beside it."""

    def __init__(self, folder: Path, *, make: bool = True) -> None:
        """Read the key of a folder, made before there are others; SettingError if it cannot be trusted."""
        self._path = folder / FILE
        self._next = folder / NEXT
        if not self._path.exists():
            if not make or (folder / _KEYS).exists():
                raise SettingError(
                    f"the top key {self._path} is missing: restore it from its back-up or its shares "
                    "(engawa vault-keys recover); without it nothing here can be read"
                )
            write(self._path, new_key())
        self._keys = [read(path) for path in (self._path, self._next) if path.exists()]
        self._by_id = {name(key): key for key in self._keys}

    @property
    def id(self) -> str:
        """Name the key that wraps now."""
        return name(self._keys[-1])

    @property
    def known(self) -> frozenset[str]:
        """Name all that unwrap."""
        return frozenset(self._by_id)

    @property
    def changing(self) -> bool:
        """Say whether there is more than one."""
        return len(self._keys) > 1

    def wrap(self, key: bytes, name: bytes) -> bytes:
        """Wrap a key, bound to its name."""
        return seal(self._keys[-1], key, name)

    def unwrap(self, wrapped: bytes, name: bytes, id: str) -> bytes:
        """Unwrap a key that the top key of this id wrapped; Unreadable if it is not the one of this name."""
        key = self._by_id.get(id)
        if key is None:
            raise Unreadable("A key was wrapped under a top key that is not here; restore that one.")
        return unseal(key, wrapped, name)

    def succeed(self) -> None:
        """Make a new key that wraps from now on, durably; the one before still unwraps."""
        key = new_key()
        write(self._next, key)
        self._keys.append(key)
        self._by_id[name(key)] = key

    def retire(self) -> None:
        """Let the newest key take the place of the one before."""
        if self._next.exists():
            overwrite(self._path)
            self._next.rename(self._path)
            sync_folder(self._path.parent)
        self._keys = self._keys[-1:]
        self._by_id = {name(key): key for key in self._keys}


def name(key: bytes) -> str:
    """Name a top key without telling it."""
    return hashlib.sha256(b"engawa top key\x00" + key).hexdigest()[:16]


def read(path: Path) -> bytes:
    """Read a top key; SettingError if others may read it too, or it is none."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise SettingError(f"others may read {path}: chmod 600 it, and think about who has read it")
        key = path.read_bytes()
    except OSError as error:
        raise SettingError(f"the top key {path} cannot be read: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise SettingError(f"{path} is no key of {KEY_BYTES} bytes; restore it from its back-up")
    return key


def write(path: Path, key: bytes) -> None:
    """Bring a new key to disk under its name at once, or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, key)
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.rename(path)
    sync_folder(path.parent)


def overwrite(path: Path) -> None:
    """Write zeros over a key that nothing needs any more."""
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, bytes(path.stat().st_size))
        os.fsync(handle)
    finally:
        os.close(handle)
