"""Who may act for somebody else: a guardian or proxy, for what, until when. (民法 818, 838, 858条; issue 5)"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from base.errors import BadRequestData

SECOND: Final = 1_000_000


class Relation(StrEnum):
    """On what it rests that somebody acts for another."""

    PARENT = "parent"  # 親権者
    MINOR_GUARDIAN = "minor-guardian"  # 未成年後見人
    ADULT_GUARDIAN = "adult-guardian"  # 成年後見人
    CURATOR = "curator"  # 保佐人
    ASSISTANT = "assistant"  # 補助人
    PROXY = "proxy"  # 任意代理人: chosen by the subject, who takes it back at will


OF_CHILDREN: Final = frozenset({Relation.PARENT, Relation.MINOR_GUARDIAN})
"""Relations that end at the age limit."""
REVOCABLE: Final = frozenset({Relation.PROXY})
"""Relations that the subject ends alone; a law or a court set the others."""


class Act(StrEnum):
    """What may be done for somebody."""

    SEE = "see"  # accesses, consents, which items there are and what they say
    CONSENT = "consent"  # give, refuse and withdraw
    WRITE = "write"  # store and erase items, choose where they live
    RIGHTS = "rights"  # requests for disclosure, correction, stop of use; export


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may do for another; None: every service, every item."""

    acts: frozenset[Act]
    services: frozenset[str] | None = None
    items: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Delegation:
    """That one resident acts for another; times in µs, `until` None: until it is ended."""

    id: str
    guardian: str
    subject: str
    relation: Relation
    scope: Scope
    since: int
    until: int | None = None
    ended: int | None = None


def runs(delegation: Delegation, now: int) -> bool:
    """Say whether a delegation is in force at a moment."""
    return (
        delegation.ended is None
        and delegation.since <= now
        and (delegation.until is None or now < delegation.until)
    )


def permits(scope: Scope, act: Act, service: str | None, items: Iterable[str]) -> bool:
    """Say whether a scope lets somebody do this, with all of these items, for this service (None: for none)."""
    return (
        act in scope.acts
        and (scope.services is None or service is None or service in scope.services)
        and (scope.items is None or all(item in scope.items for item in items))
    )


def wider(old: Delegation, scope: Scope, until: int | None) -> bool:
    """Say whether a scope and an end let somebody do anything more, or longer, than a delegation does."""
    later = old.until is not None and (until is None or until > old.until)
    return (
        later
        or not scope.acts <= old.scope.acts
        or _more(old.scope.services, scope.services)
        or _more(old.scope.items, scope.items)
    )


def of_age(birth_date: str, age: int) -> int:
    """Give the moment (µs) at which somebody reaches an age, midnight in Japan. (年齢計算ニ関スル法律: 前日の満了)"""
    try:
        born = date.fromisoformat(birth_date)
        year = born.year + age
        # who is born on 29 February reaches an age at the end of 28 February: with the beginning of 1 March
        leap = born.month == 2 and born.day == 29 and not _is_leap(year)
        reached = date(year, 3, 1) if leap else date(year, born.month, born.day)
    except ValueError:
        raise BadRequestData("The birth date is no date such as 2015-04-01.") from None
    return int(datetime(reached.year, reached.month, reached.day, tzinfo=UTC).timestamp() - _JAPAN) * SECOND


def ends(relation: Relation, wanted: int | None, adult: int | None) -> int | None:
    """Say when a delegation ends by itself: as wanted, for children at the latest when they are of age."""
    if relation not in OF_CHILDREN:
        return wanted
    if adult is None:
        raise BadRequestData(f"For the relation {relation} give the child's birth date.")
    return adult if wanted is None else min(wanted, adult)


_JAPAN: Final = 9 * 3_600


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _more(old: frozenset[str] | None, new: frozenset[str] | None) -> bool:
    """Say whether a new limit lets more through than an old one; None lets all through."""
    return old is not None and (new is None or not new <= old)
