"""Demands on what was seen: each says what it demands, and when it fails also what it saw."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from conformance.exchange import Exchange
from conformance.verdict import Failure

ABSENT: Final = object()
_SHOWN: Final = 400
_DIFFERENCES: Final = 8
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d{1,6})?Z")


def shown(value: Any) -> str:
    """Write a value for a person, shortened."""
    if value is ABSENT:
        return "nothing"
    try:
        text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def equal(a: Any, b: Any) -> bool:
    """Say whether two JSON values are equal: 1 is 1.0, but 1 is not true."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def differences(expected: Any, seen: Any, place: str = "", *, whole: bool = True) -> Iterator[str]:
    """Name each place where the seen value differs; without `whole`, members beyond the expected are allowed."""
    name = place or "the value"
    if isinstance(expected, Mapping) and isinstance(seen, Mapping):
        for key in [*expected, *((k for k in seen if k not in expected) if whole else ())]:
            below = f"{place}.{key}" if place else str(key)
            if key not in seen:
                yield f"{below} is absent instead of {shown(expected[key])}"
            elif key not in expected:
                yield f"{below} is there: {shown(seen[key])}"
            else:
                yield from differences(expected[key], seen[key], below, whole=whole)
    elif isinstance(expected, list) and isinstance(seen, list):
        if len(expected) != len(seen):
            yield f"{name} has {len(seen)} items instead of {len(expected)}: {shown(seen)}"
            return
        for index, (x, y) in enumerate(zip(expected, seen, strict=True)):
            yield from differences(x, y, f"{place}[{index}]", whole=whole)
    elif not equal(expected, seen):
        yield f"{name} is {shown(seen)} instead of {shown(expected)}"


