"""What residents are to a municipality: their states, what finds them, what happens to them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

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
