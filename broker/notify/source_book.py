"""The subscriptions to registrations of one tenant: told of what matches at once, then of each change. (5.11)"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from base.access import Caller
from broker.access.policies import Policies
from broker.access.registrations import covers
from broker.contexts import Contexts
from broker.language.sources import Match, Source, matching
from broker.notify.book import Book
from broker.notify.interest import Interest
from broker.notify.keys import key_of
from broker.notify.source_notification import message
from broker.notify.subscription import REGISTRATIONS, Body
from broker.registry import Register
from broker.settings import BrokerSettings
from broker.store.contract import Message, TenantStore


class SourceBook(Book):
    """All subscriptions to registrations of one tenant; they and the registrations change one after another."""

    about: ClassVar[str] = REGISTRATIONS

    def __init__(
        self,
        tenant: str,
        store: TenantStore,
        contexts: Contexts,
        settings: BrokerSettings,
        register: Register,
        now: Callable[[], int],
        policies: Policies | None = None,
    ) -> None:
        super().__init__(tenant, store, contexts, settings)
        self._register = register
        self._page = settings.page_most
        self._now = now
        self._policies = policies

    def key(self, id: str) -> str:
        """Name a subscription in the store and in its messages."""
        return key_of(id, self.about)

    async def add(self, body: Body, interest: Interest) -> None:
        """Keep a new subscription and tell it of all that matches. (5.11.2.4)"""
        async with self._register.writing:
            await super().add(body, interest)

    async def change(self, id: str, rule: Callable[[Body], Awaitable[Body]]) -> tuple[Body, Body, Interest]:
        """Apply a rule to a subscription and tell it of all that matches. (5.11.3.4)"""
        async with self._register.writing:
            return await super().change(id, rule)

    def _told_at_once(self, interest: Interest) -> Sequence[Message]:
        return self.messages(interest)

    async def tell(self, interest: Interest) -> None:
        """Tell a subscription of all that matches, whatever changed: its interval is over. (5.11.7)"""
        async with self._register.writing:
            await self.store.enqueue(self.messages(interest))

    def messages(self, interest: Interest) -> list[Message]:
        """Write notifications of all that matches, a page each; none if nothing does. (5.11.7)"""
        now = self._now()
        if not _listens(interest, now):
            return []
        assert interest.sources is not None
        found = [
            match
            for match in self._register.find(interest.sources, now)
            if self._seen(interest, match.source) is not None
        ]
        pages = [found[at : at + self._page] for at in range(0, len(found), self._page)]
        if pages:
            self.throttle.note(interest.id, now)
        return [message(self.key(interest.id), interest, page, "newlyMatching", now) for page in pages]

    def react(self, before: Source | None, after: Source | None, at: int) -> Iterable[Message]:
        """Write what a change of a registration causes. (5.11.7)"""
        if not before or not after or _differ(before, after):
            for interest in self.interests():
                yield from self._told(interest, before, after, at)

    def _told(
        self, interest: Interest, before: Source | None, after: Source | None, at: int
    ) -> Iterator[Message]:
        if interest.interval or not _listens(interest, at):
            return
        before, after = self._seen(interest, before), self._seen(interest, after)
        matched, matches = _match(interest, before), _match(interest, after)
        told = matches or matched
        if told is None or not self.throttle.admits(interest, at):
            return
        reason = "noLongerMatching" if not matches else "updated" if matched else "newlyMatching"
        yield message(self.key(interest.id), interest, [told], reason, at)

    def _seen(self, interest: Interest, source: Source | None) -> Source | None:
        """Give a registration if the maker of a subscription may see it. (docs/access.md)"""
        if self._policies is None or source is None:
            return source
        rights = self._policies.of(interest.owner or Caller(), self.tenant)
        return source if covers(rights.registering, source) else None


def _listens(interest: Interest, now: int) -> bool:
    return interest.active and (interest.expires is None or interest.expires > now)


def _match(interest: Interest, source: Source | None) -> Match | None:
    assert interest.sources is not None
    return None if source is None else matching(source, interest.sources)


def _differ(before: Source, after: Source) -> bool:
    """Say whether more than the time of the change is another."""
    return {**before.body, "modifiedAt": 0} != {**after.body, "modifiedAt": 0}
