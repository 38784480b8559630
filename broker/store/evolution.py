"""What any store offers on the Temporal Evolution of entities: history, written by every change. (4.5.6, 5.6.11, 5.7.3)

A history belongs to an entity id, whether the entity is in the current state, was deleted, or was only ever
given to /temporal. An instance is the Instance of broker/model/document.py with

    "instanceId": urn, "createdAt": µs, "modifiedAt": µs, "observedAt": the caller's text (if there is one),
    "deletedAt": µs                                       a deletion: its value member is NULL (4.5.7, 4.5.8)

Scope evolves as a Property named SCOPE whose value is a list of scopes. (4.5.6)
The time of an instance is its observedAt; without one its deletedAt, or else its modifiedAt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from base.errors import ResourceNotFound
from broker.language.selection import Selection, Window
from broker.language.span import Span
from broker.model.document import Document, Instance
from broker.model.retention import Policy

Instances = Mapping[str, Sequence[Instance]]
"""Instances by attribute (IRI); several of one datasetId differ in time."""

Axis = Literal["observedAt", "modifiedAt"]
"""The order of instances in which an entity at a time is looked for."""

InstanceRule = Callable[[Instance], Instance]
"""What becomes of an instance; pure and repeatable. It refuses by raising a Problem."""

Permit = Callable[[Document | None], None]
"""Says whether a history may be changed, given what it is judged by; pure and repeatable. It raises to refuse."""


@dataclass(frozen=True, slots=True)
class History:
    """The frame of a Temporal Evolution; `deleted` is the time when the entity left the current state."""

    id: str
    types: tuple[str, ...]
    created: int
    modified: int
    deleted: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which instances of an entity are wanted. (5.7.3)

    attrs, dataset_ids: None for all (DEFAULT_DATASET names the default one); span: None for all, even those without
    an observedAt; last: that many latest instances per attribute; most: no more than that many altogether.
    """

    attrs: frozenset[str] | None = None
    span: Span | None = None
    last: int | None = None
    dataset_ids: frozenset[str] | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Evolution:
    """Instances by attribute, each in the order of time, earliest first.

    cut: None where nothing is missing; else every wanted instance up to that time (with `last`: from that time on)
    is there, and others are left out. It is the time of the Temporal Property of the span. (6.3.10)
    """

    instances: dict[str, list[Instance]]
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """What evolves of an entity: the instances of one attribute and one dataset (DEFAULT_DATASET: without datasetId).

    kind is the attribute type of the latest instance; first and last are times of the span's Temporal Property.
    """

    attr: str
    dataset_id: str
    kind: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Sums:
    """Figures over the numbers among the values of a period; with `others` the caller has to look at the instances.

    count counts the numbers, others the instances whose value is not a number; deletions count in neither.
    distinct and deviation (sum of squared distances from the mean) are 0 unless asked for.
    """

    count: int = 0
    others: int = 0
    sum: float = 0
    min: float = 0
    max: float = 0
    squares: float = 0
    distinct: int = 0
    deviation: float = 0


@dataclass(frozen=True, slots=True)
class Histories:
    """A page of ids in a stable order, the count of all if it was asked for, whether more follow."""

    ids: Sequence[str]
    count: int | None
    more: bool


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open interval in µs, and what was measured in it."""

    start: int
    end: int
    sums: Sums = field(default_factory=Sums)


class Evolutions(Protocol):
    """Temporal Evolutions to be read: those of one store, or joined with what sources tell of them."""

    def history(self, id: str) -> History | None:
        """Give the frame of a history; None if there is none."""

    async def evolution(self, id: str, asked: Asked) -> Evolution:
        """Give the instances of an entity; empty where there is no history. (5.7.3.4)"""

    async def sums(
        self,
        id: str,
        attr: str,
        periods: Sequence[tuple[int, int]],
        *,
        span: Span,
        dataset_ids: frozenset[str] | None = None,
        extra: frozenset[str] = frozenset(),
    ) -> list[Period]:
        """Measure the numbers of an attribute in each period of the span's Temporal Property. (4.5.19)

        extra: 'distinct' and 'deviation' where they are needed.
        """

    async def series(
        self,
        id: str,
        attrs: frozenset[str] | None,
        span: Span,
        *,
        dataset_ids: frozenset[str] | None = None,
    ) -> list[Series]:
        """List the series that have instances in a span, scope among them, deletions counted; by attribute and dataset.

        Aggregated values and pages that were cut name their attributes by it.
        """

    async def find(self, selection: Selection, span: Span | None, window: Window) -> Histories:
        """Find the histories that a temporal query selects. (5.7.4.4)

        An instance of a wanted attribute must lie in the span; q and geo look at the instances in it, scope at the
        scopes that were valid in it. Ids come in a stable order; TooComplexQuery when it costs too much.
        """


class HistoryStore(Evolutions, Protocol):
    """The histories of one tenant. What changes them returns after the commit: on disk.

    A permit is asked within the transaction of the change it is given to, so that nothing changes between.
    """

    @property
    def policy(self) -> Policy:
        """Give what is written and kept."""

    async def set_policy(self, body: Mapping[str, Any] | None) -> Policy:
        """Change what is written and kept from now on; None: as the settings of the broker say."""

    async def tidy(self, now: int) -> int:
        """Thin and drop by the rules of the policy, in small transactions; say how many instances went."""

    def judged(self, id: str) -> Document | None:
        """Give what a history's visibility is judged by: the entity as it is, or types and scope as it went."""

    async def add(
        self,
        id: str,
        types: Sequence[str],
        instances: Instances,
        now: int,
        *,
        new: bool = True,
        permit: Permit | None = None,
    ) -> bool:
        """Add instances and types to a history, made where it is absent; say whether it was made. (5.6.11, 5.6.12)

        An instance replaces the one with the same datasetId and observedAt, and keeps its instanceId and createdAt.
        new=False: ResourceNotFound where the history is absent.
        """

    async def delete(self, id: str, *, permit: Permit | None = None) -> None:
        """Remove a history; ResourceNotFound if there is none. (5.6.16)"""

    async def delete_attribute(
        self, id: str, attr: str, dataset_id: str | None = None, *, permit: Permit | None = None
    ) -> None:
        """Remove the instances of an attribute, of one dataset or (None) of all; ResourceNotFound. (5.6.13)"""

    async def change_instance(
        self,
        id: str,
        attr: str,
        instance_id: str,
        rule: InstanceRule,
        now: int,
        *,
        permit: Permit | None = None,
    ) -> None:
        """Replace one instance by what the rule makes of it; instanceId and createdAt stay. (5.6.14)

        ResourceNotFound names what is missing: the history, the attribute or the instance.
        """

    async def delete_instance(
        self, id: str, attr: str, instance_id: str, *, permit: Permit | None = None
    ) -> None:
        """Remove one instance; ResourceNotFound names what is missing. (5.6.15)"""

    async def as_of(self, id: str, at: int, by: Axis = "observedAt") -> Document | None:
        """Give an entity as it was at a time: the latest instance of each dataset until then; None: it was not there.

        by 'observedAt': an instance counts from the time it was observed at (without one: modifiedAt), whenever the
        broker heard of it. by 'modifiedAt': what the broker would have answered at that time.
        """

    async def find_as_of(
        self, selection: Selection, window: Window, at: int, by: Axis = "observedAt"
    ) -> Histories:
        """Find the entities that a selection would have found at a time."""


def no_history() -> ResourceNotFound:
    """Say that there is no such history."""
    return ResourceNotFound("There is no Temporal Evolution of an entity with this id in this tenant")
