"""Services, strangers and other sites that try to get what is not theirs from the authorization endpoint. (RFC 9700 4)"""

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
import pytest
from authlib.oauth2.rfc6749 import OAuth2Error
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from yarl import URL

from personal.provider import city
from personal.rules import authorization
from tests.personal.live import Live
from tests.personal.provider.visiting import AFTER, BACK, BEARER, Browser, Client, uses_login

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "uri",
    [
        None,
        BACK + "/",
        BACK + "?x=1",
        BACK + "#x",
        BACK.upper(),
        BACK.replace("127.0.0.1", "localhost"),
        "http://127.0.0.1:9/back/../evil",
        "http://127.0.0.1:9@evil.example/back",
        "https://evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    library: Client, browser: Browser, uri: str | None
) -> None:
    for more in ({}, {"prompt": "none"}, {"response_type": "token"}, {"scope": "x"}):
        page = await browser.open(library.where(redirect_uri=uri, **more))
        assert page.status == 400 and page.path == "/oidc/yabu/authorize"
    pushed = await library.call("par", **library.asks(redirect_uri=uri))
    assert pushed.status == 400


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid purpose:horoscope"}, "invalid_scope"),
        ({"scope": "openid purpose:by-law"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "hurry"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1e9"}, "invalid_request"),
        ({"max_age": "９"}, "invalid_request"),
        ({"nonce": "x" * 5_000}, "invalid_request"),
        ({"request": "x.y.z"}, "request_not_supported"),
        ({"authorization_details": "{}"}, "invalid_authorization_details"),
        ({"authorization_details": "["}, "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"payment"}]'}, "invalid_authorization_details"),
        ({"authorization_details": "[" * 100 + "]" * 100}, "invalid_authorization_details"),
        (
            {
                "authorization_details": '[{"type":"engawa-consent","purpose":"lending","items":["allergies"]}]'
            },
            "invalid_authorization_details",
        ),
        (
            {"authorization_details": '[{"type":"engawa-consent","purpose":"lending","items":[]}]'},
            "invalid_authorization_details",
        ),
        (
            {"authorization_details": '[{"type":"engawa-consent","purpose":"lending","admin":true}]'},
            "invalid_authorization_details",
        ),
    ],
)
async def test_a_request_that_breaks_the_rules_goes_back_with_its_fault(
    library: Client, browser: Browser, asked: dict[str, Any], error: str
) -> None:
    request = library.asks(**asked)
    page = await browser.open(library.at(request))
    assert page.url.startswith(BACK + "?"), page
    assert page.told["error"] == error
    assert page.told["state"] == request["state"] and page.told["iss"] == library.issuer
    assert (await library.call("par", **request)).json["error"] == error


async def test_only_services_that_use_the_common_login_can_ask(
    live: Live, library: Client, browser: Browser
) -> None:
    await live.service("museum")
    pages = [
        await browser.open(library.where(client_id=id))
        for id in ("museum", "nobody", "", "library ", "LIBRARY")
    ]
    assert {(page.status, page.path) for page in pages} == {(400, "/oidc/yabu/authorize")}
    twice = await browser.open(library.where() + "&client_id=shelter")
    assert twice.status == 400
    assert (await browser.open(library.where().replace("/yabu/", "/osaka/"))).status == 404


async def test_a_login_goes_on_only_in_the_browser_that_began_it(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    """A request that somebody else began cannot be finished by who is lured into it. (login CSRF)"""
    page = await browser.log_in(await browser.open(library.where()), login)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        other = Browser(live.url, session)
        await other.log_in(await other.open(library.where()), login)
        assert (await other.open(page.url)).status == 404
        assert (await other.open(page.url, {"answer": "agree"})).status in (403, 404)
    assert (await browser.send(page, answer="agree")).told["code"]
    assert (await browser.open(page.url)).status == 404, "it is over"


async def test_of_two_who_go_on_at_once_one_gets_a_code(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    await library.entered(browser, login)
    page = await browser.open(library.where(prompt="login"))
    onward = page.told["next"]
    form = {"town": "yabu", "login": login, "next": onward}
    async with browser.session.post(f"{live.url}/me/login", data=form, allow_redirects=False) as reply:
        assert reply.status == 303
    landed = await asyncio.gather(*(browser.open(onward) for _ in range(4)))
    assert sorted(page.status for page in landed) == [0, 404, 404, 404]


async def test_only_the_page_itself_can_agree(library: Client, browser: Browser, login: str) -> None:
    page = await browser.log_in(await browser.open(library.where()), login)
    assert (await browser.open(page.url, {"answer": "agree"})).status == 403
    foreign = await browser.open(page.url, {"answer": "agree"}, Origin="https://evil.example")
    assert foreign.status == 403
    silent = await browser.open(library.where(prompt="none"))
    assert silent.told["error"] == "consent_required"


async def test_who_is_not_logged_in_as_surely_as_the_service_wants_cannot_agree(
    library: Client, browser: Browser, login: str
) -> None:
    """A stolen card without its PIN leaves no agreement behind that holds when its owner logs in."""
    form = await browser.log_in(await browser.open(library.where()), login, 1)
    page = await browser.open(library.where(acr_values="aal3", scope="openid offline_access"))
    (csrf,) = set(re.findall(r'name="csrf" value="([^"]+)"', form.text))
    after = await browser.open(page.told["next"], {"csrf": csrf, "answer": "agree"})
    assert after.path == "/me/login"
    asked = await browser.log_in(after, login)
    assert asked.path == page.told["next"], "they are asked"
    assert (await browser.send(asked, answer="agree")).told["code"]


async def test_pages_cannot_be_framed_and_tell_nobody_where_they_were(
    library: Client, browser: Browser, login: str
) -> None:
    page = await browser.log_in(await browser.open(library.where()), login)
    async with browser.session.get(page.url) as reply:
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
        assert reply.headers["Cache-Control"] == "no-store"
    await browser.send(page, answer="agree")
    url = library.where(prompt="none")
    async with browser.session.get(url, allow_redirects=False) as reply:
        assert reply.status == 303 and reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Cache-Control"] == "no-store"


async def test_a_description_that_changed_meanwhile_counts(live: Live, browser: Browser, login: str) -> None:
    await live.service("theatre", uses_login())
    theatre = Client(live, "theatre")
    page, other = [await browser.open(theatre.where()) for _ in range(2)]
    asked = await browser.log_in(other, login)
    await live.service("theatre", uses_login(redirectUris=["http://127.0.0.1:9/other"]))
    assert (await browser.log_in(page, login)).status == 400
    again = await browser.open("/me")
    (csrf,) = set(re.findall(r'name="csrf" value="([^".]+)', again.text))
    assert (await browser.open(asked.url, {"csrf": csrf, "answer": "refuse"})).status == 400


async def test_a_town_that_wants_it_takes_pushed_requests_only(
    live: Live, library: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    demanding = replace(live.module, settings=replace(live.module.settings, common_login_pushed=True))
    real = city.City.__init__
    monkeypatch.setattr(city.City, "__init__", lambda self, _, town: real(self, demanding, town))
    page = await browser.open(library.where())
    assert page.told["error"] == "invalid_request"
    name = (await library.call("par", **library.asks())).json["request_uri"]
    asked = urlencode({"client_id": "library", "request_uri": name})
    assert (await browser.open(f"{library.issuer}/authorize?{asked}")).path == "/me/login"


@pytest.mark.parametrize(
    "request_uri", ["x", "urn:ietf:params:oauth:request_uri:x", "https://evil.example/r"]
)
async def test_requests_are_never_fetched(library: Client, browser: Browser, request_uri: str) -> None:
    assert (await browser.open(library.where(request_uri=request_uri))).status == 400
    assert (await library.call("par", **library.asks(request_uri=request_uri))).json[
        "error"
    ] == "invalid_request"


def unsigned(*parts: dict[str, Any]) -> str:
    """Write a JSON Web Token that nobody signed."""
    encoded = [base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in parts]
    return f"{'.'.join(encoded)}."


async def test_proofs_under_keys_that_prove_nothing_are_refused(library: Client) -> None:
    claims = {"htm": "POST", "htu": f"{library.issuer}/token", "iat": int(time.time()), "jti": "12345678"}
    key = ECKey.generate_key("P-256")
    shared = OctKey.generate_key(256)
    public = key.as_dict(private=False)
    proofs = [
        jwt.encode({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=True)}, claims, key),
        jwt.encode({"typ": "jwt", "alg": "ES256", "jwk": public}, claims, key),
        jwt.encode({"typ": "dpop+jwt", "alg": "ES256"}, claims, key),
        jwt.encode({"typ": "dpop+jwt", "alg": "ES256", "jwk": public}, claims, ECKey.generate_key("P-256")),
        jwt.encode({"typ": "dpop+jwt", "alg": "HS256", "jwk": shared.as_dict()}, claims, shared),
        unsigned({"typ": "dpop+jwt", "alg": "none", "jwk": public}, claims),
    ]
    for proof in proofs:
        reply = await library.call("token", {"DPoP": proof}, grant_type="refresh_token", refresh_token="x")
        assert reply.json["error"] == "invalid_dpop_proof", proof


VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "openid",
            "code",
            "none",
            "login",
            BACK,
            AFTER,
            "S256",
            "0",
            "aal3",
            "library",
            "shelter",
            "[]",
            "{}",
        ]
    ),
)
NAMES = st.sampled_from(
    [
        "client_id", "response_type", "response_mode", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method", "prompt", "max_age", "acr_values", "authorization_details", "dpop_jkt", "request_uri",
        "request", "id_token_hint", "post_logout_redirect_uri", "login_hint", "display", "ui_locales", "claims", "resource", "audience",
    ]
)  # fmt: skip


