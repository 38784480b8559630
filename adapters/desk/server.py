"""One desk: its parts wired together, started and ended in order."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from adapters.desk import terminal
from adapters.desk.attention import Attention
from adapters.desk.cards.channel import Readers
from adapters.desk.emulator import cards as made_up
from adapters.desk.emulator.cards import Made
from adapters.desk.emulator.reader import EmulatedReader
from adapters.desk.pages.front import Front
from adapters.desk.reception import Reception
from adapters.desk.settings import DeskSettings, check
from adapters.desk.state import Condition
from adapters.desk.visits import Visits
from adapters.sdk import device
from adapters.sdk.client import Client
from adapters.sdk.outbox import Outbox
from base import admin as admin_socket
from base import files, health
from base.access.reach import reachable
from base.database import lock_folder
from base.errors import ServiceUnavailable
from base.log import configure
from base.web import serving, until_asked_to_stop

log = structlog.get_logger("engawa.desk")
_LINE_BYTES = 8_190


@dataclass(frozen=True, slots=True)
class Desk:
    """A running desk."""

    url: str
    condition: Condition
    attention: Attention
    reception: Reception
    visits: Visits
    held: EmulatedReader | None
    cards: Mapping[str, Made]


def readers_of(settings: DeskSettings) -> Readers:
    """Give the readers of this machine; ServiceUnavailable says what to install if they cannot be used."""
    try:
        from adapters.desk.cards.pcsc import PcscReaders
    except ImportError as error:
        raise ServiceUnavailable(
            "Card readers need the package pyscard: pip install 'engawa[card]' (docs/desk.md)."
        ) from error
    return PcscReaders(settings.reader)


@contextlib.asynccontextmanager
async def served(settings: DeskSettings, readers: Readers | None = None) -> AsyncIterator[Desk]:
    """Serve a desk while the block runs; `readers`: others than those the settings name."""
    check(settings)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(os.close, lock_folder(settings.data))
        key = device.opened(settings.data)
        cards: dict[str, Made] = {}
        if readers is None and settings.made_up_cards is not None:
            cards = {one.blueprint.id: one for one in made_up.present(settings.made_up_cards)}
            if not cards:
                raise ServiceUnavailable(f"There are no made-up cards in {settings.made_up_cards}.")
            readers = EmulatedReader()
        found = readers or readers_of(settings)
        outbox = Outbox(settings.data, key)
        stack.callback(outbox.close)
        client = await stack.enter_async_context(
            Client(
                settings.url,
                f"desk.{settings.id}",
                key,
                municipality=settings.municipality,
                authorities=settings.authorities,
                seconds=settings.network_seconds,
            )
        )
        attention = await stack.enter_async_context(Attention(found).paid())
        reception = await stack.enter_async_context(Reception(settings, client, attention, outbox).open())
        condition = await stack.enter_async_context(Condition(client, attention, reception).watched())
        visits = Visits(settings, client, attention)
        reception.quiet = visits.going_on
        held = found if isinstance(found, EmulatedReader) else None
        where = {"port": settings.port}
        front = Front(
            settings,
            client,
            visits,
            condition,
            reception,
            lambda: where["port"],
            cards,
            held,
        )
        app = web.Application(client_max_size=_LINE_BYTES)
        app.add_routes([*front.routes(), *health.routes(lambda: None, "desk")])
        await stack.enter_async_context(admin_socket.serve(settings.data, _handlers(condition)))
        where["port"] = await stack.enter_async_context(
            serving(app, settings.host, settings.port, connections=64, line_bytes=_LINE_BYTES, seconds=1.0)
        )
        url = f"http://{reachable(settings.host)}:{where['port']}"
        yield Desk(url, condition, attention, reception, visits, held, cards)


def _handlers(condition: Condition) -> dict[str, admin_socket.Handler]:
    async def status(_: Mapping[str, Any]) -> Any:
        return condition.now().told()

    return {"status": status}


async def run(settings: DeskSettings) -> None:
    """Serve until SIGTERM or SIGINT; on a terminal show how the desk is."""
    check(settings)
    configure(settings.log_format, settings.log_level)
    files.leave_no_core()
    async with served(settings) as desk:
        log.info("ready", url=desk.url)
        shown = asyncio.create_task(terminal.show(desk.condition, desk.reception, desk.url))
        await until_asked_to_stop()
        shown.cancel()
        await asyncio.gather(shown, return_exceptions=True)
        log.info("stopping")
