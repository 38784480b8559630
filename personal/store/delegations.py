"""Delegations: who acts for whom. When one ends is sealed: it may tell a birthday."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.database import Connection
from personal.rules.delegation import Act, Delegation, Relation, Scope, runs
from personal.rules.identifiers import framed
from personal.rules.residents import State
from personal.store import people
from personal.store.town import one, rows
from personal.vault.envelope import seal, unseal

KEY: Final = "delegation"
"""Under which the key store keeps the key that seals when delegations end; functions here are given it."""
_COLUMNS: Final = "id, guardian, subject, relation, scope, since, until, ended FROM delegation"
_GONE: Final = frozenset({State.DEAD})


@dataclass(frozen=True, slots=True)
class Granted:
    """Who wrote a delegation down, and on which paper that rests."""

    by: str
    evidence: str


def add(connection: Connection, key: bytes, made: Delegation, granted: Granted) -> None:
    """Write a new delegation."""
    add_sealed(connection, made, sealed(key, made.id, made.until), granted)


def add_sealed(connection: Connection, made: Delegation, until: bytes, granted: Granted) -> None:
    """Write a new delegation whose end is sealed already."""
    connection.execute(
        "INSERT INTO delegation VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, NULL)",
        (
            made.id,
            made.guardian,
            made.subject,
            made.relation,
            _told(made.scope),
            made.since,
            until,
            granted.by,
            granted.evidence,
        ),
    )


def sealed(key: bytes, id: str, until: int | None) -> bytes:
    """Seal when a delegation ends, bound to its id; its length tells nothing."""
    return seal(key, str(until or 0).zfill(20).encode(), _bound(id))


def find(connection: Connection, key: bytes, id: str) -> Delegation | None:
    """Find a delegation by its id, ended ones too."""
    row = one(connection, f"SELECT {_COLUMNS} WHERE id = ?", id)
    return None if row is None else _delegation(key, row)


def latest(connection: Connection, key: bytes, guardian: str, subject: str) -> Delegation | None:
    """Find the delegation that was written last for two residents, ended ones too."""
    id = latest_id(connection, guardian, subject)
    return None if id is None else find(connection, key, id)


def latest_id(connection: Connection, guardian: str, subject: str) -> str | None:
    """Find the id of the delegation that was written last for two residents."""
    found = [
        row
        for one in people.family(connection, guardian)
        for other in people.family(connection, subject)
        for row in rows(
            connection,
            "SELECT ended IS NULL, since, id FROM delegation WHERE guardian = ? AND subject = ?",
            one,
            other,
        )
    ]
    return max(found)[2] if found else None


def pair(connection: Connection, id: str) -> tuple[str, str] | None:
    """Say between whom a delegation is: guardian and subject, as it was written."""
    row = one(connection, "SELECT guardian, subject FROM delegation WHERE id = ?", id)
    return None if row is None else (row[0], row[1])


def active(connection: Connection, key: bytes, guardian: str, subject: str, now: int) -> Delegation | None:
    """Find by what somebody acts for another now; None too, always, if the other one is protected or dead."""
    wanted = people.current(connection, subject)
    found = [] if wanted is None else by_guardian(connection, key, guardian, now)
    return next((one for one in found if one.subject == wanted.id), None) if wanted else None


def by_guardian(connection: Connection, key: bytes, guardian: str, now: int) -> list[Delegation]:
    """List by what somebody acts for others now; as if they were not there: protected persons and the dead."""
    return list(_running(connection, _of(connection, key, "guardian", guardian), now))


def by_subject(connection: Connection, key: bytes, subject: str, now: int) -> list[Delegation]:
    """List by what others act for somebody now."""
    return list(_running(connection, _of(connection, key, "subject", subject), now))


def running(connection: Connection, key: bytes, now: int) -> list[Delegation]:
    """List all delegations that run now."""
    found = rows(connection, f"SELECT {_COLUMNS} WHERE ended IS NULL ORDER BY since, id")
    return list(_running(connection, (_delegation(key, row) for row in found), now))


def end(connection: Connection, id: str, now: int, why: str) -> None:
    """End a delegation."""
    connection.execute(
        "UPDATE delegation SET ended = ?, why = ? WHERE id = ? AND ended IS NULL", (now, why, id)
    )


def end_all(connection: Connection, person: str, now: int, why: str) -> None:
    """End everything by which others act for a resident."""
    for id in people.family(connection, person):
        connection.execute(
            "UPDATE delegation SET ended = ?, why = ? WHERE subject = ? AND ended IS NULL", (now, why, id)
        )


def end_acting(connection: Connection, person: str, now: int, why: str) -> None:
    """End everything by which a resident acts for others."""
    for id in people.family(connection, person):
        connection.execute(
            "UPDATE delegation SET ended = ?, why = ? WHERE guardian = ? AND ended IS NULL", (now, why, id)
        )


def _running(connection: Connection, found: Iterable[Delegation], now: int) -> Iterator[Delegation]:
    """Give those that run, with both residents as they are now."""
    for delegation in found:
        subject = people.current(connection, delegation.subject)
        guardian = people.current(connection, delegation.guardian)
        if (
            runs(delegation, now)
            and subject is not None
            and guardian is not None
            and not subject.protected
            and subject.id != guardian.id
            and subject.state not in _GONE
            and guardian.state not in _GONE
        ):
            yield Delegation(
                delegation.id,
                guardian.id,
                subject.id,
                delegation.relation,
                delegation.scope,
                delegation.since,
                delegation.until,
            )


def _of(connection: Connection, key: bytes, side: str, person: str) -> list[Delegation]:
    survivor = people.current(connection, person)
    found = [
        row
        for id in people.family(connection, survivor.id if survivor else person)
        for row in rows(connection, f"SELECT {_COLUMNS} WHERE {side} = ? ORDER BY since, id", id)
    ]
    return [_delegation(key, row) for row in found]


def _delegation(key: bytes, row: tuple[Any, ...]) -> Delegation:
    id, guardian, subject, relation, scope, since, until, ended = row
    told = orjson.loads(scope)
    limits = Scope(
        frozenset(map(Act, told["acts"])),
        *(None if told[name] is None else frozenset(told[name]) for name in ("services", "items")),
    )
    end = int(unseal(key, until, _bound(id)))
    return Delegation(id, guardian, subject, Relation(relation), limits, since, end or None, ended)


def _told(scope: Scope) -> str:
    limits = {
        name: None if limit is None else sorted(limit)
        for name, limit in (("services", scope.services), ("items", scope.items))
    }
    return orjson.dumps({"acts": sorted(scope.acts), **limits}).decode()


def _bound(id: str) -> bytes:
    return framed("end of a delegation", id)


def hand_over(connection: Connection, person: str, other: str, since: int) -> None:
    """Give the delegations that were written for or to a resident since a moment to another one."""
    for side in ("guardian", "subject"):
        connection.execute(
            f"UPDATE delegation SET {side} = ? WHERE {side} = ? AND since >= ?",  # noqa: S608  # constant
            (other, person, since),
        )
