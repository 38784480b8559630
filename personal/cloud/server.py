"""One process of a vault: its parts wired together, started and ended in order."""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog
from aiohttp import web

from base import admin as admin_socket
from base import clock, files, health
from base.access.certificates import Tls, TlsFiles
from base.admin import Handler
from base.database import lock_folder
from base.log import configure
from base.web import serving, until_asked_to_stop
from personal.cloud.front import Front
from personal.cloud.settings import VaultSettings, check
from personal.cloud.store import VaultStore
from personal.vault import requests

log = structlog.get_logger("engawa.vault")


@contextlib.asynccontextmanager
async def served(settings: VaultSettings) -> AsyncIterator[tuple[VaultStore, str]]:
    """Serve a vault over HTTP while the block runs; gives its store and its URL."""
    lock = lock_folder(settings.data)
    store = VaultStore(settings.data)
    where = {"url": settings.public_url.rstrip("/")}
    tls = Tls(TlsFiles(settings.tls_certificate, settings.tls_key)) if settings.tls_certificate else None
    try:
        app = web.Application(client_max_size=settings.copy_bytes + 1)
        app.add_routes(Front(store, settings, lambda: where["url"]).routes())
        app.add_routes(health.routes(store.ping, "vault"))
        async with (
            admin_socket.serve(settings.data, handlers(store)),
            serving(
                app,
                settings.host,
                settings.port,
                connections=settings.connections,
                tls=tls.context if tls else None,
            ) as port,
        ):
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            url = f"{'https' if tls else 'http'}://{host}:{port}"
            where["url"] = where["url"] or url
            yield store, url
    finally:
        await store.close()
        os.close(lock)


def handlers(store: VaultStore) -> Mapping[str, Handler]:
    """Name what commands may have a running vault do."""

    async def add(asked: Mapping[str, Any]) -> Any:
        key = requests.public_key(asked["key"])
        await store.add_client(asked["id"], key, clock.now())
        return {"id": asked["id"], "key": requests.thumbprint(key)}

    async def change(asked: Mapping[str, Any]) -> Any:
        key = requests.public_key(asked["key"])
        await store.change_key(asked["id"], key)
        return {"id": asked["id"], "key": requests.thumbprint(key)}

    async def listed(_: Mapping[str, Any]) -> Any:
        return [
            {
                "id": one.id,
                "key": requests.thumbprint(one.key),
                "added": clock.show(one.added),
                "bytes": one.bytes,
            }
            for one in store.clients()
        ]

    async def remove(asked: Mapping[str, Any]) -> Any:
        return {"copies": await store.remove_client(asked["id"], with_copies=asked["copies"])}

    return {"clients.add": add, "clients.key": change, "clients.list": listed, "clients.remove": remove}


async def run(settings: VaultSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    check(settings)
    configure(settings.log_format, settings.log_level)
    files.allow_enough()
    files.leave_no_core()
    async with served(settings) as (_, url):
        log.info("ready", url=url)
        await until_asked_to_stop()
        log.info("stopping")
