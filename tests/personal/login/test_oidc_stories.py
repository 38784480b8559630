"""Logging in at providers as browsers do it: other tabs, browsers, sites and providers get nothing. (RFC 9700 2, 4)"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import ECKey
from structlog.testing import capture_logs

from base import clock
from base.oidc.faults import Fault
from personal import doctor
from personal.operations import staff
from personal.rules.levels import Level
from personal.store import sessions
from tests.oidc.browsing import Browser, address_of, browser_session, query
from tests.oidc.hostile import MISSING, Case, id_token
from tests.personal.login.desks import Desk
from tests.personal.login.oidc import Running, go_there, log_in, running, secret_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
PLAIN = Case("plain", "")
OTHER = Case("other", "")
STAFF = Case("staff", "", claims={"acr": "aal1"}, settings='who = "staff"')
UNSURE_STAFF = Case("unsure staff", "", claims={"acr": "aal9"}, settings='who = "staff"')
WEAK = Case("weak", "", claims={"acr": "aal1"})
DECIDING = Case("deciding", "")
LATE = Case("late", "", claims={"auth_time": lambda _: int(clock.now() // clock.SECOND) - 3_600})
TIMELESS = Case("timeless", "", claims={"auth_time": MISSING})
LONG_AGO = Case(
    "long ago",
    "",
    claims={"auth_time": lambda _: int(clock.now() // clock.SECOND) - 3_600},
    settings="max_age = 600",
)
HIDDEN = Case("protected", "", who="midori")
GONE = Case("dead", "", who="kanji")
UNMET = Case("unmet", "", who="aoi")
SECOND_LOGIN = Case("second login", "", who="second")
SILENT = Case("silent", "", metadata={"end_session_endpoint": lambda realm: f"{realm.issuer}/end"})
CASES = [one for one in list(globals().values()) if isinstance(one, Case)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(tmp_path_factory.mktemp("stories"), CASES) as found:
        await found.live.service("shelter")
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def browser(there: Running) -> AsyncIterator[Browser]:
    async with browser_session() as session:
        yield Browser(there.live.url, session)


def name_of(there: Running, case: Case) -> str:
    return there.of(case)[0]


async def test_the_request_asks_for_a_code_with_a_challenge_and_nothing_personal(
    there: Running, browser: Browser
) -> None:
    asked = query(address_of(await browser.leave(name_of(there, PLAIN))))
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{there.live.url}/login/oidc/callback/{name_of(there, PLAIN)}"
    assert asked["scope"] == "openid"
    assert asked["acr_values"] == "aal3"
    assert len(asked["state"]) > 43 and len(asked["nonce"]) == 43 and len(asked["code_challenge"]) == 43
    again = query(address_of(await browser.leave(name_of(there, PLAIN))))
    for name in ("state", "nonce", "code_challenge"):
        assert again[name] != asked[name]


async def test_who_is_logged_in_already_logs_in_anew_to_be_known_more_surely(
    there: Running, browser: Browser
) -> None:
    await log_in(browser, name_of(there, WEAK))
    asked = query(address_of(await browser.leave(name_of(there, PLAIN))))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")


async def test_a_login_there_that_is_too_long_ago_counts_no_more(there: Running, browser: Browser) -> None:
    name = name_of(there, LONG_AGO)
    page = await browser.leave(name)
    assert query(address_of(page))["max_age"] == "600"
    with capture_logs() as told:
        page = await browser.open((await browser.open(address_of(page))).url)
    assert page.status == 403
    assert [line["fault"] for line in told if "fault" in line] == [Fault.LOGIN_TIME]


async def test_an_answer_for_one_provider_is_none_of_another(there: Running, browser: Browser) -> None:
    back = await go_there(browser, name_of(there, PLAIN))
    with capture_logs() as told:
        page = await browser.open(back.url.replace("/callback/c0", "/callback/c1"))
    assert page.status == 403
    assert [line["fault"] for line in told if "fault" in line] == [Fault.MIXED_UP]
    assert (await browser.open(back.url)).status == 400  # it was spent by that
    assert not browser.logged_in


async def test_another_browser_gets_nothing_by_an_answer_it_was_given(
    there: Running, browser: Browser
) -> None:
    back = await go_there(browser, name_of(there, PLAIN))
    async with browser_session() as session:
        other = Browser(there.live.url, session)
        await other.leave(name_of(there, PLAIN))
        assert (await other.open(back.url)).status == 400
        assert not other.logged_in
    await browser.open(back.url)
    assert browser.logged_in


async def test_a_login_gets_a_new_session_and_ends_the_one_before(there: Running, browser: Browser) -> None:
    await log_in(browser, name_of(there, WEAK))
    first, before = secret_of(browser), there.session(browser)
    await log_in(browser, name_of(there, PLAIN))
    after = there.session(browser)
    assert before is not None and after is not None
    assert (before.level, after.level) == (Level.CONTACTLESS, Level.CARD)
    assert secret_of(browser) != first
    assert there.live.town.store.read(lambda db: sessions.find(db, first, clock.now())) is None


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.example/",
        "//evil.example/me",
        "/\\evil.example",
        "/me/../../x",
        "javascript:alert(1)",
        "/me\r\nX: y",
    ],
)
async def test_a_login_leads_to_our_own_pages_only(next: str, there: Running, browser: Browser) -> None:
    page = await log_in(browser, name_of(there, PLAIN), next=next)
    assert page.places[0] == f"{there.live.url}/me"


async def test_a_login_goes_on_in_the_language_that_was_chosen(there: Running, browser: Browser) -> None:
    page = await browser.open(
        f"{there.live.url}/login/oidc/{name_of(there, PLAIN)}?lang=ja", town="yabu", next="/me"
    )
    page = await browser.open((await browser.open(address_of(page))).url)
    assert page.places[0] == f"{there.live.url}/me?lang=ja"
    assert '<html lang="ja">' in page.text


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_another_site_cannot_begin_a_login(header: dict[str, str], there: Running) -> None:
    async with browser_session() as session:
        url = f"{there.live.url}/login/oidc/{name_of(there, PLAIN)}"
        async with session.post(url, data={"town": "yabu"}, headers=header) as reply:
            assert reply.status == 403


@pytest.mark.parametrize("name", ["nobody", "callback", "jwks", "C0", "c0%2f"])
async def test_there_is_no_other_provider(name: str, browser: Browser) -> None:
    assert (await browser.leave(name)).status == 404


async def test_our_keys_are_published_without_their_secret(there: Running) -> None:
    async with there.live.session.get(f"{there.live.url}/login/oidc/jwks") as reply:
        keys = (await reply.json())["keys"]
    assert [key["kid"] for key in keys] == ["ours"]
    assert all("d" not in key and key["use"] == "sig" and key["alg"] == "ES256" for key in keys)


async def test_the_provider_may_be_asked_who_we_are_by_our_key(there: Running, browser: Browser) -> None:
    _, realm = there.of(PLAIN)
    realm.proofs.clear()
    await log_in(browser, name_of(there, PLAIN))
    await log_in(browser, name_of(there, PLAIN))
    async with there.live.session.get(f"{there.live.url}/login/oidc/jwks") as reply:
        key = ECKey.import_key((await reply.json())["keys"][0])
    told = [jwt.decode(proof, key, algorithms=["ES256"]) for proof in realm.proofs]
    assert len({one.claims["jti"] for one in told}) == len(told) == 2
    for one in told:
        assert one.claims["iss"] == one.claims["sub"] == "yabu"
        assert one.claims["aud"] == realm.issuer
        assert 0 < one.claims["exp"] - one.claims["iat"] <= 60
        assert one.header["kid"] == "ours"


# -- staff


async def join(there: Running, case: Case) -> None:
    _, realm = there.of(case)
    login = f"{realm.issuer}#hanako"
    await there.live.town.store.write(
        lambda db: staff.join(db, login, "佐藤", ["counter"], by=staff.AT_MACHINE, now=clock.now())
    )


async def test_staff_log_in_and_have_no_role_before_their_second_factor(
    there: Running, browser: Browser
) -> None:
    name = name_of(there, STAFF)
    page = await browser.open((await go_there(browser, name, next="/staff")).url)
    assert page.status == 401  # a resident of that name is no member of staff
    assert not browser.logged_in
    await join(there, STAFF)
    await log_in(browser, name, next="/staff")
    session = there.session(browser)
    assert session is not None
    assert session.roles == ()
    assert session.wanted
    reply = await there.live.post("/residents/search", {"municipalId": "1"}, by=secret_of(browser))
    assert reply.status == 403


async def test_staff_log_in_as_surely_as_the_settings_say(there: Running, browser: Browser) -> None:
    await join(there, UNSURE_STAFF)
    page = await browser.open((await go_there(browser, name_of(there, UNSURE_STAFF), next="/staff")).url)
    assert page.status == 403
    assert not browser.logged_in


# -- decisions


async def prepared(there: Running, browser: Browser, *items: str) -> dict[str, Any]:
    body = {"service": "shelter", "purpose": "reception", "agree": list(items)}
    reply = await there.live.post("/me/consents/prepare", body, by=secret_of(browser))
    assert reply.status == 200, reply.raw
    return dict(reply.json)


async def form_of(browser: Browser, told: dict[str, Any]) -> dict[str, str]:
    page = await browser.open(f"{browser.module}/me")
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    return {"prepared": told["prepared"], "digest": told["digest"], "then": "/me", "csrf": csrf}


async def test_a_decision_is_asked_for_anew_and_named_by_the_nonce(there: Running, browser: Browser) -> None:
    await log_in(browser, name_of(there, DECIDING))
    told = await prepared(there, browser, "basic-four")
    asked = query(address_of(await browser.leave(name_of(there, DECIDING), **await form_of(browser, told))))
    assert asked["nonce"] == told["digest"]
    assert asked["max_age"] == "0"
    assert asked["prompt"] == "login"


async def test_a_decision_needs_the_form_of_our_own_page(there: Running, browser: Browser) -> None:
    await log_in(browser, name_of(there, DECIDING))
    form = await form_of(browser, await prepared(there, browser, "basic-four"))
    assert (await browser.leave(name_of(there, DECIDING), **{**form, "csrf": "x"})).status == 403
    assert (await browser.leave(name_of(there, DECIDING), **{**form, "prepared": "x"})).status == 400
    browser.session.cookie_jar.clear()
    assert (await browser.leave(name_of(there, DECIDING), **form)).status == 403


async def test_a_decision_ends_with_the_login_that_began_it(there: Running, browser: Browser) -> None:
    await log_in(browser, name_of(there, DECIDING))
    form = await form_of(browser, await prepared(there, browser, "basic-four"))
    back = await go_there(browser, name_of(there, DECIDING), **form)
    await log_in(browser, name_of(there, DECIDING))
    page = await browser.open(back.url)
    assert page.status == 403
    assert "decide again" in page.text


@pytest.mark.parametrize("case", [WEAK, LATE, TIMELESS], ids=lambda case: case.name)
async def test_a_login_that_is_weak_or_not_made_for_the_decision_proves_nothing(
    case: Case, there: Running, browser: Browser
) -> None:
    await log_in(browser, name_of(there, DECIDING))
    form = await form_of(browser, await prepared(there, browser, "basic-four"))
    back = await go_there(browser, name_of(there, case), **form)
    assert (await browser.open(back.url)).status == 403
    await nothing_agreed(there, browser)


async def test_a_login_for_another_decision_proves_nothing(there: Running, browser: Browser) -> None:
    await log_in(browser, name_of(there, DECIDING))
    wanted = await prepared(there, browser, "basic-four")
    form = await form_of(browser, await prepared(there, browser, "basic-four", "allergies"))
    address = address_of(await browser.leave(name_of(there, DECIDING), **form))
    back = await browser.open(address.replace(form["digest"], wanted["digest"]))
    assert (await browser.open(back.url)).status == 403
    await nothing_agreed(there, browser)


async def nothing_agreed(there: Running, browser: Browser) -> None:
    listed = await there.live.get("/me/consents/events", by=secret_of(browser))
    assert listed.json["events"] == []


async def test_a_program_may_bring_the_id_token_itself(there: Running) -> None:
    live, (_, realm) = there.live, there.of(UNMET)
    await live.register(f"{realm.issuer}#aoi", nameKana="ヤブ アオイ")
    by = await live.resident(f"{realm.issuer}#aoi")
    body = {"service": "shelter", "purpose": "reception", "agree": ["basic-four"]}
    told = (await live.post("/me/consents/prepare", body, by=by)).json
    for nonce, status in (("another", 403), (told["digest"], 201)):
        given = {"kind": "id-token", "token": id_token(realm, {"nonce": nonce}, "access")}
        reply = await live.post("/me/consents", {"prepared": told["prepared"], "evidence": given}, by=by)
        assert reply.status == status, reply.raw
    assert realm.fetched == 1


async def test_another_login_is_linked_by_logging_in_with_it(there: Running, browser: Browser) -> None:
    await log_in(browser, name_of(there, PLAIN))
    person = there.session(browser)
    reply = await there.live.post("/me/credentials/prepare", None, by=secret_of(browser))
    assert reply.status == 200, reply.raw
    name = name_of(there, SECOND_LOGIN)
    page = await browser.open((await go_there(browser, name, **await form_of(browser, reply.json))).url)
    assert page.places == (f"{there.live.url}/me?done=linked",), page.text
    async with browser_session() as session:
        other = Browser(there.live.url, session)
        await log_in(other, name)
        found = there.session(other)
        assert person is not None and found is not None
        assert found.actor == person.actor


# -- logging out


async def test_logging_out_does_not_wait_for_a_provider_and_goes_there_if_it_can(
    there: Running, browser: Browser
) -> None:
    name, realm = there.of(SILENT)
    page = await log_in(browser, name)
    page = await browser.answer(page)
    assert there.session(browser) is None
    address = address_of(page)
    assert address.startswith(f"{realm.issuer}/end?client_id=yabu&post_logout_redirect_uri=")
    page = await browser.open(f"{there.live.url}/login/oidc/goodbye/{name}")
    assert page.path == "/me/login"


async def test_the_doctor_says_which_providers_can_be_used(there: Running) -> None:
    name, realm = there.of(OTHER)
    realm.gone = True
    found = {one.seen.partition(",")[0]: one.good for one in await doctor.logins(there.live.module.settings)}
    realm.gone = False
    assert found == {one: one != name for one in there.realms}


async def test_nothing_of_a_login_is_kept_but_hashes(there: Running, browser: Browser) -> None:
    await log_in(browser, name_of(there, PLAIN))
    _, realm = there.of(PLAIN)
    folder = there.live.module.settings.data
    kept = b"".join(path.read_bytes() for path in folder.rglob("*.db*"))
    for secret in (*realm.seen, f"{realm.issuer}#hanako", "session-1"):
        assert secret.encode() not in kept
    assert orjson.dumps(realm.seen)


# -- people and places


PROTECTED, DEAD = {"nameKana": "ヤブ ミドリ"}, {"nameKana": "ヤブ カンジ"}


async def entered(there: Running, case: Case, who: dict[str, str]) -> str:
    """Register somebody who logs in at a provider; give the handle by which the protection role knows them."""
    live, (_, realm) = there.live, there.of(case)
    await live.register(f"{realm.issuer}#{realm.case.who}", **who)
    found = await live.post(
        "/residents/search", {**who, "birthDate": "1990-04-01"}, by=await live.staff("protection")
    )
    return str(found.json["residents"][0]["resident"])


async def test_a_protected_person_logs_in_like_anybody(there: Running, browser: Browser) -> None:
    body = {"resident": await entered(there, HIDDEN, PROTECTED), "protected": True}
    reply = await there.live.post("/residents/protection", body, by=await there.live.staff("protection"))
    assert reply.status == 204, reply.raw
    await log_in(browser, name_of(there, HIDDEN))


async def test_nobody_logs_in_as_somebody_who_is_dead(there: Running, browser: Browser) -> None:
    body = {"resident": await entered(there, GONE, DEAD), "event": "died"}
    reply = await there.live.post("/residents/events", body, by=await there.live.staff("protection"))
    assert reply.status in (200, 204), reply.raw
    page = await browser.open((await go_there(browser, name_of(there, GONE))).url)
    assert not browser.logged_in
    assert page.status == 403 and page.path == "/login/register", page.text  # nor registers by themselves


async def test_a_login_at_a_desk_is_a_short_one(there: Running, browser: Browser) -> None:
    desk = Desk(there.live)
    await desk.join()
    ticket = (await there.live.post("/desks/tickets", None, by=desk.token)).json
    await browser.open(there.live.url + ticket["path"])
    await log_in(browser, name_of(there, PLAIN))
    session = there.session(browser)
    assert session is not None
    assert session.device == desk.id
    assert session.last - session.made <= there.live.module.settings.kiosk_minutes * 60 * clock.SECOND


async def test_an_answer_that_comes_twice_at_once_counts_once(there: Running, browser: Browser) -> None:
    back = await go_there(browser, name_of(there, PLAIN))
    pages = await asyncio.gather(*(browser.open(back.url) for _ in range(5)))
    assert sorted(page.status for page in pages) == [200, 400, 400, 400, 400]
