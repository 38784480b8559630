"""The commands of the agent inside LGWAN: run it, look after it, enter with two officials what it may let out."""

import asyncio
import base64
import os
from pathlib import Path
from typing import Any

import click

from base.console import json_option, setting_options, show_json, show_table
from personal.agent import officials_command
from personal.agent.options import ask_agent, at_agent, file_new, file_there, settings_of, show
from personal.agent.settings import PREFIX, AgentSettings
from personal.vault import top


@click.command("agent")
@setting_options(AgentSettings, PREFIX)
def run(config: Path | None, **given: object) -> None:
    """Run the store inside LGWAN and its agent. It calls out and listens to nobody.

    \b
    Example:
      engawa run agent --municipality yabu --url https://personal.example:8026 --certificate agent.pem
    """
    import uvloop

    from personal.agent import server

    uvloop.run(server.run(settings_of(given, config)))


@click.group()
def agent() -> None:
    """Look after the running agent inside LGWAN.

    \b
    Example:
      engawa agent status
    """


@agent.command("keys")
@at_agent
def keys(**place: Any) -> None:
    """Print the agent's public keys. The proposal agent-keys outside takes them.

    \b
    Example:
      engawa agent keys > agent-keys.json
    """
    show_json(ask_agent(place, "keys"))


@agent.command("status")
@at_agent
@json_option
def status(as_json: bool, **place: Any) -> None:
    """Show what the agent keeps. Whether it reaches the outside, and what waits, too.

    \b
    Example:
      engawa agent status
    """
    show(ask_agent(place, "status"), as_json)


@agent.command("limits")
@at_agent
@json_option
def limits(as_json: bool, **place: Any) -> None:
    """Show how many records may go out or be changed in an hour.

    \b
    Example:
      engawa agent limits
    """
    show(ask_agent(place, "limits"), as_json)


@agent.command("alarms")
@at_agent
@json_option
def alarms(as_json: bool, **place: Any) -> None:
    """List the orders that were refused. They were forged, altered, repeated, too late or not agreed to.

    \b
    Example:
      engawa agent alarms
    """
    rows = ask_agent(place, "alarms")
    if as_json:
        show_json(rows)
    else:
        show_table(("at", "why", "task"), [(row["at"], row["why"], row["task"]) for row in rows])


@agent.command("services")
@at_agent
def services(**place: Any) -> None:
    """Show the services that are approved inside. Their keys and purposes, too.

    \b
    Example:
      engawa agent services
    """
    show_json(ask_agent(place, "services"))


@agent.command("devices")
@at_agent
@json_option
def devices(as_json: bool, **place: Any) -> None:
    """List the devices of officials, and which of them ended.

    \b
    Example:
      engawa agent devices
    """
    rows = ask_agent(place, "devices")
    if as_json:
        show_json(rows)
    else:
        show_table(
            ("staff", "ended", "device"), [(row["staff"], row["ended"] or "", row["device"]) for row in rows]
        )


@agent.command("renew-keys")
@at_agent
def renew_keys(**place: Any) -> None:
    """Make new keys for the agent. Prints their public parts, for the proposal agent-keys outside.

    The former ones hold until the outside knows these, and 35 days longer.

    \b
    Example:
      engawa agent renew-keys > agent-keys.json
    """
    show_json(ask_agent(place, "keys.renew"))


@agent.command("revocations")
@click.argument("file", type=file_there)
@at_agent
def take_revocations(file: Path, **place: Any) -> None:
    """Take in a list of revoked certificates. An authority that is pinned here has to have made it.

    \b
    Example:
      engawa agent revocations jpki.crl
    """
    body = base64.b64encode(file.read_bytes()).decode()
    done = ask_agent(place, "revocations", list=body)
    click.echo(f"{done['revoked']} certificates are revoked; good until {done['until']}.")


@agent.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
@at_agent
def backup(folder: Path, config: Path | None, **place: Any) -> None:
    """Write the store and its wrapped keys to a folder. The agent may run; the top key is not in it.

    \b
    Example:
      engawa agent backup /mnt/safe/agent-2026-11-21
    """
    from personal.agent import keeping

    keeping.save(settings_of(place, config).data, folder)
    click.echo(f"The store is in {folder}. Keep the top key elsewhere.")


@agent.command("restore")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@at_agent
def restore(folder: Path, config: Path | None, **place: Any) -> None:
    """Bring a store back from a back-up. What was erased since stays erased; the agent must not run.

    Nothing is released until the outside has told again what ended: engawa personal tell-again

    \b
    Example:
      engawa agent restore /mnt/safe/agent-2026-11-21
    """
    from base.database import lock_folder
    from personal.agent import keeping

    data = settings_of(place, config).data
    lock = lock_folder(data)
    try:
        done = asyncio.run(keeping.restore(data, folder, top.FileTopKey(data)))
    finally:
        os.close(lock)
    click.echo(
        f"{done.records} records came back, {done.shredded} were erased since and stay so. Start the agent, then "
        "have the outside tell again what ended: engawa personal tell-again"
    )


@agent.group("bundle")
def bundle() -> None:
    """Take orders in and answers out as files.

    \b
    Example:
      engawa agent bundle in orders.bundle
    """


@bundle.command("in")
@click.argument("file", type=file_there)
@at_agent
def bundle_in(file: Path, **place: Any) -> None:
    """Do the orders of a bundle that was carried in; each bundle once.

    \b
    Example:
      engawa agent bundle in orders.bundle
    """
    done = ask_agent(place, "bundle.in", bundle=file.read_text("ascii"))
    click.echo(f"{done['orders']} orders were read, {done['alarms']} of them raised an alarm.")


@bundle.command("out")
@click.argument("file", type=file_new)
@at_agent
def bundle_out(file: Path, **place: Any) -> None:
    """Write answers and alarms into a bundle to carry out.

    \b
    Example:
      engawa agent bundle out answers.bundle
    """
    made = ask_agent(place, "bundle.out")
    file.write_text(made["bundle"], "ascii")
    click.echo(f"{made['answers']} answers and {made['alarms']} alarms are in {file}.")


for _one in officials_command.COMMANDS:
    agent.add_command(_one)
