"""What a location is: it keeps sealed copies under random names, and knows neither what they say nor any key."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

from base.errors import ENGAWA_ERRORS, Problem, ServiceUnavailable
from personal.vault.envelope import Place


class LocationOffline(ServiceUnavailable):
    """The location where a record lives cannot be reached now."""


class LocationFull(Problem):
    """The location takes no more. (RFC 4918 11.5)"""

    status = 507
    title = "Location full"
    namespace = ENGAWA_ERRORS


class CopyMissing(Problem):
    """A location does not have a copy that it has taken."""

    status = 500
    title = "Copy missing"
    namespace = ENGAWA_ERRORS


@dataclass(frozen=True, slots=True)
class Copy:
    """One sealed copy of a record: what it is bound to, and the random name under which a location keeps it.

    A copy never changes: another version, or the same at another location, is another copy with another name.
    """

    place: Place
    name: str


class Location(Protocol):
    """Keeps copies. What returns is on disk; what fails says LocationOffline, LocationFull or CopyMissing."""

    async def put(self, copy: Copy, sealed: bytes) -> None:
        """Keep a copy; the same again changes nothing."""

    async def get(self, copy: Copy) -> bytes:
        """Give a copy back as it was put; CopyMissing if it is not there."""

    async def remove(self, copy: Copy) -> None:
        """Remove a copy for good; nothing if it is not there."""

    async def holds(self, copy: Copy) -> bool:
        """Say whether a copy is there."""


class Safe(Location):
    """A location with keys of its own: records come and go in envelopes, and what it keeps nothing here can open."""

    @abstractmethod
    def enclose(self, copy: Copy, value: Any) -> bytes:
        """Put a value into an envelope to the location."""

    @abstractmethod
    def opened(self, copy: Copy, given: bytes) -> Any:
        """Open the envelope in which the location gave a copy."""

    @abstractmethod
    async def keeps(self, copy: Copy, given: bytes) -> bool:
        """Ask the location whether it keeps what came in this envelope."""
