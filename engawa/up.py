"""`engawa up`: all parts on this machine, with the demo city if wanted."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import click

from base.console import Failure, config_option, read_settings
from broker.settings import PREFIX, SECTION, BrokerSettings
from engawa.supervisor import Part, supervise


@click.command()
@click.option("--demo", is_flag=True, help="Load the small fictional city 縁側市.")
@click.option(
    "--offset", type=int, default=0, help="Add this to each port: a second city on one machine takes 10000."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of all parts' data folders. [default: var]",
)
@config_option
def up(demo: bool, offset: int, data: Path | None, config: Path | None) -> None:
    """Start all parts on this machine, watch over them, end them with Ctrl-C.

    \b
    Example:
      engawa up --demo
    """
    given = {"data": data / "broker"} if data else {}
    broker = read_settings(BrokerSettings, prefix=PREFIX, section=SECTION, given=given, config=config)
    port = broker.port + offset
    _refuse_taken(broker.host, port)
    arguments = ["run", "broker", "--host", broker.host, "--port", str(port), "--data", str(broker.data)]
    if config:
        arguments += ["--config", str(config)]
    url = f"http://{_reachable(broker.host)}:{port}"
    with _own_terminal():
        asyncio.run(_up(Part("broker", tuple(arguments), url + "/health/ready"), url, demo))
    click.echo("Engawa has ended.")


async def _up(part: Part, url: str, demo: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    ready = asyncio.Event()
    welcome = asyncio.create_task(_welcome(ready, url, demo))
    # a demo city that cannot be loaded ends everything; welcome.result() below says why
    welcome.add_done_callback(lambda task: stop.set() if not task.cancelled() and task.exception() else None)
    try:
        await supervise([part], ready.set, stop)
    finally:
        welcome.cancel()
        await asyncio.wait([welcome])
    if not welcome.cancelled():
        welcome.result()


async def _welcome(ready: asyncio.Event, url: str, demo: bool) -> None:
    await ready.wait()
    if demo:
        from engawa.demo import load_demo

        await load_demo(url)
    click.echo(
        f"""
Engawa is ready{" with the demo city 縁側市" if demo else ""}.

  for people    {url}/
  for programs  {url}/ngsi-ld/v1/

Try first:
  curl '{url}/ngsi-ld/v1/types'
  curl '{url}/ngsi-ld/v1/entities?type=https://datamodels.jp/ns/disaster/EvacuationShelter&format=simplified&limit=3'

Ctrl-C ends it.
"""
    )


def _reachable(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, never bound
    return f"[{host}]" if ":" in host else host


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
