"""What residents are to a municipality: their states, what finds them, what happens to them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from base.errors import Conflict
from personal.rules.identifiers import normal_kana


class State(StrEnum):
    """Where a resident's life with the municipality stands."""

    HERE = "here"
    MOVED = "moved"
    DEAD = "dead"
    MERGED = "merged"  # a double: whatever asks for it gets the person it was merged into


class IdentifierKind(StrEnum):
    """What a resident is found by."""

    MUNICIPAL = "municipal"
    CARD = "card"
    LOGIN = "login"
    CITY_CARD = "city-card"
    MYKEY = "mykey"


class Field(StrEnum):
    """What staff search by."""

    NAME = "name"
    BIRTH = "birth"
    NAME_AND_BIRTH = "name-birth"


class Event(StrEnum):
    """What happens to a resident; parts of the module react to it in the same transaction."""

    REGISTERED = "registered"
    MOVED = "moved"
    DIED = "died"
    RETURNED = "returned"
    PROTECTED = "protected"
    UNPROTECTED = "unprotected"
    MERGED = "merged"
    PARTED = "parted"


TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.HERE, Event.MOVED): State.MOVED,
    (State.HERE, Event.DIED): State.DEAD,
    (State.MOVED, Event.DIED): State.DEAD,
    (State.MOVED, Event.RETURNED): State.HERE,
    (State.DEAD, Event.RETURNED): State.HERE,  # a death that was written down for the wrong person
}
"""Every change of a state but merging and parting; any other is refused."""


def event_to(state: State, wanted: State) -> Event | None:
    """Say what must have happened for a resident to be in a state; None if they are there already."""
    if state is wanted:
        return None
    found = next((event for (old, event), new in TRANSITIONS.items() if (old, new) == (state, wanted)), None)
    if found is None:
        raise Conflict(f"A resident in state {state} does not become {wanted}.")
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a resident stands, as far as merging and parting touch it."""

    state: State
    protected: bool


def moved_on(state: State, event: Event) -> State:
    """Apply an event to a state; Conflict where the state does not know it."""
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise Conflict(f"A resident in state {state} cannot be noted as {event}.")
    return following


def merged(survivor: Standing, double: Standing) -> Standing:
    """Say where somebody stands who turned out to be two entries; Conflict if they cannot be one."""
    if (survivor.state is State.DEAD) is not (double.state is State.DEAD):
        raise Conflict("One of the two is dead and the other is not: correct that first.")
    return Standing(survivor.state, survivor.protected or double.protected)


def parted(
    survivor: Standing, double: Standing, now: Standing, *, to_double: bool
) -> tuple[Standing, Standing]:
    """Say where both stand when one entry is parted into the two it was: exactly as before.

    What happened in between goes to one of them, except that protection given in between stays with both: it is
    not known whom it was for.
    """
    state_changed = now.state is not survivor.state
    was_protected = survivor.protected or double.protected
    first, second = survivor, double
    if to_double and state_changed:
        second = replace(double, state=now.state)
    elif state_changed:
        first = replace(survivor, state=now.state)
    if now.protected and not was_protected:
        return replace(first, protected=True), replace(second, protected=True)
    if was_protected and not now.protected:
        return (
            (first, replace(second, protected=False))
            if to_double
            else (replace(first, protected=False), second)
        )
    return first, second


def told_of(old: Standing, new: Standing) -> tuple[Event, ...]:
    """Name what happened to somebody who stood in one way and stands in another."""
    state = {State.DEAD: Event.DIED, State.MOVED: Event.MOVED}.get(new.state, Event.RETURNED)
    protection = Event.PROTECTED if new.protected else Event.UNPROTECTED
    found = {state: new.state is not old.state, protection: new.protected is not old.protected}
    return tuple(event for event, happened in found.items() if happened)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a resident.

    other: with MERGED and PARTED the double; since: with PARTED when they were merged (µs); to_other: with PARTED
    whether what happened since goes to the double instead of staying.
    """

    event: Event
    person: str
    other: str = ""
    since: int = 0
    to_other: bool = False


def search_terms(readings: tuple[str, ...], birth_date: str) -> frozenset[tuple[Field, str]]:
    """Give all terms by which somebody is found: each reading, the birth date, and both together."""
    kana = {normal for reading in readings if (normal := normal_kana(reading))}
    found = {(Field.NAME, name) for name in kana}
    if birth_date:
        found.add((Field.BIRTH, birth_date))
        found |= {(Field.NAME_AND_BIRTH, f"{name}|{birth_date}") for name in kana}
    return frozenset(found)


def search_term(reading: str, birth_date: str) -> tuple[Field, str]:
    """Give the one term that finds most precisely who has this reading, this birth date, or both."""
    kana = normal_kana(reading)
    if kana and birth_date:
        return Field.NAME_AND_BIRTH, f"{kana}|{birth_date}"
    return (Field.NAME, kana) if kana else (Field.BIRTH, birth_date)
