"""No case is without teeth: each fails against a broker that refuses everything, or one that agrees to everything."""

import contextlib
from collections.abc import AsyncIterator

import orjson
from aiohttp import web

from conformance.collect import all_cases
from conformance.result import FAILED
from conformance.run import run
from conformance.surroundings import Asked

UNJUDGED = ("mosquitto is not installed on this machine",)
REFUSAL = {
    "type": "https://uri.etsi.org/ngsi-ld/errors/BadRequestData",
    "title": "Bad request data",
    "detail": "Whatever it is, it is refused.",
}


async def refuse(_: web.Request) -> web.Response:
    return web.Response(status=400, body=orjson.dumps(REFUSAL), content_type="application/json")


async def agree(_: web.Request) -> web.Response:
    return web.Response(status=200, body=b"{}", content_type="application/json")


@contextlib.asynccontextmanager
async def served(answer: object) -> AsyncIterator[str]:
    app = web.Application(client_max_size=1 << 26)
    app.router.add_route("*", "/{tail:.*}", answer)  # type: ignore[arg-type]  # a handler
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_each_case_fails_somewhere() -> None:
    cases = all_cases()
    async with served(refuse) as url:
        refused = await run(cases, Asked(url))
    left = {r.name for r in refused.results if r.outcome != FAILED}
    assert 0 < len(left) < len(cases) / 2
    async with served(agree) as url:
        agreed = await run([c for c in cases if c.name in left], Asked(url))
    assert not [
        f"{r.name}: {r.outcome} {r.seen}"
        for r in agreed.results
        if r.outcome != FAILED and r.seen not in UNJUDGED
    ]
