"""Whatever a provider does that breaks a rule, nobody is logged in and the reader gets a clear page. (tests/oidc/cases.py)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey
from structlog.testing import capture_logs

from base import clock
from personal.operations.blinding import blinding
from personal.rules.residents import IdentifierKind
from personal.store import identifiers
from tests.oidc.browsing import Browser, Page, address_of, browser_session
from tests.oidc.cases import DISCOVERY, REFUSED, RIGHT
from tests.oidc.hostile import Case, Realm, hostile, toml
from tests.personal.live import Live, live_module

pytestmark = pytest.mark.asyncio(loop_scope="module")
CASES = [*DISCOVERY, *REFUSED, *RIGHT]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Live, dict[str, Realm]]]:
    folder = tmp_path_factory.mktemp("hostile")
    own_key(folder)
    async with hostile(CASES) as realms:
        (folder / "logins.toml").write_text(toml(realms, "own.jwk"), encoding="utf-8")
        async with live_module(folder / "data", logins=folder / "logins.toml") as live:
            await know(live, [f"{realm.issuer}#hanako" for realm in realms.values()])
            yield live, realms


async def know(live: Live, logins: list[str]) -> None:
    """Let all these logins stand for one resident."""
    person = await live.register("hanako")
    blind = await blinding(live.town)
    hashes = [blind.identifier(IdentifierKind.LOGIN, one) for one in logins]

    def work(db: Any) -> None:
        for hash in hashes:
            identifiers.link(db, IdentifierKind.LOGIN, hash, person, False, clock.now())

    await live.town.store.write(work)


def own_key(folder: Path) -> None:
    key = ECKey.generate_key("P-256", {"kid": "ours", "use": "sig", "alg": "ES256"})
    (folder / "own.jwk").write_bytes(orjson.dumps(key.as_dict(private=True)))


@pytest_asyncio.fixture(loop_scope="module")
async def browser(running: tuple[Live, dict[str, Realm]]) -> AsyncIterator[Browser]:
    async with browser_session() as session:
        yield Browser(running[0].url, session)


def of(case: Case, realms: dict[str, Realm]) -> tuple[str, Realm]:
    return next((name, realm) for name, realm in realms.items() if realm.case is case)


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
    case: Case, running: tuple[Live, dict[str, Realm]], browser: Browser
) -> None:
    name, realm = of(case, running[1])
    with capture_logs() as told:
        page = await browser.leave(name)
    await refused(browser, page, realm, told)
    assert [line["fault"] for line in told if "fault" in line] == [case.fault]


@pytest.mark.parametrize("case", REFUSED, ids=ids(REFUSED))
async def test_nobody_is_logged_in_by_a_provider_that_breaks_a_rule(
    case: Case, running: tuple[Live, dict[str, Realm]], browser: Browser
) -> None:
    name, realm = of(case, running[1])
    back = await browser.open(address_of(await browser.leave(name)))
    assert "/login/oidc/callback/" in back.url
    with capture_logs() as told:
        page = await browser.open(back.url)
    await refused(browser, page, realm, told)
    wanted = [] if case.fault in ("stale", "unsure", "unknown") else [case.fault]
    assert [line["fault"] for line in told if "fault" in line] == wanted


@pytest.mark.parametrize("case", RIGHT, ids=ids(RIGHT))
async def test_somebody_is_logged_in_where_no_rule_is_broken(
    case: Case, running: tuple[Live, dict[str, Realm]], browser: Browser
) -> None:
    name, _ = of(case, running[1])
    back = await browser.open(address_of(await browser.leave(name)))
    page = await browser.open(back.url)
    assert browser.logged_in, page.text
    assert page.places == (f"{browser.module}/me",)
