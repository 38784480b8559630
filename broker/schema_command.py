"""The commands that say which JSON Schemas the entities of a tenant must satisfy. (docs/schemas.md)"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from base.console import json_option, setting_options, show_json, show_table
from broker.command import ask_broker
from broker.settings import PREFIX, BrokerSettings

F = TypeVar("F", bound=Callable[..., Any])
_at_broker = setting_options(BrokerSettings, PREFIX, only=("data",))


def _of_type(command: F) -> F:
    return click.option(
        "--type", "type_", required=True, help="Entity type: a name of the city's @context, or an IRI."
    )(command)


def _of_tenant(command: F) -> F:
    return click.option("--tenant", default="", help="Tenant it is about. [default: the default tenant]")(
        _at_broker(command)
    )


@click.group()
def schema() -> None:
    """Demand that entities satisfy a JSON Schema, or no longer.

    \b
    Example:
      engawa schema list
    """


@schema.command("require")
@_of_type
@click.option("--schema", "name", default="", help="Schema to satisfy. [default: that with the type's name]")
@_of_tenant
@json_option
def require(type_: str, name: str, tenant: str, as_json: bool, **place: Any) -> None:
    """Demand that entities of a type satisfy its schema.

    From now on, changes are refused that leave an entity otherwise.

    \b
    Example:
      engawa schema require --tenant harbour --type WeatherObserved
    """
    done = ask_broker(place, "schema.require", tenant=tenant, type=type_, schema=name)
    if as_json:
        show_json(done)
    else:
        click.echo(f"Entities of type {done['type']} must satisfy the schema {done['schema']} from now on.")


@schema.command("list")
@_of_tenant
@json_option
def list_schemas(tenant: str, as_json: bool, **place: Any) -> None:
    """List what is demanded.

    \b
    Example:
      engawa schema list --tenant harbour
    """
    rows = ask_broker(place, "schema.list", tenant=tenant)
    if as_json:
        show_json(rows)
    else:
        show_table(("type", "schema"), [(row["type"], row["schema"]) for row in rows])


@schema.command("drop")
@_of_type
@_of_tenant
@json_option
def drop(type_: str, tenant: str, as_json: bool, **place: Any) -> None:
    """Demand nothing of entities of a type any more.

    \b
    Example:
      engawa schema drop --tenant harbour --type WeatherObserved
    """
    done = ask_broker(place, "schema.drop", tenant=tenant, type=type_)
    if as_json:
        show_json(done)
    else:
        click.echo(f"Nothing is demanded of entities of type {done['type']} any more.")
