"""Whatever a provider does that breaks a rule, nobody is logged in and the reader gets a clear page. (tests/oidc/cases.py)"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.oidc.browsing import Browser, Page, browser_session
from tests.oidc.cases import DISCOVERY, REFUSED, RIGHT
from tests.oidc.hostile import Case, Realm
from tests.personal.login.oidc import Running, go_there, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
CASES = [*DISCOVERY, *REFUSED, *RIGHT]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(tmp_path_factory.mktemp("hostile"), CASES) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def browser(there: Running) -> AsyncIterator[Browser]:
    async with browser_session() as session:
        yield Browser(there.live.url, session)


def ids(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


async def refused(browser: Browser, page: Page, realm: Realm, told: list[dict[str, str]]) -> None:
    assert page.status in (400, 401, 403, 503), page.text
    assert "<h1>" in page.text and "<p" in page.text
    assert not browser.logged_in
    for secret in realm.seen:
        assert secret not in page.text.replace(page.url, "") and secret not in str(told)
    assert realm.case.who not in page.text + str(told)


@pytest.mark.parametrize("case", DISCOVERY, ids=ids(DISCOVERY))
async def test_a_login_does_not_begin_at_a_provider_that_breaks_a_rule(
    case: Case, there: Running, browser: Browser
) -> None:
    name, realm = there.of(case)
    with capture_logs() as told:
        page = await browser.leave(name)
    await refused(browser, page, realm, told)
    assert [line["fault"] for line in told if "fault" in line] == [case.fault]


@pytest.mark.parametrize("case", REFUSED, ids=ids(REFUSED))
async def test_nobody_is_logged_in_by_a_provider_that_breaks_a_rule(
    case: Case, there: Running, browser: Browser
) -> None:
    name, realm = there.of(case)
    back = await go_there(browser, name)
    assert "/login/oidc/callback/" in back.url
    with capture_logs() as told:
        page = await browser.open(back.url)
    await refused(browser, page, realm, told)
    wanted = [] if case.fault in ("stale", "unsure", "unknown") else [case.fault]
    assert [line["fault"] for line in told if "fault" in line] == wanted


@pytest.mark.parametrize("case", RIGHT, ids=ids(RIGHT))
async def test_somebody_is_logged_in_where_no_rule_is_broken(
    case: Case, there: Running, browser: Browser
) -> None:
    name, _ = there.of(case)
    back = await go_there(browser, name)
    page = await browser.open(back.url)
    assert browser.logged_in, page.text
    assert page.places == (f"{browser.module}/me",)
