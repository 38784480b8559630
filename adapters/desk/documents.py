"""What a card signs here: only documents that the desk can read out, whose digest it computes itself. (RFC 8785)"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import rfc8785

from base import clock
from schemas.personal import catalogue

LOGIN: Final = "engawa-login"
DECISION: Final = "engawa-consent-decision/1"
_LOGIN_MEMBERS: Final = frozenset({"typ", "municipality", "purpose", "nonce", "audience", "expires"})
_LINK_MEMBERS: Final = frozenset(
    {"typ", "municipality", "purpose", "nonce", "subject", "preparedAt", "expires"}
)
_DECISION_MEMBERS: Final = frozenset(
    {
        "type", "municipality", "service", "version", "kind", "purpose", "agree", "refuse", "until", "subject",
        "actor", "nonce", "preparedAt",
    }
)  # fmt: skip
_PURPOSES: Final = frozenset({"login", "register", "identify"})
_KINDS: Final = frozenset({"store", "share"})


class NotUnderstood(Exception):
    """The desk cannot say in words what this document means, so no card signs it here."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of what is signed: the key of its heading, what stands there, or the key of a text."""

    heading: str
    text: str = ""
    key: str = ""


def digest(document: Mapping[str, Any]) -> bytes:
    """Give what the card signs: the SHA-256 of the document in its one form."""
    return hashlib.sha256(rfc8785.dumps(dict(document))).digest()


def rows(document: Mapping[str, Any], url: str, language: str) -> tuple[Row, ...]:
    """Say in words what is signed; NotUnderstood for a document with anything in it that is not said."""
    if "typ" in document:
        return _login(document, url)
    if document.get("type") == DECISION:
        return _decision(document, language)
    raise NotUnderstood


def _login(document: Mapping[str, Any], url: str) -> tuple[Row, ...]:
    expires = Row("signed_expires", _moment(document.get("expires")))
    if document["typ"] == LOGIN and document.get("purpose") == "link" and document.keys() == _LINK_MEMBERS:
        return Row("signed_purpose", key="signed_link"), expires
    if document.keys() != _LOGIN_MEMBERS or document["typ"] != LOGIN or document["purpose"] not in _PURPOSES:
        raise NotUnderstood
    if document["audience"] != url:
        raise NotUnderstood
    purpose = Row("signed_purpose", key=f"signed_{document['purpose']}")
    return purpose, Row("signed_audience", url), expires


def _decision(document: Mapping[str, Any], language: str) -> tuple[Row, ...]:
    if document.keys() != _DECISION_MEMBERS:
        raise NotUnderstood
    if document["kind"] not in _KINDS:
        raise NotUnderstood
    found = [
        Row("signed_purpose", key=f"signed_{document['kind']}"),
        Row("signed_service", str(document["service"])),
    ]
    found.append(Row("signed_for", str(document["purpose"])))
    for heading, member in (("signed_agree", "agree"), ("signed_refuse", "refuse")):
        if document[member]:
            found.append(Row(heading, "、".join(_label(item, language) for item in document[member])))
    if document["until"] is not None:
        found.append(Row("signed_until", _moment(document["until"])))
    return tuple(found)


def _label(item: Any, language: str) -> str:
    """Name an item; one that a city added has its code only."""
    known = catalogue.items().get(str(item))
    return str(item) if known is None else str(known.label[language])


def _moment(text: Any) -> str:
    """Write a moment as clocks in Japan show it."""
    try:
        micros = clock.parse(str(text))
    except ValueError:
        raise NotUnderstood from None
    shown = clock.show(micros + 9 * 3_600 * clock.SECOND)
    return f"{shown[:10]} {shown[11:16]}"
