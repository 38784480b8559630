"""What ends logins at services, and how these hear of it. (RP-Initiated Logout 1.0, Back-Channel Logout 1.0)"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from base import clock
from personal.provider import telling
from personal.provider.city import City
from personal.store import logouts
from tests.personal.live import Live
from tests.personal.provider.visiting import AFTER, Browser, Client, uses_login
from tests.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNKNOWN = {"active": False}


@contextlib.asynccontextmanager
async def listening(statuses: list[int]) -> AsyncIterator[tuple[str, "asyncio.Queue[str]"]]:
    """Take logout tokens, answering with each status once and with 200 after that."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        form = await request.post()
        await heard.put(str(form["logout_token"]))
        return web.Response(status=statuses.pop(0) if statuses else 200)

    app = web.Application()
    app.router.add_post("/logout", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/logout", heard
    finally:
        await runner.cleanup()


async def hear(heard: "asyncio.Queue[str]") -> str:
    return await asyncio.wait_for(heard.get(), 30)


async def log_out(live: Live, browser: Browser) -> None:
    """Log out in the portal, as its button does."""
    cookies = {one.key: one.value for one in browser.session.cookie_jar}
    secret = next(value for name, value in cookies.items() if name.endswith("engawa-personal"))
    reply = await live.ask("DELETE", "/session", by=secret.partition(".")[2])
    assert reply.status == 204


async def test_a_service_hears_at_once_that_a_login_is_over(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    async with listening([503]) as (url, heard):
        await live.service("clinic", uses_login(backchannelLogoutUri=url))
        clinic = Client(live, "clinic")
        tokens, others = await clinic.entered(browser, login), await library.entered(browser, login)
        claims = await clinic.told(tokens["id_token"])
        await log_out(live, browser)
        for client, one in ((clinic, tokens), (library, others)):
            assert await client.introspect(one["access_token"]) == UNKNOWN
            assert (await client.refresh(one["refresh_token"])).json["error"] == "invalid_grant"
        told = await clinic.told(await hear(heard))
        assert {told[name] for name in ("iss", "aud", "sub", "sid")} == {
            claims[name] for name in ("iss", "aud", "sub", "sid")
        }
        assert told["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
        assert "nonce" not in told and told["exp"] <= time.time() + 120
        town = City(live.module, live.town)
        later = clock.now() + 3_600 * clock.SECOND
        assert live.module.web is not None
        await telling.round_of(town, live.module.web, later)
        again = await clinic.told(await hear(heard))
        assert again["jti"] != told["jti"] and again["sid"] == told["sid"]
        assert live.town.store.read(lambda db: logouts.due(db, 1 << 62, 10)) == []


async def test_who_comes_with_an_id_token_of_this_login_is_logged_out(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    tokens = await library.entered(browser, login)
    hint = tokens["id_token"]
    url = f"{library.issuer}/logout?id_token_hint={hint}&post_logout_redirect_uri={AFTER}&state=s"
    assert (await browser.open(url)).url == f"{AFTER}?state=s"
    assert (await browser.open(library.where(prompt="none"))).told["error"] == "login_required"
    assert (await browser.open(url)).url == f"{AFTER}?state=s", "and again, with nobody logged in"


async def test_others_are_asked_before_they_are_logged_out(
    live: Live, library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    tokens = await library.entered(browser, login)
    await log_out(live, browser)
    await shelter.entered(browser, login)
    for query in (f"id_token_hint={tokens['id_token']}", "client_id=library", ""):
        page = await browser.open(f"{library.issuer}/logout?{query}&post_logout_redirect_uri={AFTER}")
        if not query:
            assert page.status == 400
            continue
        assert page.status == 200 and page.path == "/oidc/yabu/logout", query
        assert "code" in (await browser.open(shelter.where(prompt="none"))).told
    page = await browser.open(f"{library.issuer}/logout?client_id=library&post_logout_redirect_uri={AFTER}")
    forged = await browser.open("/oidc/yabu/logout/confirmed", {"answer": "leave", "client_id": "library"})
    assert forged.status == 403
    assert (await browser.send(page, answer="stay")).path == "/me"
    page = await browser.open(f"{library.issuer}/logout?client_id=library&post_logout_redirect_uri={AFTER}")
    assert (await browser.send(page, answer="leave")).url == AFTER
    assert (await browser.open(shelter.where(prompt="none"))).told["error"] == "login_required"


@pytest.mark.parametrize(
    "query",
    [
        "id_token_hint={hint}&post_logout_redirect_uri=http://evil.example/",
        "id_token_hint={hint}&post_logout_redirect_uri={after}/",
        "id_token_hint={hint}&client_id=shelter&post_logout_redirect_uri={after}",
        "id_token_hint={hint}x&post_logout_redirect_uri={after}",
        "id_token_hint={logout}&post_logout_redirect_uri={after}",
        "client_id=nobody&post_logout_redirect_uri={after}",
        "post_logout_redirect_uri={after}",
        "state=a&state=b",
    ],
)
async def test_logging_out_sends_nobody_to_an_address_that_is_not_registered(
    live: Live, library: Client, browser: Browser, login: str, query: str
) -> None:
    hint = (await library.entered(browser, login))["id_token"]
    town = City(live.module, live.town)
    logout = await town.signed({"aud": "library", "sid": "x"}, telling.TYPE)
    page = await browser.open(
        f"{library.issuer}/logout?{query.format(hint=hint, after=AFTER, logout=logout)}"
    )
    assert page.status == 400
    assert "code" in (await browser.open(library.where(prompt="none"))).told


async def test_a_resident_ends_logging_in_at_a_service(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    tokens, by = (
        await library.entered(browser, login, scope="openid offline_access"),
        await live.resident(login),
    )
    (found,) = (await live.get("/me/connections", by=by)).json["connections"]
    assert found["service"] == "library" and found["open"] is True and found["offline"] is True
    assert (await live.ask("DELETE", "/me/connections/library", by=by)).status == 204
    assert await library.introspect(tokens["access_token"]) == UNKNOWN
    assert (await library.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
    assert (await live.get("/me/connections", by=by)).json == {"connections": []}
    assert (await live.ask("DELETE", "/me/connections/library", by=by)).status == 404
    silent = await browser.open(library.where(prompt="none"))
    assert silent.told["error"] == "consent_required", "it is asked anew"


async def test_only_who_agreed_to_it_stays_logged_in_at_a_service_after_logging_out_here(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    tokens = await library.entered(browser, login, scope="openid offline_access")
    assert tokens["scope"] == "openid offline_access"
    await log_out(live, browser)
    assert (await library.introspect(tokens["access_token"]))["active"] is True
    again = await library.refresh(tokens["refresh_token"])
    assert again.status == 200
    days = live.module.settings.common_login_days * 86_400 * clock.SECOND
    rows = live.town.store.read(
        lambda db: list(db.execute("SELECT until - made FROM service_login WHERE offline"))
    )
    assert max(rows) == (days,)


@pytest.mark.parametrize("how", ["suspended", "no login any more", "renamed", "dead"])
async def test_tokens_end_with_what_they_stand_on(live: Live, browser: Browser, login: str, how: str) -> None:
    await live.service("pool", uses_login())
    pool = Client(live, "pool")
    tokens = await pool.entered(browser, login, scope="openid offline_access")
    by = await live.resident(login)
    if how == "suspended":
        catalogue = await live.staff("catalogue")
        await live.post("/catalogue/services/pool/state", {"active": False}, by=catalogue)
        assert (await pool.call("introspect", token=tokens["access_token"])).status == 401
        assert (await browser.open(pool.where())).status == 400
        await live.post("/catalogue/services/pool/state", {"active": True}, by=catalogue)
        return
    if how == "no login any more":
        description = uses_login()
        del description["login"]
        await live.service("pool", description)
        assert (await browser.open(pool.where())).status == 400
    elif how == "renamed":
        assert (await live.post("/pseudonyms/rotate", {"service": "pool"}, by=by)).status == 202
    else:
        counter = await live.staff("counter")
        found = (await live.post("/residents/search", {"municipalId": login}, by=counter)).json["residents"]
        event = {"resident": found[0]["resident"], "event": "died"}
        assert (await live.post("/residents/events", event, by=counter)).status in (200, 204)
    assert await pool.introspect(tokens["access_token"]) == UNKNOWN
    if how != "no login any more":
        assert (await pool.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"
        assert (await pool.userinfo(tokens["access_token"])).status == 401


async def test_what_is_over_is_forgotten(live: Live, library: Client, browser: Browser, login: str) -> None:
    await library.entered(browser, login)
    assert live.module.web is not None
    later = clock.now() + 40 * 86_400 * clock.SECOND
    await telling.round_of(City(live.module, live.town), live.module.web, later)

    def left(db: Any) -> list[int]:
        names = ("service_login", "service_token", "ended_session")
        return [db.execute(f"SELECT count(*) FROM {name}").get for name in names]

    assert live.town.store.read(left) == [0, 0, 0]


async def test_a_service_that_answers_no_more_keeps_no_other_waiting(live: Live) -> None:
    def work(db: Any) -> list[str]:
        for number in range(3):
            logouts.add(db, "dead", f"s_{number}", "x", 1)
        for one in logouts.due(db, 1, 3):
            logouts.later(db, one.number, 2)
        logouts.add(db, "library", "s_0", "x", 2)
        found = logouts.due(db, 2, 2)
        for one in logouts.due(db, 2, 9):
            logouts.done(db, one.number)
        return [one.service for one in found]

    assert await live.town.store.write(work) == ["library", "dead"]


async def test_keys_change_and_former_ones_stay_published_for_a_day(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    old = (await library.entered(browser, login))["id_token"]
    await live.town.keys.renew("id-token")
    new = (await library.entered(browser, login))["id_token"]
    assert (await library.told(old))["sub"] == (await library.told(new))["sub"]
    town = City(live.module, live.town)
    assert len((await town.keys(clock.now()))["keys"]) == 2
    assert len((await town.keys(clock.now() + 25 * 3_600 * clock.SECOND))["keys"]) == 1
    url = f"{library.issuer}/logout?id_token_hint={old}&post_logout_redirect_uri={AFTER}"
    assert (await browser.open(url)).url == AFTER
