"""What a case is: a clause, what it demands, and the story that shows whether a broker keeps to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from conformance.subject import Subject

PROFILES: Final = ("core", "full", "federation")
"""Each profile holds the ones before it."""
_OF_CORE: Final = frozenset(
    {"batch", "purge", "discovery", "tenants", "subscriptions", "callbacks", "contexts"}
)

Story = Callable[["Subject"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """One black-box case."""

    name: str
    clauses: tuple[str, ...]
    demand: str
    feature: str
    profile: str
    needs: tuple[str, ...]
    seconds: float
    waits: bool
    alone: bool
    story: Story = field(repr=False)

    def of_clause(self, clause: str) -> bool:
        """Say whether the case belongs to a clause or to one below it."""
        return any(c == clause or c.startswith(clause + ".") for c in self.clauses)


def case(
    clauses: str,
    demand: str,
    *,
    feature: str,
    profile: str = "core",
    needs: tuple[str, ...] = (),
    seconds: float = 30.0,
    waits: bool = False,
    alone: bool = False,
) -> Callable[[Story], Case]:
    """Make a case of a story.

    `clauses`: "5.6.1.4" or several with a comma. `feature`: the row of the report. `needs`: names in features.py
    without which the case does not apply; those beyond entities, queries and subscriptions make its profile "full".
    `waits`: it mostly sleeps (it starts first). `alone`: it looks at things all cases share (lists of all @contexts,
    …), so nothing else runs beside it.
    """
    if profile not in PROFILES:
        raise ValueError(f"a case's profile is one of {', '.join(PROFILES)}, not {profile}")
    held_by = "full" if profile == "core" and not _OF_CORE.issuperset(needs) else profile

    def make(story: Story) -> Case:
        chapter = story.__module__.rpartition(".")[2]
        name: Any = getattr(story, "__name__", "case")
        listed = tuple(clause.strip() for clause in clauses.split(","))
        return Case(
            f"{chapter}.{name}", listed, demand, feature, held_by, needs, seconds, waits, alone, story
        )

    return make
