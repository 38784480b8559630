"""When somebody logged in at a provider: known or not, and asked anew where it has to be new. (OIDC Core 2, 3.1.2.1)"""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from base import clock
from base.oidc.faults import Fault
from personal.operations import staff
from tests.oidc.browsing import Browser, Page, address_of, browser_session, query
from tests.oidc.hostile import MISSING, Case, Realm
from tests.personal.login.oidc import Running, go_there, log_in, running, secret_of
from tests.personal.provider import visiting
from tests.personal.provider.visiting import Client, uses_login

pytestmark = pytest.mark.asyncio(loop_scope="module")
OLD = 3_600


def single_sign_on(realm: Realm) -> int:
    """Log in anew if that is asked for, otherwise go on with the login of an hour ago."""
    return int(time.time()) - (0 if realm.last.get("prompt") == "login" else OLD)


TIMELESS = Case("timeless", "", claims={"auth_time": MISSING})
ONCE = Case("single sign-on", "", claims={"auth_time": single_sign_on})
STAFF = Case("staff", "", claims={"auth_time": single_sign_on}, settings='who = "staff"')
TIMELESS_STAFF = Case(
    "timeless staff",
    "",
    claims={"auth_time": lambda realm: MISSING if "max_age" not in realm.last else int(time.time())},
    settings='who = "staff"',
)
CASES = [TIMELESS, ONCE, STAFF, TIMELESS_STAFF]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(tmp_path_factory.mktemp("moments"), CASES, staff_second_factor=False) as found:
        await found.live.service("library", uses_login())
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def browser(there: Running) -> AsyncIterator[Browser]:
    async with browser_session() as session:
        yield Browser(there.live.url, session)


@pytest.fixture
def library(there: Running) -> Client:
    return Client(there.live, "library")


async def visit(there: Running, browser: Browser, url: str) -> visiting.Landed:
    """Go where a service sends a browser, and agree where that is asked."""
    at = visiting.Browser(there.live.url, browser.session)
    page = await at.open(url)
    if page.path.startswith("/oidc/"):
        page = await at.send(page, answer="agree")
    return page


async def choose(browser: Browser, page: visiting.Landed, name: str) -> Page:
    """Choose a provider on the page to log in, with all that its form carries, up to the way back."""
    form = page.text.partition(f'action="/login/oidc/{name}"')[2].partition("</form>")[0]
    assert form, page
    fields = dict(visiting._HIDDEN.findall(form))
    return await browser.open(f"{browser.module}/login/oidc/{name}", **fields)


async def claims_of(library: Client, landed: visiting.Landed) -> dict[str, Any]:
    reply = await library.token(landed.told["code"])
    assert reply.status == 200, reply.raw
    again = await library.refresh(reply.json["refresh_token"])
    found = [await library.told(one.json["id_token"]) for one in (reply, again)]
    assert found[0].get("auth_time") == found[1].get("auth_time")
    return found[0]


async def test_a_moment_that_is_not_known_is_told_to_nobody(
    there: Running, browser: Browser, library: Client
) -> None:
    await log_in(browser, there.of(TIMELESS)[0])
    reply = await there.live.get("/session", by=secret_of(browser))
    assert reply.json["proven"] is None
    told = await claims_of(library, await visit(there, browser, library.where()))
    assert "auth_time" not in told and told["acr"] == "aal3"


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "86400"}, {"max_age": "0"}])
async def test_where_it_has_to_be_new_a_login_without_a_moment_is_not_enough(
    there: Running, browser: Browser, library: Client, asked: dict[str, str]
) -> None:
    await log_in(browser, there.of(TIMELESS)[0])
    page = await visit(there, browser, library.where(**asked))
    assert page.path == "/me/login"
    left = await choose(browser, page, there.of(TIMELESS)[0])
    wanted = query(address_of(left))
    assert (wanted["prompt"], wanted["max_age"]) == ("login", "0")
    back = await browser.open(address_of(left))
    with capture_logs() as told:
        refused = await browser.open(back.url)
    assert refused.status == 403 and "log in there anew" in refused.text
    assert [line["fault"] for line in told if "fault" in line] == [Fault.LOGIN_TIME]
    silent = await visit(there, browser, library.where(prompt="none", max_age="86400"))
    assert silent.told["error"] == "login_required"


async def test_a_new_login_is_asked_of_the_provider_where_a_service_wants_one(
    there: Running, browser: Browser, library: Client
) -> None:
    """Nobody is logged in here yet, but there: without asking, the login of an hour ago would go on."""
    name, began = there.of(ONCE)[0], int(time.time())
    page = await visit(there, browser, library.where(prompt="login"))
    left = await choose(browser, page, name)
    assert query(address_of(left))["prompt"] == "login"
    landed = await visit(there, browser, (await browser.open(address_of(left))).url)
    assert browser.logged_in, landed
    assert (await claims_of(library, landed))["auth_time"] >= began


async def test_who_logs_in_for_nothing_in_particular_need_not_do_so_anew(
    there: Running, browser: Browser, library: Client
) -> None:
    page = await visit(there, browser, library.where())
    asked = query(address_of(await choose(browser, page, there.of(ONCE)[0])))
    assert "prompt" not in asked and "max_age" not in asked
    await log_in(browser, there.of(ONCE)[0])
    session = there.session(browser)
    assert session is not None and session.proven < clock.now() - (OLD - 60) * clock.SECOND


@pytest.mark.parametrize("case", [STAFF, TIMELESS_STAFF], ids=lambda case: case.name)
async def test_staff_without_a_second_factor_here_log_in_anew_before_what_is_dangerous(
    case: Case, there: Running, browser: Browser
) -> None:
    name, realm = there.of(case)
    await there.live.town.store.write(
        lambda db: staff.join(
            db, f"{realm.issuer}#hanako", "佐藤", ["admin"], by=staff.AT_MACHINE, now=clock.now()
        )
    )
    await log_in(browser, name, next="/staff")

    async def add() -> Any:
        body = {"login": f"new-{name}", "name": "鈴木", "roles": ["counter"]}
        return await there.live.post("/staff", body, by=secret_of(browser))

    refused = await add()
    assert refused.status == 403 and refused.json["needs"] == "login", refused.raw
    members = f"{there.live.url}/staff/members"
    csrf = (await browser.open(members)).text.partition('name="csrf" value="')[2].partition('"')[0]
    page = await browser.open(members, csrf=csrf, login="x", name="鈴木", roles="counter")
    assert page.path == "/staff/login" and page.status == 200, page  # the form is kept meanwhile
    assert "Log in again before this" in page.text
    kept = query(page.url)["next"]
    assert kept.startswith("/staff/resumed/")
    assert query(address_of(await browser.leave(name, next=kept)))["max_age"] == "0"
    page = await browser.open((await go_there(browser, name, next=kept)).url)
    assert page.status == 200 and page.path == kept, page.text
    assert (await add()).status == 201
