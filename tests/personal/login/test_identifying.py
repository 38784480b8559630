"""Staff find out by card who stands at the counter, and nobody gets a login of theirs by that. (issue 6; card.md 6)"""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.personal.consents.cards import Authority, Card, rsa_key
from tests.personal.live import Live
from tests.personal.login.desks import Desk
from tests.personal.pages.reading import NOTHING, Reader

BASICS = {"name": "架空　太郎", "address": "養父市架空町1番地", "birthDate": "20010102", "sex": "1"}


def reader_of(live: Live) -> Reader:
    session = aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept-Language": "ja"}
    )
    return Reader(live, session)


async def read_card(reader: Reader, desk: Desk, card: Card, **basics: Any) -> tuple[str, str, str]:
    """Have a card read for whoever is logged in; give transaction, code and what the desk was told."""
    await reader.get("/staff/residents")
    page = await reader.send("/staff/residents/card/begin", NOTHING, wants="pin")
    assert reader.status == 200, page
    found = re.search(r'href="([^"]*/card\?[^"]*)"', page)
    assert found is not None
    query = parse_qs(urlsplit(unescape(found[1])).query)
    assert query["back"][0].endswith("/login/card/done?for=staff")
    told = await desk.tap(query["transaction"][0], card, **basics)
    return query["transaction"][0], told.json["code"], told.json["state"]


async def come_back(reader: Reader, transaction: str, code: str) -> str:
    return await reader.get(f"/login/card/done?for=staff&transaction={transaction}&code={code}")


async def test_a_card_opens_its_resident_and_an_unknown_one_is_registered_or_linked(
    live: Live, desk: Desk, authority: Authority
) -> None:
    reader, first, second = reader_of(live), authority.issue(rsa_key()), authority.issue(rsa_key())
    async with reader.session:
        await reader.log_in("counter")
        transaction, code, state = await read_card(reader, desk, first, basics=BASICS)
        assert state == "done"  # whether somebody has the card is not told to the desk
        page = await come_back(reader, transaction, code)
        assert "登録のないカード" in page and "架空町1番地" in page and 'value="2001-01-02"' in page
        fields = dict(re.findall(r'type="hidden" name="(identified|name|address|sex)" value="([^"]*)"', page))
        typed = {"nameKana": "かくう たろう", "birthDate": "2001-01-02", "keep": "yes"}
        page = await reader.send("/staff/residents/card/register", NOTHING, **fields, **typed)
        assert "登録しました" in page and reader.path.startswith("/staff/residents/1")
        page = await reader.get("/staff/residents/1/items/basic-four")
        assert "架空　太郎" in page and "カクウ タロウ" in page
        # the same card again
        transaction, code, state = await read_card(reader, desk, first)
        page = await come_back(reader, transaction, code)
        assert state == "done" and reader.path.startswith("/staff/residents/1") and "確かめました" in page
        assert "この住民のために操作しています" in page
        # another card of theirs
        transaction, code, _ = await read_card(reader, desk, second, basics=BASICS)
        page = await come_back(reader, transaction, code)
        card = reader.found(r'name="identified" value="([^"]+)"')
        sought = {"nameKana": "カクウ タロウ", "birthDate": "2001-01-02", "identified": card}
        page = await reader.send("/staff/residents/card/match", NOTHING, **sought)
        one = reader.found(r'name="resident" value="([^"]+)"')
        await reader.send("/staff/residents/card/link", NOTHING, resident=one, identified=card)
        assert reader.path.startswith("/staff/residents/1") and "結びつけました" in reader.page
        transaction, code, _ = await read_card(reader, desk, second)
        await come_back(reader, transaction, code)
        assert reader.path.startswith("/staff/residents/1")


async def test_no_browser_makes_a_login_of_the_resident_out_of_it_and_it_is_used_once_by_who_began(
    live: Live, desk: Desk, authority: Authority
) -> None:
    card, mine, other = authority.issue(rsa_key()), reader_of(live), reader_of(live)
    async with mine.session, other.session:
        await mine.log_in("counter")
        transaction, code, _ = await read_card(mine, desk, card, basics=BASICS)
        await mine.get(f"/login/card/done?transaction={transaction}&code={code}")
        assert mine.status == 403 and "/me" not in mine.path
        await mine.get("/login/register?attempt=" + transaction)
        assert mine.status in (403, 404)
        transaction, code, _ = await read_card(mine, desk, card, basics=BASICS)
        await other.log_in("counter2")
        await come_back(other, transaction, code)
        assert other.status == 404
        await come_back(mine, transaction, code + "x")
        assert mine.status == 404
        assert "登録のないカード" in await come_back(mine, transaction, code)
        await come_back(mine, transaction, code)
        assert mine.status == 404
        assert (await live.get("/me/items", by=await live.staff("counter"))).status == 403


async def test_a_protected_resident_is_like_nobody_to_who_is_not_cleared(
    live: Live, desk: Desk, authority: Authority
) -> None:
    card, cleared, other = authority.issue(rsa_key()), reader_of(live), reader_of(live)
    async with cleared.session, other.session:
        await cleared.log_in("protection")
        transaction, code, _ = await read_card(cleared, desk, card, basics=BASICS)
        await come_back(cleared, transaction, code)
        identified = cleared.found(r'name="identified" value="([^"]+)"')
        typed = {"nameKana": "カクウ ヒミツ", "birthDate": "2002-02-03", "identified": identified}
        await cleared.send("/staff/residents/card/register", NOTHING, **typed)
        path = cleared.path.partition("?")[0]
        await cleared.send(path + "/protection", NOTHING, protected="yes")
        transaction, code, _ = await read_card(cleared, desk, card)
        await come_back(cleared, transaction, code)
        assert cleared.path.startswith(path)
        await other.log_in("counter")
        transaction, code, state = await read_card(other, desk, card, basics=BASICS)
        page = await come_back(other, transaction, code)
        assert state == "done" and "登録のないカード" in page and "架空町1番地" in page
        sought = {**typed, "identified": other.found(r'name="identified" value="([^"]+)"')}
        assert "resident" not in re.findall(
            r'name="(resident)"', await other.send("/staff/residents/card/match", NOTHING, **sought)
        )


async def test_a_city_card_is_printed_once_and_its_passcode_changed(live: Live) -> None:
    reader = reader_of(live)
    async with reader.session:
        await reader.log_in("counter")
        await reader.get("/staff/residents")
        await reader.send(
            "/staff/residents/register", NOTHING, nameKana="カクウ カード", birthDate="1999-01-02"
        )
        path = reader.path.partition("?")[0]
        page = await reader.send(path + "/city-card", NOTHING, passcode="yama-to-kawa")
        assert "data:image/svg+xml;base64," in page and "市民カード" in page
        await reader.get(path)
        page = await reader.send(path + "/city-card/passcode", NOTHING, passcode="111111")
        assert reader.status == 400 and '<span class="why"' in page and "111111" not in page
        assert "合言葉を変えました" in await reader.send(
            path + "/city-card/passcode", NOTHING, passcode="umi-to-sora"
        )
