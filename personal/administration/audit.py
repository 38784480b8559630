"""What commands may have the running module do with its audit log, over its admin socket."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from base import clock
from base.admin import Handler
from personal.audit import checking, log
from personal.operations import audit_log
from personal.operations.staff import AT_MACHINE
from personal.operations.town import Town


def handlers(find: Callable[[Mapping[str, Any]], Town]) -> Mapping[str, Handler]:
    """Name all of it; `find` gives the municipality that is asked about."""

    async def verify(given: Mapping[str, Any]) -> Any:
        town, seen = find(given), {one["size"]: bytes.fromhex(one["root"]) for one in given["heads"]}
        keys = audit_log.published(town)
        found = await asyncio.to_thread(checking.report, town.store.path, keys, seen)
        return {"municipality": town.id, **found}

    async def accept_clock(given: Mapping[str, Any]) -> Any:
        now = clock.now()
        await find(given).store.write(lambda db: log.accept_clock(db, AT_MACHINE, now))
        return {"at": clock.show(now)}

    return {"audit.verify": verify, "audit.accept-clock": accept_clock}
