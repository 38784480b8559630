"""The commands of a vault: run it, say which clients may keep copies in it."""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

import click
import orjson

from base.admin import ask
from base.console import Failure, json_option, read_settings, setting_options, show_json, show_table, tell
from personal.cloud.settings import PREFIX, SECTION, VaultSettings

_at_vault = setting_options(VaultSettings, PREFIX, only=("data",))
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")


@click.command("vault")
@setting_options(VaultSettings, PREFIX)
def run(config: Path | None, **given: object) -> None:
    """Run a vault for sealed records of others. SIGTERM or Ctrl-C ends it.

    \b
    Example:
      engawa run vault --port 8120 --data var/vault
    """
    import uvloop

    from personal.cloud import server

    uvloop.run(server.run(_settings(given, config)))


@click.group("vault-clients")
def clients() -> None:
    """Say which municipalities may keep records in the vault.

    \b
    Example:
      engawa vault-clients list
    """


@clients.command("add")
@click.argument("id")
@click.argument("key", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_at_vault
@json_option
def add(id: str, key: Path, as_json: bool, **place: Any) -> None:
    """Add a client by its public key. `engawa vault-keys public` prints it.

    \b
    Example:
      engawa vault-clients add yabu yabu.jwk
    """
    if not _ID.match(id):
        raise click.UsageError("the id of a client is 1 to 32 small letters, digits or -, a letter first")
    tell(_ask(place, "clients.add", id=id, key=_jwk(key)), as_json, f"{id} may keep copies here.")


@clients.command("key")
@click.argument("id")
@click.argument("key", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_at_vault
@json_option
def change(id: str, key: Path, as_json: bool, **place: Any) -> None:
    """Give a client another public key. The one before proves nothing any more.

    \b
    Example:
      engawa vault-clients key yabu yabu-new.jwk
    """
    tell(_ask(place, "clients.key", id=id, key=_jwk(key)), as_json, f"{id} has another key.")


@clients.command("list")
@_at_vault
@json_option
def list_clients(as_json: bool, **place: Any) -> None:
    """List the clients, their keys and how much each keeps.

    \b
    Example:
      engawa vault-clients list --json
    """
    rows = _ask(place, "clients.list")
    if as_json:
        show_json(rows)
    else:
        columns = ("id", "key", "added", "bytes")
        show_table(columns, [[row[name] for name in columns] for row in rows])


@clients.command("remove")
@click.argument("id")
@click.option("--with-copies", is_flag=True, help="Destroy what it keeps here, too.")
@_at_vault
@json_option
def remove(id: str, with_copies: bool, as_json: bool, **place: Any) -> None:
    """Remove a client. Refused while it keeps copies here, unless they are to be destroyed.

    \b
    Example:
      engawa vault-clients remove yabu --with-copies
    """
    gone = _ask(place, "clients.remove", id=id, copies=with_copies)
    tell(gone, as_json, f"{id} is removed, with {gone['copies']} copies.")


def _ask(place: dict[str, Any], name: str, **arguments: Any) -> Any:
    settings = _settings({"data": place["data"]}, place["config"])
    return asyncio.run(ask(settings.data, name, **arguments))


def _jwk(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Failure(f"{path} is no JSON", "Give the file that `engawa vault-keys public` wrote.") from error


def _settings(given: Any, config: Path | None) -> VaultSettings:
    return read_settings(VaultSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
