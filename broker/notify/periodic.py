"""Notifications at intervals: all entities that match, whether they changed or not. (5.8.6)

An interval counts from the last change of the subscription, so it goes on in step after a restart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from base.clock import SECOND
from base.errors import Problem
from broker.language.evaluation import seeing
from broker.language.selection import Window
from broker.language.visibility import Visibility, visible
from broker.model.document import Document
from broker.notify.book import Book
from broker.notify.interest import Interest
from broker.notify.notification import periodic
from broker.store.contract import Read

log = structlog.get_logger("engawa.notify")


def next_due(interest: Interest, now: int) -> int:
    """Say when an interval ends next. (5.8.1.4)"""
    return interest.since + ((now - interest.since) // interest.interval + 1) * interest.interval


class Due(NamedTuple):
    """What a periodic subscription matches, and what reads the entities that these link to."""

    documents: Sequence[Document]
    read: Read


Everywhere = Callable[[str, Interest, int], Awaitable[Due | None]]
"""Finds what a subscription of a tenant matches here and at sources; None: no source is concerned."""


async def notify_joined(book: Book, interest: Interest, page: int, now: int, due: Due) -> None:
    """Put what matches here and at sources into the outbox, a notification per page. (5.8.6)"""
    for start in range(0, len(due.documents), page):
        await book.store.enqueue([periodic(interest, due.documents[start : start + page], due.read, now)])


async def notify(
    book: Book, interest: Interest, page: int, now: int, visibility: Visibility | None = None
) -> None:
    """Put what matches here into the outbox, a notification per page; nothing if nothing matches. (5.8.6)"""
    offset = 0
    selection = replace(interest.selection, visibility=visibility)
    read = seeing(visibility, book.reader(now))
    while True:
        found = await book.store.query(selection, Window(page, offset), now)
        held = (visible(one.document, visibility) for one in book.store.documents(found.stamps, now))
        documents = [document for document in held if document is not None]
        if documents:
            await book.store.enqueue([periodic(interest, documents, read, now)])
        if not found.more:
            return
        offset += page


class Timer:
    """Runs what is due for the periodic subscriptions of all tenants, each beside the others."""

    def __init__(self, now: Callable[[], int], fire: Callable[[Book, Interest], Awaitable[None]]) -> None:
        self._now = now
        self._fire = fire
        self._waiting: dict[tuple[str, str], asyncio.Task[None]] = {}

    def set(self, book: Book, interest: Interest) -> None:
        """Begin or change the intervals of a subscription; end them where it has none."""
        key = book.key(interest.id)
        self.end(book.tenant, key)
        if interest.interval and interest.active:
            task = asyncio.get_running_loop().create_task(self._repeat(book, interest))
            self._waiting[book.tenant, key] = task

    def end(self, tenant: str, key: str) -> None:
        """End the intervals of a subscription."""
        task = self._waiting.pop((tenant, key), None)
        if task is not None:
            task.cancel()

    def end_all(self, tenant: str | None = None) -> None:
        """End the intervals of all subscriptions, or of those of one tenant."""
        for key in list(self._waiting):
            if tenant is None or key[0] == tenant:
                self.end(*key)

    async def _repeat(self, book: Book, interest: Interest) -> None:
        last = 0
        while interest.expires is None or self._now() < interest.expires:
            now = self._now()
            last = max(next_due(interest, now), last + interest.interval if last else 0)
            await asyncio.sleep((last - now) / SECOND)
            try:
                await self._fire(book, interest)
            except Problem as problem:
                log.error("periodic notification failed", subscription=interest.id, reason=problem.detail)
            except Exception:  # the next interval may go better
                log.exception("periodic notification failed", subscription=interest.id)
