"""The personal-data module, its agent and a desk beside the broker: whether they are started, how, what is said."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from base.console import read_settings
from engawa.supervisor import Part
from personal import towns
from personal.agent import settings as agent_settings
from personal.agent.settings import AgentSettings
from personal.settings import PREFIX, SECTION, PersonalSettings, check

if TYPE_CHECKING:
    from engawa.demo.desk import DemoDesk

HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Beside:
    """The module as `engawa up` starts it."""

    settings: PersonalSettings
    config: Path | None
    url: str
    desk: "DemoDesk | None" = None

    @property
    def parts(self) -> list[Part]:
        """Say how it is started, and the desk of a demonstration with it."""
        told = self.settings
        arguments = ["run", "personal", "--host", told.host, "--port", str(told.port)]
        arguments += ["--data", str(told.data), *(["--demo"] if told.demo else [])]
        if self.config:
            arguments += ["--config", str(self.config)]
        if self.desk:
            arguments += self.desk.module_arguments
        module = Part("personal", tuple(arguments), self.url + "/health/ready")
        return [module, *([self.desk.part] if self.desk else [])]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Name the addresses on which something will listen."""
        own = (self.settings.host, self.settings.port)
        return [own, *([("127.0.0.1", self.desk.port)] if self.desk else [])]

    async def settle(self) -> None:
        """Give a demonstration its residents; what is there already stays."""
        if self.settings.demo:
            from engawa.demo.personal import load_personal

            await load_personal(self.url, self.settings.data)
            if self.desk:
                await self.desk.settle()

    def welcome(self) -> str:
        """Say where it is, and what to try."""
        lines = [f"  for staff     {self.url}/staff   (養父市; its residents are made up)"]
        if self.settings.demo:
            from engawa.demo.personal import key_file

            token = f"engawa service token shelter --url {self.url} --key {key_file(self.settings.data)}"
            if self.desk:
                lines.append(f"  card terminal {self.desk.url}/   (made-up cards, PIN 1234)")
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
    scheme = "https" if told.tls_certificate else "http"
    url = f"{scheme}://{reachable(told.host)}:{told.port}"
    if not told.demo:
        return Beside(told, config, url)
    from engawa.demo.desk import prepare_desk
    from engawa.demo.personal import prepare

    prepare(told.data)
    return Beside(told, config, url, prepare_desk(told, url, offset))


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