async def test_no_request_fails_here_or_leads_to_an_address_that_is_not_registered(
    live: Live, library: Client
) -> None:
    loop = asyncio.get_running_loop()
    outcomes: list[int] = []

    async def ask(endpoint: str, params: dict[str, str]) -> tuple[int, str]:
        url = f"{library.issuer}/{endpoint}?{urlencode(params, errors='replace')}"
        async with live.session.get(url, allow_redirects=False) as reply:
            return reply.status, reply.headers.get("Location", "")

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.sampled_from(["authorize", "authorize", "logout"]),
        st.dictionaries(NAMES, VALUES, max_size=4),
        st.sets(NAMES, max_size=2),
    )
    def try_all(endpoint: str, changed: dict[str, str], left: set[str]) -> None:
        params = {name: text for name, text in {**library.asks(), **changed}.items() if name not in left}
        status, where = asyncio.run_coroutine_threadsafe(ask(endpoint, params), loop).result(30)
        outcomes.append(status)
        assert status in (303, 400, 429), (status, params)
        if status == 303 and endpoint == "logout":
            assert where.startswith((AFTER, "/me/login")), where
        elif status == 303 and not where.startswith("/"):
            assert where.startswith(BACK + "?"), where
            assert not urlsplit(where).fragment and "iss=" in where
        elif status == 303:
            assert where.startswith("/me/login?")

    await asyncio.to_thread(try_all)
    assert {303, 400} <= set(outcomes)


