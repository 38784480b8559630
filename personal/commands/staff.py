"""The commands about members of staff: the first one of a municipality is added here, at the machine itself."""

import asyncio
from pathlib import Path
from typing import Any

import click

from base.admin import ask
from base.console import json_option, show_json, show_table
from personal.command import at_module, of_municipality, settings_of


@click.group()
def staff() -> None:
    """Add, list, change and remove members of staff. The personal-data module must run.

    \b
    Example:
      engawa staff add sato --name 佐藤 --role admin
    """


@staff.command("add")
@click.argument("login")
@click.option("--name", required=True, help="What colleagues call them.")
@click.option(
    "--role", "roles", multiple=True, required=True, help="What they may do; several times for several."
)
@of_municipality
@at_module
def add_member(
    login: str, name: str, roles: tuple[str, ...], municipality: str, config: Path | None, **given: Any
) -> None:
    """Add a member of staff. An administrator adds the others in the pages for staff.

    \b
    Example:
      engawa staff add sato --name 佐藤 --role admin
    """
    data = settings_of(given, config).data
    asked: dict[str, Any] = {"municipality": municipality, "login": login, "name": name, "roles": list(roles)}
    added = asyncio.run(ask(data, "staff.add", **asked))
    click.echo(f"{added['name']} is added with the roles {', '.join(added['roles'])}.")
    _hand_over(added)


@staff.command("list")
@of_municipality
@at_module
@click.option(
    "--unused", type=click.IntRange(0, 36_500), help="Only those who did not log in for so many days."
)
@json_option
def list_members(
    as_json: bool, unused: int | None, municipality: str, config: Path | None, **given: Any
) -> None:
    """List members of staff, those who left last.

    \b
    Example:
      engawa staff list --unused 90
    """
    data = settings_of(given, config).data
    rows = asyncio.run(ask(data, "staff.list", municipality=municipality, unused=unused))
    if as_json:
        show_json(rows)
    else:
        columns = ("login", "name", "roles", "joined", "left")
        shown = [
            (*(row[name] for name in columns[:2]), " ".join(row["roles"]), row["joined"]) for row in rows
        ]
        show_table(columns, [(*cells, row.get("left", "")) for cells, row in zip(shown, rows, strict=True)])


@staff.command("roles")
@click.argument("login")
@click.option(
    "--role", "roles", multiple=True, required=True, help="What they may do; several times for several."
)
@of_municipality
@at_module
def give_roles(
    login: str, roles: tuple[str, ...], municipality: str, config: Path | None, **given: Any
) -> None:
    """Give a member of staff other roles. They log in again.

    \b
    Example:
      engawa staff roles sato --role counter --role privacy
    """
    data = settings_of(given, config).data
    asked: dict[str, Any] = {"municipality": municipality, "login": login, "roles": list(roles)}
    changed = asyncio.run(ask(data, "staff.roles", **asked))
    click.echo(f"{changed['name']} has the roles {', '.join(changed['roles'])}.")


@staff.command("remove")
@click.argument("login")
@of_municipality
@at_module
def remove_member(login: str, municipality: str, config: Path | None, **given: Any) -> None:
    """Let a member of staff leave: their logins end at once.

    \b
    Example:
      engawa staff remove sato
    """
    data = settings_of(given, config).data
    asyncio.run(ask(data, "staff.remove", municipality=municipality, login=login))
    click.echo(f"{login} may no longer log in.")


@staff.command("recover")
@click.argument("login")
@of_municipality
@at_module
def recover_member(login: str, municipality: str, config: Path | None, **given: Any) -> None:
    """Take a lost second factor away and give a code for another.

    Their logins end. Administrators do this in pairs in the pages for staff; at the machine is for when none is left.

    \b
    Example:
      engawa staff recover sato
    """
    data = settings_of(given, config).data
    found = asyncio.run(ask(data, "staff.recover", municipality=municipality, login=login))
    click.echo(f"The second factors of {found['name']} are taken away.")
    _hand_over(found)


def _hand_over(member: dict[str, Any]) -> None:
    """Show the code with which a member makes their first second factor, this once."""
    if "enrolment" in member:
        click.echo(f"Hand them this code, good until {member['enrolmentUntil']}: {member['enrolment']}")
