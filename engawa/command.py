"""The engawa command: finds each part's commands and loads them only when they are called. (docs/cli.md)"""

import asyncio
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import aiohttp
import click

from base.admin import NotRunning
from base.console import WANTS_JSON, Failure, JsonFailure, Unreachable, json_option, show_json
from base.errors import Problem
from base.settings import SettingError


class Commands(click.Group):
    """A group whose members are named as 'module:attribute' and imported when they are called."""

    def __init__(self, *args: Any, members: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.members = members

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the members in the order of the table."""
        return list(self.members)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one member."""
        if name not in self.members:
            return None
        module, attribute = self.members[name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


class Engawa(Commands):
    """The command itself: whatever goes wrong below becomes one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; with --debug errors keep their traceback."""
        try:
            return super().invoke(ctx)
        except (click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if ctx.params["debug"] and not isinstance(error, click.ClickException):
                raise
            told = error if isinstance(error, click.ClickException) else explain(error)
            raise JsonFailure(told) if ctx.meta.get(WANTS_JSON) else told from error


def explain(error: Exception) -> click.ClickException:
    """Turn an error into what a person can act on."""
    match error:
        case SettingError():
            return click.UsageError(str(error))
        case NotRunning():
            return Unreachable(error.detail)
        case Problem():
            return Failure(error.detail)
        case aiohttp.ClientConnectionError() | ConnectionError():
            return Unreachable(
                f"cannot reach the server: {error}", "Is it running, and is its address right?"
            )
        case TimeoutError():
            return Unreachable(
                "the server does not answer in time", "Is it running, and is its address right?"
            )
        case asyncio.CancelledError():
            return Failure("interrupted")
        case OSError():
            return Failure(
                f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
            )
    return Failure(
        f"unexpected {type(error).__name__}: {error}",
        "engawa --debug … shows where; please report it with that text.",
    )


@click.group(
    cls=Engawa,
    members={
        "up": "engawa.up:up",
        "run": "engawa.command:run",
        "municipalities": "personal.command:municipalities",
        "desks": "personal.commands.desks:desks",
        "staff": "personal.commands.staff:staff",
        "proposals": "personal.commands.proposals:proposals",
        "residents": "personal.commands.residents:residents",
        "delegations": "personal.commands.relations:delegations",
        "emergencies": "personal.commands.relations:emergencies",
        "service": "personal.commands.services:service",
        "login-keys": "personal.commands.providers:login_keys",
        "receipt": "personal.commands.receipts:receipt",
        "audit": "personal.commands.audit:audit",
        "vault-keys": "personal.commands.keys:vault_keys",
        "personal": "personal.commands.bundles:personal",
        "agent": "personal.agent.command:agent",
        "vault-clients": "personal.cloud.command:clients",
        "desk": "adapters.desk.command:desk",
        "load": "broker.load.command:load",
        "conformance": "conformance.command:conformance",
        "keys": "broker.keys_command:keys",
        "access": "broker.access_command:access",
        "tenants": "broker.command:tenants",
        "outbox": "broker.command:outbox",
        "history": "broker.history_command:history",
        "federation": "broker.neighbours.command:federation",
        "schema": "broker.schema_command:schema",
        "export": "broker.transfer.command:export_tenant",
        "import": "broker.transfer.command:import_tenant",
        "doctor": "engawa.doctor:doctor",
        "version": "engawa.command:version",
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Engawa: the data-linkage platform of a city.

    \b
    Example:
      engawa up --demo
    """


@click.group(
    cls=Commands,
    members={
        "broker": "broker.command:run",
        "personal": "personal.command:run",
        "vault": "personal.cloud.command:run",
        "agent": "personal.agent.command:run",
    },
)
def run() -> None:
    """Run one part in the foreground.

    \b
    Example:
      engawa run broker --port 1026 --data var/broker
    """


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Print the version of Engawa and of what it stands on.

    \b
    Example:
      engawa version --json
    """
    from engawa.versions import versions

    found = versions()
    if as_json:
        show_json(found)
    else:
        for name, number in found.items():
            click.echo(f"{name} {number}")


def main() -> None:
    """Run the command line."""
    from base import log
    from engawa.supervisor import end_with_parent

    end_with_parent(os.environ)
    if "--debug" not in sys.argv:
        log.silence()  # until a part that runs says otherwise
    cli(prog_name="engawa")
