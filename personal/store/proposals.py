"""What members of staff propose and others decide."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from base.database import Connection
from personal.store.town import one, rows

_COLUMNS = "id, kind, body, proposed_by, proposed, until, state, decided_by, decided, reason FROM proposal"


class ProposalState(StrEnum):
    """What became of a proposal; one whose time is over stays open and cannot be approved."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something proposed; times in µs."""

    id: str
    kind: str
    body: Any
    proposed_by: str
    proposed: int
    until: int
    state: ProposalState = ProposalState.OPEN
    decided_by: str | None = None
    decided: int | None = None
    reason: str | None = None


def add(connection: Connection, proposal: Proposal) -> None:
    """Write a new proposal."""
    connection.execute(
        "INSERT INTO proposal VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
        (
            proposal.id,
            proposal.kind,
            orjson.dumps(proposal.body).decode(),
            proposal.proposed_by,
            proposal.proposed,
            proposal.until,
            proposal.state,
        ),
    )


def find(connection: Connection, id: str) -> Proposal | None:
    """Find a proposal."""
    row = one(connection, f"SELECT {_COLUMNS} WHERE id = ?", id)
    return None if row is None else _proposal(row)


def listed(connection: Connection, state: ProposalState, most: int) -> list[Proposal]:
    """List proposals in a state, newest first."""
    sql = f"SELECT {_COLUMNS} WHERE state = ? ORDER BY proposed DESC, id LIMIT ?"
    return [_proposal(row) for row in rows(connection, sql, state, most)]


def decide(
    connection: Connection, id: str, state: ProposalState, by: str, now: int, reason: str | None = None
) -> None:
    """Note what became of a proposal."""
    connection.execute(
        "UPDATE proposal SET state = ?, decided_by = ?, decided = ?, reason = ? WHERE id = ?",
        (state, by, now, reason, id),
    )


def _proposal(row: tuple[Any, ...]) -> Proposal:
    id, kind, body, proposed_by, proposed, until, state, *decision = row
    return Proposal(
        id, kind, orjson.loads(body), proposed_by, proposed, until, ProposalState(state), *decision
    )
