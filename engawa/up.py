"""`engawa up`: all parts on this machine, with the demo city if wanted, or the brokers of several towns."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from base.access.reach import reachable
from base.console import Failure, config_option, read_settings
from broker.settings import PREFIX, SECTION, BrokerSettings, check_reach, local_address
from engawa.supervisor import Part, supervise

if TYPE_CHECKING:
    from engawa.beside import Beside


@click.command()
@click.option(
    "--demo", is_flag=True, help="Load the small fictional city 縁側市, and made-up residents of 養父市."
)
@click.option(
    "--cities",
    metavar="NAMES",
    help="Start a broker for each of these towns, joined with each other: yabu,toyooka,asago,…",
)
@click.option(
    "--offset", type=int, default=0, help="Add this to each port: a second city on one machine takes 10000."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of all parts' data folders. [default: var]",
)
@click.option(
    "--open",
    "open_",
    is_flag=True,
    help="Let other machines in without a policy; see 'host' in the settings.",
)
@config_option
def up(
    demo: bool, cities: str | None, offset: int, data: Path | None, open_: bool, config: Path | None
) -> None:
    """Start all parts on this machine; Ctrl-C ends them.

    A part that falls is started again.

    With --cities: a small neighbourhood to try federation with (docs/federation.md), each town 10000 ports
    above the one before.

    \b
    Example:
      engawa up --demo
      engawa up --cities yabu,toyooka,asago
    """
    if demo and cities:
        raise click.UsageError("--demo is one city, --cities are several; give one of them")
    given = {"data": data / "broker" if data else None, "open": open_ or None}
    broker = read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
    check_reach(broker)
    if broker.tls_certificate and (demo or cities):
        raise click.UsageError(
            "--demo and --cities are for trying things out, without TLS: leave tls_certificate out of the settings for "
            "that (docs/federation.md shows towns with certificates, each started with 'engawa run broker')"
        )
    if cities:
        from engawa import neighbourhood

        towns = neighbourhood.towns(neighbourhood.chosen(cities), broker, offset, reachable(broker.host))
        for town in towns:
            _refuse_taken(town.host, town.port)

        async def settle() -> str:
            await neighbourhood.settle(towns)
            return neighbourhood.welcome(towns)

        _run([_told(town.part(config), open_) for town in towns], settle)
        return
    from engawa.beside import beside, inside

    residents = beside(demo, offset, data, config, reachable)
    port = broker.port + offset
    _refuse_taken(broker.host, port)
    if residents:
        for host, taken in residents.addresses:
            _refuse_taken(host, taken)
    arguments = ["run", "broker", "--host", broker.host, "--port", str(port), "--data", str(broker.data)]
    if config:
        arguments += ["--config", str(config)]
    url = local_address(replace(broker, port=port))
    part = _told(Part("broker", tuple(arguments), url + "/health/ready"), open_)
    others = residents.parts if residents else []
    agent = None if demo else inside(config)
    _run([part, *others, *([agent] if agent else [])], lambda: _settle(url, demo, residents))


def _told(part: Part, open_: bool) -> Part:
    """Hand on that others may come in."""
    return replace(part, arguments=(*part.arguments, "--open")) if open_ else part


def _run(parts: Sequence[Part], settle: Callable[[], Awaitable[str]]) -> None:
    with _own_terminal():
        asyncio.run(_up(parts, settle))
    click.echo("Engawa has ended.")


async def _up(parts: Sequence[Part], settle: Callable[[], Awaitable[str]]) -> None:
    """Run the parts until a signal; once they are ready `settle` does what is left, and gives what to say."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    ready = asyncio.Event()
    welcome = asyncio.create_task(_welcome(ready, settle))
    # a demo city that cannot be loaded ends everything; welcome.result() below says why
    welcome.add_done_callback(lambda task: stop.set() if not task.cancelled() and task.exception() else None)
    try:
        await supervise(parts, ready.set, stop)
    finally:
        welcome.cancel()
        await asyncio.wait([welcome])
    if not welcome.cancelled():
        welcome.result()


async def _welcome(ready: asyncio.Event, settle: Callable[[], Awaitable[str]]) -> None:
    await ready.wait()
    click.echo(await settle())


async def _settle(url: str, demo: bool, residents: "Beside | None") -> str:
    if demo:
        from engawa.demo import load_demo

        await load_demo(url)
    if residents:
        await residents.settle()
    return f"""
Engawa is ready{" with the demo city 縁側市" if demo else ""}.

  for people    {url}/
  for programs  {url}/ngsi-ld/v1/
{residents.welcome() + chr(10) if residents else ""}
Try first:
  curl '{url}/ngsi-ld/v1/types'
  curl '{url}/ngsi-ld/v1/entities?type=https://datamodels.jp/ns/disaster/EvacuationShelter&format=simplified&limit=3'

Ctrl-C ends it.
"""


def _refuse_taken(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Failure(
                    f"port {port} is in use by another program, perhaps another Engawa",
                    "Stop it, or use other ports: engawa up --offset 10000 (make run ARGS=--offset=10000).",
                ) from error
            raise Failure(f"cannot listen on {host} port {port}: {error.strerror}") from error


@contextlib.contextmanager
def _own_terminal() -> Iterator[None]:
    """Under make on a terminal, take Ctrl-C for ourselves: make sees a clean end, not an interrupt."""
    if "MAKELEVEL" not in os.environ or os.getpgrp() == os.getpid() or not os.isatty(0):
        yield
        return
    before = os.tcgetpgrp(0)
    if before != os.getpgrp():
        yield
        return
    keep = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(0, before)
        signal.signal(signal.SIGTTOU, keep)
