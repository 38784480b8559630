"""The commands of a desk: run it, enrol it, ask how it is, try the card on the reader."""

import asyncio
from pathlib import Path
from typing import Any

import click

from adapters.desk.settings import PREFIX, SECTION, DeskSettings
from base.admin import ask
from base.console import Failure, json_option, read_settings, setting_options, show_json, show_table

at_desk = setting_options(DeskSettings, PREFIX, only=("data",))


@click.group()
def desk() -> None:
    """Run a card terminal at a counter. See docs/desk.md.

    \b
    Example:
      engawa desk run --id counter-1 --url https://personal.example:8026
    """


@desk.command("run")
@setting_options(DeskSettings, PREFIX)
def run(config: Path | None, **given: object) -> None:
    """Run the desk until SIGTERM or Ctrl-C. Its page is for the browser of the same PC.

    \b
    Example:
      engawa desk run --id counter-1 --url https://personal.example:8026
    """
    import uvloop

    from adapters.desk import server

    uvloop.run(server.run(_settings(given, config)))


@desk.command("enrol")
@setting_options(DeskSettings, PREFIX, only=("data", "id"))
def enrol(config: Path | None, **given: object) -> None:
    """Print the desk's public key. It is made at the first time and stays on this PC.

    \b
    Example:
      engawa desk enrol > counter-1.json
    """
    from adapters.sdk import device

    settings = _settings(given, config)
    show_json(device.opened(settings.data).public)
    name = settings.id or "ID"
    click.echo(
        "Enter it where the personal-data module runs: "
        f"engawa desks add {name} --name NAME --place PLACE --key FILE",
        err=True,
    )


@desk.command("status")
@at_desk
@json_option
def status(as_json: bool, config: Path | None, **given: object) -> None:
    """Show how the running desk is. Reader, network, what waits.

    \b
    Example:
      engawa desk status --json
    """
    found = asyncio.run(ask(_settings(given, config).data, "status"))
    if as_json:
        show_json(found)
    else:
        rows = [
            (name, ", ".join(value) if isinstance(value, list) else value) for name, value in found.items()
        ]
        show_table(("what", "state"), rows)


@desk.command("cards")
@setting_options(DeskSettings, PREFIX, only=("reader", "card_seconds"))
@json_option
def cards(as_json: bool, config: Path | None, **given: object) -> None:
    """Look at the card on the reader, without its PIN. To try a reader out.

    \b
    Example:
      engawa desk cards
    """
    from adapters.desk.trying import look

    found = look(_settings(given, config))
    if not found:
        raise Failure("no card came onto a reader", "Connect a reader, start pcscd, place a card.")
    if as_json:
        show_json(found)
    else:
        show_table(("what", "seen"), list(found.items()))


def _settings(given: Any, config: Path | None) -> DeskSettings:
    return read_settings(DeskSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
