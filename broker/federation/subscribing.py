"""Subscriptions passed on to sources, and kept there as they shall be, whatever fails or goes. (5.8.1.4)

What shall stand at the sources is planned anew from subscriptions and registrations whenever either changes, and at the
start; the difference to what is known to stand there is then worked off, each source on its own, failing ones with
growing pauses.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

import structlog

from base import clock
from base.errors import (
    LdContextNotAvailable,
    NonexistentTenant,
    Problem,
    ResourceNotFound,
    ServiceUnavailable,
)
from base.jsonld import Context
from base.recent import Recent
from broker.contexts import Contexts
from broker.federation import reduction
from broker.federation.asking import Asking
from broker.federation.federation import Federation
from broker.federation.handover import Handover
from broker.federation.lease import Lease
from broker.federation.passed import Passed, PassedBook, new_id, place_of
from broker.federation.reduction import Words
from broker.language import sources
from broker.language.sources import Match, Source, SourceSelection
from broker.model import tenancy
from broker.notify import Notifier
from broker.notify.endpoint import RECEIVING
from broker.notify.interest import Interest
from broker.notify.subscription import Body, status
from broker.registry import Registry
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue

SLICE: Final = 200
AT_ONCE: Final = 16
REMEMBERED: Final = 16_384
TRIGGERS: Final = 1_024
"""Requests whose headers a source may be given, kept for no longer than this process. (4.3.6.5)"""
AGAIN_SECONDS: Final = 30.0
LOOKS: Final = 8
"""How often in the time of a lease copies are looked at, to be renewed when half of it is over."""
LONGEST_LOOK: Final = 60.0
SHORTEST_LOOK: Final = 0.05

log = structlog.get_logger("engawa.federation")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall stand at one source."""

    source: Source
    body: Body


