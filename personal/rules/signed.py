"""What a municipality signed, as anybody verifies it who has its public keys. (RFC 7515, RFC 7517)"""

from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from base.errors import BadRequestData

ALGORITHM: Final = "ES256"


def payload(signed: str, keys: Mapping[str, Any], kind: str, detached: bytes | None = None) -> bytes:
    """Give what was signed, if one of the keys of a JWKS signed it as this kind; else BadRequestData."""
    try:
        known = KeySet.import_key_set({"keys": list(keys["keys"])})
        found = jws.deserialize_compact(signed, known, algorithms=[ALGORITHM], payload=detached)
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadRequestData(
            "The signature does not hold: the text was changed, or another key signed it."
        ) from None
    if found.headers().get("typ") != kind:
        raise BadRequestData("The signature is not one of a text of this kind.")
    return found.payload
