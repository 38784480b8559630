"""Notifications over https: the certificate is verified, also against authorities of the operator. (6.3.8)"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from tests.live import live_broker
from tests.notify.receiver import Receiver, receiving
from tests.notify.test_delivery import counters, until
from tests.notify.test_notifications import create, subscribe, value


@asynccontextmanager
async def secure(authority: trustme.CA, arrived: asyncio.Queue[bytes], host: str) -> AsyncIterator[str]:
    """Receive over TLS with a certificate of this authority for this host."""

    async def take(request: web.Request) -> web.Response:
        arrived.put_nowait(await request.read())
        return web.Response()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(context)
    app = web.Application()
    app.router.add_post("/notify", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # asyncio servers have it
    try:
        yield f"https://localhost:{port}/notify"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("host", "trusted", "status"),
    [("localhost", True, "ok"), ("localhost", False, "failed"), ("elsewhere.example", True, "failed")],
)
async def test_verifies_the_certificate(tmp_path: Path, host: str, trusted: bool, status: str) -> None:
    authority, arrived = trustme.CA(), asyncio.Queue[bytes]()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    async with (
        secure(authority, arrived, host) as url,
        receiving() as receiver,
        live_broker(
            tmp_path / "data", notify_authorities=file if trusted else None, notify_attempts=1
        ) as live,
    ):
        await create(live)
        id = await subscribe(live, receiver, {"endpoint": {"uri": url}})
        await value(live, 6)

        async def told() -> bool:
            return (await counters(live, id)).get("status") == status

        await until(told)
        assert arrived.qsize() == (1 if status == "ok" else 0)


async def test_counts_notifications_without_naming_endpoints(tmp_path: Path, receiver: Receiver) -> None:
    """What Prometheus is told."""
    async with live_broker(tmp_path / "data", notify_attempts=1) as live:
        await create(live)
        await subscribe(live, receiver)
        await subscribe(live, receiver, {"endpoint": {"uri": "http://127.0.0.1:9/secret-token"}})
        await value(live, 6)
        await receiver.wait()

        async def text() -> str:
            async with live.session.get(f"{live.url}/metrics") as reply:
                return await reply.text()

        async def counted() -> bool:
            wanted = (
                "engawa_broker_notifications_waiting 0.0",
                "engawa_broker_notifications_dead 1.0",
                'engawa_broker_notification_attempts_total{outcome="delivered"} 1.0',
                'engawa_broker_notification_attempts_total{outcome="failed"} 1.0',
            )
            shown = await text()
            return all(line in shown for line in wanted)

        await until(counted)
        assert "secret-token" not in await text() and "127.0.0.1" not in await text()