async def test_a_form_that_comes_in_pieces_is_read_whole_and_no_longer_than_it_may_be(
    library: Client,
) -> None:
    form = {
        "client_assertion_type": BEARER,
        "client_assertion": library.live.assertion("library", aud=library.issuer),
    }
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    async def pieces(text: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(text), 100):
            yield text[start : start + 100]
            await asyncio.sleep(0)

    whole = urlencode({**form, "token": "x" * 43}).encode()
    reply = await library.raw("POST", "introspect", pieces(whole), kind)
    assert (reply.status, reply.json) == (200, {"active": False}), reply.raw
    long = await library.raw("POST", "introspect", pieces(b"token=" + b"x" * 40_000), kind)
    assert long.status == 413
    other = await library.raw("POST", "introspect", b"{}", {"Content-Type": "application/json"})
    assert other.status == 400 and other.json["error"] == "invalid_request"


@pytest.mark.parametrize("endpoint", ["authorize", "logout"])
async def test_a_form_that_fits_into_no_address_is_refused(library: Client, endpoint: str) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for raw in (
        b"",
        b"a=b\r\nX: y",
        b"a=b#c",
        "a=ä".encode(),
        b"a=" + b"x" * 10_000,
        b"a=" + b"x" * 40_000,
    ):
        assert (await library.raw("POST", endpoint, raw, kind)).status == 400, raw[:20]
    assert (
        await library.raw("POST", endpoint, {"a": "b"}, {"Content-Type": "multipart/form-data"})
    ).status == 400


@pytest.mark.parametrize("endpoint", ["authorize", "logout"])
async def test_a_path_with_line_breaks_adds_no_header(live: Live, endpoint: str) -> None:
    url = URL(f"{live.url}/oidc/yabu%0D%0AX-Ours:%20no/{endpoint}", encoded=True)
    async with live.session.post(url, data={"a": "b"}, allow_redirects=False) as reply:
        assert "X-Ours" not in reply.headers
        assert reply.status == 303 and "%0D%0A" in reply.headers["Location"]


async def test_no_form_to_an_endpoint_fails_here(live: Live, library: Client) -> None:
    loop = asyncio.get_running_loop()
    endpoints = st.sampled_from(["par", "token", "introspect", "revoke", "userinfo"])

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        endpoints,
        st.dictionaries(NAMES | st.sampled_from(["grant_type", "code", "token"]), VALUES, max_size=4),
    )
    def try_all(endpoint: str, form: dict[str, str]) -> None:
        asked = library.call(endpoint, **form)
        reply = asyncio.run_coroutine_threadsafe(asked, loop).result(30)
        assert reply.status in (200, 201, 400, 401), (endpoint, form, reply.raw)
        assert reply.status < 300 or reply.json["error"]

    await asyncio.to_thread(try_all)


async def test_details_of_a_request_are_read_as_they_are_written() -> None:
    """What is not of our form is refused, whatever it is."""

    @settings(max_examples=100, deadline=None, database=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
            ),
        )
    )
    def read(value: Any) -> None:
        params = {
            "client_id": "library",
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "openid",
            "code_challenge": "x" * 43,
            "code_challenge_method": "S256",
            "authorization_details": orjson.dumps(value).decode("utf-8").encode("ascii", "ignore").decode(),
        }
        try:
            found = authorization.read(params, uses_login())
        except OAuth2Error as error:
            assert error.error in ("invalid_authorization_details", "invalid_request")
        else:
            assert found.wanted == ()

    read()
