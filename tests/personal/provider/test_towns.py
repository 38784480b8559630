"""Municipalities that share an installation are providers of their own: nothing of one is good at another. (共同利用)"""

from pathlib import Path

import aiohttp
import pytest

from tests.personal.live import ASAGO, YABU, live_module
from tests.personal.provider.visiting import AFTER, Browser, Client, uses_login

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_login_a_code_and_a_token_are_good_in_their_own_municipality(tmp_path: Path) -> None:
    async with (
        live_module(tmp_path / "data", (YABU, ASAGO)) as live,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        other, browser = live.at("asago"), Browser(live.url, session)
        for town in (live, other):
            await town.service("library", uses_login())
            await town.register("hanako")
        here, there = Client(live, "library"), Client(other, "library")
        landed = await here.agreed(browser, "hanako")
        stolen = await there.token(landed.told["code"], code_verifier=here.verifier)
        assert stolen.json["error"] == "invalid_grant"
        tokens = (await here.token(landed.told["code"])).json
        assert await there.introspect(tokens["access_token"]) == {"active": False}
        assert (await there.userinfo(tokens["access_token"])).status == 401
        assert (await browser.open(there.where(prompt="none"))).told["error"] == "login_required"
        hint = f"id_token_hint={tokens['id_token']}&post_logout_redirect_uri={AFTER}"
        assert (await browser.open(f"{there.issuer}/logout?{hint}")).status == 400
        foreign = await there.call(
            "introspect", token="x", client_assertion=live.assertion("library", aud=here.issuer)
        )
        assert foreign.status == 401
        keys = [(await one.raw("GET", "keys")).json["keys"] for one in (here, there)]
        assert {one["kid"] for one in keys[0]}.isdisjoint(one["kid"] for one in keys[1])
        page = await browser.open(there.where())
        assert (await browser.open(page.told["next"].replace("/asago/", "/yabu/"))).status == 404
