"""The anchors that officials entered inside, as what verifies evidence wants them. (personal-data.md 4.2)"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cryptography import x509

from base.errors import BadRequestData
from personal.rules.evidence import Anchors, Provider

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 500}
_ID: Final = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"}
_PEM: Final = {"type": "string", "minLength": 1, "maxLength": 10_000}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["anchor", "kind"],
    "oneOf": [
        {
            "properties": {"anchor": _ID, "kind": {"enum": ["card", "device"]}, "certificate": _PEM},
            "required": ["certificate"],
            "additionalProperties": False,
        },
        {
            "properties": {
                "anchor": _ID,
                "kind": {"const": "provider"},
                "issuer": _TEXT,
                "audience": _TEXT,
                "keys": {
                    "type": "object",
                    "required": ["keys"],
                    "properties": {"keys": {"type": "array", "maxItems": 10, "items": {"type": "object"}}},
                },
                "algorithms": {"type": "array", "items": {"enum": ["ES256", "ES384", "PS256", "RS256"]}},
                "levels": {"type": "array", "items": _TEXT},
            },
            "required": ["issuer", "audience", "keys"],
            "additionalProperties": False,
        },
    ],
}


def anchors_of(documents: Iterable[Mapping[str, Any]]) -> Anchors:
    """Read anchors; BadRequestData if a certificate is none."""
    cards, devices, providers = [], [], []
    for one in documents:
        if one["kind"] == "provider":
            providers.append(_provider(one))
        elif one["kind"] == "card":
            cards.append(_certificate(one["certificate"]))
        else:
            devices.append(_certificate(one["certificate"]))
    return Anchors(cards, providers, devices)


def _provider(one: Mapping[str, Any]) -> Provider:
    algorithms, levels = tuple(one.get("algorithms", ("ES256",))), frozenset(one.get("levels", ()))
    return Provider(one["issuer"], one["audience"], one["keys"], algorithms, levels)


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode("ascii"))
    except ValueError:
        raise BadRequestData("The certificate of an authority is no PEM.") from None
