"""Which members of an entity an answer holds: the form of `pick` and `omit` after parsing. (4.21)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ENTITY_MEMBERS: Final = frozenset(
    {"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"}
)
"""Members of an entity that are no attributes and keep their name in a projection. (4.21)"""


@dataclass(frozen=True, slots=True)
class Projection:
    """Names of members (attribute IRIs, or id, type, scope), each with the projection of the linked entity."""

    members: tuple[tuple[str, Projection | None], ...]

    def names(self) -> frozenset[str]:
        """Give the members named on this level."""
        return frozenset(name for name, _ in self.members)
