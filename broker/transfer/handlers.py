"""What `engawa export` and `engawa import` have the running broker do, through its admin socket. (docs/transfer.md)"""

from collections.abc import Mapping
from typing import Any

from base import clock
from base.admin import Handler
from base.release import version
from broker.api.request import tenant as checked_tenant
from broker.operations.call import Broker
from broker.transfer import form, putting_back
from broker.transfer.taking_out import export
from broker.transfer.wish import Wish


def handlers(broker: Broker) -> Mapping[str, Handler]:
    """Name what the admin socket offers for transfers."""

    async def take_out(asked: Mapping[str, Any]) -> Any:
        broker.catalogue.open(asked["tenant"])
        return export(broker, asked["tenant"], f"Engawa {version()}")

    async def begin(asked: Mapping[str, Any]) -> Any:
        form.check_header(asked["header"])
        return {"tenant": checked_tenant(asked["tenant"])}

    async def put(asked: Mapping[str, Any]) -> Any:
        wish = Wish(asked["tenant"], asked["origin"], asked["replace"], asked["write"])
        result = await putting_back.put(broker, wish, asked["lines"], clock.now())
        return {"new": result.new, "unchanged": result.unchanged, "rejected": result.rejected}

    async def finish(asked: Mapping[str, Any]) -> Any:
        await putting_back.finish(broker, asked["tenant"])

    return {
        "transfer.export": take_out,
        "transfer.begin": begin,
        "transfer.put": put,
        "transfer.finish": finish,
    }
