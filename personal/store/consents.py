"""Consents: what stands now, every event that made it so, and the decisions with their evidence and receipts.

A person's consents are those of all their doubles, too: whichever was decided last counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from base.database import Connection
from personal.rules.consent import Consent, Event, Kind, State
from personal.store import people
from personal.store.town import one, rows

_COLUMNS = "kind, service, purpose, item, version, state, since, until"
Key = tuple[str, str, str, str]
"""What a consent is about: kind, service, purpose, item."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One act: what was decided (`document`), by whom, shown by what; the evidence is sealed for a person.

    leaf: where the audit log tells of it.
    """

    id: str
    person: str
    actor: str
    given_by: str
    digest: bytes
    document: Mapping[str, Any]
    evidence_kind: str
    leaf: int
    at: int
    evidence: bytes | None = field(default=None, repr=False)
    sealed_for: str = ""
    receipt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a consent, and the decision and entry of the log that it belongs to."""

    event: Event
    consent: Consent
    leaf: int
    decision: str | None = None


def about(consent: Consent) -> Key:
    """Say what a consent is about."""
    return (consent.kind, consent.service, consent.purpose, consent.item)


def of(connection: Connection, person: str) -> dict[Key, Consent]:
    """Give the consents of a person as they stand, in a fixed order."""
    return of_all(connection, people.family(connection, person))


def of_all(connection: Connection, ids: Iterable[str]) -> dict[Key, Consent]:
    """Give the consents of somebody who is known by several ids."""
    found = sorted(
        (row for id in ids for row in rows(connection, f"SELECT number, {_COLUMNS} FROM consent WHERE person = ?", id)),  # noqa: S608  # constant
        key=lambda row: row[0],
    )  # fmt: skip
    standing = {about(consent): consent for consent in (_consent(row[1:]) for row in found)}
    return dict(sorted(standing.items()))


def for_disclosure(
    connection: Connection, person: str, service: str, purpose: str, items: Iterable[str]
) -> dict[str, Consent]:
    """Give the consents to share these items with a service for a purpose, as they stand."""
    wanted = set(items)
    found = sorted(
        row
        for id in people.family(connection, person)
        for row in rows(
            connection,
            f"SELECT number, {_COLUMNS} FROM consent WHERE (person, kind, service, purpose) = (?, ?, ?, ?)",  # noqa: S608  # constant
            id,
            Kind.SHARE,
            service,
            purpose,
        )
    )
    return {row[4]: _consent(row[1:]) for row in found if row[4] in wanted}


def latest_decision(connection: Connection, person: str, key: Key) -> Decision | None:
    """Find the decision by which a consent stands as it does; None if something else made it so."""
    newest: tuple[int, str | None] = (0, None)
    for id in people.family(connection, person):
        row = one(
            connection,
            "SELECT number, decision FROM consent_event WHERE (person, kind, service, purpose, item) = (?, ?, ?, ?, ?)"
            " ORDER BY number DESC",
            id,
            *key,
        )
        newest = max(newest, row or newest)
    return None if newest[1] is None else decision(connection, newest[1])


def write(connection: Connection, person: str, happened: Happened) -> None:
    """Let a consent be as an event made it."""
    row = (*about(happened.consent), happened.consent.version, happened.consent.state)
    times = (happened.consent.since, happened.consent.until)
    connection.execute(
        f"INSERT INTO consent_event (person, {_COLUMNS}, event, leaf, decision)"  # noqa: S608  # constant
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (person, *row, *times, happened.event, happened.leaf, happened.decision),
    )
    connection.execute(
        f"INSERT OR REPLACE INTO consent (person, {_COLUMNS}, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # constant
        (person, *row, *times, connection.last_insert_rowid()),
    )


def history(connection: Connection, person: str) -> list[Happened]:
    """List every event of a person's consents, oldest first."""
    found = [
        row
        for id in people.family(connection, person)
        for row in rows(
            connection,
            f"SELECT number, event, leaf, decision, {_COLUMNS} FROM consent_event WHERE person = ?",  # noqa: S608  # constant
            id,
        )
    ]
    found.sort(key=lambda row: row[0])
    return [Happened(Event(event), _consent(tuple(row)), leaf, made) for _, event, leaf, made, *row in found]


