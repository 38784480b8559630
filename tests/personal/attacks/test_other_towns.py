"""What the module of another municipality tries that lies: as the one that asks, and as the one that answers. (issue 5)"""

import asyncio
import contextlib
import os
import secrets
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from joserfc import jws

from base import clock
from personal.operations.exchange import ANSWER, REQUEST
from personal.store import exchange
from personal.vault.addressed import Reader, enclose
from personal.vault.signing import Signer
from tests.personal.disclosure import sharing
from tests.personal.live import ASAGO, Live, Reply, live_module

FORM = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
}
HOW = {"ja": "x", "en": "x"}
Lie = Callable[["Liar", web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


async def silent(_: "Liar", __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    raise web.HTTPNotFound


@dataclass
class Liar:
    """A module of 朝来市 in the hands of somebody else: it has its own key, and signs whatever it likes."""

    url: str = ""
    signer: Signer = field(default_factory=lambda: Signer(os.urandom(32)))
    lie: Lie = silent

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "st_x", "token_type": "Bearer", "expires_in": 60})
        text = (await request.json())["request"]
        asked = orjson.loads(jws.extract_compact(text.encode()).payload)
        return await self.lie(self, request, asked)

    def sealed(self, asked: dict[str, Any], **told: Any) -> web.Response:
        """Answer a request with what is told instead of the truth."""
        body = {
            "items": {},
            "withheld": [],
            "iss": ASAGO.code,
            "aud": asked["iss"],
            "jti": asked["jti"],
            **told,
        }
        about = {"request": asked["jti"], "from": ASAGO.code}
        answer = enclose(asked["reader"], self.signer.sign(body, ANSWER), about)
        return web.json_response({"answer": answer})

    async def token(self, live: Live) -> str:
        """Get a token of the town that is lied to."""
        now = int(time.time())
        claims = {"iss": ASAGO.code, "sub": ASAGO.code, "aud": live.url, "exp": now + 60, "iat": now}
        form = {**FORM, "client_assertion": self.signer.sign({**claims, "jti": secrets.token_hex(8)}, "JWT")}
        async with live.session.post(f"{live.url}/personal/v1/token", data=form) as reply:
            token: str = (await reply.json())["access_token"]
            return token

    async def ask(self, live: Live, by: str, **more: Any) -> Reply:
        """Ask the town that is lied to for what it holds."""
        reader = Reader(os.urandom(32)).public()
        claims = {
            "iss": ASAGO.code,
            "aud": live.town.code,
            "exp": int(time.time()) + 60,
            "jti": secrets.token_hex(16),
            "service": "shelter",
            "subject": "x1.hanako-hanako-hanako",
            "purpose": sharing.PURPOSE,
            "items": ["allergies"],
            "event": "",
            "reader": {name: reader[name] for name in ("kty", "crv", "x", "y")},
            **more,
        }
        return await live.post("/exchange/answers", {"request": self.signer.sign(claims, REQUEST)}, by=by)


@contextlib.asynccontextmanager
async def lied_to(folder: Path, **settings: Any) -> AsyncIterator[tuple[Live, Liar, str]]:
    """Run 養父市, which registered the liar, and where a resident is linked; gives their name at our service, too."""
    liar, app = Liar(), web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{path:.*}", liar.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    liar.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with live_module(folder, **settings) as live:
            await sharing.service(live, "shelter", "allergies")
            person = await live.register("hanako")
            await sharing.hold(live, person, allergies=sharing.ALLERGIES)
            await sharing.agree(live, person, "shelter", "allergies")
            peer = exchange.Peer(
                ASAGO.code, ASAGO.name, liar.url, "", {"keys": [liar.signer.public()]}, {"shelter": "shelter"}
            )
            name = "x1.hanako-hanako-hanako"

            def work(db: Any) -> None:
                exchange.put(db, peer)
                exchange.link(db, ASAGO.code, name, person, clock.now())

            await live.town.store.write(work)
            yield live, liar, await sharing.name(live, person, "shelter")
    finally:
        await runner.cleanup()


def written(live: Live, kind: str) -> int:
    return sum(one["kind"] == kind for one in sharing.leaves(live))


async def test_a_request_of_another_town_is_read_strictly_before_anything_is_decided(tmp_path: Path) -> None:
    async with lied_to(tmp_path) as (live, liar, _):
        by = await liar.token(live)
        good = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
        for wrong in (
            {"reader": good},
            {"reader": {**good, "x": 5}},
            {"reader": {"crv": "P-256"}},
            {"reader": {**good, "kty": "RSA"}},
            {"items": ["<b>"]},
            {"items": ["a" * 5_000]},
            {"items": []},
            {"items": ["allergies", "allergies"]},
            {"event": "見本 花子"},
            {"purpose": "<script>"},
            {"exp": True},
            {"exp": 10**12},
            {"exp": 1},
            {"aud": ASAGO.code},
            {"iss": live.town.code},
            {"jti": 7},
            {"subject": None},
        ):
            reply = await liar.ask(live, by, **wrong)
            assert reply.status == 400, (wrong, reply.raw)
        assert written(live, "exchange-disclosure") == 0
        assert (await liar.ask(live, by)).status == 200
        assert written(live, "exchange-disclosure") == 1


async def test_a_peers_request_works_once(tmp_path: Path) -> None:
    async with lied_to(tmp_path) as (live, liar, _):
        by, jti = await liar.token(live), secrets.token_hex(16)
        replies = await asyncio.gather(*(liar.ask(live, by, jti=jti) for _ in range(5)))
        assert sorted(one.status for one in replies) == [200, 401, 401, 401, 401]


async def test_an_answer_of_another_town_that_lies_reaches_no_service(tmp_path: Path) -> None:
    async with lied_to(tmp_path) as (live, liar, subject):
        body = {"subject": subject, "purpose": sharing.PURPOSE, "items": ["allergies"], "peer": ASAGO.code}
        by = await live.service_token("shelter")

        async def told() -> Reply:
            return await live.post("/exchange/disclosures", body, by=by)

        def lying(**lies: Any) -> Lie:
            async def lie(self: Liar, _: web.Request, asked: dict[str, Any]) -> web.StreamResponse:
                return self.sealed(asked, **lies)

            return lie

        for lie in (
            lying(items={"contact": {"phones": []}}),
            lying(items={"allergies": "<script>"}),
            lying(items={"allergies": {"allergies": [{"to": "no such word"}]}}),
            lying(withheld=[{"item": "allergies", "reason": "見本 花子", "how": HOW}]),
            lying(withheld=[{"item": "contact", "reason": "no-consent", "how": HOW}]),
            lying(withheld="no"),
            lying(jti="another"),
            lying(aud=ASAGO.code),
            huge,
            bomb,
            elsewhere,
        ):
            liar.lie = lie
            reply = await told()
            assert reply.status == 502, (reply.status, reply.raw[:300])
        liar.lie = lying(items={"allergies": sharing.ALLERGIES})
        assert (await told()).json["items"] == {"allergies": sharing.ALLERGIES}
        liar.lie = lying(withheld=[{"item": "allergies", "reason": "no-consent", "how": HOW}])
        (withheld,) = (await told()).json["withheld"]
        assert (withheld["reason"], "consent" in withheld["how"]["en"]) == ("no-consent", True)


async def test_another_town_that_never_ends_its_answer_is_not_waited_for(tmp_path: Path) -> None:
    async with lied_to(tmp_path, exchange_seconds=0.5) as (live, liar, subject):
        liar.lie = slow
        body = {"subject": subject, "purpose": sharing.PURPOSE, "items": ["allergies"], "peer": ASAGO.code}
        reply = await live.post("/exchange/disclosures", body, by=await live.service_token("shelter"))
        assert reply.status == 504


async def test_what_our_own_catalogue_does_not_offer_is_not_asked_for_elsewhere(tmp_path: Path) -> None:
    """A service gets no further by way of another town than its purpose was approved for here."""
    async with lied_to(tmp_path) as (live, liar, subject):
        asked: list[Any] = []

        async def lie(self: Liar, _: web.Request, request: dict[str, Any]) -> web.StreamResponse:
            asked.append(request["items"])
            return self.sealed(request, items={"allergies": sharing.ALLERGIES})

        liar.lie = lie
        by = await live.service_token("shelter")
        body = {"subject": subject, "purpose": sharing.PURPOSE, "peer": ASAGO.code}
        reply = await live.post("/exchange/disclosures", {**body, "items": ["contact", "allergies"]}, by=by)
        assert (list(reply.json["items"]), sharing.reasons(reply)) == (
            ["allergies"],
            {"contact": "not-in-catalogue"},
        )
        reply = await live.post("/exchange/disclosures", {**body, "items": ["contact"]}, by=by)
        assert (reply.json["items"], sharing.reasons(reply)) == ({}, {"contact": "not-in-catalogue"})
        assert asked == [["allergies"]]


async def huge(_: Liar, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    return web.Response(body=b"{" + b" " * (4 << 20))


async def bomb(_: Liar, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    return web.Response(body=zlib.compress(b" " * (64 << 20)), headers={"Content-Encoding": "deflate"})


async def elsewhere(liar: Liar, __: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    raise web.HTTPFound(liar.url + "/token")


async def slow(_: Liar, request: web.Request, ___: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.2)
    return response
