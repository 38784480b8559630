"""The personal-data module and its agent beside the broker: whether they are started, how, what is said of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from base.console import read_settings
from engawa.supervisor import Part
from personal import towns
from personal.agent import settings as agent_settings
from personal.agent.settings import AgentSettings
from personal.settings import PREFIX, SECTION, PersonalSettings, check

HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Beside:
    """The module as `engawa up` starts it."""

    settings: PersonalSettings
    config: Path | None
    url: str

    @property
    def part(self) -> Part:
        """Say how it is started."""
        told = self.settings
        arguments = ["run", "personal", "--host", told.host, "--port", str(told.port)]
        arguments += ["--data", str(told.data), *(["--demo"] if told.demo else [])]
        if self.config:
            arguments += ["--config", str(self.config)]
        return Part("personal", tuple(arguments), self.url + "/health/ready")

    async def settle(self) -> None:
        """Give a demonstration its residents; what is there already stays."""
        if self.settings.demo:
            from engawa.demo.personal import load_personal

            await load_personal(self.url, self.settings.data)

    def welcome(self) -> str:
        """Say where it is, and what to try."""
        lines = [f"  for staff     {self.url}/staff   (養父市; its residents are made up)"]
        if self.settings.demo:
            from engawa.demo.personal import key_file

            token = f"engawa service token shelter --url {self.url} --key {key_file(self.settings.data)}"
            lines += ["", "A service that asks for residents' data gets its token by:", f"  {token}"]
        else:
            lines = [f"  for staff     {self.url}/staff"]
        return "\n".join(lines)


def beside(
    demo: bool, offset: int, data: Path | None, config: Path | None, reachable: Callable[[str], str]
) -> Beside | None:
    """Say how the module is started: for a demonstration always, else if it has municipalities that are real."""
    given = {"data": data / "personal" if data else None, "demo": demo or None}
    told = read_settings(PersonalSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
    if not told.demo and (not towns.listed(told.data) or (told.data / towns.MADE_UP).exists()):
        return None
    told = replace(told, port=told.port + offset)
    if not 0 <= told.port <= HIGHEST_PORT:
        raise click.UsageError(f"the personal-data module would get port {told.port}; take another --offset")
    check(told)
    if told.demo and told.tls_certificate:
        raise click.UsageError("--demo is to try things without TLS; leave out tls_certificate")
    if told.demo:
        from engawa.demo.personal import prepare

        prepare(told.data)
    scheme = "https" if told.tls_certificate else "http"
    return Beside(told, config, f"{scheme}://{reachable(told.host)}:{told.port}")


def inside(config: Path | None) -> Part | None:
    """Say how the agent inside LGWAN is started: if the settings name its municipality."""
    told = read_settings(
        AgentSettings, prefix=agent_settings.PREFIX, section=agent_settings.SECTION, given={}, config=config
    )
    if not told.municipality:
        return None
    agent_settings.check(told)
    arguments = ("run", "agent", *(("--config", str(config)) if config else ()))
    return Part("agent", arguments, told.data)
