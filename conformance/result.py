"""What came of a case, and of a whole run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from conformance.exchange import Exchange

PASSED: Final = "pass"
FAILED: Final = "fail"
NOT_APPLICABLE: Final = "not applicable"
OUTCOMES: Final = (PASSED, FAILED, NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case."""

    name: str
    clauses: tuple[str, ...]
    demand: str
    feature: str
    profile: str
    outcome: str
    demanded: str = ""
    seen: str = ""
    seconds: float = 0.0
    exchanges: tuple[Exchange, ...] = ()
    shown: int = -1
    """Which exchange the failed demand is about; -1: none."""

    @property
    def clause(self) -> str:
        """Give the first clause."""
        return self.clauses[0] if self.clauses else ""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run: the results and the circumstances."""

    title: str
    environment: Mapping[str, str]
    results: tuple[Result, ...]
    started: str = ""
    seconds: float = 0.0
    absent: Mapping[str, str] = field(default_factory=dict)
    """Features that are absent and why."""

    def with_outcome(self, outcome: str) -> list[Result]:
        """Give the results of one outcome."""
        return [r for r in self.results if r.outcome == outcome]

    @property
    def failed(self) -> list[Result]:
        """Give the failures."""
        return self.with_outcome(FAILED)

    def counts(self) -> dict[str, int]:
        """Count the outcomes."""
        return counts(self.results)


def counts(results: Iterable[Result]) -> dict[str, int]:
    """Count the outcomes of some results."""
    found = dict.fromkeys(OUTCOMES, 0)
    for result in results:
        found[result.outcome] += 1
    return found
