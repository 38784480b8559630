"""The commands that make, list and remove API keys of the running broker. (docs/security.md)"""

import re
from typing import Any, Final

import click

from base import clock
from base.console import json_option, setting_options, show_json, show_table
from broker.command import ask_broker
from broker.settings import PREFIX, BrokerSettings

_at_broker = setting_options(BrokerSettings, PREFIX, only=("data",))
_SPAN: Final = re.compile(r"(\d{1,5})([dh])\Z", re.ASCII)
_SECONDS: Final = {"d": 86_400, "h": 3_600}


@click.group()
def keys() -> None:
    """Make, list and remove API keys, by which programs are known.

    \b
    Example:
      engawa keys list
    """


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    span = _SPAN.match(value)
    try:
        if span:
            return clock.now() + int(span[1]) * _SECONDS[span[2]] * clock.SECOND
        return clock.parse(value if "T" in value else f"{value}T00:00:00Z")
    except ValueError as error:
        raise click.BadParameter(
            "give a time such as 2027-03-31T15:00:00Z, a date, or a span such as 90d or 12h", ctx, param
        ) from error


@keys.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="Role its caller has in the policy; may be repeated.")
@click.option(
    "--expires", callback=_moment, help="When it ends: a time, a date (UTC), or a span such as 90d."
)
@_at_broker
@json_option
def add(name: str, roles: tuple[str, ...], expires: int | None, as_json: bool, **place: Any) -> None:
    """Make a key and show it, this once.

    \b
    Example:
      engawa keys add river-sensors --role writer --expires 365d
    """
    made = ask_broker(place, "keys.add", name=name, roles=roles, expires=expires)
    if as_json:
        show_json(made)
        return
    click.echo(made["key"])
    click.echo(
        f"This is the key {name}; it is not shown again. Send it as 'Authorization: Bearer …' or 'X-API-Key: …'.",
        err=True,
    )


@keys.command("list")
@_at_broker
@json_option
def list_keys(as_json: bool, **place: Any) -> None:
    """List the keys: how they begin, not what they are.

    \b
    Example:
      engawa keys list --json
    """
    rows = ask_broker(place, "keys.list")
    if as_json:
        show_json(rows)
        return
    show_table(
        ("name", "begins", "roles", "created", "expires"),
        [(r["name"], r["begins"], " ".join(r["roles"]), r["created"], r["expires"] or "never") for r in rows],
    )


@keys.command("remove")
@click.argument("name")
@_at_broker
@json_option
def remove(name: str, as_json: bool, **place: Any) -> None:
    """Remove a key: from now on it opens nothing.

    \b
    Example:
      engawa keys remove river-sensors
    """
    gone = ask_broker(place, "keys.remove", name=name)
    if as_json:
        show_json(gone)
    else:
        click.echo(f"The key {name} opens nothing any more.")
