"""Consent as a state machine: what may happen to it, and whether it holds at a moment. (ISO/IEC TS 27560, DPV 2.3)"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from base.errors import Conflict


class Kind(StrEnum):
    """What is agreed to: that data is stored (蓄積), or that it is shared with a service (共有)."""

    STORE = "store"
    SHARE = "share"


class State(StrEnum):
    """The statuses of consent, by their names in DPV 2.3."""

    REQUESTED = "ConsentRequested"
    DEFERRED = "ConsentRequestDeferred"
    GIVEN = "ConsentGiven"
    RENEWED = "RenewedConsentGiven"
    REFUSED = "ConsentRefused"
    WITHDRAWN = "ConsentWithdrawn"
    REVOKED = "ConsentRevoked"
    EXPIRED = "ConsentExpired"
    INVALIDATED = "ConsentInvalidated"


class Event(StrEnum):
    """What happens to a consent, and who may make it happen."""

    REQUEST = "request"
    DEFER = "defer"
    GIVE = "give"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    EXPIRE = "expire"
    INVALIDATE = "invalidate"


HOLDING: Final = frozenset({State.GIVEN, State.RENEWED})
"""The only states in which anything may be shown."""
OPEN: Final = frozenset({State.REQUESTED, State.DEFERRED})
_ENDED: Final = frozenset({State.REFUSED, State.WITHDRAWN, State.REVOKED, State.EXPIRED, State.INVALIDATED})

TRANSITIONS: Final[dict[tuple[State | None, Event], State]] = {
    (None, Event.REQUEST): State.REQUESTED,
    (None, Event.GIVE): State.GIVEN,
    (None, Event.REFUSE): State.REFUSED,
    (State.REQUESTED, Event.DEFER): State.DEFERRED,
    **{(state, Event.GIVE): State.GIVEN for state in OPEN},
    **{(state, Event.REFUSE): State.REFUSED for state in OPEN},
    **{(state, Event.EXPIRE): State.EXPIRED for state in OPEN | HOLDING},
    **{(state, Event.INVALIDATE): State.INVALIDATED for state in OPEN | HOLDING},
    **{(state, Event.GIVE): State.RENEWED for state in HOLDING | _ENDED},
    **{(state, Event.WITHDRAW): State.WITHDRAWN for state in HOLDING},
    **{(state, Event.REVOKE): State.REVOKED for state in HOLDING},
    **{(state, Event.REQUEST): State.REQUESTED for state in _ENDED},
}
"""Every change that there is; any other is refused. A refusal, once given, is asked again only by a new request."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One resident's decision on one item, for one purpose of one service; times in µs.

    version: of the service's description that was agreed to; until: when it ends by itself, None never.
    """

    kind: Kind
    service: str
    purpose: str
    item: str
    version: int
    state: State
    since: int
    until: int | None = None


def begun(
    kind: Kind,
    service: str,
    purpose: str,
    item: str,
    event: Event,
    now: int,
    *,
    version: int,
    until: int | None = None,
) -> Consent:
    """Begin a consent where nothing was decided yet; Conflict where it cannot begin like this."""
    state = _following(None, event)
    given = _ending(event, now, until)
    return Consent(kind, service, purpose, item, version, state, now, given)


def happened(
    consent: Consent, event: Event, now: int, *, version: int | None = None, until: int | None = None
) -> Consent:
    """Apply an event; Conflict where the state does not know it."""
    following = _following(consent.state, event)
    if event is Event.GIVE:
        given = _ending(event, now, until)
        return replace(consent, state=following, since=now, until=given, version=version or consent.version)
    return replace(consent, state=following, since=now)


def wanted(consent: Consent | None, *, agree: bool) -> Event | None:
    """Say by what event a consent becomes what a resident decides; None if it is so already."""
    if agree:
        return Event.GIVE
    if consent is None or consent.state in OPEN:
        return Event.REFUSE
    return Event.WITHDRAW if consent.state in HOLDING else None


def state_at(consent: Consent, now: int) -> State:
    """Give the state at a moment: what has an end expires by itself, without anything being done."""
    over = consent.until is not None and consent.until <= now
    return State.EXPIRED if over and consent.state in HOLDING else consent.state


def _following(state: State | None, event: Event) -> State:
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise Conflict(f"A consent in state {state or 'none'} cannot be changed by '{event}'.")
    return following


def _ending(event: Event, now: int, until: int | None) -> int | None:
    if event is not Event.GIVE:
        return None
    if until is not None and until <= now:
        raise Conflict("A consent cannot be given until a moment that has passed.")
    return until


def holds(consent: Consent | None, now: int, least_version: int) -> bool:
    """Say whether a consent lets an item out at this moment.

    least_version: the last version of the service's description that asked for more than the ones before.
    """
    return (
        consent is not None
        and consent.state in HOLDING
        and consent.since <= now
        and (consent.until is None or now < consent.until)
        and consent.version >= least_version
    )
