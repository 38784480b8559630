"""A provider ends logins here by a token, and by nothing that is not right in every part. (Back-Channel Logout 1.0)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from base.oidc.faults import Fault
from tests.oidc.browsing import Browser, browser_session
from tests.oidc.cases import LOGOUT
from tests.oidc.hostile import MISSING, Case, Realm, logout_token
from tests.personal.live import ASAGO, YABU
from tests.personal.login.oidc import Running, log_in, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
ONE, OTHER, OTHER_LOGIN, UNNAMED = (
    Case("one", ""),
    Case("other", ""),
    Case("other login", "", claims={"sid": "session-2"}),
    Case("unnamed", "", claims={"sid": MISSING}),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(tmp_path_factory.mktemp("logout"), [ONE, OTHER, OTHER_LOGIN, UNNAMED]) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def browser(there: Running) -> AsyncIterator[Browser]:
    async with browser_session() as session:
        yield Browser(there.live.url, session)


async def tell(there: Running, token: str) -> tuple[int, list[Any]]:
    """Send a logout token; give what it was answered and which rules the log says it broke."""
    with capture_logs() as told:
        url = f"{there.live.url}/login/oidc/backchannel"
        async with there.live.session.post(url, data={"logout_token": token}) as reply:
            assert reply.headers["Cache-Control"] == "no-store"
            assert token not in str(told) and "hanako" not in str(told)
            return reply.status, [line["fault"] for line in told if "fault" in line]


async def is_logged_in(there: Running, browser: Browser) -> bool:
    return there.session(browser) is not None


def realm(there: Running, case: Case = ONE) -> Realm:
    return there.of(case)[1]


@pytest.mark.parametrize("name", LOGOUT)
async def test_a_token_that_breaks_a_rule_ends_nothing(name: str, there: Running, browser: Browser) -> None:
    fault, change = LOGOUT[name]
    await log_in(browser, "c0")
    assert await tell(there, logout_token(realm(there), **change)) == (400, [fault])
    assert await is_logged_in(there, browser)


@pytest.mark.parametrize(
    "named", [{}, {"sub": MISSING}, {"sid": MISSING}, {"header": {"typ": MISSING}}, {"exp": MISSING}]
)
async def test_a_right_token_ends_the_login_once(
    named: dict[str, Any], there: Running, browser: Browser
) -> None:
    await log_in(browser, "c0")
    token = logout_token(realm(there), **named)
    assert await tell(there, token) == (200, [])
    assert not await is_logged_in(there, browser)
    page = await browser.open(f"{browser.module}/me")
    assert page.path == "/me/login"
    assert await tell(there, token) == (400, [Fault.REPLAYED])


async def test_the_logins_of_other_providers_and_other_logins_go_on(there: Running, browser: Browser) -> None:
    async with browser_session() as session, browser_session() as second:
        elsewhere, later = Browser(browser.module, session), Browser(browser.module, second)
        await log_in(browser, "c0")
        await log_in(elsewhere, "c1")
        await log_in(later, "c2")
        assert (await tell(there, logout_token(realm(there))))[0] == 200
        assert not await is_logged_in(there, browser)
        assert await is_logged_in(there, elsewhere)
        # all logins of a person at a provider end where no single one is named, and only there
        assert (await tell(there, logout_token(realm(there, OTHER_LOGIN), sid="session-3")))[0] == 200
        assert await is_logged_in(there, later)
        assert (await tell(there, logout_token(realm(there, OTHER_LOGIN), sid=MISSING)))[0] == 200
        assert not await is_logged_in(there, later)
        assert await is_logged_in(there, elsewhere)


async def test_a_login_that_the_provider_did_not_name_ends_when_it_names_one_of_the_person(
    there: Running, browser: Browser
) -> None:
    """Rather one login too many ends than one too few."""
    await log_in(browser, "c3")
    stranger = logout_token(realm(there, UNNAMED), sub="somebody-else")
    assert (await tell(there, stranger))[0] == 200
    assert (await tell(there, logout_token(realm(there, UNNAMED), sub=MISSING)))[0] == 200
    assert await is_logged_in(there, browser)
    assert (await tell(there, logout_token(realm(there, UNNAMED))))[0] == 200
    assert not await is_logged_in(there, browser)


async def test_what_is_no_token_is_refused_without_asking_the_provider(there: Running) -> None:
    fetched = realm(there).fetched
    for data in (
        {},
        {"logout_token": ""},
        {"logout_token": "a.b.c"},
        {"logout_token": "a" * 30_000},
        {"token": "x"},
    ):
        async with there.live.session.post(f"{there.live.url}/login/oidc/backchannel", data=data) as reply:
            assert reply.status == 400
            assert await reply.json() == {"error": "invalid_request"}
    odd = {"Content-Type": "application/x-www-form-urlencoded; charset=none"}
    async with there.live.session.post(
        f"{there.live.url}/login/oidc/backchannel", data=b"logout_token=%ff", headers=odd
    ) as reply:
        assert reply.status == 400
    async with there.live.session.post(
        f"{there.live.url}/login/oidc/backchannel", json={"logout_token": "a.b.c"}
    ) as reply:
        assert reply.status == 400
    async with there.live.session.post(
        f"{there.live.url}/login/oidc/backchannel",
        data=aiohttp.FormData({"logout_token": "a.b.c"}, default_to_multipart=True),
    ) as reply:
        assert reply.status == 400
    assert realm(there).fetched == fetched


async def test_keys_are_not_fetched_for_each_unknown_one(there: Running, browser: Browser) -> None:
    await log_in(browser, "c0")
    fetched = realm(there).fetched
    for number in range(20):
        token = logout_token(realm(there), header={"kid": f"k{number}"})
        assert await tell(there, token) == (400, [Fault.KEY])
    assert realm(there).fetched - fetched <= 1


async def test_a_token_cut_short_between_two_municipalities_ends_what_is_left_when_it_is_told_again(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, [ONE], towns_there=(YABU, ASAGO)) as there, browser_session() as session:
        browser, token = Browser(there.live.url, session), logout_token(realm(there))
        assert (await tell(there, token))[0] == 200
        await log_in(browser, "c0")
        assert (await tell(there, token))[0] == 400 and await is_logged_in(there, browser)
        # as if the process had ended before it came to the last municipality
        await there.live.town.store.write(lambda db: db.execute("DELETE FROM assertion"))
        assert await tell(there, token) == (200, [])
        assert not await is_logged_in(there, browser)
