"""Who is logged in: guardians, protected persons, doubles, people at a desk that others use, too. (DESIGN 3)"""

import pytest
from yarl import URL

from base import clock
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.logging_in import Login
from personal.provider import telling
from personal.provider.city import City
from personal.rules.levels import Level
from personal.store import logouts, service_logins
from tests.personal.live import Live
from tests.personal.provider.visiting import Browser, Client, uses_login

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNKNOWN = {"active": False}


async def found(live: Live, login: str, by: str = "counter") -> str:
    reply = await live.post("/residents/search", {"municipalId": login}, by=await live.staff(by))
    return str(reply.json["residents"][0]["resident"])


async def sit_down(live: Live, browser: Browser, login: str, device: str = "") -> None:
    """Give a browser a login with a card, at a desk if it is one."""
    person, now = await live.person(login), clock.now()
    made = Login(Who.RESIDENT, person, Level.CARD, "card", device=device)
    secret = await live.town.store.write(lambda db: logging_in.begin(db, made, live.module.settings, now))
    browser.session.cookie_jar.update_cookies(
        {"engawa-personal": f"yabu.{secret}"}, response_url=URL(live.url)
    )


async def test_who_acts_for_a_child_logs_in_as_themselves(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    child = f"child-{login}"
    await live.register(child, nameKana="ヤブ コタロウ", birthDate="2019-04-01", municipalId=child)
    body = {
        "guardian": await found(live, login),
        "resident": await found(live, child),
        "relation": "parent",
        "birthDate": "2019-04-01",
        "evidence": "scan-1",
        "acts": ["see", "consent"],
    }
    assert (await live.post("/delegations", body, by=await live.staff("counter"))).status == 201
    own = (await library.told((await library.entered(browser, login))["id_token"]))["sub"]
    cookies = {one.key: one.value for one in browser.session.cookie_jar}
    by = next(value for name, value in cookies.items() if name.endswith("engawa-personal")).partition(".")[2]
    (represented,) = (await live.get("/me/represented", by=by)).json["represented"]
    await live.post("/me/acting-for", {"resident": represented["resident"]}, by=by)
    assert (await browser.open(library.where(prompt="none"))).told["error"] == "interaction_required"
    page = await browser.open(library.where())
    assert page.status == 200 and 'value="agree"' not in page.text
    assert (await browser.send(page, answer="agree")).url == page.url, "nobody agrees for another"
    landed = await browser.send(page, answer="myself")
    tokens = (await library.token(landed.told["code"])).json
    assert (await library.told(tokens["id_token"]))["sub"] == own


async def test_a_protected_person_may_log_in_and_shares_nothing(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    handle, protection = await found(live, login, "protection"), await live.staff("protection")
    reply = await live.post("/residents/protection", {"resident": handle, "protected": True}, by=protection)
    assert reply.status == 204
    page = await library.agreed(browser, login, scope="openid purpose:lending")
    assert page.path == "/me/ask", "as everybody else"
    tokens = (await library.token((await browser.open(page.told["then"])).told["code"])).json
    assert tokens["scope"] == "openid" and tokens["authorization_details"] == []


async def test_doubles_that_are_made_one_log_in_anew(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    other = f"double-{login}"
    await live.register(other, municipalId=other)
    tokens = await library.entered(browser, other, scope="openid offline_access")
    body = {"resident": await found(live, login), "double": await found(live, other)}
    merged = await live.post("/residents/merge", body, by=await live.staff("counter"))
    assert merged.status in (200, 204), merged.raw
    assert await library.introspect(tokens["access_token"]) == UNKNOWN
    assert (await library.refresh(tokens["refresh_token"])).json["error"] == "invalid_grant"


async def test_a_desk_that_others_use_forgets_and_services_are_told(
    live: Live, browser: Browser, login: str
) -> None:
    await live.service("bath", uses_login(backchannelLogoutUri="http://127.0.0.1:9/logout"))
    bath = Client(live, "bath")
    await sit_down(live, browser, login, device="desk-1")
    page = await browser.send(await browser.open(bath.where(scope="openid offline_access")), answer="agree")
    tokens = (await bath.token(page.told["code"])).json
    assert tokens["scope"] == "openid"
    claims = await bath.told(tokens["id_token"])
    assert claims["amr"] == ["sc", "pin", "mfa"]
    town, later = City(live.module, live.town), clock.now() + 130 * clock.SECOND
    assert live.module.web is not None
    await telling.round_of(town, live.module.web, later)
    due = live.town.store.read(lambda db: logouts.due(db, 1 << 62, 100))
    assert [one.subject for one in due if one.service == "bath"] == [claims["sub"]]
    person = await live.person(login)
    assert live.town.store.read(lambda db: service_logins.of_person(db, person)) == []


async def test_a_login_that_is_made_surer_is_the_same_for_services(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    weak = await library.entered(browser, login, 1)
    page = await browser.open(library.where(acr_values="aal3"))
    strong = (await library.token((await browser.log_in(page, login)).told["code"])).json
    claims = [await library.told(one["id_token"]) for one in (weak, strong)]
    assert claims[0]["sid"] == claims[1]["sid"] and [one["acr"] for one in claims] == ["aal1", "aal3"]
    assert (await library.introspect(weak["access_token"]))["acr"] == "aal1"
