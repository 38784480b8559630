"""The context sources of all tenants as one: which of them a request concerns, and what they answer. (4.3.6, 5.12)"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import structlog

from base import clock
from base.errors import InvalidRequest, LoopDetected, NonexistentTenant, ResourceNotFound
from broker.federation import passing, via
from broker.federation.asking import ERROR_RESPONSE, NO_RESPONSE, Asking, Directed, Failure, Outcome
from broker.federation.beside import Beside
from broker.federation.endpoints import Resting
from broker.federation.figures import Figures
from broker.federation.memory import Holder, Memory
from broker.federation.sender import Sender
from broker.language.sources import Match, Source, SourceSelection
from broker.model.tenancy import alias_of
from broker.registry import Registry

AT_ONCE: Final = 64
"""How many requests to sources one request causes at once; more of them follow as these end."""
COUNT_SECONDS: Final = 5.0
"""How often what was counted is written down; a crash loses no more."""

log = structlog.get_logger("engawa.federation")


class Federation:
    """Finds the sources that match a request and asks them, all at once."""

    def __init__(self, registry: Registry, sender: Sender) -> None:
        self._registry = registry
        self._sender = sender
        self._keeping: asyncio.Task[None] | None = None

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

    @property
    def beside(self) -> Beside:
        """Give what works on large answers."""
        return self._sender.beside

    @property
    def memory(self) -> Memory:
        """Give the memory that answers take."""
        return self._sender.memory

    def end(self, holder: Holder) -> None:
        """Let go of what sources answered to a request that ends."""
        self._sender.memory.end(holder)
        if holder.bodies:
            self._sender.beside.later(holder.forget)

    @property
    def heaviest(self) -> int:
        """Say how many bytes of memory the pages of one source may take in one request."""
        return self._sender.heaviest

    async def ask(self, asking: Asking, requests: Sequence[Directed]) -> list[Outcome]:
        """Ask all sources at once; outcomes are in the order of the requests, and none raises."""
        if len(requests) <= AT_ONCE:
            return list(await asyncio.gather(*[self._ask_one(asking, one) for one in requests]))
        turn = asyncio.Semaphore(AT_ONCE)

        async def in_turn(one: Directed) -> Outcome:
            async with turn:
                return await self._ask_one(asking, one)

        return list(await asyncio.gather(*[in_turn(one) for one in requests]))

    async def _ask_one(self, asking: Asking, directed: Directed) -> Outcome:
        if self.loops(asking, directed.source):
            problem = LoopDetected(
                "The request came through this context source; it is not sent there again."
            )
            return Outcome(directed.source, failure=Failure(problem, NO_RESPONSE))
        if asking.rights is not None and (refusal := passing.refusal(asking, directed)) is not None:
            return Outcome(directed.source, failure=Failure(refusal, ERROR_RESPONSE))
        outcome = await self._sender.send(asking, directed)
        self._count(asking, directed, outcome)
        return outcome

    def _count(self, asking: Asking, directed: Directed, outcome: Outcome) -> None:
        """Count what came of a request; nothing was sent if a kept answer served or the source is left in peace."""
        failure = outcome.failure
        if outcome.stale or (failure is not None and isinstance(failure.problem, Resting)):
            return
        absent = outcome.status == ResourceNotFound.status and directed.request.method == "GET"
        good = failure is None and (outcome.status < InvalidRequest.status or absent)
        self._counted(asking, outcome.source, good=good)

    def blame(self, asking: Asking, source: Source) -> None:
        """Count a request that was answered with what cannot be used as one that failed. (5.2.9)"""
        self._counted(asking, source, good=False, sent=0)

    def _counted(self, asking: Asking, source: Source, *, good: bool, sent: int = 1) -> None:
        try:
            register = self._registry.of(asking.tenant)
        except NonexistentTenant:  # dropped meanwhile
            return
        register.count(source.id, clock.now(), good=good, sent=sent)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_counters())

    async def _keep_counters(self) -> None:
        """Write down what was counted, now and then."""
        while True:
            await asyncio.sleep(COUNT_SECONDS)
            try:
                await self._registry.keep_counters()
            except Exception:  # only counters are late; the next round tries again
                log.exception("what sources were asked could not be written down")

    async def close(self) -> None:
        """Close all connections to sources, and write down what was counted."""
        if self._keeping is not None:
            self._keeping.cancel()
            await self._registry.keep_counters()
        await self._sender.close()
