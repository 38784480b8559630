"""The commands about desks: the devices that read cards at counters and terminals."""

import asyncio
from pathlib import Path
from typing import Any

import click
import orjson

from base.admin import ask
from base.console import json_option, show_json, show_table
from personal.command import at_module, of_municipality, settings_of


@click.group()
def desks() -> None:
    """Add, list and remove desks that read cards. The personal-data module must run.

    \b
    Example:
      engawa desks add counter-1 --name 窓口1 --place 本庁舎1階 --key desk.json
    """


@desks.command("add")
@click.argument("id")
@click.option("--name", required=True, help="What staff call it.")
@click.option("--place", required=True, help="Where it stands.")
@click.option("--service", default="", help="As which service it asks who a card belongs to; empty: none.")
@click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with its public key (JWK, or JWKS), as the desk shows it.",
)
@of_municipality
@at_module
def add_desk(
    id: str,
    name: str,
    place: str,
    service: str,
    key: Path,
    municipality: str,
    config: Path | None,
    **given: Any,
) -> None:
    """Add a desk. It may act at once.

    \b
    Example:
      engawa desks add counter-1 --name 窓口1 --place 本庁舎1階 --key desk.json
    """
    data = settings_of(given, config).data
    asked: dict[str, Any] = {"id": id, "name": name, "place": place, "service": service, "keys": _keys(key)}
    added = asyncio.run(ask(data, "desks.add", municipality=municipality, **asked))
    click.echo(f"{added['name']} is added. It gets tokens as desk.{added['id']}.")


@desks.command("list")
@of_municipality
@at_module
@json_option
def list_desks(as_json: bool, municipality: str, config: Path | None, **given: Any) -> None:
    """List desks.

    \b
    Example:
      engawa desks list --json
    """
    rows = asyncio.run(ask(settings_of(given, config).data, "desks.list", municipality=municipality))
    if as_json:
        show_json(rows)
    else:
        columns = ("id", "name", "place", "service", "added")
        show_table(columns, [tuple(row[name] or "" for name in columns) for row in rows])


@desks.command("remove")
@click.argument("id")
@of_municipality
@at_module
def remove_desk(id: str, municipality: str, config: Path | None, **given: Any) -> None:
    """Remove a desk. Its tokens and the logins at it end at once.

    \b
    Example:
      engawa desks remove counter-1
    """
    data = settings_of(given, config).data
    asyncio.run(ask(data, "desks.remove", municipality=municipality, id=id))
    click.echo(f"{id} may no longer act.")


def _keys(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} is no JSON that can be read") from error
    if not isinstance(found, dict):
        raise click.ClickException(f"{path} holds no key")
    return found if "keys" in found else {"keys": [found]}
