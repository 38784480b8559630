"""What `engawa schema` has the running broker do, through its admin socket. (docs/schemas.md)"""

from collections.abc import Mapping
from typing import Any

from base.admin import Handler
from base.errors import ResourceNotFound
from broker.api.request import tenant as checked_tenant
from broker.model import demand
from broker.store.contract import Catalogue


def handlers(catalogue: Catalogue) -> Mapping[str, Handler]:
    """Name what the admin socket offers for schemas that a tenant demands."""

    async def require(asked: Mapping[str, Any]) -> Any:
        schema = demand.schema_of(asked["schema"] or asked["type"])
        type_ = demand.type_of(asked["type"])
        demands = (await catalogue.create(checked_tenant(asked["tenant"]))).demands
        await demands.set({**demands.schemas, type_: schema})
        return {"type": type_, "schema": schema}

    async def listed(asked: Mapping[str, Any]) -> Any:
        demanded = catalogue.open(asked["tenant"]).demands.schemas
        return [{"type": type_, "schema": schema} for type_, schema in sorted(demanded.items())]

    async def drop(asked: Mapping[str, Any]) -> Any:
        demands = catalogue.open(asked["tenant"]).demands
        type_ = demand.type_of(asked["type"])
        if type_ not in demands.schemas:
            raise ResourceNotFound(
                f"no schema is demanded of entities of type {type_}; 'engawa schema list' shows what is"
            )
        await demands.set({name: schema for name, schema in demands.schemas.items() if name != type_})
        return {"type": type_}

    return {"schema.require": require, "schema.list": listed, "schema.drop": drop}
