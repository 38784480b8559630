"""One process of the personal-data module: its parts wired together, started and ended in order. (DESIGN 3)"""

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import structlog
from aiohttp import web

from base import admin as admin_socket
from base import files, health
from base.access.certificates import Tls, TlsFiles
from base.access.limits import Limit
from base.access.reach import is_loopback
from base.database import lock_folder
from base.egress import AddressPolicy, connector
from base.log import configure
from base.web import serving, until_asked_to_stop
from personal import parts, providers, towns, trust
from personal.administration import handlers
from personal.api import openapi
from personal.api.front import Front
from personal.app import CONSENT_REACTIONS, EVENTS, KINDS, REACTIONS, operations
from personal.locations import lgwan
from personal.login import card_status
from personal.operations import lapsing, telling
from personal.operations.call import Module
from personal.operations.town import Town
from personal.pages.visitor import BEHIND_TLS
from personal.provider import routes as provider
from personal.provider import telling as logouts
from personal.settings import PersonalSettings, check
from personal.table import logins

log = structlog.get_logger("engawa.personal")


@contextlib.asynccontextmanager
async def module_of(settings: PersonalSettings, address: Callable[[], str]) -> AsyncIterator[Module]:
    """Open every municipality; close all in reverse order."""
    lock = lock_folder(settings.data)
    try:
        async with contextlib.AsyncExitStack() as stack:
            open_towns: dict[str, Town] = {}
            for one in towns.listed(settings.data):
                town = await stack.enter_async_context(towns.opened(settings, one))
                await stack.enter_async_context(lapsing.attended(town, CONSENT_REACTIONS))
                await stack.enter_async_context(telling.attended(town, settings, address))
                open_towns[one.id] = town
            rate = settings.requests_per_second
            limit = Limit(rate, 2 * rate) if rate else None
            anonymous = Limit(rate, 10 * rate) if rate else None
            policy = AddressPolicy(settings.outgoing, loopback=is_loopback(settings.host))
            web_session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector(policy)))
            logins_there = providers.read(settings.logins, policy)
            stack.push_async_callback(logins_there.close)
            anchors = trust.anchors(settings, logins_there)
            validity = trust.checker(settings, anchors, web_session)
            if isinstance(validity, card_status.Several):
                stack.push_async_callback(validity.close)
            yield Module(
                settings,
                open_towns,
                address,
                kinds=KINDS,
                reactions=REACTIONS,
                consent_reactions=CONSENT_REACTIONS,
                anchors=anchors,
                mykey=trust.mykey(settings, web_session),
                validity=validity,
                events=EVENTS,
                ways=logins.WAYS,
                providers=logins_there,
                limit=limit,
                anonymous=anonymous,
                web=web_session,
            )
    finally:
        os.close(lock)


@contextlib.asynccontextmanager
async def served(settings: PersonalSettings) -> AsyncIterator[tuple[Module, str]]:
    """Serve the module over HTTP while the block runs; gives it and its URL."""
    tls = None
    if settings.tls_certificate is not None:
        tls = Tls(TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_client_authorities))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    where = {"url": settings.public_url.rstrip("/")}
    async with module_of(settings, lambda: where["url"]) as module:
        app = web.Application(client_max_size=settings.body_bytes + 1)
        app[BEHIND_TLS] = settings.public_url.startswith("https:")
        app.add_routes(Front(module, operations(settings)).routes())
        app.add_routes(openapi.routes(operations(settings)))
        app.add_routes(parts.routes(module, operations(settings)))
        app.add_routes(provider.routes(module))
        if tls is not None or app[BEHIND_TLS]:
            app.on_response_prepare.append(_stay_with_https)
        app.on_shutdown.append(_hang_up(module))
        app.add_routes(health.routes(module.ping, "personal"))
        async with (
            logouts.attended(module),
            admin_socket.serve(settings.data, handlers.handlers(module)),
            serving(
                app,
                settings.host,
                settings.port,
                connections=settings.connections,
                tls=tls.context if tls else None,
            ) as port,
        ):
            url = f"{'https' if tls else 'http'}://{host}:{port}"
            where["url"] = where["url"] or url
            yield module, url


async def _stay_with_https(_: web.Request, response: web.StreamResponse) -> None:
    """Have browsers never come without TLS again. (RFC 6797)"""
    response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def _hang_up(module: Module) -> Callable[[web.Application], Awaitable[None]]:
    async def hang_up(_: web.Application) -> None:
        """Answer agents that wait for orders, so that they do not hold up the end."""
        for town in module.towns.values():
            inside = town.records.locations.get(lgwan.NAME)
            if isinstance(inside, lgwan.Lgwan):
                inside.hang_up()

    return hang_up


async def run(settings: PersonalSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    check(settings)
    towns.check_made_up(settings.data, demo=settings.demo)
    configure(settings.log_format, settings.log_level)
    files.allow_enough()
    files.leave_no_core()
    async with served(settings) as (_, url):
        log.info("ready", url=url)
        await until_asked_to_stop()
        log.info("stopping")
