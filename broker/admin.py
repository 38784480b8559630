"""What commands may have the running broker do, by name, through its admin socket."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from base import clock
from base.admin import Handler
from base.errors import OperationNotSupported
from broker.contexts import Contexts
from broker.model import tenancy
from broker.notify import Notifier
from broker.notify.endpoint import without_credentials
from broker.store.contract import Catalogue, Message

_SHOWN = ("seq", "id", "subscription", "endpoint", "created", "attempts", "due", "error")


def handlers(catalogue: Catalogue, notifier: Notifier, contexts: Contexts) -> Mapping[str, Handler]:
    """Name what the admin socket offers."""
    return {**_tenants(catalogue, notifier, contexts), **_outbox(catalogue, notifier), **_state(catalogue)}


def _tenants(catalogue: Catalogue, notifier: Notifier, contexts: Contexts) -> Mapping[str, Handler]:
    async def list_tenants(_: Mapping[str, Any]) -> Any:
        return [
            {"name": name, "subscriptions": len(catalogue.open(name).subscriptions())}
            for name in catalogue.names()
        ]

    async def delete_tenant(asked: Mapping[str, Any]) -> Any:
        if not asked["name"]:
            raise OperationNotSupported("the default tenant cannot be deleted; purge its entities instead")
        for name in tenancy.belonging(asked["name"], catalogue.databases()):
            await catalogue.drop(name)
            await contexts.forget(name)
            notifier.changed(name)

    return {"tenants.list": list_tenants, "tenants.delete": delete_tenant}


def _outbox(catalogue: Catalogue, notifier: Notifier) -> Mapping[str, Handler]:
    async def list_waiting(asked: Mapping[str, Any]) -> Any:
        return [_shown(m) for m in catalogue.open(asked["tenant"]).waiting(None, 0, asked["limit"])]

    async def list_dead(asked: Mapping[str, Any]) -> Any:
        return [_shown(m) for m in catalogue.open(asked["tenant"]).dead_letters(asked["limit"])]

    async def replay(asked: Mapping[str, Any]) -> Any:
        count = await catalogue.open(asked["tenant"]).replay(asked["seqs"], clock.now())
        notifier.changed(asked["tenant"])
        return count

    return {"outbox.list": list_waiting, "outbox.dead": list_dead, "outbox.replay": replay}


def _state(catalogue: Catalogue) -> Mapping[str, Handler]:
    async def check(_: Mapping[str, Any]) -> Any:
        faults = []
        for name in catalogue.databases():
            found = await asyncio.to_thread(catalogue.open(name).check)
            faults += [f"tenant '{name or 'default'}': {fault}" for fault in found]
        return faults

    async def stats(_: Mapping[str, Any]) -> Any:
        return {"pid": os.getpid(), "tenants": len(catalogue.names()), "time": clock.now()}

    return {"check": check, "stats": stats}


def _shown(message: Message) -> dict[str, Any]:
    """Give what a person may see of a message: not its body, nor headers and credentials."""
    shown = {name: getattr(message, name) for name in _SHOWN}
    return shown | {"endpoint": without_credentials(message.endpoint)}
