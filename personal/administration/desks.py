"""What commands may have the running module do about desks, over its admin socket."""

from collections.abc import Callable, Mapping
from typing import Any

from base import clock
from base.admin import Handler
from personal.login import desks
from personal.operations.staff import AT_MACHINE
from personal.operations.town import Town
from personal.store import desks as known

Find = Callable[[Mapping[str, Any]], Town]


def handlers(town_of: Find) -> Mapping[str, Handler]:
    """Name all of it."""

    async def add(given: Mapping[str, Any]) -> Any:
        told = {name: given[name] for name in ("id", "name", "place", "keys")}
        if given.get("service"):
            told["service"] = given["service"]
        made = await town_of(given).store.write(
            lambda db: desks.join(db, told, by=AT_MACHINE, now=clock.now())
        )
        return desks.shown(made)

    async def listed(given: Mapping[str, Any]) -> Any:
        return [desks.shown(one) for one in town_of(given).store.read(known.listed)]

    async def remove(given: Mapping[str, Any]) -> Any:
        await town_of(given).store.write(
            lambda db: desks.leave(db, given["id"], by=AT_MACHINE, now=clock.now())
        )

    return {"desks.add": add, "desks.list": listed, "desks.remove": remove}
