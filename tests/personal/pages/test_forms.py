"""Forms that go wrong: refused, sent twice, come back to, sent when their login had ended; nothing typed is lost."""

import asyncio
import re

from base import clock
from personal.operations.actors import Who
from personal.pages import kept
from personal.pages.kept import Form
from personal.pages.refill import refilled
from personal.store import sessions
from tests.personal.live import Live
from tests.personal.pages.reading import BIRTH, NOTHING, Reader, opened

TYPED = {
    "item.name": "見本 <花子>",
    "item.address": "養父市見本町9番地",
    "item.birthDate": BIRTH,
    "item.sex": "female",
}


async def end_login(reader: Reader) -> None:
    """Let the time of the reader's login be over."""
    (cookie,) = [one for one in reader.session.cookie_jar if one.key == "engawa-personal"]
    hash = sessions.digest(cookie.value.partition(".")[2])
    await reader.live.town.store.write(lambda db: sessions.touch(db, hash, clock.now(), clock.now() - 1))


async def test_a_form_that_came_when_its_login_had_ended_is_shown_again_after_it(reader: Reader) -> None:
    path = await opened(reader) + "/items/basic-four"
    await reader.get(path)
    await end_login(reader)
    page = await reader.send(path, NOTHING, version="1", **TYPED)
    assert reader.path.startswith("/staff/login?") and "残っています" in page and "見本町9番地" not in page
    next = reader.found(r'name="next" value="(/staff/resumed/[^"]+)"')
    page = await reader.send("/staff/login", town="yabu", login="counter", next=next)
    assert reader.path == next and "見本町9番地" not in page
    page = await reader.send(path, NOTHING, kept=next.rpartition("/")[2])
    assert reader.path == path and "まだ記録していません" in page
    assert "見本 &lt;花子&gt;" in page and "養父市見本町9番地" in page
    page = await reader.send(path, NOTHING, version="1", **TYPED)
    assert reader.status == 200 and "保存しました" in page
    await reader.get(next)
    assert reader.path == "/staff"  # it is forgotten


async def test_a_form_that_was_kept_is_shown_to_nobody_else(reader: Reader) -> None:
    path = await opened(reader) + "/items/basic-four"
    await reader.get(path)
    await end_login(reader)
    await reader.send(path, NOTHING, version="1", **TYPED)
    next = reader.found(r'name="next" value="(/staff/resumed/[^"]+)"')
    page = await reader.send("/staff/login", town="yabu", login="protection", next=next)
    assert reader.path == "/staff" and "見本町9番地" not in page
    page = await reader.send(path, NOTHING, kept=next.rpartition("/")[2])
    assert reader.path == "/staff" and "見本町9番地" not in page


async def test_a_form_that_is_sent_twice_is_done_once(reader: Reader) -> None:
    await reader.log_in("counter")
    page = await reader.get("/staff/residents")
    fields = {"nameKana": "カクウ フタリ", "birthDate": "1990-01-02"}
    proof = re.search(r'name="csrf" value="([^"]+)"', page)
    assert proof
    url, data = reader.live.url + "/staff/residents/register", {"csrf": proof.group(1), **fields}

    async def press() -> str:
        async with reader.session.post(url, data=data, allow_redirects=False) as reply:
            assert reply.status == 303
            return reply.headers["Location"]

    first, second = await asyncio.gather(press(), press())
    assert first == second == await press()
    reader.page = await reader.get("/staff/residents")
    found = await reader.send("/staff/residents/search", NOTHING, **fields)
    assert "1 人見つかりました" in found
    found = await reader.send("/staff/residents/search", NOTHING, **{**fields, "nameKana": "カクウ ダレモ"})
    assert 'href="#register"' in found  # what was searched is there to be registered
    assert 'value="カクウ ダレモ"' in reader.found(r'(<input id="r-kana"[^>]*>)')
    assert 'value="1990-01-02"' in reader.found(r'(<input id="r-birth"[^>]*>)')


async def test_the_same_act_from_a_page_that_is_opened_anew_is_another_one(reader: Reader) -> None:
    await reader.log_in("catalogue")
    for done in ("停止しました", "再開しました") * 2:
        await reader.get("/staff/services/shelter")
        active = reader.found(r'name="active" value="([^"]+)"')
        assert done in await reader.send("/staff/services/shelter/state", active=active)


async def test_a_refused_form_is_shown_with_what_was_typed_and_can_be_sent_again(reader: Reader) -> None:
    path = await opened(reader) + "/items/basic-four"
    await reader.get(path)
    page = await reader.send(path, NOTHING, version="1", **{**TYPED, "item.birthDate": "someday"})
    assert reader.status == 400 and 'role="alert"' in page
    field = reader.found(r'(<input[^>]*name="item.birthDate"[^>]*>)')
    assert 'value="someday"' in field and 'aria-invalid="true"' in field and "autofocus" in field
    beside = reader.found(r'name="item.birthDate"[^>]*><span class="why" id="wrong-here">([^<]+)</span>')
    assert "生年月日" in beside and 'aria-describedby="wrong-here"' in field
    page = await reader.send(path, NOTHING, version="1", **TYPED)
    assert reader.status == 200 and "保存しました" in page