class Seen:
    """Something that was seen, with a name; each demand on it returns it, so that demands may be chained."""

    def __init__(self, value: Any, name: str, exchange: Exchange | None = None) -> None:
        self.value = value
        self.name = name
        self._exchange = exchange

    def at(self, *path: str | int) -> "Seen":
        """Demand that there is a value at a path, and look at it."""
        value, name = self.value, self.name
        for step in path:
            name = f"{name}[{step}]" if isinstance(step, int) else f"{name}.{step}"
            found = _below(value, step)
            if found is ABSENT:
                raise Failure(f"{name} is there", f"it is not in {shown(value)}", self._exchange)
            value = found
        return Seen(value, name, self._exchange)

    def equals(self, expected: Any) -> "Seen":
        """Demand exactly this value."""
        return self._alike(expected, f"{self.name} is {shown(expected)}", whole=True)

    def has(self, expected: Any = None, **members: Any) -> "Seen":
        """Demand these members, at any depth; others may stand beside them."""
        wanted = {**(expected or {}), **members} if members else expected
        return self._alike(wanted, f"{self.name} has {shown(wanted)}", whole=False)

    def lacks(self, *names: str) -> "Seen":
        """Demand that no member, item or part of the text has one of these names."""
        there = [name for name in names if name in (self.value or ())]
        return self.holds(
            not there, f"lacks {', '.join(names)}", f"{', '.join(there)} in {shown(self.value)}"
        )

    def contains(self, *items: Any) -> "Seen":
        """Demand that a list or text contains all of these."""
        holder = self.value if isinstance(self.value, list | str) else []
        missing = [x for x in items if not _within(x, holder)]
        return self.holds(not missing, f"contains {', '.join(map(shown, items))}")

    def unordered(self, expected: Iterable[Any]) -> "Seen":
        """Demand a list of exactly these items, in any order."""
        wanted = sorted(expected, key=_ranked)
        seen = sorted(self.value, key=_ranked) if isinstance(self.value, list) else self.value
        ok = not any(True for _ in differences(wanted, seen))
        return self.holds(ok, f"is {shown(wanted)} in any order")

    def ids(self, *expected: Any, ordered: bool = False) -> "Seen":
        """Demand a list of exactly these entities (or identifiers)."""
        wanted = [x["id"] if isinstance(x, Mapping) else x for x in expected]
        found = [_below(x, "id") for x in self.value] if isinstance(self.value, list) else None
        seen = found if found is None or ordered else sorted(map(str, found))
        ok = seen == (wanted if ordered else sorted(wanted))
        order = " in this order" if ordered else ""
        return self.holds(
            ok, f"has exactly the ids {shown(wanted)}{order}", shown(self.value if found is None else found)
        )

    def one_of(self, *allowed: Any) -> "Seen":
        """Demand one of these values."""
        return self.holds(
            any(equal(self.value, x) for x in allowed), f"is one of {', '.join(map(shown, allowed))}"
        )

    def differs(self, other: Any) -> "Seen":
        """Demand any other value."""
        return self.holds(not equal(self.value, other), f"is not {shown(other)}")

    def matches(self, pattern: str) -> "Seen":
        """Demand a text that matches a regular expression as a whole."""
        return self.holds(
            isinstance(self.value, str) and re.fullmatch(pattern, self.value) is not None,
            f"matches {pattern}",
        )

    def counts(self, number: int) -> "Seen":
        """Demand a list, object or text of this length."""
        sized = isinstance(self.value, list | dict | str)
        seen = f"{len(self.value)}: {shown(self.value)}" if sized else shown(self.value)
        return self.holds(sized and len(self.value) == number, f"has {number} items", seen)

    def is_a(self, kind: type) -> "Seen":
        """Demand a JSON type: dict, list, str, int, float, bool."""
        ok = isinstance(self.value, kind) and (kind is bool or not isinstance(self.value, bool))
        return self.holds(ok, f"is a JSON {_KINDS.get(kind, kind.__name__)}")

    def is_time(self) -> "Seen":
        """Demand a DateTime in UTC. (4.6.3)"""
        text = self.value if isinstance(self.value, str) else ""
        ok = _TIME.fullmatch(text) is not None
        if ok:
            try:
                datetime.fromisoformat(text.replace(",", "."))
            except ValueError:
                ok = False
        return self.holds(ok, "is a DateTime in UTC such as 2026-01-31T12:00:00Z")

    def close_to(self, number: float, within: float = 1e-6) -> "Seen":
        """Demand a number near this one."""
        ok = isinstance(self.value, int | float) and abs(self.value - number) <= within
        return self.holds(ok, f"is {number} (±{within})")

    def each(self, check: Callable[["Seen"], object]) -> "Seen":
        """Demand the same of each item of a list."""
        self.is_a(list)
        for index in range(len(self.value)):
            check(self.at(index))
        return self

    def holds(self, ok: bool, demanded: str, seen: str = "") -> "Seen":
        """Demand what a sentence says, its subject being the name."""
        if not ok:
            raise Failure(f"{self.name} {demanded}", seen or shown(self.value), self._exchange)
        return self

    def _alike(self, expected: Any, demanded: str, *, whole: bool) -> "Seen":
        found = list(differences(expected, self.value, whole=whole))
        if found:
            more = f" (and {len(found) - _DIFFERENCES} more)" if len(found) > _DIFFERENCES else ""
            raise Failure(demanded, "; ".join(found[:_DIFFERENCES]) + more, self._exchange)
        return self


_KINDS: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "true or false",
}


def expect(value: Any, name: str) -> Seen:
    """Look at any value: `expect(total, "the sum").equals(5)`."""
    return Seen(value, name)


def demand(ok: bool, demanded: str, seen: Any) -> None:
    """Demand what a whole sentence says."""
    if not ok:
        raise Failure(demanded, seen if isinstance(seen, str) else shown(seen))


def _below(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and -len(value) <= step < len(value) else ABSENT
    return value.get(step, ABSENT) if isinstance(value, Mapping) else ABSENT


def _ranked(item: Any) -> bytes:
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def _within(item: Any, holder: list[Any] | str) -> bool:
    if isinstance(holder, str):
        return isinstance(item, str) and item in holder
    return any(equal(item, x) for x in holder)
