"""Change 100 entities that 1,000 subscriptions want, one in ten endpoints dead: nothing lost, nobody delayed."""

import asyncio
import contextlib
import time
from collections import Counter

import aiohttp
import orjson
from aiohttp import web

from tests.trials import fail, record
from tests.trials._national import Running, broker

TRIAL = "fan-out"
SUBSCRIPTIONS, ENDPOINTS, CHANGES = 1_000, 100, 100
DEAD = 10  # every tenth endpoint refuses connections
MOST_SECONDS = 300.0


def main() -> None:
    """Run the broker and tell what arrived."""
    with broker() as part:
        asyncio.run(_run(part))


async def _run(part: Running) -> None:
    due = CHANGES * SUBSCRIPTIONS * (DEAD - 1) // DEAD
    arrived: Counter[str] = Counter()
    everything = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        notification = orjson.loads(await request.read())
        arrived[notification["id"]] += 1
        if len(arrived) == due:
            everything.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/{endpoint}", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession(part.url) as session:
            await _prepare(session, port)
            begun = time.monotonic()
            for number in range(CHANGES):
                await _send(
                    session, "PATCH", f"/entities/urn:ngsi-ld:Kettle:{number}/attrs/heat", {"value": 100}
                )
            changed = time.monotonic() - begun
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(everything.wait(), MOST_SECONDS)
    finally:
        await runner.cleanup()
    seconds = time.monotonic() - begun
    if len(arrived) != due:
        fail(TRIAL, f"{due} notifications were due, {len(arrived)} arrived within {MOST_SECONDS:.0f} s")
    twice = sum(arrived.values()) - len(arrived)
    record(
        TRIAL,
        f"{CHANGES} changes in {changed:.1f} s, {due:,} notifications to {ENDPOINTS * (DEAD - 1) // DEAD} endpoints in "
        f"{seconds:.1f} s ({due / seconds:,.0f} a second), none lost, {twice} twice; "
        f"{ENDPOINTS // DEAD} dead endpoints delayed nobody; peak memory {part.peak_megabytes():.0f} MB",
    )


async def _prepare(session: aiohttp.ClientSession, port: int) -> None:
    kettles = [
        {"id": f"urn:ngsi-ld:Kettle:{n}", "type": "Kettle", "heat": {"type": "Property", "value": 20}}
        for n in range(CHANGES)
    ]
    await _send(session, "POST", "/entityOperations/create", kettles)
    for number in range(SUBSCRIPTIONS):
        endpoint = number % ENDPOINTS
        where = f"http://127.0.0.1:{9 if endpoint % DEAD == 0 else port}/{endpoint}"
        body = {
            "type": "Subscription",
            "entities": [{"type": "Kettle"}],
            "notification": {"endpoint": {"uri": where}},
        }
        await _send(session, "POST", "/subscriptions", body)


async def _send(session: aiohttp.ClientSession, method: str, path: str, body: object) -> None:
    headers = {"Content-Type": "application/json"}
    url = "/ngsi-ld/v1" + path
    async with session.request(method, url, data=orjson.dumps(body), headers=headers) as answer:
        if answer.status not in (201, 204):
            fail(TRIAL, f"{method} {path} was answered with {answer.status}: {(await answer.text())[:200]}")


if __name__ == "__main__":
    main()
