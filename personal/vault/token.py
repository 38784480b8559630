"""A top key in a token: it is made there, wraps there, and never leaves it. (PKCS#11 3.0, AES-GCM)"""

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from base.errors import ServiceUnavailable
from base.settings import SettingError
from personal.rules.identifiers import framed
from personal.vault.envelope import Unreadable

_NONCE_BYTES: Final = 12
_TAG_BITS: Final = 128
_FORM: Final = b"\x02"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_KEYS: Final = "keys.db"


class TokenTopKey:
    """The top key of a municipality in a PKCS#11 token; while it changes, the token holds two."""

    def __init__(self, library: Path, token: str, pin: str, folder: Path, *, make: bool = True) -> None:
        """Find the key of a folder's municipality, made before there are others; SettingError if it cannot be used."""
        self._library = library
        self._token = token
        self._pin = pin
        self._label = f"engawa top key {folder.name}"
        self._lock = threading.Lock()
        self._pkcs11 = _module()
        self._open()
        if not self._keys:
            if not make or (folder / _KEYS).exists():
                raise SettingError(
                    f"the token '{token}' has no top key for {folder.name}, which has keys under one: "
                    "restore the token from its back-up"
                )
            self.succeed()

    @property
    def id(self) -> str:
        """Name the key that wraps now."""
        return list(self._keys)[-1]

    @property
    def known(self) -> frozenset[str]:
        """Name all that unwrap."""
        return frozenset(self._keys)

    @property
    def changing(self) -> bool:
        """Say whether there is more than one."""
        return len(self._keys) > 1

    def wrap(self, key: bytes, name: bytes) -> bytes:
        """Wrap a key, bound to its name."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORM + nonce + self._done(lambda: self._encrypted(self.id, nonce, key, name))

    def unwrap(self, wrapped: bytes, name: bytes, id: str) -> bytes:
        """Unwrap a key that the top key of this id wrapped; Unreadable if it is not the one of this name."""
        if id not in self._keys or wrapped[:1] != _FORM:
            raise Unreadable("A key was wrapped under a top key that is not in this token; restore that one.")
        nonce, sealed = wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
        return self._done(lambda: self._decrypted(id, nonce, sealed, name))

    def succeed(self) -> None:
        """Make a new key that wraps from now on; the one before still unwraps."""
        known = self._pkcs11.Attribute
        number = len(self._keys) and int(self.id.split("-")[1], 16)
        id = (number + 1).to_bytes(4, "big") + os.urandom(4)
        self._session.generate_key(
            self._pkcs11.KeyType.AES,
            256,
            label=self._label,
            id=id,
            store=True,
            template={
                known.PRIVATE: True,
                known.SENSITIVE: True,
                known.EXTRACTABLE: False,
                known.ENCRYPT: True,
                known.DECRYPT: True,
                known.WRAP: False,
                known.UNWRAP: False,
            },
        )
        self._find()

    def retire(self) -> None:
        """Destroy every key but the newest."""
        with self._lock:
            for id in list(self._keys)[:-1]:
                self._keys[id].destroy()
        self._find()

    def _open(self) -> None:
        """Open a session; its login is shared by all of this process."""
        errors = self._pkcs11.exceptions
        try:
            token = self._pkcs11.lib(str(self._library)).get_token(token_label=self._token)
            try:
                self._session = token.open(rw=True, user_pin=self._pin)
            except errors.UserAlreadyLoggedIn:
                self._session = token.open(rw=True)
        except (errors.PinIncorrect, errors.PinLocked, errors.PinLenRange) as error:
            raise SettingError(
                f"the token '{self._token}' refuses the PIN ({type(error).__name__})"
            ) from None
        except errors.NoSuchToken:
            raise SettingError(f"there is no token '{self._token}' behind {self._library}") from None
        except (errors.PKCS11Error, RuntimeError) as error:
            raise SettingError(
                f"the token '{self._token}' cannot be opened with {self._library}: {type(error).__name__}"
            ) from error
        self._find()

    def _find(self) -> None:
        """Read which keys there are, the oldest first."""
        known = self._pkcs11.Attribute
        wanted = {known.CLASS: self._pkcs11.ObjectClass.SECRET_KEY, known.LABEL: self._label}
        with self._lock:
            found = {key[known.ID]: key for key in self._session.get_objects(wanted)}
        self._keys: dict[str, Any] = {_name(id): found[id] for id in sorted(found)}

    def _done(self, work: Callable[[], bytes]) -> bytes:
        """Work in the token; a session that was lost is opened again, once."""
        try:
            with self._lock:
                return work()
        except self._pkcs11.exceptions.PKCS11Error as error:
            if self._answers():
                raise Unreadable(
                    "A key cannot be unwrapped: it was changed, or another key wrapped it."
                ) from None
            lost = error
        try:
            self._open()
            with self._lock:
                return work()
        except (self._pkcs11.exceptions.PKCS11Error, SettingError, KeyError):
            raise ServiceUnavailable(
                "The token with the top key does not answer; is it plugged in?"
            ) from lost

    def _answers(self) -> bool:
        """Say whether the token works at all."""
        try:
            with self._lock:
                nonce = os.urandom(_NONCE_BYTES)
                probe = self._encrypted(self.id, nonce, b"probe", b"")
                return self._decrypted(self.id, nonce, probe, b"") == b"probe"
        except self._pkcs11.exceptions.PKCS11Error:
            return False

    def _encrypted(self, id: str, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
        done: bytes = self._keys[id].encrypt(plain, **self._mechanism(nonce, bound))
        return done

    def _decrypted(self, id: str, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        done: bytes = self._keys[id].decrypt(sealed, **self._mechanism(nonce, bound))
        return done

    def _mechanism(self, nonce: bytes, bound: bytes) -> dict[str, Any]:
        parameters = self._pkcs11.GCMParams(nonce, framed("top") + bound, _TAG_BITS)
        return {"mechanism": self._pkcs11.Mechanism.AES_GCM, "mechanism_param": parameters}


def read_pin(path: Path) -> str:
    """Read the PIN of a token from a file for its owner only."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise SettingError(f"others may read the PIN in {path}: chmod 600 it, and change the PIN")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"the PIN of the token in {path} cannot be read: {error.strerror}") from error


def _module() -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise SettingError(
            "a top key in a token needs the library python-pkcs11: pip install 'engawa[token]'"
        ) from error
    return pkcs11


def _name(id: bytes) -> str:
    return f"token-{id[:4].hex()}-{id[4:].hex()}"
