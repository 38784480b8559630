"""Residents log in at services by the common login. (OpenID Connect Core 3.1, RFC 6749 4.1, 7636, 8414, 9207, 9396)"""

import time
from typing import Any

import orjson
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from base import clock
from personal.rules.notice import QUARTER
from tests.personal.live import Live
from tests.personal.provider.visiting import BACK, Browser, Client, uses_login

pytestmark = pytest.mark.asyncio(loop_scope="module")
STORED = {"level": 3, "method": "card-pin", "on": "2026-11-01"}


async def decide(live: Live, login: str, service: str, purpose: str, *items: str) -> None:
    """Agree to items for a purpose, and refuse the others that are open, as the portal does."""
    by = await live.resident(login)
    found = (await live.get("/me/consents", by=by)).json["services"]
    asked = next(one for one in found if one["id"] == service)["purposes"]
    codes = [one["item"] for row in asked if row["id"] == purpose for one in row["items"]]
    refused = [code for code in codes if code not in items]
    body = {"service": service, "purpose": purpose, "agree": list(items), "refuse": refused}
    made = await live.post("/me/consents/prepare", body, by=by)
    assert made.status == 200, made.raw
    evidence = {"evidence": {"kind": "session"}} if items else {}
    done = await live.post("/me/consents", {"prepared": made.json["prepared"], **evidence}, by=by)
    assert done.status in (200, 201), done.raw


async def accesses(live: Live, login: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await live.get("/me/accesses", by=await live.resident(login))).json[
        "accesses"
    ]
    return found


