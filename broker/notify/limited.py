"""Notifications where there is a policy: of each change, what the maker of a subscription may see. (docs/access.md)

To somebody who may not see the state before, an entity is created; to somebody who may not see the state after, it is
deleted. The rights are those its maker has at the time of the change, by the roles they had when they made it.
"""

from collections.abc import Iterable
from functools import cached_property

import structlog

from base.access import Caller
from broker.access.policies import Policies
from broker.language.evaluation import seeing
from broker.language.visibility import Visibility, visible
from broker.model import difference
from broker.notify.book import Book
from broker.notify.interest import Interest
from broker.notify.match import wants
from broker.notify.notification import Writer
from broker.store.contract import Change, Message, React, Read

log = structlog.get_logger("engawa.notify")


def reach(policies: Policies | None, interest: Interest, tenant: str) -> Visibility | None:
    """Say what a subscription may tell its maker; None: everything."""
    return None if policies is None else policies.of(interest.owner or Caller(), tenant).subscribing


class _Seen:
    """A change as it looks to those who may see the same."""

    def __init__(self, change: Change, visibility: Visibility | None, read: Read) -> None:
        before = None if change.before is None else visible(change.before, visibility)
        after = None if change.after is None else visible(change.after, visibility)
        self.change = Change(change.id, before, after, change.at)
        self.read = seeing(visibility, read)

    @property
    def hidden(self) -> bool:
        """Say whether there is nothing to see before and after."""
        return self.change.before is None and self.change.after is None

    @cached_property
    def differences(self) -> difference.Differences:
        """Compare before and after."""
        return difference.between(self.change.before, self.change.after)

    @cached_property
    def writer(self) -> Writer:
        """Write notifications of it."""
        return Writer(self.change, self.differences, self.read)


def reaction(book: Book, policies: Policies) -> React:
    """Make the reaction to changes of one tenant. It runs in the store's writer thread."""
    index, throttle, tenant = book.index, book.throttle, book.tenant

    def react(change: Change, read: Read) -> Iterable[Message]:
        if not index:
            return ()
        views: dict[Visibility | None, _Seen] = {}
        messages = []
        for interest in index.touching(change):
            try:
                visibility = reach(policies, interest, tenant)
                seen = views.get(visibility) or views.setdefault(visibility, _Seen(change, visibility, read))
                if seen.hidden or not wants(interest, seen.change, seen.differences, seen.read):
                    continue
                if throttle.admits(interest, change.at):
                    messages.append(seen.writer.message(interest))
            except Exception:  # a change is not refused because somebody cannot be told of it
                log.exception("a change could not be told", subscription=interest.id)
        return messages

    return react
