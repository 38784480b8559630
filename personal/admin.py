"""What commands may have the running module do, over its admin socket."""

from collections.abc import Mapping
from typing import Any

from base.admin import Handler
from personal.operations.call import Module


def handlers(module: Module) -> Mapping[str, Handler]:
    """Name all of it."""

    async def municipalities(_: Mapping[str, Any]) -> Any:
        return [{"id": town.id, "name": town.name, "code": town.code} for town in module.towns.values()]

    return {"municipalities.list": municipalities}
