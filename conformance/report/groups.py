"""Results by clause and by feature."""

from collections.abc import Callable, Iterable

from conformance.clauses import clause_key, group_of
from conformance.result import Result


def by_clause(results: Iterable[Result]) -> list[tuple[str, list[Result]]]:
    """Group results by operation or chapter, in the order of the specification."""
    grouped = _grouped(results, lambda r: group_of(r.clause))
    return sorted(grouped, key=lambda pair: clause_key(pair[0]))


def by_feature(results: Iterable[Result]) -> list[tuple[str, list[Result]]]:
    """Group results by feature."""
    return sorted(_grouped(results, lambda r: r.feature))


def _grouped(results: Iterable[Result], key: Callable[[Result], str]) -> list[tuple[str, list[Result]]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(key(result), []).append(result)
    return list(found.items())
