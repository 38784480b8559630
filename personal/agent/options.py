"""What the commands of the agent share: their options, and asking the agent that runs."""

import asyncio
from pathlib import Path
from typing import Any

import click

from base.admin import ask
from base.console import read_settings, setting_options, show_json, show_table
from personal.agent.settings import PREFIX, SECTION, AgentSettings

file_there = click.Path(exists=True, dir_okay=False, path_type=Path)
file_new = click.Path(dir_okay=False, path_type=Path)
at_agent = setting_options(AgentSettings, PREFIX, only=("data",))


def show(found: dict[str, Any], as_json: bool) -> None:
    """Show what was found, as JSON or as a table."""
    if as_json:
        show_json(found)
    else:
        show_table(("", ""), list(found.items()))


def ask_agent(place: dict[str, Any], name: str, **arguments: Any) -> Any:
    """Ask the running agent of a data folder."""
    settings = settings_of({"data": place["data"]}, place["config"])
    return asyncio.run(ask(settings.data, name, seconds=600.0, **arguments))


def settings_of(given: Any, config: Path | None) -> AgentSettings:
    """Build the settings of a command's options."""
    return read_settings(AgentSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
