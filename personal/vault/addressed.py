"""Envelopes to one reader: who carries them can neither read nor change them. (RFC 7516, ECDH-ES, A256GCM)"""

import base64
from collections.abc import Mapping
from typing import Any, Final

import orjson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey

from personal.vault.envelope import Unreadable
from personal.vault.signing import Signer

_REGISTRY: Final = JWERegistry(algorithms=["ECDH-ES", "A256GCM"], strict_check_header=False)
_STEP: Final = 256
_OWN: Final = frozenset({"alg", "enc", "epk", "kid"})


class Reader(Signer):
    """Opens what is addressed to the public key on P-256 that is made from a seed of 32 random bytes."""

    def public(self) -> dict[str, Any]:
        """Give the public key as a JWK."""
        return {**self._key.as_dict(private=False), "kid": self.kid, "alg": "ECDH-ES", "use": "enc"}

    def open(self, text: str, about: Mapping[str, str]) -> Any:
        """Open an envelope about just this; Unreadable if a bit of it is not as it was."""
        try:
            found = jwe.decrypt_compact(strict(text), self._key, registry=_REGISTRY)
            value = orjson.loads(found.plaintext or b"")
        except (JoseError, ValueError, TypeError, KeyError):
            raise Unreadable(
                "An envelope cannot be opened: it was changed, or is for somebody else."
            ) from None
        told = {name: value for name, value in found.headers().items() if name not in _OWN}
        if told != dict(about):
            raise Unreadable("An envelope is about something else than it should be.")
        return value


def enclose(reader: Mapping[str, Any], value: Any, about: Mapping[str, str]) -> str:
    """Put JSON into an envelope to a reader's public key; what it is about stands on it, and cannot be changed."""
    key = ECKey.import_key({name: reader[name] for name in ("kty", "crv", "x", "y")})
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": key.thumbprint(), **about}
    plain = orjson.dumps(value)
    return jwe.encrypt_compact(header, plain.ljust(-(-len(plain) // _STEP) * _STEP), key, registry=_REGISTRY)


def strict(text: str) -> str:
    """Give a compact JWS or JWE back; ValueError if a part of it could be written in another way."""
    for part in text.split("."):
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
            raise ValueError
    return text
