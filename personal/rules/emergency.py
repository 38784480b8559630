"""Declared emergencies: where, for whom, which items; each ends by itself. (災害対策基本法 49条の11第3項, 90条の4)"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from base.errors import BadRequestData, Conflict
from personal.rules.disclosure import Emergency
from personal.rules.residents import State

HOUR: Final = 3_600_000_000
GLASS_MINUTES: Final = 30
"""Longest time that one member of staff alone may look at one resident's data."""
REVIEW_HOURS: Final = 72
"""By when a second one has to have reviewed that."""
BARRED_DAYS: Final = 90
"""How long nobody looks alone again whose look was found not justified."""


class Area(StrEnum):
    """Whom an emergency is about."""

    WHOLE = "whole"  # everybody who lives in the municipality
    DISTRICTS = "districts"
    PERSON = "person"  # one resident: break-glass


@dataclass(frozen=True, slots=True)
class Event:
    """An emergency, proposed (`since` None) or declared; times in µs. `person`: whom break-glass is about."""

    id: str
    area: Area
    services: frozenset[str]
    items: frozenset[str]
    since: int | None = None
    until: int | None = None
    ended: int | None = None
    person: str | None = None
    districts: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Resident:
    """What decides whether a resident falls under an emergency: ids of doubles are theirs, too."""

    ids: frozenset[str]
    state: State
    protected: bool
    districts: frozenset[bytes] = frozenset()


def runs(event: Event, now: int) -> bool:
    """Say whether an emergency is in force at a moment."""
    return (
        event.since is not None
        and event.until is not None
        and event.ended is None
        and event.since <= now < event.until
    )


def covers(event: Event, resident: Resident) -> bool:
    """Say whether an emergency is about a resident; never about one who is protected."""
    if resident.protected or resident.state is State.MERGED:
        return False
    if event.area is Area.PERSON:
        return event.person in resident.ids
    if resident.state is not State.HERE:
        return False
    return event.area is Area.WHOLE or bool(event.districts & resident.districts)


def granted(event: Event, resident: Resident, now: int) -> Emergency | None:
    """Give what an emergency lets services see of a resident at this moment; None if nothing."""
    if not runs(event, now) or not covers(event, resident) or event.since is None or event.until is None:
        return None
    return Emergency(event.id, event.services, event.items, event.since, event.until)


def end_of(hours: int, longest: int, now: int) -> int:
    """Say when an emergency that begins or is prolonged now ends by itself."""
    if not 1 <= hours <= longest:
        raise BadRequestData(f"An emergency runs for 1 to {longest} hours; then it may be prolonged by two.")
    return now + hours * HOUR


def prolonged(event: Event, until: int, now: int) -> int:
    """Say until when an emergency runs that is prolonged; Conflict if it is over, or would be shorter."""
    if not runs(event, now):
        raise Conflict("This emergency is over, or has not begun: declare another one.")
    if event.until is not None and until <= event.until:
        raise Conflict("This emergency runs longer than that already.")
    return until


def barred(found: int, now: int) -> bool:
    """Say whether somebody looks at nobody alone because a look of theirs was found not justified."""
    return now < found + BARRED_DAYS * 24 * HOUR


def overdue(made: int, reviewed: bool, now: int) -> bool:
    """Say whether the review of a look alone is late."""
    return not reviewed and now >= made + REVIEW_HOURS * HOUR
