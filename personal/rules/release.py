"""What the agent inside LGWAN asks of a release before it obeys. (personal-data.md 4.2)

Whoever has every key of the outside can sign orders. So nothing that decides on a release is theirs: consent is
proven by the resident's card or the outside provider, and services, their keys, limits and whose credential belongs
to which records are what two officials entered inside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import rfc8785
from cryptography import x509

from base import clock, forms
from base.errors import NotPermitted
from personal.rules import decisions, evidence
from personal.rules.consent import Kind
from personal.rules.evidence import STRONG, Anchors, Credential, CredentialKind
from personal.rules.identifiers import fingerprint, framed
from personal.rules.limits import Done, counted, within
from personal.rules.orders import LEEWAY, MOST_ITEMS, TOKEN, Order, Refused, Why

BY_CONSENT: Final = "consent"


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose that was approved inside; basis: 'consent' or 'law:' and its reference; until: its end (s), if any."""

    basis: str
    items: frozenset[str]
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A service that was approved inside: its key, and from which version of its description consent holds."""

    id: str
    recipient: Mapping[str, Any]
    least: int
    purposes: Mapping[str, Purpose]


@dataclass(frozen=True, slots=True)
class Device:
    """A device that was bound inside to an official; ended: since when it is not to be trusted (µs)."""

    staff: str
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a release rests on: the mark of the evidence, and who vouched for it if it was a form on paper."""

    mark: str
    staff: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """What the inside itself knows: the service that is asked for, who has which records, what was withdrawn.

    holders: names of whom decisions about the box are about, and of their credentials; held: the records of the box
    by name, with their items; withdrawn: whether a decision is, for an item; done: how much was done in the last
    hour, and `limits`: how much may be, by the keys of `counted`; devices: of officials, by name; seen: when evidence
    was first seen here (µs), by its mark.
    """

    service: Service | None
    holders: frozenset[str]
    held: Mapping[str, str]
    withdrawn: Callable[[str, str], bool]
    anchors: Anchors
    done: Done
    limits: Mapping[str, int]
    devices: Mapping[str, Device]
    seen: Callable[[str], int | None]


_MOMENT: Final = {"type": "string", "maxLength": 40}
_DECISION: Final = forms.validator(
    {
        "type": "object",
        "required": [
            "type",
            "municipality",
            "service",
            "version",
            "purpose",
            "agree",
            "kind",
            "until",
            "preparedAt",
        ],
        "properties": {
            "type": {"const": decisions.TYPE},
            "municipality": TOKEN,
            "service": TOKEN,
            "purpose": TOKEN,
            "kind": {"const": str(Kind.SHARE)},
            "agree": {"type": "array", "maxItems": MOST_ITEMS, "items": TOKEN},
            "refuse": {"type": "array", "maxItems": MOST_ITEMS, "items": TOKEN},
            "version": {"type": "integer", "minimum": 1, "maximum": 1 << 40},
            "until": {"anyOf": [_MOMENT, {"type": "null"}]},
            "preparedAt": _MOMENT,
            "subject": {"type": "string", "maxLength": 200},
        },
    }
)
_EVIDENCE: Final = forms.validator(evidence.SCHEMA)


def judge(order: Order, book: Book, now: int) -> Proof | None:
    """Refuse a release that the inside itself has no reason for; give what it rests on if not on a law; now in s."""
    purpose = _approved(order, book, now)
    for copy in order.copies:
        if copy.item not in purpose.items:
            raise Refused(Why.ITEM)
    proof = _agreed(order, book, now) if purpose.basis == BY_CONSENT else None
    for copy in order.copies:
        if book.held.get(copy.name) != copy.item:
            raise Refused(Why.NOT_HELD)
    within(book.done, book.limits, counted(order, proof.staff if proof else ""))
    return proof


def _approved(order: Order, book: Book, now: int) -> Purpose:
    if book.service is None or book.service.id != order.service:
        raise Refused(Why.SERVICE)
    if book.service.recipient.get("kid") != order.recipient:
        raise Refused(Why.KEY)
    purpose = book.service.purposes.get(order.purpose)
    if purpose is None or (purpose.until is not None and purpose.until <= now):
        raise Refused(Why.PURPOSE)
    return purpose


def _agreed(order: Order, book: Book, now: int) -> Proof:
    """Refuse unless somebody enrolled for the box agreed to exactly this, and still does as far as is known."""
    decision, given, service = order.decision, order.evidence, book.service
    if decision is None or given is None or service is None:
        raise Refused(Why.NO_CONSENT)
    if not is_decision(decision):
        raise Refused(Why.OTHER_CONSENT)
    expected = (order.municipality, order.service, order.purpose)
    if tuple(decision[name] for name in ("municipality", "service", "purpose")) != expected:
        raise Refused(Why.OTHER_CONSENT)
    if not {copy.item for copy in order.copies} <= set(decision["agree"]):
        raise Refused(Why.OTHER_CONSENT)
    if decision["version"] < service.least:
        raise Refused(Why.OTHER_CONSENT)
    prepared, until = _moment(decision["preparedAt"]), _moment(decision["until"])
    if prepared is None or prepared > (now + LEEWAY) * clock.SECOND:
        raise Refused(Why.OTHER_CONSENT)
    if until is not None and until <= now * clock.SECOND:
        raise Refused(Why.CONSENT_OVER)
    digest = decisions.digest(decision)
    if any(book.withdrawn(decisions.shown(digest), copy.item) for copy in order.copies):
        raise Refused(Why.WITHDRAWN)
    if about(decision["municipality"], str(decision.get("subject"))) not in book.holders:
        raise Refused(Why.NOT_ENROLLED)
    return proven(digest, given, prepared, book, now)


