"""Questions about the places of the merged model: their parameters, and the same as naive rules. (5.7.2, 4.9, 4.10, 4.19, 4.21)"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.federation.merged import ATTRS, IDS, SCOPE, scope_of, type_of

METRES = 1_113.195
"""From one value to the next: hundredths of a degree on the equator."""
Rule = Callable[[str, dict[str, int]], bool]


@dataclass(frozen=True)
class Question:
    """Parameters of a query, the rules they stand for, and the attributes to show (None: all)."""

    params: dict[str, str]
    rules: tuple[Rule, ...] = ()
    shown: frozenset[str] | None = None

    def meets(self, id: str, values: dict[str, int]) -> bool:
        """Say whether an entity is asked for."""
        return all(rule(id, values) for rule in self.rules)

    def projected(self, entity: dict[str, Any]) -> dict[str, Any]:
        """Leave of an entity what is asked for."""
        if self.shown is None:
            return entity
        return {name: value for name, value in entity.items() if name in self.shown}


def _typed(text: str) -> Question:
    return Question({"type": text}, (lambda id, _: type_of(id) in text,))


def _filtered(kind: str, number: int, name: str) -> Question:
    low, high = number, number + 8
    several: dict[str, tuple[dict[str, str], Rule]] = {
        "more": ({"q": f"{name}>{low}"}, lambda _, values: values.get(name, -1) > low),
        "range": ({"q": f"{name}=={low}..{high}"}, lambda _, values: low <= values.get(name, -1) <= high),
        "both": ({"q": f"a;b>{low}"}, lambda _, values: "a" in values and values.get("b", -1) > low),
        "either": ({"q": f"a<{low}|b"}, lambda _, values: values.get("a", low) < low or "b" in values),
        "lacks": ({"q": f"!{name}"}, lambda _, values: name not in values),
        "near": (_near(low), lambda _, values: abs(values.get("c", 10_000) - low) <= 8),
        "scope": ({"scopeQ": "/x/#"}, lambda id, values: SCOPE in values and scope_of(id).startswith("/x")),
        "id": ({"id": ",".join(IDS[1:3])}, lambda id, _: id in IDS[1:3]),
        "pattern": ({"idPattern": "[034]$"}, lambda id, _: id[-1] in "034"),
    }
    params, rule = several[kind]
    return Question(params, (rule,))


def _near(value: int) -> dict[str, str]:
    return {
        "georel": f"near;maxDistance=={8.5 * METRES:.0f}",
        "geometry": "Point",
        "coordinates": json.dumps([value / 100, 0]),
        "geoproperty": "c",
    }


def _projection(kind: str, name: str) -> Question:
    every = {"id", "type", "scope", *ATTRS}
    several = {
        "attrs": Question(
            {"attrs": name}, (lambda _, values: name in values,), frozenset({*every} - {*ATTRS} | {name})
        ),
        "pick": Question({"pick": f"id,type,{name}"}, (), frozenset({"id", "type", name})),
        "omit": Question({"omit": name}, (), frozenset(every - {name})),
    }
    return several[kind]


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Ask by type, and perhaps by something more."""
    parts = [_typed(draw(st.sampled_from(("A", "B", "A,B", "(A|B)"))))]
    kinds = ("more", "range", "both", "either", "lacks", "near", "scope", "id", "pattern")
    names = st.sampled_from(("a", "b"))
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=2, unique=True))
    for kind in chosen if {"id", "pattern"} - {*chosen} else ("id",):  # no pattern beside ids (5.7.2.4)
        parts.append(_filtered(kind, draw(st.integers(0, 40)), draw(names)))
    if kind := draw(st.sampled_from(("", "", "attrs", "pick", "omit"))):
        parts.append(_projection(kind, draw(names)))
    params = {name: value for part in reversed(parts) for name, value in part.params.items()}
    used = [part for part in parts if part.params.items() <= params.items()]
    return Question(params, tuple(rule for part in used for rule in part.rules), used[-1].shown)
