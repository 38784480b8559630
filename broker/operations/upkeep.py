"""What is removed when its time is over, besides entities: entity maps. (5.5.14)"""

from contextlib import suppress

from base.errors import ResourceNotFound
from broker.operations import candidates
from broker.operations.call import Broker


async def sweep(broker: Broker, tenant: str, now: int) -> None:
    """Remove what has expired in one tenant."""
    store = broker.catalogue.open(tenant)
    for kind, id in store.expired_records(now):
        if kind == candidates.KIND:
            with suppress(ResourceNotFound):  # deleted meanwhile
                await candidates.remove(store, id)
