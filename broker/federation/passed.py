"""What is passed on of the subscriptions of one tenant: which copy stands at which source; kept. (5.8.1.4)"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from base.errors import NonexistentTenant, ResourceNotFound
from broker.language.sources import Source, prepare
from broker.notify.subscription import Body
from broker.store.contract import Catalogue

KIND: Final = "passed subscription"


def new_id() -> str:
    """Make the identifier of a copy; nobody can guess it, so that who names it is its source, or was told by it."""
    return f"urn:ngsi-ld:Subscription:distsub:{secrets.token_hex(16)}"


@dataclass(slots=True, eq=False)
class Passed:
    """A copy of a subscription at a source.

    `sent`: as the source has it, None: it has none as far as we know. `wanted`: as it shall be; None: that is not known
    yet or, if it is `leaving`, it shall be gone. `until` (µs): when it ends there unless it is renewed; None: with its
    subscription. `attempts` and `due` (µs) are about the present difference."""

    id: str
    tenant: str
    subscription: str
    source: Source
    sent: Body | None = None
    wanted: Body | None = None
    leaving: bool = False
    until: int | None = None
    attempts: int = 0
    due: int = 0

    @property
    def place(self) -> tuple[str, str]:
        """Name where it stands: the endpoint of the source and the tenant there."""
        return place_of(self.source)

    @property
    def settled(self) -> bool:
        """Say whether the source has what it shall have."""
        return self.wanted is not None and self.wanted == self.sent

    def record(self) -> Body:
        """Write what is kept. (store)"""
        kept: Body = {"id": self.id, "subscription": self.subscription, "source": self.source.body}
        if self.until is not None:
            kept["until"] = self.until
        return kept if self.sent is None else {**kept, "sent": self.sent}


def place_of(source: Source) -> tuple[str, str]:
    """Name an endpoint and the tenant there."""
    return source.body["endpoint"], source.body.get("tenant", "")


class PassedBook:
    """All copies, of all tenants, by their identifier and by the subscription they were made from."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._by_id: dict[str, Passed] = {}
        self._by_subscription: dict[tuple[str, str], dict[str, Passed]] = {}

    def load(self, tenant: str) -> None:
        """Read what an earlier run passed on."""
        for record in self._catalogue.open(tenant).records(KIND):
            source = prepare(record["source"])
            sent, until = record.get("sent"), record.get("until")
            self._put(Passed(record["id"], tenant, record["subscription"], source, sent, until=until))

    def _put(self, passed: Passed) -> None:
        self._by_id[passed.id] = passed
        self._by_subscription.setdefault((passed.tenant, passed.subscription), {})[passed.id] = passed

    def find(self, id: str) -> Passed | None:
        """Give the copy with an identifier."""
        return self._by_id.get(id)

    def of(self, tenant: str, subscription: str) -> list[Passed]:
        """Give all copies of a subscription."""
        return list(self._by_subscription.get((tenant, subscription), {}).values())

    def every(self) -> list[Passed]:
        """Give all copies."""
        return list(self._by_id.values())

    def subscriptions(self, tenant: str) -> Iterable[str]:
        """Name the subscriptions of a tenant that are passed on."""
        return {subscription for name, subscription in self._by_subscription if name == tenant}

    async def add(self, passed: Passed) -> None:
        """Keep a copy before its source is asked to take it: it is found again whatever happens between."""
        await self._write(passed, passed.record(), new=True)
        self._put(passed)

    async def keep(self, passed: Passed) -> None:
        """Keep what the source has now."""
        await self._write(passed, passed.record())

    async def drop(self, passed: Passed) -> None:
        """Forget a copy that is gone."""
        await self._write(passed, None)
        self._by_id.pop(passed.id, None)
        key = passed.tenant, passed.subscription
        copies = self._by_subscription.get(key, {})
        copies.pop(passed.id, None)
        if not copies:
            self._by_subscription.pop(key, None)

    async def _write(self, passed: Passed, body: dict[str, Any] | None, *, new: bool = False) -> None:
        try:
            store = self._catalogue.open(passed.tenant)
            await store.put_record(KIND, passed.id, body, new=new)
        except (NonexistentTenant, ResourceNotFound):
            if new:
                raise
