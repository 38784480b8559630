"""What any store offers to take a tenant out as a whole and to put one back: everything as it is, times included.

Nothing here notifies anybody or writes history: what is put back happened before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from base.errors import Problem
from broker.model.document import Document, Instance


@dataclass(frozen=True, slots=True)
class Life:
    """What an entity was until a time (µs): when it was created, its types; None: it was not there."""

    until: int
    created: int | None
    types: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Past:
    """A history without its instances; `types` are those it has beside the entity's present ones."""

    id: str
    types: tuple[str, ...]
    created: int
    modified: int
    deleted: int | None
    lives: tuple[Life, ...] = ()


@dataclass(frozen=True, slots=True)
class Instances:
    """Instances of a history, each with its attribute (IRI) and its instanceId."""

    id: str
    several: tuple[tuple[str, Instance], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object of any kind, with the time it expires (µs)."""

    kind: str
    id: str
    body: dict[str, Any]
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as it is kept, under its key."""

    key: str
    body: dict[str, Any]


Item = Document | Past | Instances | Record | Subscription
Restored = bool | Problem
"""Whether something new was put back; the Problem that refused it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held under one key, an entity, its history or both, in the order of creation."""

    key: int
    document: Document | None
    past: Past | None


Place = tuple[int, int, int, int]
START: Place = (-1, 0, 0, 0)


class View(Protocol):
    """All that a tenant holds at one moment, whatever changes meanwhile; used by one thread at a time."""

    origin: str
    """What the instanceIds of this tenant begin with."""

    def held(self, after: int, limit: int) -> list[Held]:
        """Give the next entities and histories after a key."""

    def instances(self, key: int, after: Place, limit: int) -> tuple[list[tuple[str, Instance]], Place]:
        """Give the next instances of a history after a place, and the place reached."""

    def subscriptions(self) -> list[dict[str, Any]]:
        """Give all subscriptions as they are kept."""

    def records(self, kinds: Sequence[str]) -> list[Record]:
        """Give the records of some kinds."""

    def close(self) -> None:
        """End the view."""


class Transfer(Protocol):
    """Takes a tenant out, puts things back."""

    async def view(self) -> View:
        """Give a view of this moment; it must be closed."""

    async def adopt(self, origin: str) -> bool:
        """Let instanceIds begin so from now on; False if this tenant has instances with others."""

    async def restore(self, items: Sequence[Item], *, replace: bool, write: bool) -> list[Restored]:
        """Put items back in one transaction, or (write=False) only say what would become of each.

        What is there already and equal stays; what differs is refused, or replaced if `replace`.
        """
