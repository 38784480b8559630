"""What a service may be shown of one resident, item by item, and why the rest is withheld. (DESIGN 3)

shown ⊆ asked ∩ agreed, or ∩ what a declared emergency or a law names; and only what is held.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from personal.rules.consent import Consent, State, holds

BY_CONSENT: Final = "consent"
BY_LAW: Final = "law:"
BY_EMERGENCY: Final = "emergency:"
BY_CODE: Final = "sharing-code"


class Reason(StrEnum):
    """Why an item is withheld."""

    NOT_OFFERED = "not-in-catalogue"
    NO_CONSENT = "no-consent"
    PENDING_CONSENT = "consent-asked"
    REFUSED = "consent-refused"
    WITHDRAWN = "consent-withdrawn"
    EXPIRED = "consent-expired"
    NEW_VERSION = "consent-for-older-version"
    NOTHING_HELD = "nothing-held"
    PENDING = "pending"
    STORE_OFFLINE = "store-offline"
    UNREADABLE = "not-readable"
    NOT_RELEASED = "not-released"


@dataclass(frozen=True, slots=True)
class Offer:
    """What the approved description lets a purpose ask of one item.

    basis: 'consent' or 'law:' and its reference; least_version: the last that asked for more than those before it.
    """

    basis: str
    least_version: int


@dataclass(frozen=True, slots=True)
class Emergency:
    """A declared emergency that this resident falls under: for whom, which items, from when until when (µs)."""

    id: str
    services: frozenset[str]
    items: frozenset[str]
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of the resident: the items held, the decisions on sharing; `hidden` from the one who asks.

    chosen: what the resident chose to show once, by a sharing code.
    """

    held: frozenset[str] = frozenset()
    consents: Mapping[str, Consent] = field(default_factory=dict)
    emergencies: Sequence[Emergency] = ()
    chosen: frozenset[str] = frozenset()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The items that may be shown, each with its basis, and those withheld, each with its reason."""

    shown: Mapping[str, str]
    withheld: Mapping[str, Reason]


NOTHING: Final = Subject()
_REASONS: Final = {
    State.REQUESTED: Reason.PENDING_CONSENT,
    State.DEFERRED: Reason.PENDING_CONSENT,
    State.REFUSED: Reason.REFUSED,
    State.WITHDRAWN: Reason.WITHDRAWN,
    State.REVOKED: Reason.WITHDRAWN,
    State.EXPIRED: Reason.EXPIRED,
    State.INVALIDATED: Reason.NO_CONSENT,
}


def decide(
    service: str, items: Iterable[str], offers: Mapping[str, Offer], subject: Subject, now: int
) -> Decision:
    """Decide on each item that a service asks for."""
    shown: dict[str, str] = {}
    withheld: dict[str, Reason] = {}
    held = frozenset() if subject.hidden else subject.held
    for item in items:
        basis, otherwise = _basis(service, item, offers.get(item), subject, now)
        if basis is not None and item in held:
            shown[item] = basis
        else:
            withheld[item] = otherwise
    return Decision(shown, withheld)


def _basis(
    service: str, item: str, offer: Offer | None, subject: Subject, now: int
) -> tuple[str | None, Reason]:
    """Find what lets an item out: a law, consent, the resident's own code, an emergency; and what to say if nothing.

    That nothing is held is not told of an emergency: who is protected falls under none, and must not stand out.
    """
    reason = Reason.NOT_OFFERED
    if offer is not None:
        if offer.basis.startswith(BY_LAW):
            return offer.basis, Reason.NOTHING_HELD
        consent = subject.consents.get(item)
        if holds(consent, now, offer.least_version):
            return BY_CONSENT, Reason.NOTHING_HELD
        if item in subject.chosen:
            return BY_CODE, Reason.NOTHING_HELD
        reason = why_not(consent, offer, now)
    for one in subject.emergencies:
        if service in one.services and item in one.items and one.since <= now < one.until:
            return BY_EMERGENCY + one.id, reason
    return None, reason


def why_not(consent: Consent | None, offer: Offer, now: int) -> Reason:
    """Say why a consent that does not hold does not."""
    if consent is None:
        return Reason.NO_CONSENT
    if consent.state in _REASONS:
        return _REASONS[consent.state]
    if consent.until is not None and consent.until <= now:
        return Reason.EXPIRED
    return Reason.NEW_VERSION if consent.version < offer.least_version else Reason.NO_CONSENT
