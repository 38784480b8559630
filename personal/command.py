"""The module's commands: run it, add and list municipalities."""

import asyncio
from pathlib import Path
from typing import Any

import click

from base.admin import ask
from base.console import json_option, read_settings, setting_options, show_json, show_table
from personal.settings import PREFIX, SECTION, PersonalSettings

of_municipality = click.option(
    "--municipality", default="", metavar="ID", help="Which municipality, if there are several."
)
at_module = setting_options(PersonalSettings, PREFIX, only=("data",))


@click.command("personal")
@setting_options(PersonalSettings, PREFIX)
def run(config: Path | None, **given: object) -> None:
    """Run the personal-data module until SIGTERM or Ctrl-C.

    \b
    Example:
      engawa run personal --port 8026 --data var/personal
    """
    import uvloop

    from personal import server

    uvloop.run(server.run(settings_of(given, config)))


@click.group()
def municipalities() -> None:
    """Add and list municipalities. They share an installation of the personal-data module.

    \b
    Example:
      engawa municipalities add yabu --name 養父市 --code 282227
    """


@municipalities.command("add")
@click.argument("id")
@click.option("--name", required=True, help="What people call it.")
@click.option("--code", required=True, help="Its six digits in the list of 総務省.")
@at_module
def add_municipality(id: str, name: str, code: str, config: Path | None, **given: Any) -> None:
    """Add a municipality with its own database and keys. The module sees it at its next start.

    \b
    Example:
      engawa municipalities add yabu --name 養父市 --code 282227
    """
    from personal import towns

    settings = settings_of(given, config)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    towns.add(settings.data, towns.Listed(id, name, code))
    click.echo(f"{name} is added. Start the module, or start it again: engawa run personal")


@municipalities.command("describe")
@click.argument("id")
@click.option("--office", required=True, help="Which office takes requests about personal data.")
@click.option("--address", required=True, help="Where that office is.")
@at_module
def describe_municipality(id: str, office: str, address: str, config: Path | None, **given: Any) -> None:
    """Say which office takes requests about personal data. The register and letters name it.

    The module must run; it takes effect at once. Administrators do the same at /staff/office.

    \b
    Example:
      engawa municipalities describe yabu --office 総務課 --address 養父市八鹿町八鹿1675
    """
    told: dict[str, Any] = {"municipality": id, "office": office, "address": address}
    made = asyncio.run(ask(settings_of(given, config).data, "municipalities.describe", **told))
    click.echo(f"{made['municipality']}: {made['office']}, {made['address']}.")


@municipalities.command("list")
@at_module
@json_option
def list_municipalities(as_json: bool, config: Path | None, **given: Any) -> None:
    """List the municipalities of the running module.

    \b
    Example:
      engawa municipalities list --json
    """
    rows = asyncio.run(ask(settings_of(given, config).data, "municipalities.list"))
    if as_json:
        show_json(rows)
    else:
        show_table(("id", "name", "code"), [(row["id"], row["name"], row["code"]) for row in rows])


def settings_of(given: Any, config: Path | None) -> PersonalSettings:
    """Build the settings of a command's options."""
    return read_settings(PersonalSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
