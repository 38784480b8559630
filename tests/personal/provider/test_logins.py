"""Residents log in at services by the common login. (OpenID Connect Core 3.1, RFC 6749 4.1, 7636, 9207)"""

from tests.personal.live import Live
from tests.personal.provider.visiting import BACK, Browser, Client


async def test_a_resident_logs_in_at_a_service(live: Live, library: Client, browser: Browser) -> None:
    request = library.asks()
    page = await browser.open(library.where(**request))
    assert page.path == "/me/login"
    page = await browser.log_in(page, "hanako")
    assert page.status == 200 and page.path.startswith("/oidc/yabu/continue/"), page
    landed = await browser.send(page, answer="agree")
    assert landed.url.startswith(BACK + "?"), landed
    assert landed.told["state"] == request["state"] and landed.told["iss"] == library.issuer
    reply = await library.token(landed.told["code"])
    assert reply.status == 200, reply.raw
    assert reply.headers["Cache-Control"] == "no-store"
    claims = await library.told(reply.json["id_token"])
    assert claims["iss"] == library.issuer and claims["aud"] == "library"
    assert claims["nonce"] == request["nonce"] and claims["acr"] == "aal3"
    told = await library.userinfo(reply.json["access_token"])
    assert told.status == 200 and told.json == {"sub": claims["sub"]}
