"""Bundles of orders and answers for the store inside LGWAN, where there is no line."""

import asyncio
from pathlib import Path
from typing import Any

import click

from base.admin import ask
from personal.command import at_module, of_municipality, settings_of


@click.group()
def personal() -> None:
    """Work with the running personal-data module.

    \b
    Example:
      engawa personal bundle export orders.bundle
    """


@personal.command("tell-again")
@of_municipality
@at_module
def tell_again(municipality: str, config: Path | None, **given: Any) -> None:
    """Tell the store inside LGWAN again what ended. It waits for that after it was restored.

    \b
    Example:
      engawa personal tell-again
    """
    data = settings_of(given, config).data
    done = asyncio.run(ask(data, "inside.tell-again", seconds=600.0, municipality=municipality))
    click.echo(f"{done['decisions']} decisions and {done['forgotten']} people who are over are told again.")


@personal.group()
def bundle() -> None:
    """Carry orders into LGWAN and answers back, as signed files.

    \b
    Example:
      engawa personal bundle export orders.bundle
    """


@bundle.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@of_municipality
@at_module
def export_bundle(file: Path, municipality: str, config: Path | None, **given: Any) -> None:
    """Write the orders that wait into a file. It is taken in inside: engawa agent bundle in.

    \b
    Example:
      engawa personal bundle export orders.bundle
    """
    data = settings_of(given, config).data
    made = asyncio.run(ask(data, "bundle.export", seconds=600.0, municipality=municipality))
    file.write_text(made["bundle"], "ascii")
    click.echo(f"{made['orders']} orders are in {file}.")


@bundle.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@of_municipality
@at_module
def import_bundle(file: Path, municipality: str, config: Path | None, **given: Any) -> None:
    """Take in a file of the agent. It wrote that inside: engawa agent bundle out.

    \b
    Example:
      engawa personal bundle import answers.bundle
    """
    data, text = settings_of(given, config).data, file.read_text("ascii")
    done = asyncio.run(ask(data, "bundle.import", seconds=600.0, municipality=municipality, bundle=text))
    click.echo(f"{done['answers']} answers and {done['alarms']} alarms came out.")
