"""Comparing two reports: what got better, what worse."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from conformance.result import FAILED, NOT_APPLICABLE, PASSED, Report, Result

WORSE: Final = "worse"
BETTER: Final = "better"
STILL: Final = "still failing"
APPEARED: Final = "new"
GONE: Final = "gone"
OTHER: Final = "no longer judged"
KINDS: Final = (WORSE, BETTER, STILL, APPEARED, GONE, OTHER)


@dataclass(frozen=True, slots=True)
class Change:
    """One case in two reports."""

    kind: str
    name: str
    before: Result | None
    after: Result | None

    @property
    def result(self) -> Result:
        """Give the newer result there is."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports and what lies between them."""

    before: Report
    after: Report
    changes: tuple[Change, ...]

    def of(self, kind: str) -> list[Change]:
        """Give the changes of one kind."""
        return [change for change in self.changes if change.kind == kind]

    @property
    def worse(self) -> bool:
        """Say whether anything got worse: passed before, or is new, and fails now."""
        news = (c for c in self.of(APPEARED) if c.result.outcome == FAILED)
        return bool(self.of(WORSE)) or any(True for _ in news)


def compare(before: Report, after: Report) -> Comparison:
    """Compare two reports case by case."""
    old, new = _by_name(before.results), _by_name(after.results)
    changes = (_change(name, old.get(name), new.get(name)) for name in {**old, **new})
    return Comparison(before, after, tuple(change for change in changes if change is not None))


def _by_name(results: Iterable[Result]) -> dict[str, Result]:
    return {result.name: result for result in results}


def _change(name: str, old: Result | None, new: Result | None) -> Change | None:
    if old is None or new is None:
        return Change(APPEARED if old is None else GONE, name, old, new)
    if (kind := _kind(old.outcome, new.outcome)) is None:
        return None
    return Change(kind, name, old, new)


def _kind(old: str, new: str) -> str | None:
    if new == FAILED:
        return STILL if old == FAILED else WORSE
    if new == NOT_APPLICABLE:
        return None if old == NOT_APPLICABLE else OTHER
    return None if old == PASSED else BETTER