async def test_who_was_overtaken_sees_what_is_stored_now_and_what_they_typed(reader: Reader) -> None:
    path = await opened(reader) + "/items/basic-four"
    await reader.get(path)
    await reader.send(path, NOTHING, version="1", **{**TYPED, "item.address": "養父市見本町8番地"})
    await reader.get(path)
    page = await reader.send(path, NOTHING, version="1", **TYPED)
    assert reader.status == 409 and "見本町8番地" in page and "見本町9番地" in page
    assert reader.found(r'name="version" value="(\d+)"') == "2"


async def test_a_form_of_another_login_is_shown_again_and_not_done(reader: Reader) -> None:
    await reader.log_in("admin")
    old = await reader.get("/staff/members")
    await reader.log_in("admin")
    reader.page = old
    page = await reader.send("/staff/members", login="new", name="見本 新人", roles="counter auditor")
    assert reader.status == 403 and 'value="見本 新人"' in page
    checked = re.findall(r'<input[^>]*id="new-(\w+)"[^>]*checked', page)
    assert sorted(checked) == ["auditor", "counter"]
    assert "見本 新人</span>" not in page


def test_only_the_form_that_was_sent_is_filled_in() -> None:
    page = (
        '<form action="/a?lang=ja"><input name="x" value="1"><input type="hidden" name="y" value="2">'
        '<select name="z"><option value="p" selected>P<option value="q">Q</select>'
        '<textarea name="t">&lt;old&gt;</textarea><input type="radio" name="r" value="u">'
        '<input type="checkbox" name="c" value="v" checked></form>'
        '<form action="/b"><input name="x" value="1"></form>&amp;&#38;<!doctype html>'
    )
    typed = {"x": '"&<', "y": "9", "z": "q", "t": "</textarea>", "r": "u"}
    shown = refilled(page, "/a", typed)
    assert '<input name="x" value="&quot;&amp;&lt;">' in shown and 'name="y" value="2"' in shown
    assert '<option value="p">' in shown and '<option value="q" selected>' in shown
    assert "&lt;/textarea&gt;</textarea>" in shown and "old" not in shown
    assert 'value="u" checked' in shown and 'value="v">' in shown
    assert shown.endswith('<form action="/b"><input name="x" value="1"></form>&amp;&#38;<!doctype html>')


def test_why_a_field_is_refused_stands_beside_it_once() -> None:
    page = (
        '<form action="/a"><textarea name="t" aria-describedby="hint">x</textarea><i id="hint"></i>'
        '<select name="s"><option value="p">P</select><input type="radio" name="r"><input type="radio" name="r">'
        '<input type="hidden" name="h"></form><form action="/b"><textarea name="t"></textarea></form>'
    )
    shown = refilled(page, "/a", {"t": "y"}, "t", "<why>")
    assert 'aria-describedby="hint wrong-here"' in shown
    assert '</textarea><span class="why" id="wrong-here">&lt;why&gt;</span><i' in shown
    assert shown.count("wrong-here") == 3
    assert '</select><span class="why"' in refilled(page, "/a", {}, "s", "why")
    for name in ("r", "h"):  # the words above the form say it
        assert 'class="why"' not in refilled(page, "/a", {}, name, "why")


def test_a_passcode_is_never_written_back_into_a_page() -> None:
    page = '<form action="/a"><input type="password" name="p" value=""><input name="q" value=""></form>'
    assert refilled(page, "/a", {"p": "secret", "q": "told"}).count("secret") == 0


async def test_a_kept_form_is_opened_by_whose_it_is_in_the_same_browser_only(live: Live) -> None:
    town, owner, form = (
        live.town,
        ("yabu", Who.STAFF, "m_1", ""),
        Form("/staff", {"csrf": "1", "x": "2"}, b"s"),
    )
    now = clock.now()
    id = await kept.keep(town, form, owner, b"browser", now)
    assert await kept.peek(town, id, owner, b"browser", now) == Form("/staff", {"x": "2"}, b"s")
    others = [
        ("asago", Who.STAFF, "m_1", ""),
        ("yabu", Who.RESIDENT, "m_1", ""),
        ("yabu", Who.STAFF, "m_1", "r"),
    ]
    for other in others:
        assert await kept.peek(town, id, other, b"browser", now) is None
    assert await kept.peek(town, id, owner, b"another", now) is None
    assert await kept.peek(town, id, owner, b"browser", now + kept.LONGEST) is None
    await kept.forget(town, id, b"browser", now)
    assert await kept.peek(town, id, owner, b"browser", now) is None
