"""Residents from a file: line by line, each wholly or not at all, and again without doing anything twice."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from base import forms
from base.database import Connection
from base.errors import BadRequestData, Conflict, Problem, ServiceUnavailable
from personal.audit import log
from personal.audit.log import Entry
from personal.locations.records import Change, Value
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import Module
from personal.operations.registering import PERSON, Newcomer, enter
from personal.operations.resident_changes import happen, link_to
from personal.operations.town import Town
from personal.rules.identifiers import fresh
from personal.rules.resident_lines import LINE, completed
from personal.rules.residents import IdentifierKind, State, event_to
from personal.store import identifiers, items, people
from schemas.personal.catalogue import Item

AT_ONCE: Final = 64
_TRIES: Final = 4
_LINE: Final = forms.validator(LINE)


class Outcome(StrEnum):
    """What became of a line."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file that is right, as keyed hashes and items to keep."""

    municipal: bytes = field(repr=False)
    others: tuple[tuple[IdentifierKind, bytes], ...] = field(repr=False)
    terms: tuple[tuple[str, bytes], ...] = field(repr=False)
    state: State | None
    items: Mapping[str, Any] = field(repr=False)


class _Again(Exception):  # no error: the line begins again
    """The resident of a line changed between looking and writing."""


async def import_lines(
    town: Town, module: Module, lines: Sequence[tuple[int, Any]], *, by: str, now: int
) -> dict[str, Any]:
    """Take lines (number, line) over; tell how many there were of each outcome, and which were refused and why."""
    blind = await blinding(town)
    known = town.store.read(items.listed)
    room = asyncio.Semaphore(AT_ONCE)

    async def one(line: Any) -> tuple[Outcome, str]:
        async with room:
            try:
                return await _taken(town, module, _read(line, blind, known), by=by, now=now), ""
            except ServiceUnavailable:
                raise
            except Problem as problem:
                return Outcome.REFUSED, problem.detail

    outcomes: list[tuple[Outcome, str]] = []
    for done in await asyncio.gather(*(one(line) for _, line in lines), return_exceptions=True):
        if isinstance(done, BaseException):
            raise done
        outcomes.append(done)
    counted = Counter(outcome for outcome, _ in outcomes)
    told = {outcome.value: counted[outcome] for outcome in Outcome}
    await town.store.write(lambda db: log.append(db, Entry("residents-imported", {"by": by, **told}), now))
    refused = [
        {"line": number, "rule": rule}
        for (number, _), (outcome, rule) in zip(lines, outcomes, strict=True)
        if outcome is Outcome.REFUSED
    ]
    return {**told, "refusals": refused}


def _read(line: Any, blind: Blinding, known: Mapping[str, Item]) -> Line:
    fault = forms.fault(_LINE, line)
    if fault is not None:
        raise BadRequestData(fault)
    for code, value in line.get("items", {}).items():
        if code not in known:
            raise BadRequestData("items has a member that is no item of the catalogue.")
        known[code].check(value)
    readings, birth_date = completed(line)
    others = [(IdentifierKind.CARD, blind.card(**card)) for card in line.get("cards", ())]
    if "login" in line:
        others.append((IdentifierKind.LOGIN, blind.identifier(IdentifierKind.LOGIN, line["login"])))
    return Line(
        blind.identifier(IdentifierKind.MUNICIPAL, line["municipalId"]),
        tuple(others),
        tuple(blind.terms(readings, birth_date)),
        State(line["state"]) if "state" in line else None,
        line.get("items", {}),
    )


async def _taken(town: Town, module: Module, line: Line, *, by: str, now: int) -> Outcome:
    for _ in range(_TRIES):
        try:
            return await _try(town, module, line, by=by, now=now)
        except _Again:
            continue
    raise Conflict("The resident of this line is being changed all the time; import it again later.")


async def _try(town: Town, module: Module, line: Line, *, by: str, now: int) -> Outcome:
    seen = town.store.read(lambda db: _holder(db, line))
    person = seen or fresh(PERSON)
    changes = await _changed_items(town, person, line, new=seen is None)
    outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED

    def within(db: Connection) -> None:
        nonlocal outcome
        if _holder(db, line) != seen:
            raise _Again
        if seen is None:
            found = ((IdentifierKind.MUNICIPAL, line.municipal), *line.others)
            enter(
                db, Newcomer(found, line.terms), id=person, cleared=True, now=now, reactions=module.reactions
            )
            outcome = Outcome.CREATED
        changed = _update(db, module, person, line, now)
        if changed and outcome is Outcome.UNCHANGED:
            outcome = Outcome.CHANGED
        if outcome is not Outcome.UNCHANGED:
            log.append(
                db, Entry("resident-imported", {"by": by, "outcome": outcome}, {"subject": person}), now
            )

    if changes:
        await town.records.keep(changes, within, now)
    else:
        await town.store.write(within)
    return outcome


def _holder(db: Connection, line: Line) -> str | None:
    holder = identifiers.holder(db, IdentifierKind.MUNICIPAL, line.municipal, cleared=True)
    person = None if holder is None else people.current(db, holder)
    return None if person is None else person.id


async def _changed_items(town: Town, person: str, line: Line, *, new: bool) -> list[Change]:
    """Compare the items of a line with what is kept."""
    codes = list(line.items)
    if new:
        return [Change(person, code, line.items[code], 0) for code in codes]
    changes = []
    for code, found in zip(
        codes, await town.records.fetch_all([(person, code) for code in codes]), strict=True
    ):
        if isinstance(found, Problem):
            raise found
        if not isinstance(found, Value):
            changes.append(Change(person, code, line.items[code], 0))
        elif found.value != line.items[code]:
            changes.append(Change(person, code, line.items[code], found.record.version))
    return changes


def _update(db: Connection, module: Module, id: str, line: Line, now: int) -> bool:
    """Bring terms, identifiers and state of a resident to what a line says; say whether anything changed."""
    changed = False
    person = people.current(db, id)
    if person is None:
        raise _Again
    if sorted(line.terms) != people.terms(db, person.id):
        people.index(db, person.id, line.terms)
        changed = True
    event = None if line.state is None else event_to(person.state, line.state)
    if person.state is not State.DEAD:
        changed |= _link_missing(db, person, line, now)
    if event is not None:
        happen(db, person, event, now, module.reactions)
        changed = True
    return changed


def _link_missing(db: Connection, person: people.Person, line: Line, now: int) -> bool:
    family, changed = people.family(db, person.id), False
    for kind, hash in line.others:
        if identifiers.holder(db, kind, hash, cleared=True) not in family:
            link_to(db, person, kind, hash, may=True, now=now)
            changed = True
    return changed
