"""What commands may have the running module do, over its admin socket."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from base import clock
from base.admin import Handler
from base.errors import NonexistentTenant
from personal.administration import audit, desks, keys, offices, relations, staff
from personal.operations import bundling, importing, retelling
from personal.operations.call import Module
from personal.operations.staff import AT_MACHINE
from personal.operations.town import Town


def handlers(module: Module) -> Mapping[str, Handler]:
    """Name all of it."""

    async def municipalities(_: Mapping[str, Any]) -> Any:
        return [{"id": town.id, "name": town.name, "code": town.code} for town in module.towns.values()]

    async def import_residents(given: Mapping[str, Any]) -> Any:
        lines = [(number, line) for number, line in given["lines"]]
        town = _town(module, given)
        return await importing.import_lines(town, module, lines, by=AT_MACHINE, now=clock.now())

    async def export_bundle(given: Mapping[str, Any]) -> Any:
        return await bundling.export_bundle(_town(module, given))

    async def import_bundle(given: Mapping[str, Any]) -> Any:
        return await bundling.import_bundle(_town(module, given), given["bundle"])

    return {
        "municipalities.list": municipalities,
        "bundle.export": export_bundle,
        "bundle.import": import_bundle,
        "inside.tell-again": partial(_tell_again, module),
        "residents.import": import_residents,
        **staff.handlers(module.settings, partial(_town, module)),
        **keys.handlers(module),
        **audit.handlers(partial(_town, module)),
        **desks.handlers(partial(_town, module)),
        **offices.handlers(partial(_town, module)),
        **relations.handlers(partial(_town, module)),
    }


async def _tell_again(module: Module, given: Mapping[str, Any]) -> Any:
    return await retelling.tell_again(_town(module, given))


def _town(module: Module, given: Mapping[str, Any]) -> Town:
    name = given.get("municipality", "")
    if not name and len(module.towns) == 1:
        return next(iter(module.towns.values()))
    if name not in module.towns:
        known = ", ".join(module.towns) or "none; add one: engawa municipalities add"
        raise NonexistentTenant(f"name the municipality with --municipality; there are {known}")
    return module.towns[name]
