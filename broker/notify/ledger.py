"""What delivery has to know of the subscriptions of one tenant, whatever they are about. (5.8.6, 5.11.7)"""

from collections.abc import Sequence

from broker.notify.book import Book
from broker.notify.interest import Endpoint
from broker.notify.keys import is_about_registrations, plain
from broker.notify.snapshot_notification import is_about_snapshot, receiver
from broker.notify.source_book import SourceBook
from broker.store.contract import Message


class Ledger:
    """The two books of one tenant: subscriptions to entities and to registrations."""

    def __init__(self, entities: Book, registrations: SourceBook) -> None:
        self.store = entities.store
        self.entities = entities
        self.registrations = registrations

    @property
    def books(self) -> tuple[Book, Book]:
        """Give both books."""
        return self.entities, self.registrations

    def _of(self, key: str) -> tuple[Book, str]:
        """Find the book and the id that a message means."""
        return (self.registrations, plain(key)) if is_about_registrations(key) else (self.entities, key)

    def receiver(self, message: Message, now: int) -> Endpoint | None:
        """Give where a waiting message goes; None if its subscription is not active now."""
        if is_about_snapshot(message.subscription):
            return receiver(message)
        book, id = self._of(message.subscription)
        interest = book.deliverable(id, now)
        return interest.endpoint if interest else None

    def awaits_context(self, key: str) -> bool:
        """Say whether a subscription is there but not ready yet."""
        book, id = self._of(key)
        return book.awaits_context(id)

    def count(self, message: Message, at: int, *, success: bool) -> None:
        """Count an attempt to notify of a subscription. (5.8.6)"""
        if is_about_snapshot(message.subscription):
            return
        book, id = self._of(message.subscription)
        book.count(id, message, at, success=success)

    async def settle(
        self, delivered: Sequence[int], failed: Sequence[Message] = (), dead: Sequence[Message] = ()
    ) -> None:
        """Record attempts together with the counters they changed."""
        async with self.entities.writing, self.registrations.writing:
            counted = [(book, book.counted()) for book in self.books]
            bodies = {key: body for _, some in counted for key, body in some.items()}
            try:
                await self.store.settle(delivered, failed, dead, bodies)
            except BaseException:
                for book, some in counted:
                    book.recount(some.values())
                raise
