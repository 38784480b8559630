"""The context sources of all tenants as one: which of them a request concerns, and what they answer. (4.3.6, 5.12)"""

import asyncio
from collections.abc import Iterable, Sequence

from base.errors import LoopDetected
from broker.federation import via
from broker.federation.asking import NO_RESPONSE, Asking, Directed, Failure, Outcome
from broker.federation.figures import Figures
from broker.federation.sender import Sender
from broker.language.sources import Match, Source, SourceSelection
from broker.model.tenancy import alias_of
from broker.registry import Registry


class Federation:
    """Finds the sources that match a request and asks them, all at once."""

    def __init__(self, registry: Registry, sender: Sender) -> None:
        self._registry = registry
        self._sender = sender

    def matches(
        self, asking: Asking, wanted: SourceSelection, modes: Iterable[str] | None = None
    ) -> list[Match]:
        """Give the matching registrations in the order of their creation, whatever operations they offer. (5.12)"""
        found = self._registry.of(asking.tenant).find(wanted, asking.now)
        return [match for match in found if modes is None or match.source.mode in modes]

    def loops(self, asking: Asking, source: Source) -> bool:
        """Say whether the request came through the source already, or through here and so in a circle. (4.3.6.4)"""
        names = asking.via
        if not names:
            return False
        own = alias_of(self._sender.alias, asking.tenant)
        return len(names) > via.MOST or own in names or source.body.get("contextSourceAlias") in names

    @property
    def figures(self) -> Figures:
        """Give what became of requests to sources, as numbers."""
        return self._sender.figures

    async def ask(self, asking: Asking, requests: Sequence[Directed]) -> list[Outcome]:
        """Ask all sources at once; outcomes are in the order of the requests, and none raises."""
        return list(await asyncio.gather(*[self._ask_one(asking, one) for one in requests]))

    async def _ask_one(self, asking: Asking, directed: Directed) -> Outcome:
        if self.loops(asking, directed.source):
            problem = LoopDetected(
                "The request came through this context source; it is not sent there again."
            )
            return Outcome(directed.source, failure=Failure(problem, NO_RESPONSE))
        return await self._sender.send(asking, directed)

    async def close(self) -> None:
        """Close all connections to sources."""
        await self._sender.close()
