"""The commands about delegations and declared emergencies, for when the pages for staff cannot be reached."""

import asyncio
from pathlib import Path
from typing import Any

import click

from base.admin import ask
from base.console import json_option, show_json, show_table
from personal.command import at_module, of_municipality, settings_of


@click.group()
def delegations() -> None:
    """List who acts for whom, without names, and end it. The personal-data module must run.

    \b
    Example:
      engawa delegations list
    """


@delegations.command("list")
@of_municipality
@at_module
@json_option
def list_delegations(as_json: bool, municipality: str, config: Path | None, **given: Any) -> None:
    """List the delegations in force. Names are on the pages for staff only.

    \b
    Example:
      engawa delegations list --json
    """
    rows = asyncio.run(ask(settings_of(given, config).data, "delegations.list", municipality=municipality))
    if as_json:
        show_json(rows)
    else:
        columns = ("delegation", "relation", "acts", "since", "until")
        shown = [{**row, "acts": " ".join(row["acts"])} for row in rows]
        show_table(columns, [tuple(row.get(name, "") for name in columns) for row in shown])


@delegations.command("end")
@click.argument("id")
@of_municipality
@at_module
def end_delegation(id: str, municipality: str, config: Path | None, **given: Any) -> None:
    """End a delegation at once. It is in the audit log.

    \b
    Example:
      engawa delegations end g_VDSOZkRzCkQ
    """
    asyncio.run(ask(settings_of(given, config).data, "delegations.end", municipality=municipality, id=id))
    click.echo("The delegation is over.")


@click.group()
def emergencies() -> None:
    """List the emergencies in force and end one. The personal-data module must run.

    \b
    Example:
      engawa emergencies list
    """


@emergencies.command("list")
@of_municipality
@at_module
@json_option
def list_emergencies(as_json: bool, municipality: str, config: Path | None, **given: Any) -> None:
    """List the emergencies in force.

    \b
    Example:
      engawa emergencies list --json
    """
    rows = asyncio.run(ask(settings_of(given, config).data, "emergencies.list", municipality=municipality))
    if as_json:
        show_json(rows)
    else:
        shown = [
            (row["id"], row["name"]["ja"], " ".join(row["services"]), row["since"], row["until"])
            for row in rows
        ]
        show_table(("id", "name", "services", "since", "until"), shown)


@emergencies.command("end")
@click.argument("id")
@of_municipality
@at_module
def end_emergency(id: str, municipality: str, config: Path | None, **given: Any) -> None:
    """End an emergency before its time. To declare one takes two, on the pages for staff.

    \b
    Example:
      engawa emergencies end e_VDSOZkRzCkQ
    """
    asyncio.run(ask(settings_of(given, config).data, "emergencies.end", municipality=municipality, id=id))
    click.echo("The emergency is over.")
