"""Logging in with a card at a desk: what a browser wants, what the card answers, what becomes of it. (card.md 6.3)

The browser and the desk meet by the name of a transaction. It is for one browser, for the desk that claims it first,
and used once. The desk gets a second secret with its answer and sends the browser back with it: so only the browser
in front of the desk goes on, and a transaction that somebody else began elsewhere serves nobody.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from base import clock
from base.database import Connection
from personal.rules.identifiers import fresh
from personal.store import attempts
from personal.store.attempts import Attempt

KIND: Final = "card"
LIFE: Final = 2 * 60 * clock.SECOND
TYPE: Final = "engawa-login"
"""What a document is for logging in; no decision on consents has this member."""


class Wants(StrEnum):
    """What the card does."""

    PIN = "pin"
    CONTACTLESS = "contactless"


class State(StrEnum):
    """How far a transaction is."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"
    REGISTER = "register"
    REFUSED = "refused"


ANSWERED: Final = frozenset({State.DONE, State.REGISTER, State.REFUSED})


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction. at: when what is signed has to hold (µs); desk: the only one that may claim it, empty: any.

    kiosk: the desk on which the browser stands; to, prepared, session: for a decision, where it is sent, what was
    prepared, whose login began it; card: keyed hash; good: until when it is valid (µs); code: the second secret;
    basics: what the desk read.
    """

    document: Mapping[str, Any] = field(repr=False)
    says: Mapping[str, str]
    wants: str
    at: int
    until: int
    next: str
    desk: str = ""
    kiosk: str = ""
    to: str = ""
    prepared: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    state: str = State.OPEN
    reason: str = ""
    tries: int = -1
    card: str = field(default="", repr=False)
    token: str = ""
    good: int = 0
    code: str = field(default="", repr=False)
    evidence: Mapping[str, Any] = field(default_factory=dict, repr=False)
    basics: Mapping[str, str] = field(default_factory=dict, repr=False)
    former: str = field(default="", repr=False)

    @property
    def staff(self) -> bool:
        """Say whether staff want to know whose card it is; residents always go on to some page."""
        return not self.next


def login_document(town: str, purpose: str, audience: str, until: int) -> dict[str, Any]:
    """Write down what a card signs to log in. (card.md 6.3)"""
    return {
        "typ": TYPE,
        "municipality": town,
        "purpose": purpose,
        "nonce": secrets.token_urlsafe(32),
        "audience": audience,
        "expires": clock.show(until),
    }


def begin(db: Connection, key: bytes, wanted: Transaction, binding: bytes, now: int) -> str:
    """Keep what a browser wants; give the name of the transaction."""
    return attempts.keep(db, key, Attempt(KIND, binding, asdict(wanted), wanted.until), now)


def claim(db: Connection, key: bytes, name: str, desk: str, now: int) -> Transaction | None:
    """Give a transaction to the desk that asks first; None for every other one."""
    found = of_desk(db, key, name, desk, now)
    if found is None or found.state not in (State.OPEN, State.CLAIMED):
        return None
    claimed = replace(found, state=State.CLAIMED, desk=desk)
    keep(db, key, name, claimed)
    return claimed


def of_desk(db: Connection, key: bytes, name: str, desk: str, now: int) -> Transaction | None:
    """Look at a transaction as a desk may: it is nobody's yet, or its own."""
    body = attempts.peek(db, key, name, KIND, None, now)
    found = None if body is None else Transaction(**body)
    return None if found is None or found.desk not in ("", desk) else found


def keep(db: Connection, key: bytes, name: str, changed: Transaction) -> None:
    """Write down how far a transaction is."""
    attempts.change(db, key, name, KIND, asdict(changed))


def answered(found: Transaction, state: State, reason: str = "", **more: Any) -> Transaction:
    """Say what became of a transaction; with the secret that brings its browser back."""
    return replace(found, state=state, reason=reason, code=fresh(), **more)


def take(db: Connection, key: bytes, name: str, code: str, binding: bytes, now: int) -> Transaction | None:
    """Finish a transaction for the browser that began it and stood at the desk; None if it is not that, or over.

    It is over, too, when its code comes from another browser: somebody was lured to the desk, and may read the
    address that they see out to whoever did that.
    """
    body = attempts.peek(db, key, name, KIND, None, now)
    found = None if body is None else Transaction(**body)
    if found is None or found.state not in ANSWERED:
        return None
    mine = attempts.peek(db, key, name, KIND, binding, now) is not None
    coded = hmac.compare_digest(found.code.encode(), code.encode())
    if not coded and not (mine and found.state == State.REFUSED):
        return None
    attempts.take(db, key, name, KIND, None, now)
    return found if mine else None
