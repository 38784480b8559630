"""How long a login lasts is said, it can go on, and who comes too late is told what became of it. (WCAG 2.2 2.2.1)"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from base import clock
from personal.pages.kiosks import LOOPBACK_DESK
from personal.rules.levels import Level
from personal.store import desks, sessions
from personal.store.sessions import Session
from tests.personal.live import Live, live_module
from tests.personal.login.entering import enter_resident
from tests.personal.pages.reading import NOTHING, Reader

pytestmark = pytest.mark.asyncio(loop_scope="module")
STAY = "/login/stay"
HANAKO: list[str] = []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    async with live_module(tmp_path_factory.mktemp("limits") / "data") as running:
        HANAKO[:] = [await running.register("hanako")]
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def reader(live: Live) -> AsyncIterator[Reader]:
    jar = aiohttp.CookieJar(unsafe=True)  # a cookie of an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": "ja"}) as session:
        yield Reader(live, session)


def secret_of(reader: Reader) -> str:
    cookies = {one.key: one.value for one in reader.session.cookie_jar}
    return cookies["engawa-personal"].partition(".")[2]


async def change(reader: Reader, **times: int) -> None:
    """Let the login of a reader have other times, counted from now in seconds."""
    now, secret = clock.now(), secret_of(reader)
    told = {name: now + seconds * clock.SECOND for name, seconds in times.items()}
    session = session_of(reader)
    await reader.live.town.store.write(
        lambda db: sessions.change(db, sessions.digest(secret), secret, replace(session, **told))  # type: ignore[arg-type]  # times
    )


def session_of(reader: Reader) -> Session:
    found = reader.live.town.store.read(
        lambda db: sessions.by_hash(db, sessions.digest(secret_of(reader)), 0)
    )
    assert found is not None
    return found


async def sit_down(reader: Reader) -> None:
    """Be at a terminal that others use, too, logged in as a resident."""
    token = await enter_resident(reader.live, HANAKO[0], Level.CARD, device="counter-1")
    url = URL(reader.live.url)
    reader.session.cookie_jar.update_cookies({"engawa-personal": f"yabu.{token}"}, url)


async def test_each_page_says_how_long_its_login_lasts(reader: Reader) -> None:
    await reader.get("/me/login")
    assert "data-left" not in reader.page
    await reader.log_in_resident("hanako")
    page = await reader.get("/me/data")
    assert "30分ほど使わないと、ログインが終わります" in page and 'role="alertdialog"' in page
    assert "about 30 minutes" in await reader.get("/me?lang=en")
    await reader.log_in("counter")
    assert "30分ほど使わないと" in await reader.get("/staff/residents")
    await sit_down(reader)
    page = await reader.get("/me")
    assert "2分使わないと、ログインが終わり、画面が消えます" in page and "残りません" in page
    assert "&lt;" not in page
    assert 'data-leave="/me/login?done=ended_by_itself"' in page


async def test_a_login_goes_on_when_its_owner_says_so_and_never_beyond_its_end(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await change(reader, used=-1_700, until=50)
    await reader.get("/me/login")  # a page that is looked at is use
    assert session_of(reader).until > clock.now() + 1_700 * clock.SECOND
    await change(reader, used=-1_700, until=50)
    await reader.get("/me")
    told = json.loads(await reader.send(STAY))
    assert 1_700 < told["left"] <= 1_800 < told["last"]
    await change(reader, used=-1_700, until=50, last=60)
    await reader.get("/me")
    told = json.loads(await reader.send(STAY))
    assert 40 < told["left"] <= 60 and told["left"] == told["last"]
    await reader.get("/me")
    await reader.send(STAY, csrf="wrong")
    assert reader.status == 403
    await change(reader, until=-1)
    assert json.loads(await reader.send(STAY)) == {"left": 0, "last": 0}


async def test_at_a_terminal_each_use_counts(reader: Reader) -> None:
    await sit_down(reader)
    await change(reader, used=-5, until=115)
    await reader.get("/me")
    assert session_of(reader).until > clock.now() + 116 * clock.SECOND
    await change(reader, used=-5, until=30, last=30)
    async with reader.session.get(reader.live.url + "/me") as reply:
        assert 20 < int(reply.headers["Refresh"].partition(";")[0]) <= 31  # not after the login itself


async def test_who_comes_too_late_hears_why_and_comes_back_to_the_same_page(reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    await change(reader, until=-1)
    page = await reader.get("/me/accesses?all=yes")
    assert reader.path.startswith("/me/login?next=/me/accesses?all%3Dyes&done=login_over")
    assert "ログインが終わっていました" in page and "見ていたページに戻ります" in page
    await reader.send("/me/login", town="yabu", login="hanako", next="/me/accesses?all=yes")
    assert reader.path == "/me/accesses?all=yes"


@pytest.mark.parametrize("path", ["/me/notices/contact", "/me/rights/ask"])
async def test_what_was_typed_and_is_not_kept_is_said(reader: Reader, path: str) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me/rights")
    await change(reader, until=-1)
    page = await reader.send(path, NOTHING, csrf="of nobody", text="番地が違います。")
    assert reader.path.startswith("/me/login?") and "done=form_lost" in reader.path
    assert "入力した内容は残っていません" in page and "番地" not in page


async def test_who_sits_down_next_at_a_terminal_is_led_to_no_page_of_who_was_there(
    reader: Reader,
) -> None:
    await sit_down(reader)
    await reader.get("/me/rights")
    for send in (False, True):
        await sit_down(reader)
        await change(reader, until=-1)
        await stand_on_a_desk(reader)
        page = await (reader.send("/me/rights/ask", text="x") if send else reader.get("/me/accesses"))
        assert reader.path == "/me/login?done=ended_by_itself"
        assert "送っていない内容は残っていません" in page


async def stand_on_a_desk(reader: Reader) -> None:
    """Let the browser be the one of a desk."""
    now, url = clock.now(), URL(reader.live.url)
    hash, until = sessions.digest("browser"), now + 60 * clock.SECOND
    await reader.live.town.store.write(lambda db: desks.keep_browser(db, hash, "counter-1", until, now))
    reader.session.cookie_jar.update_cookies({LOOPBACK_DESK: "yabu.browser"}, url)
