"""The key of a device: made at its first start, never leaves it; proves who it is, seals what it keeps. (RFC 7523)"""

import base64
import os
import secrets
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from base.database import sync_folder
from base.errors import ServiceUnavailable

FILE: Final = "device.jwk"
_LIFE: Final = 60


class DeviceKey:
    """An ES256 key in a file that only its owner reads."""

    def __init__(self, key: ECKey) -> None:
        self._key = key

    @property
    def public(self) -> dict[str, Any]:
        """Give the public key, as an administrator enters it."""
        return dict(self._key.as_dict(private=False))

    def assertion(self, client: str, audience: str, now: int) -> str:
        """Sign that this is the client, for one use within a minute; `now` in s."""
        claims = {
            "iss": client,
            "sub": client,
            "aud": audience,
            "iat": now,
            "exp": now + _LIFE,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": "ES256", "kid": self._key.kid}, claims, self._key, algorithms=["ES256"])

    def secret(self, purpose: str) -> bytes:
        """Derive a key of 256 bits for a purpose of this device."""
        text = str(self._key.as_dict(private=True)["d"])
        own = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return HKDF(hashes.SHA256(), 32, None, b"engawa device " + purpose.encode()).derive(own)


def opened(folder: Path) -> DeviceKey:
    """Give the key of a device; made, if there is none yet. ServiceUnavailable if it cannot be used."""
    path = folder / FILE
    if not path.exists():
        _make(path)
    try:
        if path.stat().st_mode & 0o077:
            raise ServiceUnavailable(f"Others may read {path}: set its mode to 0600.")
        return DeviceKey(ECKey.import_key(orjson.loads(path.read_bytes())))
    except (OSError, ValueError, KeyError, JoseError) as error:
        raise ServiceUnavailable(
            f"{path} is no key that can be used; remove it, start again and enrol the device anew."
        ) from error


def _make(path: Path) -> None:
    """Write a new key, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    aside = path.with_suffix(f".{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(orjson.dumps(key.as_dict(private=True)))
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    sync_folder(path.parent)