async def test_a_resident_logs_in_at_a_service(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    request = library.asks()
    page = await browser.open(library.where(**request))
    assert page.path == "/me/login"
    page = await browser.log_in(page, login)
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
    words = {one["action"]["ja"] for one in await accesses(live, login)}
    assert "このサービスにログインしました" in words


async def test_the_name_is_the_one_under_which_the_service_asks_for_data(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    tokens = await library.entered(browser, login)
    subject = (await library.told(tokens["id_token"]))["sub"]
    by = await live.service_token("library")
    body = {"subject": subject, "purpose": "lending", "items": ["library-card"]}
    reply = await live.post("/disclosures", body, by=by)
    assert reply.status == 200 and reply.json["items"] == {}, reply.raw
    assert (await live.post("/disclosures", body, by=await live.service_token("shelter"))).status in (
        403,
        404,
    )


async def test_who_is_logged_in_enters_a_second_service_without_logging_in_again(
    library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    first = await library.entered(browser, login)
    page = await browser.open(shelter.where(prompt="none"))
    assert page.told["error"] == "consent_required", page
    second = await shelter.entered(browser, login)
    again = await browser.open(library.where(prompt="none"))
    assert "code" in again.told, again
    claims = [await one.told(tokens["id_token"]) for one, tokens in ((library, first), (shelter, second))]
    assert claims[0]["sub"] != claims[1]["sub"] and claims[0]["sid"] != claims[1]["sid"]
    third = await library.told((await library.token(again.told["code"])).json["id_token"])
    assert third["sid"] == claims[0]["sid"] and third["sub"] == claims[0]["sub"]


async def test_of_an_older_login_services_learn_the_quarter_hour_only(
    library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    await library.entered(browser, login)
    tokens = await shelter.entered(browser, login)
    told = (await shelter.told(tokens["id_token"]))["auth_time"]
    assert told * clock.SECOND % QUARTER == 0
    again = await library.entered(browser, login, max_age="3600")
    told = (await library.told(again["id_token"]))["auth_time"]
    assert time.time() - 3_600 <= told <= time.time()


async def test_refusing_to_log_in_sends_back_without_a_trace_for_the_service(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    page = await browser.log_in(await browser.open(library.where()), login)
    landed = await browser.send(page, answer="refuse")
    assert landed.told["error"] == "access_denied" and landed.told["iss"] == library.issuer
    assert (await live.get("/me/connections", by=await live.resident(login))).json == {"connections": []}
    assert (await live.get("/me/pseudonyms", by=await live.resident(login))).json == {"services": []}


@pytest.mark.parametrize(
    ("asked", "error"),
    [({"prompt": "none"}, "login_required"), ({"prompt": "none", "acr_values": "aal3"}, "login_required")],
)
async def test_nobody_is_asked_where_the_service_does_not_want_it(
    library: Client, browser: Browser, asked: dict[str, str], error: str
) -> None:
    assert (await browser.open(library.where(**asked))).told["error"] == error


async def test_a_surer_login_is_asked_for_where_it_is_needed(
    library: Client, browser: Browser, login: str
) -> None:
    assert (await library.told((await library.entered(browser, login, 1))["id_token"]))["acr"] == "aal1"
    silent = await browser.open(library.where(prompt="none", acr_values="aal3"))
    assert silent.told["error"] == "interaction_required"
    page = await browser.open(library.where(acr_values="aal3"))
    assert page.path == "/me/login" and page.told["level"] == "3"
    landed = await browser.log_in(page, login, 3)
    assert (await library.told((await library.token(landed.told["code"])).json["id_token"]))["acr"] == "aal3"


async def test_who_cannot_log_in_as_surely_is_sent_back_in_the_end(
    live: Live, browser: Browser, login: str
) -> None:
    await live.service("surgery", uses_login(leastLevel="aal3"))
    surgery = Client(live, "surgery")
    page = await browser.open(surgery.where())
    for _ in range(3):
        page = await browser.log_in(page, login, 1)
    assert page.told["error"] == "unmet_authentication_requirements"


async def test_a_new_login_is_asked_for_where_the_service_wants_one(
    library: Client, browser: Browser, login: str
) -> None:
    first = await library.told((await library.entered(browser, login))["id_token"])
    for asked in ({"prompt": "login"}, {"max_age": "0"}):
        page = await browser.open(library.where(**asked))
        assert page.path == "/me/login", asked
        landed = await browser.log_in(page, login)
        claims = await library.told((await library.token(landed.told["code"])).json["id_token"])
        assert claims["auth_time"] >= first["auth_time"] and claims["sid"] == first["sid"]


async def test_an_answer_counts_for_who_gave_it(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    """Who logs in next at the same browser is asked themselves where the service wants that."""
    other = f"{login}-b"
    await live.register(other, municipalId=other)
    await library.entered(browser, other)
    page = await browser.open(library.where(scope="openid purpose:lending", prompt="consent"))
    again = {"town": "yabu", "next": page.path}
    mine = await browser.open("/me/login", {**again, "login": login})
    assert (await browser.send(mine, answer="agree")).path == "/me/ask"
    theirs = await browser.open("/me/login", {**again, "login": other})
    assert theirs.path == page.path, "they are asked"


async def test_items_are_asked_for_in_the_portal_and_refusing_does_not_stop_the_login(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    page = await library.agreed(browser, login, scope="openid purpose:lending email")
    assert page.path == "/me/ask", page
    assert page.told["service"] == "library" and page.told["purpose"] == "lending"
    await decide(live, login, "library", "lending")
    tokens = (await library.token((await browser.open(page.told["then"])).told["code"])).json
    assert tokens["scope"] == "openid" and tokens["authorization_details"] == []
    again = await library.entered(browser, login, scope="openid purpose:lending")
    assert again["scope"] == "openid", "who refused is not asked at every login"


async def test_the_portals_page_leads_back_to_the_service(
    library: Client, browser: Browser, login: str
) -> None:
    page = await library.agreed(browser, login, scope="openid purpose:lending")
    page = await browser.send(page, "/me/ask/check", agree="library-card contact")
    landed = await browser.send(page, "/me/ask/decide")
    tokens = (await library.token(landed.told["code"])).json
    assert tokens["scope"] == "openid purpose:lending"
    (told,) = tokens["authorization_details"]
    assert told["items"] == ["library-card", "contact"]


async def test_consent_holds_live_in_what_tokens_are_good_for(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    details = orjson.dumps([{"type": "engawa-consent", "purpose": "lending", "items": ["contact"]}]).decode()
    page = await library.agreed(browser, login, authorization_details=details)
    await decide(live, login, "library", "lending", "contact", "library-card")
    tokens = (await library.token((await browser.open(page.told["then"])).told["code"])).json
    told = [{"type": "engawa-consent", "purpose": "lending", "items": ["contact"]}]
    assert tokens["authorization_details"] == told
    assert (await library.introspect(tokens["access_token"]))["authorization_details"] == told
    withdrawn = await live.post(
        "/me/consents/withdraw", {"service": "library"}, by=await live.resident(login)
    )
    assert withdrawn.status == 200, withdrawn.raw
    found = await library.introspect(tokens["access_token"])
    assert found["active"] is True and found["authorization_details"] == []


async def test_a_service_that_needs_items_gets_nobody_without_them(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    details = orjson.dumps([{"type": "engawa-consent", "purpose": "lending", "required": True}]).decode()
    page = await library.agreed(browser, login, authorization_details=details)
    await decide(live, login, "library", "lending")
    landed = await browser.open(page.told["then"])
    assert landed.told["error"] == "access_denied"
    silent = await browser.open(library.where(authorization_details=details, prompt="none"))
    assert silent.told["error"] == "consent_required"


async def test_verified_identity_is_told_under_consent_only(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    by, counter = await live.resident(login), await live.staff("counter")
    found = await live.post("/residents/search", {"municipalId": login}, by=counter)
    resident = found.json["residents"][0]["resident"]
    body = {"resident": resident, "item": "verified-identity", "value": STORED, "expectedVersion": 0}
    assert (await live.post("/records/write", body, by=counter)).status in (200, 201)
    page = await library.agreed(browser, login, scope="openid purpose:proof")
    await decide(live, login, "library", "proof", "verified-identity")
    tokens = (await library.token((await browser.open(page.told["then"])).told["code"])).json
    expected = {"level": 3, "method": "card-pin", "date": "2026-11-01"}
    assert (await library.told(tokens["id_token"]))["verified_identity"] == expected
    assert (await library.userinfo(tokens["access_token"])).json["verified_identity"] == expected
    await live.post("/me/consents/withdraw", {"service": "library"}, by=by)
    assert "verified_identity" not in (await library.userinfo(tokens["access_token"])).json
    kinds = [one["action"]["en"] for one in await accesses(live, login)]
    assert kinds.count("Data was given out as you agreed") == 2


async def test_pushed_requests_are_taken_once_and_by_their_service(
    live: Live, library: Client, shelter: Client, browser: Browser, login: str
) -> None:
    request = library.asks()
    pushed = await library.call("par", **{**request, "login_hint": "somebody"})
    assert pushed.status == 201, pushed.raw
    name = pushed.json["request_uri"]
    kept = live.town.store.read(lambda db: list(db.execute("SELECT params FROM pushed_request")))
    assert "somebody" not in str(kept)
    foreign = await browser.open(f"{shelter.issuer}/authorize?client_id=shelter&request_uri={name}")
    assert foreign.status == 400
    asked = f"{library.issuer}/authorize?client_id=library&request_uri={name}"
    page = await browser.open(asked)
    assert page.path == "/me/login"
    assert (await browser.open(asked)).status == 400
    landed = await browser.send(await browser.log_in(page, login), answer="agree")
    assert landed.told["state"] == request["state"]


async def test_a_request_may_come_as_a_form(library: Client, browser: Browser, login: str) -> None:
    page = await browser.open(f"{library.issuer}/authorize", library.asks(), Origin="http://service.example")
    assert page.path == "/me/login"
    assert (await browser.log_in(page, login)).path.startswith("/oidc/yabu/continue/")


async def test_the_provider_describes_itself_as_it_is(live: Live, library: Client) -> None:
    found = await library.raw("GET", ".well-known/openid-configuration")
    assert found.json["issuer"] == library.issuer
    async with live.session.get(f"{live.url}/.well-known/oauth-authorization-server/oidc/yabu") as other:
        assert await other.json() == found.json
    AuthorizationServerMetadata(orjson.loads(found.raw.replace(b"http://", b"https://"))).validate()
    assert found.json["subject_types_supported"] == ["pairwise"]
    assert found.json["id_token_signing_alg_values_supported"] == ["ES256"]  # decision 20
    assert found.json["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    keys = (await library.raw("GET", "keys")).json["keys"]
    assert keys and not any("d" in key for key in keys)
    assert (await live.session.get(f"{live.url}/oidc/osaka/keys")).status == 404
