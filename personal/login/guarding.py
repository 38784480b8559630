"""Guessing at logins: who fails too often has to wait, by account and by network; residents see that somebody tried.

What is refused says nothing about whether there is such an account, and the same for all reasons. (ASVS 5.0 6.3)
"""

from dataclasses import dataclass, field
from typing import Final

from base import clock
from base.database import Connection
from base.errors import Problem, TooManyRequests
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Who
from personal.operations.town import Town
from personal.rules.identifiers import blind
from personal.store import factors

KEY: Final = "login"
SPAN: Final = 15 * 60 * clock.SECOND
"""For how long what went wrong counts, so the longest one has to wait (µs)."""
MOST_OF_ACCOUNT: Final = 5
MOST_OF_NETWORK: Final = 100
"""Many people may stand behind one address."""
_ACCOUNT: Final = "failed-account"
_NETWORK: Final = "failed-network"


@dataclass(frozen=True, slots=True)
class Attempted:
    """Keyed hashes of the account somebody tries and the network they come from; none: that does not count."""

    account: bytes | None = field(repr=False)
    network: bytes | None = field(repr=False)

    def each(self) -> tuple[bytes, ...]:
        """Give those that count."""
        return tuple(one for one in (self.account, self.network) if one is not None)


async def attempted(town: Town, account: str, network: str = "") -> Attempted:
    """Hash which account is tried (any text that names it) and from which network; empty: that does not count."""
    key = await town.keys.named(KEY)
    tried = blind(key, _ACCOUNT, account) if account else None
    return Attempted(tried, blind(key, _NETWORK, network) if network else None)


def check(db: Connection, tried: Attempted, now: int) -> None:
    """Refuse who failed too often lately; before anything is compared."""
    failed = 0 if tried.account is None else factors.failures(db, tried.account, now - SPAN)
    from_there = 0 if tried.network is None else factors.failures(db, tried.network, now - SPAN)
    if failed >= MOST_OF_ACCOUNT or from_there >= MOST_OF_NETWORK:
        raise wait()


def note(db: Connection, tried: Attempted, now: int) -> int:
    """Note that somebody tried in vain; say how often it was lately with that account."""
    for about in tried.each():
        factors.fail(db, about, now, SPAN)
    return 0 if tried.account is None else factors.failures(db, tried.account, now - SPAN)


def failed(db: Connection, tried: Attempted, who: Who, person: str, method: str, now: int) -> int:
    """Note it in the log, too, for whom it concerns if known; say how often it was lately.

    It has to stand in a transaction that is not undone by refusing.
    """
    if person and who is Who.RESIDENT:
        log.append(db, Entry("login-refused", {"method": method}, {"subject": person}), now)
    elif person:
        log.append(db, Entry("login-refused", {"method": method, "member": person}), now)
    return note(db, tried, now)


def succeeded(db: Connection, tried: Attempted) -> None:
    """Forget what went wrong before with an account; not with its network, where others may guess."""
    if tried.account is not None:
        factors.forgive(db, tried.account)


def wait() -> Problem:
    """Refuse for now, whoever asks and whatever they know."""
    return TooManyRequests(
        "There were too many attempts. Wait a quarter of an hour.",
        headers={"Retry-After": str(SPAN // clock.SECOND)},
    )
