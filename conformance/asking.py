"""How a broker is asked, for what cases share and what goes on around them."""

from collections.abc import Mapping
from typing import Any, Protocol

from conformance.answer import Answer


class Asking(Protocol):
    """One who sends requests to the broker under test."""

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        tenant: str | None = None,
        record: bool = True,
    ) -> Answer:
        """Send a request to a path below /ngsi-ld/v1; `record`: whether it is part of what a case tells."""

    def id(self, kind: str = "Thing") -> str:
        """Make an identifier that nobody else has."""

    def unknown_tenant(self) -> str:
        """Make the name of a tenant that is not there."""
