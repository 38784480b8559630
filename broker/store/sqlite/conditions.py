"""Conditions on entities as SQL, in two forms that take the same bindings, and how they combine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Condition:
    """Entities that may be meant: `keys` selects their keys, `test` is true of e.key; `exact`: no others."""

    keys: str
    test: str
    bindings: tuple[Any, ...]
    estimate: int
    exact: bool = True
    type: int | None = None  # the condition is: being of this one type


NOTHING: Final = Condition("SELECT key FROM entity WHERE 0", "0", (), 0)


def both(parts: Sequence[Condition | None]) -> Condition | None:
    """Require all parts; None is a condition that SQL cannot say."""
    said = sorted((part for part in parts if part), key=lambda part: part.estimate)
    if not said:
        return None
    exact = len(said) == len(parts) and all(part.exact for part in said)
    first, *others = said
    if not others:
        return first if exact else loosened(first)
    tests = " AND ".join(part.test for part in others)
    return Condition(
        f"SELECT e.key FROM entity e WHERE e.key IN ({first.keys}) AND {tests}",  # noqa: S608  # own text, bound values
        f"({first.test} AND {tests})",
        tuple(value for part in said for value in part.bindings),
        first.estimate,
        exact,
    )


def either(parts: Sequence[Condition | None]) -> Condition | None:
    """Require one of the parts; nothing can be said when one part cannot."""
    said = [part for part in parts if part]
    if len(said) < len(parts) or not said:
        return None
    if len(said) == 1:
        return said[0]
    return Condition(
        " UNION ALL ".join(part.keys for part in said),
        f"({' OR '.join(part.test for part in said)})",
        tuple(value for part in said for value in part.bindings),
        sum(part.estimate for part in said),
        all(part.exact for part in said),
    )


def loosened(condition: Condition) -> Condition:
    """Give the same condition as one that is necessary, not sufficient."""
    return Condition(condition.keys, condition.test, condition.bindings, condition.estimate, exact=False)
