"""Logging in and out at the certified oidc-provider, configured like デジタル認証アプリ. (personal-data.md 2.4, 7.2)"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio
from joserfc import jws
from joserfc.jwk import ECKey
from structlog.testing import capture_logs

from base import clock
from personal.operations.deciding import opened
from personal.store import consents, sessions
from tests.oidc.browsing import Browser, Page, address_of, browser_session, query
from tests.oidc.certified import certified, needs_provider
from tests.personal.live import Live, live_module
from tests.personal.login.oidc import own_key, secret_of
from tests.ports import free_port

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_provider]
PATIENCE = 30
TOML = """
[[provider]]
name = "digital"
preset = "digital-auth-app"
issuer = "{issuer}"
client_id = "yabu"
key = "own.jwk"
pause = 0.0
levels = {{ aal3 = "card", "aal1" = "contactless" }}
"""


@dataclass
class There:
    """A module and the provider where its residents log in."""

    live: Live
    issuer: str

    def login(self, who: str) -> str:
        return f"{self.issuer}#yabu.{who}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[There]:
    folder = tmp_path_factory.mktemp("certified")
    port, own = free_port(), free_port()
    own_key(folder)
    (folder / "logins.toml").write_text(TOML.format(issuer=f"http://127.0.0.1:{port}"), encoding="utf-8")
    async with (
        live_module(folder / "data", port=own, logins=folder / "logins.toml") as live,
        certified(port, live.url, "digital") as provider,
    ):
        there = There(live, provider.issuer)
        await live.register(there.login("hanako"))
        await live.service("shelter")
        yield there


@pytest_asyncio.fixture(loop_scope="module")
async def browser(there: There) -> AsyncIterator[Browser]:
    async with browser_session() as session:
        yield Browser(there.live.url, session)


async def log_in(browser: Browser, who: str = "hanako", acr: str = "aal3", **fields: str) -> Page:
    """Choose the provider, log in and agree there, come back."""
    page = await browser.open(address_of(await browser.leave("digital", **fields)))
    for _ in range(4):  # who one is, whether one agrees, whether the other one there logs out
        if "/login/oidc/callback/digital" not in page.url:
            page = await browser.answer(page, login=who, acr=acr)
    assert "/login/oidc/callback/digital" in page.url, page
    return page


async def test_a_resident_logs_in_and_finds_what_is_theirs(there: There, browser: Browser) -> None:
    page = await browser.leave("digital")
    asked = query(address_of(page))
    assert set(asked) == {"client_id", "request_uri"}  # all else was pushed
    page = await browser.open((await log_in(browser)).url)
    assert page.places == (f"{there.live.url}/me",)
    assert page.status == 200
    assert browser.logged_in


async def test_the_code_is_good_once_and_in_the_browser_that_asked(there: There, browser: Browser) -> None:
    back = await log_in(browser)
    async with browser_session() as session:
        other = Browser(there.live.url, session)
        assert (await other.open(back.url)).status == 400
        assert not other.logged_in
    # the other browser's try spent nothing
    assert (await browser.open(back.url)).status == 200
    assert (await browser.open(back.url)).status == 400


async def test_several_tabs_log_in_at_once(there: There, browser: Browser) -> None:
    first, second = await browser.leave("digital"), await browser.leave("digital", next="/me/consents")
    page = await browser.answer(await browser.open(address_of(first)), login="hanako", acr="aal3")
    if "/interaction/" in page.url:
        page = await browser.answer(page)
    assert (await browser.open(page.url)).places[0].endswith("/me")
    page = await browser.open(address_of(second))
    assert (await browser.open(page.url)).places[0].endswith("/me/consents")


async def test_the_level_is_what_the_provider_says_and_no_more(there: There, browser: Browser) -> None:
    page = await browser.open((await log_in(browser, acr="aal1")).url)
    assert browser.logged_in
    secret = secret_of(browser)
    session = there.live.town.store.read(lambda db: sessions.find(db, secret, clock.now()))
    assert session is not None
    assert session.level == 1
    assert session.method == "oidc.digital"
    page = await browser.open(f"{there.live.url}/me/data")
    assert "/me/login" in page.url and "level=3" in page.url  # a surer login is asked for


async def test_who_says_no_at_the_provider_is_told_so(there: There, browser: Browser) -> None:
    page = await browser.open((await log_in(browser, who="nobody")).url)
    assert page.status == 403
    assert "cancelled" in page.text
    assert not browser.logged_in


async def test_who_is_not_known_goes_on_to_register_with_what_the_provider_tells(
    there: There, browser: Browser
) -> None:
    page = await browser.open((await log_in(browser, who="taro")).url)
    assert page.path == "/login/register"
    assert page.status == 200
    assert "養父 太郎" in page.text and "1985-03-15" in page.text
    assert not browser.logged_in
    assert there.login("taro") not in page.text
    page = await browser.answer(page, nameKana="ヤブ タロウ", birthDate="1985-03-15")
    assert browser.logged_in
    async with browser_session() as session:
        again = Browser(there.live.url, session)
        page = await again.open((await log_in(again, who="taro")).url)
        assert page.path == "/me"


async def test_logging_out_ends_the_login_at_the_provider_too(there: There, browser: Browser) -> None:
    page = await browser.open((await log_in(browser)).url)
    page = await browser.answer(page)  # the first form of each page logs out
    assert not browser.logged_in
    page = await browser.open(address_of(page))
    assert "/session/end" in page.url
    assert "id_token" not in page.url
    page = await browser.answer(page, logout="yes")
    assert page.path == "/me/login"
    page = await browser.open(address_of(await browser.leave("digital")))
    assert "/interaction/" in page.url  # one has to log in there again


async def test_a_logout_that_the_provider_tells_ends_the_login_here(there: There, browser: Browser) -> None:
    await browser.open((await log_in(browser)).url)
    page = await browser.open(f"{there.issuer}/session/end?client_id=yabu")
    await browser.answer(page, logout="yes")
    async with asyncio.timeout(PATIENCE):
        while (await browser.open(f"{there.live.url}/me")).path != "/me/login":  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.05)


async def test_a_decision_is_proven_by_a_login_for_it_alone(there: There, browser: Browser) -> None:
    await browser.open((await log_in(browser)).url)
    secret = secret_of(browser)
    body = {"service": "shelter", "purpose": "reception", "agree": ["basic-four", "allergies"]}
    reply = await there.live.post("/me/consents/prepare", body, by=secret)
    assert reply.status == 200, reply.raw
    assert "id-token" in reply.json["evidence"]
    prepared, digest = reply.json["prepared"], reply.json["digest"]
    form = {"prepared": prepared, "digest": digest, "then": "/me/consents", "csrf": await csrf_of(browser)}
    back = await log_in(browser, **form)
    page = await browser.open(back.url)
    assert page.places == (f"{there.live.url}/me/consents?done=agreed",), page.text
    person = await there.live.person(there.login("hanako"))
    decision = there.live.town.store.read(lambda db: consents.decisions(db, person))[-1]
    kept = opened(there.live.town, decision)
    assert kept is not None and kept["kind"] == "id-token"
    # what is kept suffices to verify it later, when the provider has long had other keys
    found = jws.deserialize_compact(kept["token"], ECKey.import_key(kept["key"]), algorithms=["ES256"])
    assert orjson.loads(found.payload)["nonce"] == digest


async def csrf_of(browser: Browser) -> str:
    page = await browser.open(f"{browser.module}/me")
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]


async def test_somebody_elses_login_proves_nothing(there: There, browser: Browser) -> None:
    await browser.open((await log_in(browser)).url)
    secret = secret_of(browser)
    body = {"service": "shelter", "purpose": "reception", "agree": ["basic-four"], "until": "2027-03-31"}
    reply = await there.live.post("/me/consents/prepare", body, by=secret)
    assert reply.status == 200, reply.raw
    form = {"prepared": reply.json["prepared"], "then": "/me/consents", "csrf": await csrf_of(browser)}
    browser.session.cookie_jar.clear(
        lambda one: one.key.startswith("_")
    )  # the provider forgets who was there
    page = await browser.open((await log_in(browser, who="taro", **form)).url)
    assert page.status == 403
    assert browser.logged_in
    assert 'href="/me/consents"' in page.text


async def test_another_login_is_linked_to_who_is_logged_in(there: There, browser: Browser) -> None:
    await browser.open((await log_in(browser)).url)
    secret = secret_of(browser)
    made = (await there.live.post("/me/credentials/prepare", None, by=secret)).json
    form = {"prepared": made["prepared"], "digest": made["digest"], "then": "/me/cards"}
    browser.session.cookie_jar.clear(lambda one: one.key.startswith("_"))
    back = await log_in(browser, who="jiro", csrf=await csrf_of(browser), **form)
    page = await browser.open(back.url)
    assert page.places == (f"{there.live.url}/me/cards?done=linked",), page.text
    held = (await there.live.get("/me/credentials", by=secret)).json["credentials"]
    assert [one["kind"] for one in held] == ["login", "login"]


async def test_nothing_that_was_sent_is_in_the_logs(there: There, browser: Browser, tmp_path: Path) -> None:
    with capture_logs() as told:
        back = await log_in(browser)
        await browser.open(back.url)
    sent = query(back.url)
    assert not any(secret in str(told) for secret in (sent["code"], sent["state"], "hanako"))


async def test_the_provider_may_change_its_keys(there: There, browser: Browser) -> None:
    await browser.open((await log_in(browser)).url)
    assert (await browser.open(f"{there.issuer}/test/rotate")).text == "ok"
    async with browser_session() as session:
        again = Browser(there.live.url, session)
        assert (await again.open((await log_in(again)).url)).path == "/me"
