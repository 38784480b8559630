"""Finding the cases and choosing among them."""

import importlib
import pkgutil
from collections.abc import Iterable

from conformance import cases
from conformance.case import PROFILES, Case
from conformance.clauses import clause_key


def all_cases() -> list[Case]:
    """Load the modules of conformance/cases and give their cases, ordered by clause."""
    found: list[Case] = []
    for module in pkgutil.iter_modules(cases.__path__):
        loaded = importlib.import_module(f"{cases.__name__}.{module.name}")
        found += [
            x for x in vars(loaded).values() if isinstance(x, Case) and x.story.__module__ == loaded.__name__
        ]
    return sorted(found, key=lambda c: (clause_key(c.clauses[0]), c.name))


def chosen(
    found: Iterable[Case],
    *,
    profile: str = "full",
    clauses: Iterable[str] = (),
    features: Iterable[str] = (),
    names: Iterable[str] = (),
) -> list[Case]:
    """Choose the cases of a profile, further by clause, feature or name where any is given."""
    held = PROFILES[: PROFILES.index(profile) + 1]
    by_clause, by_feature, by_name = list(clauses), [f.lower() for f in features], list(names)
    return [
        c
        for c in found
        if c.profile in held
        and (not by_clause or any(map(c.of_clause, by_clause)))
        and (not by_feature or c.feature.lower() in by_feature)
        and (not by_name or any(n in (c.name, c.name.partition(".")[0]) for n in by_name))
    ]
