"""What the agent inside LGWAN asks of a release before it obeys. (personal-data.md 4.2)

Whoever has every key of the outside can sign orders. So nothing that decides on a release is theirs: consent is
proven by the resident's card or the outside provider, and services, their keys, limits and whose credential belongs
to which records are what two officials entered inside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from base import clock, forms
from base.errors import NotPermitted
from personal.rules import decisions, evidence
from personal.rules.consent import Kind
from personal.rules.evidence import STRONG, Anchors, Credential
from personal.rules.identifiers import fingerprint, framed
from personal.rules.orders import LEEWAY, MOST_ITEMS, TOKEN, Order, Refused, Task, Why

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
class Book:
    """What the inside itself knows: the service that is asked for, who has which records, what was withdrawn.

    holders: names of whom decisions about the box are about, and of their credentials; held: the records of the box
    by name, with their items; withdrawn: whether a decision is, for an item; done: how much was done in the last
    hour, and `limits`: how much may be, by the keys of `counted`.
    """

    service: Service | None
    holders: frozenset[str]
    held: Mapping[str, str]
    withdrawn: Callable[[str, str], bool]
    anchors: Anchors
    done: Mapping[str, int]
    limits: Mapping[str, int]


LIMITS: Final[Mapping[str, int]] = {
    "all": 1_000,
    "service": 500,
    "purpose": 500,
    "item": 500,
    "store": 5_000,
    "remove": 500,
}
"""How many records in an hour, unless officials say otherwise: `item` for each item, `item:contact` for that one."""

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


def judge(order: Order, book: Book, now: int) -> None:
    """Refuse a release that the inside itself has no reason for; now in s."""
    purpose = _approved(order, book, now)
    for copy in order.copies:
        if copy.item not in purpose.items:
            raise Refused(Why.ITEM)
    if purpose.basis == BY_CONSENT:
        _agreed(order, book, now)
    for copy in order.copies:
        if book.held.get(copy.name) != copy.item:
            raise Refused(Why.NOT_HELD)
    within(book.done, book.limits, counted(order))


def counted(order: Order) -> Mapping[str, int]:
    """Say what an order counts towards which limits."""
    if order.task is Task.STORE:
        return {"store": 1}
    if order.task is Task.REMOVE:
        return {"remove": len(order.copies)}
    if order.task is Task.ERASE:
        return {"remove": 1}
    if order.task is not Task.RELEASE:
        return {}
    items = [copy.item for copy in order.copies]
    return {
        "all": len(items),
        f"service:{order.service}": len(items),
        f"purpose:{order.service}/{order.purpose}": len(items),
        **{f"item:{item}": items.count(item) for item in items},
    }


def limit(limits: Mapping[str, int], key: str) -> int:
    """Say how many records in an hour a limit allows."""
    kind = key.partition(":")[0]
    return limits.get(key, limits.get(kind, LIMITS[kind]))


def within(done: Mapping[str, int], limits: Mapping[str, int], more: Mapping[str, int]) -> None:
    """Refuse what would go beyond a limit of the last hour."""
    if any(done.get(key, 0) + count > limit(limits, key) for key, count in more.items()):
        raise Refused(Why.LIMIT)


def _approved(order: Order, book: Book, now: int) -> Purpose:
    if book.service is None or book.service.id != order.service:
        raise Refused(Why.SERVICE)
    if book.service.recipient.get("kid") != order.recipient:
        raise Refused(Why.KEY)
    purpose = book.service.purposes.get(order.purpose)
    if purpose is None or (purpose.until is not None and purpose.until <= now):
        raise Refused(Why.PURPOSE)
    return purpose


def _agreed(order: Order, book: Book, now: int) -> None:
    """Refuse unless somebody enrolled for the box agreed to exactly this, and still does as far as is known."""
    decision, given, service = order.decision, order.evidence, book.service
    if decision is None or given is None or service is None:
        raise Refused(Why.NO_CONSENT)
    if not _DECISION.is_valid(decision):
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
    _proven(digest, given, prepared, book)


def _proven(digest: bytes, given: Mapping[str, Any], prepared: int, book: Book) -> None:
    if not _EVIDENCE.is_valid(given) or given["kind"] not in STRONG:
        raise Refused(Why.EVIDENCE)
    strange = False

    def owns(credential: Credential) -> bool:
        nonlocal strange
        strange = holder(credential) not in book.holders
        return not strange

    try:
        evidence.verified(given, digest, prepared, book.anchors, owns)
    except NotPermitted:
        raise Refused(Why.NOT_ENROLLED if strange else Why.EVIDENCE) from None


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
