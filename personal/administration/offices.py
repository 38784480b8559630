"""What commands may have the running module do about a municipality's own office, over its admin socket."""

from collections.abc import Callable, Mapping
from typing import Any

from base import clock
from base.admin import Handler
from personal.operations import offices
from personal.operations.staff import AT_MACHINE
from personal.operations.town import Town

Find = Callable[[Mapping[str, Any]], Town]


def handlers(town_of: Find) -> Mapping[str, Handler]:
    """Name all of it."""

    async def describe(given: Mapping[str, Any]) -> Any:
        town, office, address, now = town_of(given), given["office"], given["address"], clock.now()
        made = await town.store.write(lambda db: offices.name(db, office, address, by=AT_MACHINE, now=now))
        return {"municipality": town.name, "office": made.name, "address": made.address}

    return {"municipalities.describe": describe}
