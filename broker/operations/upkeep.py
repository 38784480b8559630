"""What is removed when its time is over, besides entities: entity maps, snapshots. (5.5.14, 5.16)"""

from contextlib import suppress

from base.errors import ResourceNotFound
from broker.operations import candidates, snapshot_filling, snapshots
from broker.operations.call import Broker


async def sweep(broker: Broker, tenant: str, now: int) -> None:
    """Remove what has expired in one tenant, and note which snapshots were used."""
    store = broker.catalogue.open(tenant)
    with suppress(ResourceNotFound):  # deleted meanwhile
        await snapshots.note_use(broker, tenant)
    for kind, id in store.expired_records(now):
        with suppress(ResourceNotFound):  # deleted meanwhile
            if kind == candidates.KIND:
                await candidates.remove(store, id)
            elif kind == snapshot_filling.KIND:
                await snapshot_filling.remove(broker, tenant, id, now=now)