class Subscribing:
    """Keeps the copies of all subscriptions at all sources."""

    def __init__(
        self,
        settings: BrokerSettings,
        catalogue: Catalogue,
        contexts: Contexts,
        registry: Registry,
        federation: Federation,
        notifier: Notifier,
        now: Callable[[], int] = clock.now,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._contexts = contexts
        self._registry = registry
        self._federation = federation
        self._notifier = notifier
        self._now = now
        self._book = PassedBook(catalogue)
        self._changed: dict[tuple[str, str], None] = {}
        self._headers: Recent[tuple[str, str], Mapping[str, str]] = Recent(TRIGGERS)
        self._again: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._moved: list[tuple[str, Source]] = []
        self._in_hand: set[tuple[str, str]] = set()
        self._taken: Recent[tuple[str, str], bool] = Recent(REMEMBERED)
        self._planner: asyncio.Task[None] | None = None
        self._lease = Lease(int(settings.federation_lease_seconds * clock.SECOND))
        self._renewing: asyncio.Task[None] | None = None
        self._handover = Handover(federation, self._book, self.asking_for, self._lease, now)

    async def start(self) -> None:
        """Look at what an earlier run left, and follow the registrations from now on."""
        for tenant in self._catalogue.names():
            self._book.load(tenant)
            ids = set(self._book.subscriptions(tenant))
            if len(self._registry.of(tenant)):
                ids.update((await self._notifier.book(tenant)).all())
            for id in ids:
                self._plan_later(tenant, id)
        self._registry.listen(self._on_registration)
        self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Look now and then for copies that would end soon."""
        pause = self._lease.time / clock.SECOND / LOOKS or LONGEST_LOOK
        while True:
            await asyncio.sleep(min(max(pause, SHORTEST_LOOK), LONGEST_LOOK))
            self._handover.renew()

    async def close(self) -> None:
        """End; what is not settled is settled after the next start."""
        for timer in self._again.values():
            timer.cancel()
        for task in (self._renewing, self._planner):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await self._handover.close()

    def find(self, id: str) -> Passed | None:
        """Give the copy that a notification names."""
        return self._book.find(id)

    def passed_on(self, tenant: str) -> frozenset[str]:
        """Name the subscriptions that sources have copies of, or shall have."""
        return frozenset(
            id
            for id in self._book.subscriptions(tenant)
            if not all(copy.leaving for copy in self._book.of(tenant, id))
        )

    def splits(self, body: Mapping[str, Any]) -> bool:
        """Say whether parts of one entity may lie in several places, as far as a subscription goes. (5.2.12)"""
        return bool(body.get("splitEntities", self._settings.split_entities))

    def knows(self, notification: Mapping[str, Any]) -> bool:
        """Say whether a notification was taken before: a source that saw no answer sends it again."""
        return self._taken.get(_named(notification)) is not None

    @contextmanager
    def taking(self, notification: Mapping[str, Any]) -> Iterator[None]:
        """Take a notification: one that is sent again meanwhile has to come later."""
        named = _named(notification)
        if named in self._in_hand:
            raise ServiceUnavailable("This notification is just being taken; send it again later.")
        if "id" in notification:
            self._in_hand.add(named)
        try:
            yield
        finally:
            self._in_hand.discard(named)

    def note(self, notification: Mapping[str, Any]) -> None:
        """Remember a notification that was taken."""
        if "id" in notification:
            self._taken[_named(notification)] = True

    def follow(self, tenant: str, id: str, headers: Mapping[str, str]) -> None:
        """Look at a subscription that is new, changed or gone; `headers`: those of the request that did it."""
        if self._book.of(tenant, id) or len(self._registry.of(tenant)):
            self._headers[tenant, id] = headers
            self._plan_later(tenant, id)

    def look_at_all(self) -> None:
        """Look at all subscriptions that are passed on: what their makers may see is another now."""
        for tenant in self._catalogue.names():
            for id in self._book.subscriptions(tenant):
                self._plan_later(tenant, id)

    def look_again(self, tenant: str) -> None:
        """Look at all subscriptions and registrations of a tenant that was filled anew, or is gone."""
        for id in self._book.subscriptions(tenant):
            self._plan_later(tenant, id)
        if self._catalogue.exists(tenant):
            every = self._registry.of(tenant).find(SourceSelection(), self._now())
            self._moved += [(tenant, match.source) for match in every]
            self._plan()

    def _on_registration(self, tenant: str, before: Source | None, after: Source | None) -> None:
        """Look at the subscriptions that a change of a registration concerns."""
        if before is None and after is None:
            self.look_again(tenant)
        if before is not None and after is not None and _said(before) == _said(after):
            return
        self._moved += [(tenant, source) for source in (before, after) if source is not None]
        self._plan()

    def _plan_later(self, tenant: str, id: str) -> None:
        self._changed[tenant, id] = None
        self._plan()

    def _plan(self) -> None:
        if self._planner is None or self._planner.done():
            self._planner = asyncio.get_running_loop().create_task(self._plan_all())

    async def _plan_all(self) -> None:
        while self._changed or self._moved:
            await asyncio.sleep(0)  # requests go on between one and the next
            if self._moved:
                await self._find_concerned(*self._moved.pop())
                continue
            some = list(islice(self._changed, AT_ONCE))
            for one in some:
                del self._changed[one]
            await asyncio.gather(*[self._plan_safely(tenant, id) for tenant, id in some])

    async def _plan_safely(self, tenant: str, id: str) -> None:
        try:
            await self._plan_one(tenant, id)
        except Problem as problem:  # such as an @context that is not to be had now
            log.warning("a subscription cannot be passed on yet", subscription=id, reason=problem.detail)
            self._plan_again(tenant, id)
        except Exception:  # the others are passed on all the same
            log.exception("a subscription cannot be passed on", subscription=id)

    def _plan_again(self, tenant: str, id: str) -> None:
        """Look at a subscription once more after a while."""
        if (tenant, id) not in self._again:
            loop = asyncio.get_running_loop()
            self._again[tenant, id] = loop.call_later(AGAIN_SECONDS, self._plan_now, tenant, id)

    def _plan_now(self, tenant: str, id: str) -> None:
        self._again.pop((tenant, id), None)
        self._plan_later(tenant, id)

    async def _find_concerned(self, tenant: str, source: Source) -> None:
        with suppress(NonexistentTenant):
            book = await self._notifier.book(tenant)
            for number, interest in enumerate(list(book.interests())):
                if sources.provided(source, reduction.wanted(book.get(interest.id), interest)):
                    self._changed[tenant, interest.id] = None
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)

    async def _plan_one(self, tenant: str, id: str) -> None:
        """Compare what shall be passed on of a subscription with what is."""
        missing = await self._wanted(tenant, id)
        for passed in self._book.of(tenant, id):
            found = missing.get(passed.source.id)
            if found is None or place_of(found.source) != passed.place or not _may_become(passed, found):
                passed.wanted, passed.leaving = None, True
            else:
                del missing[passed.source.id]
                passed.wanted, passed.source, passed.leaving = found.body, found.source, False
            self._handover.work_on(passed)
        for found in missing.values():
            passed = Passed(new_id(), tenant, id, found.source, wanted=found.body)
            await self._book.add(passed)
            self._handover.work_on(passed)

    async def _wanted(self, tenant: str, id: str) -> dict[str, Wanted]:
        """Give what shall stand where, by registration; nothing for a subscription that is gone."""
        try:
            book = await self._notifier.book(tenant)
            body = book.get(id)
        except (NonexistentTenant, ResourceNotFound):
            return {}
        interest = book.interest(id)
        if tenancy.is_snapshot(tenant) or not reduction.distributes(body):
            return {}
        if interest is None:
            raise LdContextNotAvailable("The @context of the subscription cannot be had now.")
        asking = await self.asking(tenant, body)
        own = await self.own_context(tenant, body)
        words = Words(own.table, asking.context.table)
        csf = sources.filter_of_sources(unquote(body["csf"]), own.table) if "csf" in body else None
        found: dict[str, Wanted] = {}
        for match in self._federation.matches(asking, reduction.wanted(body, interest, csf)):
            if (one := self._reduced(asking, body, interest, match, words)) is not None:
                found[match.source.id] = Wanted(match.source, one)
        return found if status(body, self._now()) != "expired" else self._known(tenant, id, found)

    def _known(self, tenant: str, id: str, found: dict[str, Wanted]) -> dict[str, Wanted]:
        """Leave what has expired where it is, as it is, and pass it on to no others."""
        there = {one.source.id: one.sent for one in self._book.of(tenant, id)}
        return {key: Wanted(one.source, sent) for key, one in found.items() if (sent := there.get(key))}

    def _reduced(
        self, asking: Asking, body: Body, interest: Interest, match: Match, words: Words
    ) -> Body | None:
        source = match.source
        if source.mode == "auxiliary" or "createSubscription" not in source.operations:
            return None
        if reduction.queried(body, source):
            return None
        if self._federation.loops(asking, source):
            return None
        endpoint = asking.origin + RECEIVING
        split, seen = self.splits(body), self._notifier.reach(asking.tenant, interest)
        return reduction.reduced(body, interest, match, words, endpoint, split=split, seen=seen)

    async def asking(self, tenant: str, body: Body | None) -> Asking:
        """Say in which words, and after which brokers, a subscription is passed on."""
        if body is None:
            return Asking(tenant, await self._contexts.resolve(None), self._now())
        request = body.get("request", {})
        origin = self._settings.public_url.rstrip("/") or request.get("origin", "")
        context = await self.own_context(tenant, body)
        if not context.link.startswith(("http://", "https://")):
            context = self._contexts.core  # names as IRIs: no source has to come here to learn what they mean
        return Asking(tenant, context, self._now(), tuple(request.get("via", ())), origin=origin)

    async def asking_for(self, tenant: str, id: str) -> Asking:
        """Say in which words, and after which brokers, sources are asked for a subscription; it may be gone."""
        try:
            body = (await self._notifier.book(tenant)).get(id)
        except (NonexistentTenant, ResourceNotFound):
            body = None
        headers = self._headers.get((tenant, id)) or {}
        return replace(await self.asking(tenant, body), headers=headers)

    async def own_context(self, tenant: str, body: Body) -> Context:
        """Give the @context in which the queries of a subscription stand."""
        return await self._contexts.resolve(body.get("qContext", body["@context"]), tenant)


def _named(notification: Mapping[str, Any]) -> tuple[str, str]:
    return notification["subscriptionId"], str(notification.get("id", ""))[:200]


def _said(source: Source) -> Body:
    """Give what a registration says, without what is counted of it."""
    return {name: value for name, value in source.body.items() if name not in ("modifiedAt", "counters")}


def _may_become(passed: Passed, found: Wanted) -> bool:
    """Say whether the source lets a copy be changed into what is wanted; else another one takes its place."""
    return not passed.sent or passed.sent == found.body or "updateSubscription" in found.source.operations
