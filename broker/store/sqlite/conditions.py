"""Conditions on entities as SQL, in two forms that take the same values, and how they combine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

Bindings = tuple[Any, ...]

KEY: Final = "e.key"
# SQLite takes 500 parts of a UNION, and 1,000 levels of an expression
MOST_PARTS: Final = 200


@dataclass(frozen=True, slots=True)
class Condition:
    """Entities that may be meant: `keys` selects their keys, `test` is true of KEY alone. `exact`: no others are.

    `estimate` says about how many there are. `type` is a type all of them have, as `of_type` entities have it;
    `beside_type` is the test without it.
    `at_once`: to select all keys costs less than to test a few. `size`: of how many conditions it is made.
    """

    keys: str
    test: str
    bindings: Bindings
    estimate: int
    exact: bool = True
    type: int | None = None
    of_type: int = 0
    beside_type: tuple[str, Bindings] = ("", ())
    at_once: bool = False
    size: int = 1


NOTHING: Final = Condition("SELECT key FROM entity WHERE 0", "0", (), 0)


def both(parts: Sequence[Condition | None]) -> Condition | None:
    """Require all parts; None is a condition that SQL cannot say."""
    said = sorted((part for part in parts if part), key=lambda part: part.estimate)
    if not said:
        return None
    exact = len(said) == len(parts) and all(part.exact for part in said)
    first, *others = said
    size = sum(part.size for part in said)
    if not others or size > MOST_PARTS:
        return first if exact and not others else loosened(first)
    tests = _joined(others)
    typed = next((part for part in said if part.type is not None), None)
    beside = [part for part in said if part is not typed]
    return Condition(
        _narrowed(first.keys, tests),
        f"({first.test} AND {tests})",
        _bindings(said),
        first.estimate,
        exact,
        typed.type if typed else None,
        typed.of_type if typed else 0,
        _both_beside(typed, beside) if typed else ("", ()),
        any(part.at_once for part in said),
        size,
    )


def either(parts: Sequence[Condition | None]) -> Condition | None:
    """Require one of the parts; nothing can be said when one part cannot."""
    said = [part for part in parts if part]
    size = sum(part.size for part in said)
    if len(said) < len(parts) or not said or size > MOST_PARTS:
        return None
    if len(said) == 1:
        return said[0]
    return Condition(
        " UNION ALL ".join(part.keys for part in said),
        f"({' OR '.join(part.test for part in said)})",
        _bindings(said),
        sum(part.estimate for part in said),
        all(part.exact for part in said),
        at_once=any(part.at_once for part in said),
        size=size,
    )


def loosened(condition: Condition) -> Condition:
    """Give the same condition as one that is necessary, not sufficient."""
    return replace(condition, exact=False)


def _narrowed(keys: str, tests: str) -> str:
    found = f"WITH first (key) AS ({keys}) SELECT DISTINCT key FROM first"  # noqa: S608  # own text
    tests = tests.replace(KEY, "narrowed.key")
    return f"SELECT key FROM ({found}) AS narrowed WHERE {tests}"  # noqa: S608  # own text, bound values


def _both_beside(typed: Condition, others: Sequence[Condition]) -> tuple[str, Bindings]:
    test, bindings = typed.beside_type
    tests = ([test] if test else []) + [part.test for part in others]
    return " AND ".join(tests), bindings + _bindings(others)


def _joined(parts: Sequence[Condition]) -> str:
    return " AND ".join(part.test for part in parts)


def _bindings(parts: Sequence[Condition]) -> Bindings:
    return tuple(value for part in parts for value in part.bindings)
