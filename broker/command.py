"""The broker's commands: run it, list and delete its tenants, look after its outbox."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from base.admin import ask
from base.clock import show
from base.console import Failure, counted, json_option, read_settings, setting_options, show_json, show_table
from broker.settings import PREFIX, SECTION, BrokerSettings

F = TypeVar("F", bound=Callable[..., Any])
_at_broker = setting_options(BrokerSettings, PREFIX, only=("data",))


@click.command("broker")
@setting_options(BrokerSettings, PREFIX)
def run(config: Path | None, **given: object) -> None:
    """Run one NGSI-LD broker until SIGTERM or Ctrl-C.

    \b
    Example:
      engawa run broker --host 127.0.0.1 --port 1026 --data var/broker
    """
    import uvloop

    from base.allocation import share_one_arena
    from broker import server

    share_one_arena()
    settings = read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
    uvloop.run(server.run(settings))


@click.group()
def tenants() -> None:
    """List and delete the tenants of the running broker.

    \b
    Example:
      engawa tenants list
    """


@tenants.command("list")
@_at_broker
@json_option
def list_tenants(as_json: bool, **place: Any) -> None:
    """List the tenants; the default one has no name.

    \b
    Example:
      engawa tenants list --json
    """
    rows = ask_broker(place, "tenants.list")
    if as_json:
        show_json(rows)
    else:
        show_table(
            ("tenant", "subscriptions"), [(r["name"] or "(default)", r["subscriptions"]) for r in rows]
        )


@tenants.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_at_broker
def delete_tenant(name: str, yes: bool, **place: Any) -> None:
    """Delete a tenant with everything in it.

    \b
    Example:
      engawa tenants delete harbour --yes
    """
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask; give --yes to delete the tenant")
    if not yes:
        click.confirm(
            f"Delete tenant '{name}' with all its entities and subscriptions?", abort=True, err=True
        )
    ask_broker(place, "tenants.delete", name=name)
    click.echo(f"Tenant '{name}' is deleted.")


@click.group()
def outbox() -> None:
    """See notifications that wait; send again those given up.

    \b
    Example:
      engawa outbox dead
    """


def _of_tenant(command: F) -> F:
    return click.option("--tenant", default="", help="Tenant to look at. [default: the default tenant]")(
        _at_broker(command)
    )


def _limited(command: F) -> F:
    return click.option("--limit", default=100, show_default=True, help="Most rows to print.")(command)


@outbox.command("list")
@_of_tenant
@_limited
@json_option
def list_waiting(as_json: bool, tenant: str, limit: int, **place: Any) -> None:
    """List notifications that wait for delivery.

    \b
    Example:
      engawa outbox list --limit 20
    """
    _show_messages(ask_broker(place, "outbox.list", tenant=tenant, limit=limit), as_json)


@outbox.command("dead")
@_of_tenant
@_limited
@json_option
def list_dead(as_json: bool, tenant: str, limit: int, **place: Any) -> None:
    """List notifications that were given up, with the last error.

    \b
    Example:
      engawa outbox dead --json
    """
    _show_messages(ask_broker(place, "outbox.dead", tenant=tenant, limit=limit), as_json)


@outbox.command("replay")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "every", is_flag=True, help="Send all that were given up.")
@_of_tenant
@json_option
def replay(numbers: tuple[int, ...], every: bool, as_json: bool, tenant: str, **place: Any) -> None:
    """Send given-up notifications again: those numbered, or all.

    \b
    Example:
      engawa outbox replay --all
    """
    if bool(numbers) == every:
        raise click.UsageError("give the numbers that 'engawa outbox dead' lists, or --all")
    count = ask_broker(place, "outbox.replay", tenant=tenant, seqs=None if every else numbers)
    if numbers and not count:
        raise Failure("none of these numbers is a dead letter", "'engawa outbox dead' lists them.")
    if as_json:
        show_json({"replayed": count})
    else:
        click.echo(f"{counted(count, 'notification waits', 'notifications wait')} for delivery again.")


def _show_messages(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(rows)
        return
    columns = ("number", "created", "attempts", "subscription", "endpoint", "error")
    show_table(
        columns,
        [
            (r["seq"], show(r["created"]), r["attempts"], r["subscription"], r["endpoint"], r["error"])
            for r in rows
        ],
    )


def ask_broker(place: dict[str, Any], name: str, /, **arguments: Any) -> Any:
    """Have the running broker do one thing; `place` says where its data folder is."""
    config = place.pop("config")
    settings = read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=place, config=config)
    return asyncio.run(ask(settings.data, name, **arguments))
