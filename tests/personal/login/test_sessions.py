"""Logins that are open: secrets, limits, listing and ending them, over HTTP and in pages. (ASVS 5.0 7; issue 6)"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
import pytest_asyncio

from base import clock
from personal.audit import reading
from personal.login import guarding
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.logging_in import Login
from personal.pages.visitor import safe_next
from personal.rules.levels import Level
from personal.store import attempts, sessions
from personal.store.attempts import Attempt
from tests.personal.live import Live, live_module
from tests.personal.login.entering import enter_resident, enter_staff
from tests.personal.pages.reading import NOTHING, Reader

pytestmark = pytest.mark.asyncio(loop_scope="module")
PEOPLE: dict[str, str] = {}  # internal ids by login, filled when the module starts
ASKED = {"right": "disclosure", "text": "なにがあるか知りたい"}
HTTPS = {"Origin": "https://engawa.example", "Host": "engawa.example"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    async with live_module(tmp_path_factory.mktemp("sessions") / "data") as running:
        for name in ("hanako", "taro", "jiro"):
            PEOPLE[name] = await running.register(name)
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def reader(live: Live) -> AsyncIterator[Reader]:
    jar = aiohttp.CookieJar(unsafe=True)  # a cookie of an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": "ja"}) as session:
        yield Reader(live, session)


async def good(live: Live, token: str) -> bool:
    return (await live.get("/session", by=token)).status == 200


async def listed(live: Live, token: str) -> list[dict[str, Any]]:
    reply = await live.get("/me/sessions", by=token)
    assert reply.status == 200, reply.raw
    found: list[dict[str, Any]] = reply.json["sessions"]
    return found


def cookie_of(reader: Reader, name: str = "engawa-personal") -> str:
    return next((one.value for one in reader.session.cookie_jar if one.key == name), "")


async def shift(live: Live, token: str, **columns: int) -> None:
    """Let moments of a login be earlier by so many seconds."""
    changed = ", ".join(f"{name} = {name} - {seconds * clock.SECOND}" for name, seconds in columns.items())
    sql = f"UPDATE session SET {changed} WHERE hash = ?"  # columns named in this file
    await live.town.store.write(lambda db: db.execute(sql, (sessions.digest(token),)).fetchall())


async def test_one_sees_how_each_login_began_and_which_is_the_present_one(live: Live) -> None:
    person = PEOPLE["taro"]
    first = await enter_resident(live, person, Level.CARD)
    second = await enter_resident(live, person, Level.CITY_CARD, device="counter-1")
    found = await listed(live, first)
    present = [one for one in found if one["present"]]
    assert len(present) == 1 and present[0]["browser"] == "Chrome" and present[0]["level"] == 3
    other = next(one for one in found if one["desk"] == "counter-1")
    assert other["method"] == "card" and other["level"] == 2 and not other["present"]
    assert first.encode() not in (await live.get("/me/sessions", by=first)).raw
    assert await good(live, second)


async def test_one_ends_a_login_or_all_others_and_nobody_elses(live: Live) -> None:
    person, stranger = PEOPLE["jiro"], PEOPLE["taro"]
    tokens = [await enter_resident(live, person, Level.CARD) for _ in range(3)]
    foreign = await enter_resident(live, stranger, Level.CARD)
    theirs = next(one["id"] for one in await listed(live, foreign) if one["present"])
    assert (await live.ask("DELETE", f"/me/sessions/{theirs}", by=tokens[0])).status == 404
    own = {one["id"] for one in await listed(live, tokens[1]) if one["present"]}.pop()
    assert (await live.ask("DELETE", f"/me/sessions/{own}", by=tokens[0])).status == 204
    assert [await good(live, one) for one in tokens] == [True, False, True]
    assert (await live.ask("DELETE", f"/me/sessions/{own}", by=tokens[0])).status == 404
    ended = await live.ask("DELETE", "/me/sessions", by=tokens[2])
    assert ended.status == 200 and ended.json["ended"] >= 1
    assert [await good(live, one) for one in (*tokens, foreign)] == [False, False, True, True]


async def test_a_login_ends_when_it_is_not_used_and_in_any_case(live: Live) -> None:
    person, made = PEOPLE["hanako"], live.module.settings
    idle = await enter_resident(live, person, Level.CARD)
    await shift(live, idle, until=int(made.session_seconds) + 1)
    assert not await good(live, idle)
    used = await enter_resident(live, person, Level.CARD)
    await shift(live, used, used=1_000, until=1_000, last=int(made.session_hours * 3_600) - 900)
    assert await good(live, used)  # it is prolonged, to its end
    found = live.town.store.read(lambda db: sessions.find(db, used, clock.now()))
    assert found is not None and found.until == found.last
    await shift(live, used, until=901, last=901)
    assert not await good(live, used)


async def test_logins_at_a_desk_are_short(live: Live) -> None:
    token = await enter_resident(live, PEOPLE["hanako"], Level.CARD, device="counter-1")
    found, made = (
        live.town.store.read(lambda db: sessions.find(db, token, clock.now())),
        live.module.settings,
    )
    assert found is not None
    assert found.until - found.made == int(made.kiosk_seconds * clock.SECOND)
    assert found.last - found.made == int(made.kiosk_minutes * 60 * clock.SECOND)


async def test_one_person_has_so_many_logins_and_the_oldest_ends(live: Live) -> None:
    person, most = PEOPLE["jiro"], live.module.settings.most_sessions
    now = clock.now()
    tokens = [await enter_resident(live, person, Level.CARD, now=now + n) for n in range(most + 2)]
    assert [await good(live, one) for one in tokens] == [False, False, *(True,) * most]


async def test_a_new_login_in_the_same_browser_ends_the_one_before(live: Live) -> None:
    person = PEOPLE["hanako"]
    first = await enter_resident(live, person, Level.CONTACTLESS)
    before = live.town.store.read(lambda db: sessions.find(db, first, clock.now()))
    second = await enter_resident(live, person, Level.CARD, replaces=sessions.digest(first))
    after = live.town.store.read(lambda db: sessions.find(db, second, clock.now()))
    assert not await good(live, first) and await good(live, second)
    assert before is not None and after is not None and before.id == after.id
    other = await enter_resident(live, PEOPLE["taro"], Level.CARD, replaces=sessions.digest(second))
    assert not await good(live, second) and await good(live, other)


async def test_a_login_that_somebody_else_chose_is_never_taken_over(live: Live, reader: Reader) -> None:
    """Session fixation: a cookie that was planted before the login is worth nothing after it."""
    url = aiohttp.typedefs.URL(live.url)
    reader.session.cookie_jar.update_cookies({"engawa-personal": "yabu.resident_planted"}, url)
    await reader.log_in_resident("hanako")
    first = cookie_of(reader)
    assert first.startswith("yabu.resident_") and "planted" not in first
    await reader.log_in_resident("hanako")
    assert cookie_of(reader) != first and not await good(live, first.partition(".")[2])


async def test_logging_out_ends_the_login_and_empties_the_browser(live: Live, reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    secret, page = cookie_of(reader).partition(".")[2], await reader.get("/me")
    csrf = {"csrf": reader.found(r'name="csrf" value="([^"]+)"')}
    url = live.url + "/me/logout"
    async with reader.session.post(url, data=csrf, allow_redirects=False) as reply:
        assert reply.status == 303 and reply.headers["Clear-Site-Data"] == '"cache", "storage"'
        assert reply.headers["Cache-Control"] == "no-store"
    assert page and not cookie_of(reader) and not await good(live, secret)


@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_of_another_site_is_refused(live: Live, reader: Reader, sent: dict[str, str]) -> None:
    await reader.log_in_resident("hanako")
    await reader.get("/me")
    await reader.send("/me/logout", sent)
    assert reader.status == 403 and await good(live, cookie_of(reader).partition(".")[2])
    await reader.send("/me/login", sent, town="yabu", login="taro")  # nor does it log one in as another
    assert reader.status == 403


async def test_a_form_without_the_proof_of_its_login_is_refused(live: Live, reader: Reader) -> None:
    await reader.log_in_resident("hanako")
    for proof in ("", "x", "x.y"):
        async with reader.session.post(live.url + "/me/logout", data={"csrf": proof}) as reply:
            assert reply.status == 403
    assert await good(live, cookie_of(reader).partition(".")[2])


async def test_administrators_see_and_end_the_logins_of_staff(live: Live) -> None:
    admin, token = await live.staff("admin"), await enter_staff(live, "privacy")
    id = (await live.get("/session", by=token)).json["id"]
    found = await live.get(f"/staff/{id}/sessions", by=admin)
    assert [one["method"] for one in found.json["sessions"]] == ["oidc.test"]
    assert (await live.ask("DELETE", f"/staff/{id}/sessions", by=admin)).json == {"ended": 1}
    assert not await good(live, token)
    counter = await live.staff("counter")
    assert (await live.get(f"/staff/{id}/sessions", by=counter)).status == 403
    assert (await live.get("/staff/m_nobody/sessions", by=admin)).status == 404


async def test_what_began_and_ended_stands_in_the_log(live: Live) -> None:
    person = PEOPLE["taro"]
    one, two = [await enter_resident(live, person, Level.CARD) for _ in range(2)]
    await live.ask("DELETE", "/me/sessions", by=one)
    entries = live.town.store.read(lambda db: reading.about(db, person, "subject", 10**9, 100))
    kinds = [one.facts()["kind"] for one in entries]
    assert "login" in kinds and "session-ended" in kinds and two not in str(entries)


async def test_cookies_over_https_belong_to_this_host_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("tls") / "data"
    async with live_module(folder, public_url="https://engawa.example") as live:
        await live.register("hanako")
        url, form = live.url + "/me/login", {"town": "yabu", "login": "hanako"}
        async with live.session.post(url, data=form, headers=HTTPS, allow_redirects=False) as reply:
            kept = reply.headers.getall("Set-Cookie")
            assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"
        (login,) = [one for one in kept if one.startswith("__Host-engawa-personal=")]
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(login.split("; "))
        assert "Domain" not in login and "Max-Age" not in login and "expires" not in login.lower()
        assert all(one.startswith("__Host-") for one in kept)
        plain = {**HTTPS, "Origin": "http://engawa.example"}
        async with live.session.post(url, data=form, headers=plain, allow_redirects=False) as reply:
            assert reply.status == 403  # of the same host, but anybody in between may have sent it


async def test_a_surer_login_is_asked_for_where_one_is_needed(live: Live, reader: Reader) -> None:
    await reader.send("/me/login", town="yabu", login="hanako", level="2")
    await reader.get("/me/rights")
    path = urlsplit(reader.path)
    assert path.path == "/me/login" and "next=/me/rights" in path.query and "level=3" in path.query
    await reader.send("/me/login", town="yabu", login="hanako", level="3", next="/me/rights")
    assert reader.path == "/me/rights" and reader.status == 200


async def test_a_form_that_needs_a_surer_login_survives_it(live: Live, reader: Reader) -> None:
    await reader.send("/me/login", town="yabu", login="hanako", level="2")
    reader.page = await reader.get("/me")
    page = await reader.send("/me/rights/ask", NOTHING, **ASKED)
    assert reader.path.startswith("/me/login?") and ASKED["text"] not in page
    next = reader.found(r'name="next" value="(/me/resumed/[^"]+)"')
    await reader.send("/me/login", town="yabu", login="taro", level="3", next=next)
    assert reader.path == "/me"  # it is somebody else's
    await reader.send("/me/login", town="yabu", login="hanako", level="3", next=next)
    page = await reader.send("/me/rights/ask", NOTHING, kept=next.rpartition("/")[2])
    assert ASKED["text"] in page and "まだ記録していません" in page
    assert (await live.get("/me/rights", by=cookie_of(reader).partition(".")[2])).json["requests"] == []
    await reader.send("/me/rights/ask", NOTHING, **ASKED)
    assert reader.status == 200 and reader.path.startswith("/me/rights?")


async def test_who_visits_without_login_goes_on_after_it(reader: Reader) -> None:
    await reader.get("/me/accesses")
    assert reader.path == "/me/login?next=/me/accesses"
    await reader.send("/me/login", town="yabu", login="hanako", next="/me/accesses")
    assert reader.path == "/me/accesses"


@pytest.mark.parametrize(
    "next",
    [
        "https://evil.example/me", "//evil.example/me", "/\\evil.example", "/me\\..\\x", "/me/..//evil.example",
        "/me/%2e%2e/x", "javascript:alert(1)", "/mexico", "/login/oidc/x", " /me", "/me\n", "/me\t", "/me#x",
        "/me?x=\r\nSet-Cookie: a", "\u3000/me", "/me@evil.example", "/me;x",
    ],
)  # fmt: skip
async def test_nobody_is_sent_to_another_site_after_a_login(reader: Reader, next: str) -> None:
    assert safe_next(next, "/me") == "/me"
    assert urlsplit(urljoin("https://here.example/x", safe_next(next, "/me"))).netloc == "here.example"
    await reader.send("/me/login", town="yabu", login="hanako", next=next)
    assert reader.path == "/me"


async def test_at_a_desk_pages_end_by_themselves_and_keep_no_form(live: Live, reader: Reader) -> None:
    token = await enter_resident(live, PEOPLE["hanako"], Level.CITY_CARD, device="counter-1")
    jar, url = reader.session.cookie_jar, aiohttp.typedefs.URL(live.url)
    jar.update_cookies({"engawa-personal": f"yabu.{token}"}, url)
    async with reader.session.get(live.url + "/me/accesses") as reply:
        page = await reply.text()
        assert reply.headers["Refresh"].startswith(("121; url=/me/login", "120; url=/me/login"))
        assert reply.headers["Cache-Control"] == "no-store"
    reader.page = page
    before = live.town.store.read(lambda db: db.execute("SELECT count(*) FROM attempt").get)
    await reader.send("/me/rights/ask", NOTHING, **ASKED)
    assert "resumed" not in reader.path and reader.path.startswith("/me/login")
    assert live.town.store.read(lambda db: db.execute("SELECT count(*) FROM attempt").get) == before
    async with reader.session.get(live.url + "/me/login?done=ended_by_itself") as reply:
        assert "終わりにして、画面を消しました" in await reply.text()
        assert reply.headers["Clear-Site-Data"] == '"cache", "storage"'  # the way back leads to no page


async def test_leaving_a_desk_takes_away_what_names_the_browser(live: Live, reader: Reader) -> None:
    token = await enter_resident(live, PEOPLE["hanako"], Level.CARD, device="counter-1")
    jar, url = reader.session.cookie_jar, aiohttp.typedefs.URL(live.url)
    jar.update_cookies({"engawa-personal": f"yabu.{token}", "engawa-browser": "b" * 43}, url)
    await reader.get("/me")
    await reader.send("/me/logout")
    assert not cookie_of(reader) and cookie_of(reader, "engawa-browser") != "b" * 43
    assert not await good(live, token)


async def test_an_attempt_is_for_its_browser_and_kind_once_and_for_a_while(live: Live) -> None:
    now, key, store = clock.now(), b"k" * 32, live.town.store
    made = Attempt("oidc", b"browser", {"nonce": "very-secret"}, now + 600 * clock.SECOND)
    id = await store.write(lambda db: attempts.keep(db, key, made, now))
    for wrong in (
        (id, "oidc", b"another", now),
        (id, "card", b"browser", now),
        ("x", "oidc", b"browser", now),
        (id, "oidc", b"browser", now + 601 * clock.SECOND),
        (id, "oidc", b"browser", now - 3_600 * clock.SECOND),  # made by a clock that was ahead
    ):
        assert await store.write(lambda db, wrong=wrong: attempts.take(db, key, *wrong)) is None
    taken = [await store.write(lambda db: attempts.take(db, key, id, "oidc", b"browser", now)) for _ in "12"]
    assert taken == [{"nonce": "very-secret"}, None]


async def test_attempts_are_sealed_end_soon_and_are_not_many(live: Live) -> None:
    now, key, store = clock.now(), b"k" * 32, live.town.store
    far = Attempt("oidc", b"many", {"nonce": "very-secret"}, now + 10**15)
    ids = [await store.write(lambda db, n=n: attempts.keep(db, key, far, now + n)) for n in range(25)]
    rows = store.read(
        lambda db: db.execute("SELECT body, until FROM attempt WHERE binding = x'6d616e79'").fetchall()
    )
    assert len(rows) == attempts.MOST_OPEN
    assert all(b"secret" not in body and until <= now + 25 + attempts.LONGEST for body, until in rows)
    look = lambda id: store.read(lambda db: attempts.peek(db, key, id, "oidc", b"many", now))  # noqa: E731  # used twice
    assert look(ids[0]) is None and look(ids[-1]) == {"nonce": "very-secret"}


async def test_who_guesses_waits_and_the_resident_sees_that_somebody_tried(live: Live) -> None:
    person, now, store = PEOPLE["taro"], clock.now(), live.town.store
    tried = await guarding.attempted(live.town, "city-card/4711", "192.0.2.1")
    for _ in range(guarding.MOST_OF_ACCOUNT):
        store.read(lambda db: guarding.check(db, tried, now))
        await store.write(lambda db: guarding.failed(db, tried, Who.RESIDENT, person, "city-card", now))
    with pytest.raises(Exception, match="too many"):
        store.read(lambda db: guarding.check(db, tried, now))
    store.read(lambda db: guarding.check(db, tried, now + guarding.SPAN))  # after that they may again
    token = await enter_resident(live, PEOPLE["taro"], Level.CARD)
    found = (await live.get("/me/accesses", by=token)).json["accesses"]
    refused = [one for one in found if "ログインしようとした" in one["action"]["ja"]]
    assert len(refused) == guarding.MOST_OF_ACCOUNT and all("4711" not in str(one) for one in refused)


async def test_one_network_guesses_only_so_often_whatever_accounts_it_tries(live: Live) -> None:
    now, store = clock.now(), live.town.store
    here = await guarding.attempted(live.town, "", "192.0.2.7")

    def guess(db: Any) -> None:
        for _ in range(guarding.MOST_OF_NETWORK):
            guarding.check(db, here, now)
            guarding.note(db, here, now)

    await store.write(guess)
    fresh = await guarding.attempted(live.town, "city-card/new", "192.0.2.7")
    with pytest.raises(Exception, match="too many"):
        store.read(lambda db: guarding.check(db, fresh, now))
    elsewhere = await guarding.attempted(live.town, "city-card/new", "198.51.100.1")
    store.read(lambda db: guarding.check(db, elsewhere, now))


async def test_a_login_that_is_known_and_one_that_is_not_are_refused_alike(live: Live) -> None:
    person = PEOPLE["hanako"]
    gone = await live.register("gone")
    await live.town.store.write(
        lambda db: db.execute("UPDATE person SET state = 'dead' WHERE id = ?", (gone,))
    )
    replies = [await live.post("/demo/sessions", {"resident": name}) for name in ("nobody", "gone")]
    replies.append(await live.post("/demo/sessions", {"staff": "nobody"}))
    assert person and len({(one.status, one.raw) for one in replies}) == 1 and replies[0].status == 401


async def test_logins_from_a_provider_are_found_by_what_it_calls_them(live: Live) -> None:
    person, town = PEOPLE["hanako"], live.town
    both = [await logging_in.outside(town, "https://op.example", sid, "sub-1") for sid in ("s1", "s2")]
    tokens = [await enter_resident(live, person, Level.CARD, outside=one) for one in both]
    now = clock.now()
    one = town.store.read(lambda db: sessions.outside(db, both[0], now))
    everything = await logging_in.outside(town, "https://op.example", "", "sub-1")
    assert len(one) == 1 and len(town.store.read(lambda db: sessions.outside(db, everything, now))) == 2
    other = await logging_in.outside(town, "https://other.example", "s1", "sub-1")
    assert town.store.read(lambda db: sessions.outside(db, other, now)) == []
    raw = b"".join(path.read_bytes() for path in town.store.path.parent.iterdir() if path.is_file())
    assert all(text not in raw for text in (b"sub-1", b"op.example", *(one.encode() for one in tokens)))


async def test_a_login_of_staff_stays_its_providers_after_the_second_factor(live: Live) -> None:
    town, now = live.town, clock.now()
    token = await enter_staff(live, "counter")
    there = await logging_in.outside(town, "https://op.example", "s9", "sub-9")

    def work(db: Any) -> str:
        found = sessions.by_hash(db, sessions.digest(token), now)
        assert found is not None
        made = Login(Who.STAFF, found.actor, Level.CARD, "oidc.test", (), now, outside=there)
        secret = logging_in.begin(db, made, live.module.settings, now)
        return logging_in.surer(db, sessions.digest(secret), now, ("counter",))

    await town.store.write(work)
    assert [one.roles for one in town.store.read(lambda db: sessions.outside(db, there, now))] == [
        ("counter",)
    ]
