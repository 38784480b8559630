"""A peer that lies: what it answers is nothing unless it is signed by it, for this request, and what was asked. (issue 5)"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from base import clock
from personal.operations.exchange import ANSWER, REQUEST
from personal.store import exchange
from personal.vault.addressed import enclose
from personal.vault.signing import Signer, opened
from tests.personal.disclosure.sharing import ALLERGIES, leaves, name, service
from tests.personal.live import ASAGO, YABU, Live, Reply, live_module
from tests.personal.relations.test_exchange import ask

HONEST: dict[str, Any] = {
    "withheld": [{"item": "care-needs", "reason": "no-consent"}],
    "items": {"allergies": ALLERGIES},
}
PEER = Signer(b"p" * 32)


@contextlib.asynccontextmanager
async def liar(yabu: Live) -> AsyncIterator[dict[str, Any]]:
    """Be the module of 朝来 for a resident who is linked; answer with what the dictionary holds."""
    told: dict[str, Any] = {}

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "t"})

    async def answer(request: web.Request) -> web.Response:
        sent = orjson.loads(await request.read())["request"]
        asked = opened(sent, yabu.town.signer.public(), REQUEST)
        shown = {"iss": ASAGO.code, "aud": YABU.code, "jti": asked["jti"], **HONEST, **told.get("claims", {})}
        signed = told.get("signer", PEER).sign(shown, told.get("kind", ANSWER))
        about = {"request": asked["jti"], "from": ASAGO.code, **told.get("about", {})}
        return web.json_response({"answer": enclose(asked["reader"], signed, about)})

    app = web.Application()
    app.router.add_post("/personal/v1/token", token)
    app.router.add_post("/personal/v1/exchange/answers", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    peer = exchange.Peer(ASAGO.code, ASAGO.name, url, "", {"keys": [PEER.public()]}, {})
    try:
        await yabu.town.store.write(lambda db: exchange.put(db, peer))
        yield told
    finally:
        await runner.cleanup()


LIES: dict[str, dict[str, Any]] = {
    "an item that was not asked for": {"claims": {"items": {**HONEST["items"], "contact": {}}}},
    "an item both shown and withheld": {
        "claims": {"withheld": [*HONEST["withheld"], {"item": "allergies", "reason": "no-consent"}]}
    },
    "an item neither shown nor withheld": {"claims": {"withheld": []}},
    "enclosed for another request": {"about": {"request": "other"}},
    "signed by another key": {"signer": Signer(b"q" * 32)},
    "signed as something else": {"kind": "JWT"},
}


async def test_nothing_of_what_a_liar_answers_goes_on(tmp_path: Path) -> None:
    async with live_module(tmp_path / "data") as yabu, liar(yabu) as told:
        await service(yabu, "shelter", "allergies", "care-needs")
        person = await yabu.register("hanako")
        link = lambda db: exchange.link(db, ASAGO.code, "x1." + "y" * 22, person, clock.now())  # noqa: E731  # short
        await yabu.town.store.write(link)
        subject = await name(yabu, person, "shelter")

        async def answered(lie: dict[str, Any]) -> Reply:
            told.clear()
            told.update(lie)
            return await ask(yabu, subject, "allergies", "care-needs")

        honest = await answered({})
        assert (honest.status, honest.json["items"]) == (200, {"allergies": ALLERGIES}), honest.raw
        assert honest.json["withheld"][0]["how"]["en"].startswith("Ask the resident"), "in our own words"
        received = leaves(yabu)[-1]
        assert (received["kind"], received["items"]) == ("exchange-received", ["allergies"])
        for what, lie in LIES.items():
            before = len(leaves(yabu))
            reply = await answered(lie)
            assert (reply.status, "items" in reply.json) == (502, False), what
            assert [one["kind"] for one in leaves(yabu, before)] == ["exchange-asked", "exchange-failed"], (
                what
            )
