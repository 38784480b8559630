"""The anchors that officials entered inside, as what verifies evidence wants them. (personal-data.md 4.2)"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cryptography import x509

from base.errors import BadRequestData
from personal.rules.certificate_status import Known, Lookup
from personal.rules.evidence import Anchors, Provider

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 500}
_ID: Final = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"}
PEM: Final = {"type": "string", "minLength": 1, "maxLength": 10_000}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["anchor", "kind"],
    "oneOf": [
        {
            "properties": {
                "anchor": _ID,
                "kind": {"enum": ["card", "device"]},
                "certificate": PEM,
                "revocations": {"enum": ["lists", "unchecked"]},
            },
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


def anchors_of(documents: Iterable[Mapping[str, Any]], revoked: Lookup = Known) -> Anchors:
    """Read anchors; BadRequestData if a certificate is none.

    revoked: what is known of revocations; asked of all cards (or devices) if one of their authorities wants it.
    """
    documents = list(documents)
    asked = {one["kind"] for one in documents if one.get("revocations") == "lists"}
    cards, devices, providers = [], [], []
    for one in documents:
        if one["kind"] == "provider":
            providers.append(_provider(one))
        elif one["kind"] == "card":
            cards.append(certificate(one["certificate"]))
        else:
            devices.append(certificate(one["certificate"]))
    return Anchors(
        cards, providers, devices,
        revoked_cards=revoked if "card" in asked else None, revoked_devices=revoked if "device" in asked else None,
    )  # fmt: skip


def authorities_of(documents: Iterable[Mapping[str, Any]]) -> list[x509.Certificate]:
    """Give the authorities of cards and devices."""
    return [certificate(one["certificate"]) for one in documents if one["kind"] != "provider"]


def _provider(one: Mapping[str, Any]) -> Provider:
    algorithms, levels = tuple(one.get("algorithms", ("ES256",))), frozenset(one.get("levels", ()))
    return Provider(one["issuer"], one["audience"], one["keys"], algorithms, levels)


def certificate(pem: str) -> x509.Certificate:
    """Read a certificate; BadRequestData if it is none."""
    try:
        return x509.load_pem_x509_certificate(pem.encode("ascii"))
    except ValueError:
        raise BadRequestData("The certificate is no PEM.") from None
