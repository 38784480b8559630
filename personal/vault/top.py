"""The top key of a municipality: wraps all others; in a file for its owner only, or in a token (PKCS#11)."""

import os
import stat
from pathlib import Path
from typing import Final, Protocol

from base.database import sync_folder
from base.settings import SettingError
from personal.vault.envelope import KEY_BYTES, new_key, seal, unseal

FILE: Final = "top.key"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class TopKey(Protocol):
    """What wraps keys; a token does it without giving its key away."""

    def wrap(self, key: bytes, name: bytes) -> bytes:
        """Wrap a key, bound to its name."""

    def unwrap(self, wrapped: bytes, name: bytes) -> bytes:
        """Unwrap a key; Unreadable if it is not the one of this name."""


class FileTopKey:
    """A top key in a file of mode 0600."""

    def __init__(self, folder: Path) -> None:
        """Read the key of a folder, made at the first time; SettingError if it cannot be trusted."""
        path = folder / FILE
        if not path.exists():
            _write(path, new_key())
        try:
            if path.stat().st_mode & _OTHERS:
                raise SettingError(f"others may read {path}: chmod 600 it, and think about who has read it")
            self._key = path.read_bytes()
        except OSError as error:
            raise SettingError(f"the top key {path} cannot be read: {error.strerror}") from error
        if len(self._key) != KEY_BYTES:
            raise SettingError(f"{path} is no key of {KEY_BYTES} bytes; restore it from its back-up")

    def wrap(self, key: bytes, name: bytes) -> bytes:
        """Wrap a key, bound to its name."""
        return seal(self._key, key, name)

    def unwrap(self, wrapped: bytes, name: bytes) -> bytes:
        """Unwrap a key; Unreadable if it is not the one of this name."""
        return unseal(self._key, wrapped, name)


def _write(path: Path, key: bytes) -> None:
    """Bring a new key to disk under its name at once, or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, key)
        os.fsync(handle)
    finally:
        os.close(handle)
    fresh.rename(path)
    sync_folder(path.parent)