def noted(order: Order, book: Book, now: int) -> Proof:
    """Refuse a decision of which nothing would be released; it is seen now, whenever a release rests on it."""
    decision, given = order.decision, order.evidence
    if decision is None or given is None or not is_decision(decision):
        raise Refused(Why.OTHER_CONSENT)
    prepared = _moment(decision["preparedAt"])
    if decision["municipality"] != order.municipality or prepared is None:
        raise Refused(Why.OTHER_CONSENT)
    if about(decision["municipality"], str(decision.get("subject"))) not in book.holders:
        raise Refused(Why.NOT_ENROLLED)
    return proven(decisions.digest(decision), given, prepared, book, now)


def is_decision(decision: Any) -> bool:
    """Say whether JSON is a decision to share."""
    return _DECISION.is_valid(decision)


def proven(digest: bytes, given: Mapping[str, Any], prepared: int, book: Book, now: int) -> Proof:
    """Refuse evidence that does not hold for the moment it names, and for that at which it was first seen inside."""
    if not _EVIDENCE.is_valid(given) or given["kind"] not in STRONG:
        raise Refused(Why.EVIDENCE)
    mark = fingerprint(rfc8785.dumps([decisions.shown(digest), dict(given)]))
    first = book.seen(mark)
    _verified(given, digest, prepared, book)
    own = evidence.certificate_in(given)
    if own is None:
        return Proof(mark)
    if _over(own, now * clock.SECOND if first is None else first, book.anchors):
        raise Refused(Why.STATUS)
    kind = given["kind"]
    return Proof(mark, _official(own, first, book) if kind == evidence.EvidenceKind.OFFICIAL else "")


def _verified(given: Mapping[str, Any], digest: bytes, prepared: int, book: Book) -> None:
    strange = False

    def owns(credential: Credential) -> bool:
        nonlocal strange
        strange = holder(credential) not in book.holders
        return not strange

    try:
        evidence.verified(given, digest, prepared, book.anchors, owns)
    except NotPermitted:
        if strange:
            raise Refused(Why.NOT_ENROLLED) from None
        raise Refused(_why(given, digest, prepared, book.anchors)) from None


def _why(given: Mapping[str, Any], digest: bytes, prepared: int, anchors: Anchors) -> Why:
    """Say whether evidence would hold, were nothing asked about revocations."""
    unasked = replace(anchors, revoked_cards=None, revoked_devices=None)
    try:
        evidence.verified(given, digest, prepared, unasked, lambda _: True)
    except NotPermitted:
        return Why.EVIDENCE
    return Why.STATUS


def _over(own: x509.Certificate, moment: int, anchors: Anchors) -> bool:
    """Say whether a certificate was over or revoked at a moment (µs): nobody dates an agreement back with it."""
    when = datetime.fromtimestamp(moment // clock.SECOND, UTC)
    if own.not_valid_after_utc < when:
        return True
    for lookup in (anchors.revoked_cards, anchors.revoked_devices):
        for one in () if lookup is None else lookup().lists:
            entry = one.get_revoked_certificate_by_serial_number(own.serial_number)
            if one.issuer == own.issuer and entry is not None and entry.revocation_date_utc <= when:
                return True
    return False


def _official(own: x509.Certificate, first: int | None, book: Book) -> str:
    """Name the official to whom a device was bound when a statement of it was first seen (µs; None: now)."""
    found = book.devices.get(device(own))
    if found is None or (found.ended is not None and (first is None or found.ended <= first)):
        raise Refused(Why.DEVICE)
    return found.staff


def device(own: x509.Certificate) -> str:
    """Name a device in the list of those bound to officials."""
    return holder(Credential(CredentialKind.DEVICE, *evidence.card_of(own)))


def holder(credential: Credential) -> str:
    """Name a credential in the list of those enrolled inside, without telling it."""
    return fingerprint(framed("holder", credential.kind, credential.issuer, credential.id))


def about(municipality: str, subject: str) -> str:
    """Name whom decisions are about in the list of those enrolled inside: a guardian's are about others, too."""
    return fingerprint(framed("holder", "subject", municipality, subject))


def _moment(text: str | None) -> int | None:
    try:
        return None if text is None else clock.parse(text)
    except ValueError:
        raise Refused(Why.OTHER_CONSENT) from None