def lapsed(connection: Connection, now: int, most: int) -> list[tuple[str, Consent]]:
    """List consents (person, consent) whose time is over and that nothing was written about since."""
    found = rows(
        connection,
        f"SELECT person, {_COLUMNS} FROM consent WHERE until <= ? AND until IS NOT NULL"  # noqa: S608  # constant
        " AND state IN ('ConsentGiven', 'RenewedConsentGiven') ORDER BY until, person",
        now,
    )
    over = ((row[0], _consent(row[1:])) for row in found)
    return list(islice((one for one in over if _stands(connection, *one)), most))


def _stands(connection: Connection, person: str, consent: Consent) -> bool:
    """Say whether nothing was decided since under another entry of the same person."""
    survivor = people.current(connection, person)
    return survivor is not None and of(connection, survivor.id).get(about(consent)) == consent


def standing(connection: Connection, service: str, least: int) -> tuple[int, int]:
    """Count the people whose consents to share with a service stand, and these consents; `least`: its oldest version
    to which consent still holds."""
    found = one(
        connection,
        "SELECT count(DISTINCT person), count(*) FROM consent WHERE kind = 'share' AND service = ? AND version >= ?"
        " AND state IN ('ConsentGiven', 'RenewedConsentGiven')",
        service,
        least,
    )
    return (0, 0) if found is None else (found[0], found[1])


def hand_over(connection: Connection, person: str, other: str, since: int) -> None:
    """Give what was decided for a person from a moment on to another one."""
    connection.execute(
        "UPDATE consent_event SET person = ? WHERE person = ? AND since >= ?",
        (other, person, since),
    )
    connection.execute("UPDATE decision SET person = ? WHERE person = ? AND at >= ?", (other, person, since))
    for id in (person, other):
        connection.execute("DELETE FROM consent WHERE person = ?", (id,))
        connection.execute(
            f"INSERT INTO consent (person, {_COLUMNS}, number) SELECT person, {_COLUMNS}, max(number)"  # noqa: S608  # constant
            " FROM consent_event WHERE person = ? GROUP BY kind, service, purpose, item",
            (id,),
        )


def keep(connection: Connection, decision: Decision) -> None:
    """Write a decision."""
    connection.execute(
        "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            decision.id, decision.person, decision.actor, decision.given_by, decision.digest,
            orjson.dumps(decision.document).decode(), decision.evidence_kind, decision.leaf, decision.at,
            decision.evidence, decision.sealed_for, decision.receipt,
        ),
    )  # fmt: skip


def spent(connection: Connection, digest: bytes) -> bool:
    """Say whether a decision with this digest was submitted already."""
    return one(connection, "SELECT 1 FROM decision WHERE digest = ?", digest) is not None


def deciding(connection: Connection) -> list[str]:
    """Name everybody who ever decided something."""
    return [person for (person,) in rows(connection, "SELECT DISTINCT person FROM decision ORDER BY person")]


def decision(connection: Connection, id: str) -> Decision | None:
    """Find a decision."""
    return _decision(one(connection, f"{_DECISION} WHERE id = ?", id))


def decisions(connection: Connection, person: str) -> list[Decision]:
    """List the decisions of a person, newest first."""
    found = [
        row
        for id in people.family(connection, person)
        for row in rows(connection, f"{_DECISION} WHERE person = ?", id)
    ]
    made = [made for row in found if (made := _decision(row)) is not None]
    return sorted(made, key=lambda one: (-one.leaf, one.id))


_DECISION = (
    "SELECT id, person, actor, given_by, digest, document, evidence_kind, leaf, at, evidence, sealed_for, receipt"
    " FROM decision"
)


def _consent(row: tuple[Any, ...]) -> Consent:
    kind, service, purpose, item, version, state, since, until = row
    return Consent(Kind(kind), service, purpose, item, version, State(state), since, until)


def _decision(row: tuple[Any, ...] | None) -> Decision | None:
    if row is None:
        return None
    id, person, actor, given_by, digest, document, *rest = row
    return Decision(id, person, actor, given_by, digest, orjson.loads(document), *rest)
