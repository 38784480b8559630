"""The pages for second factors, by codes and without any script. (RFC 6238)"""

from collections.abc import AsyncIterator
from urllib.parse import unquote

import aiohttp
import pytest

from base import clock
from tests.personal.live import Live
from tests.personal.login.entering import code, enrolment, enter_staff, with_codes
from tests.personal.pages.reading import NOTHING, Reader


@pytest.fixture
async def reader(live: Live) -> AsyncIterator[Reader]:
    jar = aiohttp.CookieJar(unsafe=True)  # a cookie of an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": "ja"}) as session:
        yield Reader(live, session)


def bring(reader: Reader, token: str) -> None:
    """Let the reader's browser have a login."""
    url = aiohttp.typedefs.URL(reader.live.url)
    reader.session.cookie_jar.update_cookies({"engawa-personal": f"yabu.{token}"}, url)


async def test_codes_are_set_up_and_given_without_any_script(live: Live, reader: Reader) -> None:
    bring(reader, await enter_staff(live, "auditor"))
    await reader.get("/staff/audit")
    assert reader.path == "/staff/factors/new"  # there is none yet
    given = await enrolment(live, "auditor")
    page = await reader.send("/staff/factors/new", NOTHING, kind="totp", enrolment="AAAA")
    assert reader.status == 403 and "このコードは使えません" in page
    page = await reader.send("/staff/factors/new", NOTHING, kind="totp", enrolment=given)
    secret = reader.found(r'<code class="id" lang="en">([^<]+)</code>')
    attempt = reader.found(r'name="attempt" value="([^"]+)"')
    assert "<svg" in page and secret.replace(" ", "") not in unquote(reader.path)
    page = await reader.send("/staff/factors", NOTHING, kind="totp", attempt=attempt, code="12345x")
    assert reader.status == 403 and "確認できませんでした" in page and "<svg" not in page
    made = {"kind": "totp", "attempt": attempt, "code": code(secret, 0), "name": "机の上"}
    page = await reader.send("/staff/factors", NOTHING, **made)
    assert reader.path.startswith("/staff/factors?") and "机の上" in page
    bring(reader, await enter_staff(live, "auditor"))
    await reader.get("/staff/audit")
    assert reader.path == "/staff/factor?next=/staff/audit"
    await reader.send("/staff/factor", NOTHING, code="12345x", next="/staff/audit")
    assert reader.status == 403
    await reader.send("/staff/factor", NOTHING, code=code(secret), next="/staff/audit")
    assert reader.path == "/staff/audit" and reader.status == 200


async def test_what_was_typed_in_survives_the_second_factor(live: Live, reader: Reader) -> None:
    token, secret = await with_codes(live, "admin")
    bring(reader, token)
    page = await reader.get("/staff/members")
    old = int(live.module.settings.factor_minutes * 60 * clock.SECOND) + 1
    sql = "UPDATE session SET factor = factor - ? WHERE factor > 0"
    await live.town.store.write(lambda db: db.execute(sql, (old,)).fetchall())
    new = {"login": "yamada", "name": "見本 山田", "roles": "counter"}
    page = await reader.send("/staff/members", NOTHING, **new)
    assert reader.path.startswith("/staff/factor?") and "山田" not in page
    next = reader.found(r'name="next" value="([^"]+)"')
    await reader.send("/staff/factor", NOTHING, code=code(secret), next=next)
    assert reader.path == next and reader.path.startswith("/staff/resumed/")
    page = await reader.send("/staff/members", NOTHING, kept=next.rpartition("/")[2])
    assert 'value="見本 山田"' in page and "まだ記録していません" in page
    page = await reader.send("/staff/members", NOTHING, **new)
    assert reader.status == 200 and "見本 山田" in page


async def test_one_ends_ones_login_before_the_second_factor_too(live: Live, reader: Reader) -> None:
    token = await enter_staff(live, "auditor")
    bring(reader, token)
    await reader.get("/staff/factors/new")
    await reader.send("/staff/logout")
    assert reader.path.startswith("/staff/login")
    assert (await live.get("/session", by=token)).status == 401


async def test_staff_see_and_end_their_own_logins(live: Live, reader: Reader) -> None:
    token, secret = await with_codes(live, "auditor")
    other = await enter_staff(live, "auditor")
    bring(reader, token)
    page = await reader.get("/staff/sessions")
    assert "今のログイン" in page and "Firefox" in page
    await reader.send("/staff/sessions/" + reader.found(r'action="/staff/sessions/(l_[^"/]+)/end"') + "/end")
    assert "終わらせました" in reader.page and secret not in reader.page
    assert (await live.get("/session", by=other)).status == 401
    await enter_staff(live, "auditor")
    await reader.get("/staff/sessions")
    await reader.send("/staff/sessions/end-others")
    assert reader.page.count("<h2>") == 1
