"""Logging in with a card at a desk: browser, desk and card together, over HTTP. (issue 6; card.md 6.3)"""

import datetime
from typing import Any

import orjson
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from personal.app import operations
from personal.operations.actors import Who
from personal.rules import decisions
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from tests.personal.consents.cards import NOW, YEAR, Authority, Card, ec_key, rsa_key
from tests.personal.live import Live
from tests.personal.login import shared
from tests.personal.login.desks import Browser, Desk, Page, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")
live = pytest_asyncio.fixture(scope="module", loop_scope="module")(shared.live)
desk = pytest_asyncio.fixture(scope="module", loop_scope="module")(shared.desk)
browser = pytest_asyncio.fixture(loop_scope="module")(shared.browser)

FREE = {"DELETE /session", "DELETE /me/sessions", "DELETE /me/sessions/{id}", "POST /me/notices/{id}/read"}
"""What residents may do at any level: end logins, note that they read something."""


def log(live: Live, kind: str) -> list[dict[str, Any]]:
    """Read the entries of a kind from the audit log."""
    rows = live.town.store.read(lambda db: list(db.execute("SELECT entry FROM leaf ORDER BY position")))
    return [told for (raw,) in rows if (told := orjson.loads(raw))["kind"] == kind]


async def begin(browser: Browser, next: str = "/me", **form: str) -> str:
    page = await browser.post("/login/card", town="yabu", next=next, **form)
    assert page.status == 200, page.text
    return page.transaction


async def registered(desk: Desk, browser: Browser, card: Card, **form: str) -> Page:
    """Register with a card that nobody knows."""
    transaction = await begin(browser)
    told = await desk.tap(transaction, card)
    assert told.json["state"] == "register", told.json
    done = await browser.register(await browser.back(transaction, told.json["code"]), **form)
    assert done.status == 303 and done.location.startswith("/me"), done.text
    return done


async def logged_in(desk: Desk, browser: Browser, card: Card, next: str = "/me") -> Page:
    transaction = await begin(browser, next)
    told = await desk.tap(transaction, card)
    assert told.json["state"] == "done", told.json
    return await browser.back(transaction, told.json["code"])


def token(browser: Browser) -> str:
    """Give the login in the cookie of a browser, as programs send it."""
    found = next(one.value for one in browser.session.cookie_jar if one.key.endswith("engawa-personal"))
    return found.partition(".")[2]


async def test_who_is_new_registers_by_card_and_logs_in_with_it_afterwards(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card = authority.issue(rsa_key())
    await registered(desk, browser, card)
    async with Browser(live.url) as another:
        back = await logged_in(desk, another, card, "/me/accesses")
        assert (back.status, back.location) == (303, "/me/accesses")
        session = await live.get("/session", by=token(another))
        assert (session.json["level"], session.json["method"]) == (3, "card")
    logins = log(live, "login")[-2:]
    assert [one["method"] for one in logins] == ["card", "card"]
    serial = format(card.certificate.serial_number, "x")
    assert not any(serial in str(one) for one in (*logins, *log(live, "resident-registered")))


async def test_what_the_card_tells_is_kept_only_if_one_wishes(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    basics = {"name": "養父　花子", "address": "養父市八鹿町1", "birthDate": "19900401", "sex": "2"}
    transaction = await begin(browser)
    claimed = await desk.claim(transaction)
    assert claimed.json["basics"] is True and "養父市" in claimed.json["says"]["ja"]
    told = await desk.send(transaction, **shown(authority.issue(ec_key()), claimed.json), basics=basics)
    page = await browser.back(transaction, told.json["code"])
    asked = await browser.get(page.location)
    assert "養父　花子" in asked.text and " checked" not in asked.text
    await browser.register(page, nameKana="やぶ はなこ", keep="yes")
    found = await live.get("/me/items/basic-four", by=token(browser))
    assert found.json["value"] == {
        **basics,
        "birthDate": "1990-04-01",
        "sex": "female",
        "nameKana": "ヤブ ハナコ",
    }


async def test_cards_that_prove_nothing_are_refused_and_the_page_says_why(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    day = datetime.timedelta(days=1)
    past, future = NOW - 2 * YEAR, NOW + 20 * YEAR
    other = Authority("Authority for cards")
    alone = other.issue(ec_key())
    before = len(log(live, "login-refused"))
    bad: dict[str, Card] = {
        "expired": authority.issue(ec_key(), begins=past, ends=past + day),
        "not-yet-valid": authority.issue(ec_key(), begins=future),
        "not-for-logins": authority.issue(
            ec_key(), usage={"digital_signature": True, "content_commitment": True}
        ),
        "untrusted": alone,
        "weak-key": authority.issue(rsa_key(1024)),
    }
    for reason, card in bad.items():
        transaction = await begin(browser)
        told = await desk.tap(transaction, card)
        expected = "untrusted" if reason == "weak-key" else reason
        assert (told.json["state"], told.json["reason"]) in (("refused", expected), ("refused", reason))
        page = await browser.back(transaction)
        assert page.status == 403 and 'role="alert"' in page.text
    for own in (authority, other):  # an authority's own certificate, and one that vouches for itself
        transaction = await begin(browser)
        told = await desk.tap(transaction, Card(own.certificate, own.key))
        assert told.json["state"] == "refused"
    refused = log(live, "login-refused")[before:]
    assert len(refused) == len(bad) + 2
    assert all(one["desk"] == desk.id and "subject" not in one for one in refused)


async def test_a_signature_over_anything_else_is_refused(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    first, second = await begin(browser), await begin(browser)
    one, two = (await desk.claim(first)).json, (await desk.claim(second)).json
    assert one["document"]["nonce"] != two["document"]["nonce"]
    crossed = await desk.send(first, **shown(card, two))
    assert crossed.json["reason"] == "bad-signature"
    decision = {**two["document"], "type": decisions.TYPE}
    as_consent = await desk.send(second, **shown(card, {**two, "document": decision}))
    assert as_consent.json["reason"] == "bad-signature"
    third = await begin(browser)
    given = shown(card, (await desk.claim(third)).json)
    unsigned = await desk.send(third, certificate=given["certificate"])
    assert unsigned.status == 400
    other = shown(authority.issue(ec_key()), (await desk.claim(third)).json)
    swapped = await desk.send(third, certificate=other["certificate"], signature=given["signature"])
    assert swapped.json["reason"] == "bad-signature"


async def test_a_transaction_is_for_one_browser_one_desk_and_one_time(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card, second = authority.issue(ec_key()), Desk(live, "counter-3")
    await second.join()
    transaction = await begin(browser)
    assert (await desk.claim(transaction)).status == 200
    assert (await desk.claim(transaction)).status == 200  # the page of the desk was loaded again
    assert (await second.claim(transaction)).status == 404
    assert (await second.send(transaction, failed="cancelled")).status == 404
    assert (await desk.claim("x" * 43)).status == 404
    claimed = (await desk.claim(transaction)).json
    told = await desk.send(transaction, **shown(card, claimed))
    assert (await desk.send(transaction, **shown(card, claimed))).json == told.json  # its answer was lost
    assert (await desk.claim(transaction)).status == 404
    async with Browser(live.url) as other:
        lured = await other.back(transaction, "x" * 22)
        assert lured.status == 403 and "This is over" in lured.text
    waiting = await browser.back(transaction)
    assert waiting.status == 403  # whoever began it elsewhere does not know what the desk was told
    assert (await browser.back(transaction, "x" * 22)).status == 403
    page = await browser.back(transaction, told.json["code"])
    assert page.status == 303
    assert (await browser.back(transaction, told.json["code"])).status == 403
    assert (await desk.send(transaction, **shown(card, claimed))).status == 404


async def test_what_takes_too_long_is_over(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    transaction = await begin(browser)
    claimed = (await desk.claim(transaction)).json
    await live.town.store.write(lambda db: db.execute("UPDATE attempt SET until = 1"))
    late = await desk.send(transaction, **shown(authority.issue(ec_key()), claimed))
    assert late.status == 404
    assert "This is over" in (await browser.back(transaction)).text


async def test_what_went_wrong_at_the_desk_is_said_in_plain_words(
    live: Live, desk: Desk, browser: Browser
) -> None:
    said = {
        "cancelled": ("You stopped", ""),
        "pin-wrong": ("The PIN is wrong", "locked: 2"),
        "pin-locked": ("The PIN is locked", "go to the counter"),
        "foreign-card": ("another kind of card", ""),
        "torn": ("taken away too early", ""),
        "no-reader": ("card reader cannot be used", ""),
    }
    for failed, words in said.items():
        transaction = await begin(browser)
        await desk.claim(transaction)
        told = await desk.send(transaction, failed=failed, **({"tries": 2} if failed == "pin-wrong" else {}))
        assert told.json["state"] == "refused" and told.json["reason"] == failed
        page = await browser.back(transaction)
        assert all(part in page.text for part in words), page.text
        japanese = await browser.get("/login/card/done", transaction=transaction, lang="ja")
        assert "時間切れ" in japanese.text  # it was told once


async def test_somebody_registers_once_however_often_they_try(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card, before = authority.issue(ec_key()), len(log(live, "resident-registered"))
    async with Browser(live.url) as other:
        pages = []
        for one in (browser, other):
            transaction = await begin(one)
            told = await desk.tap(transaction, card)
            pages.append(await one.back(transaction, told.json["code"]))
        stolen = await other.get(pages[0].location)
        assert stolen.status == 403 and "This is over" in stolen.text
        form = await other.get(pages[1].location)
        assert (await browser.register(pages[0])).status == 303
        again = await other.post(
            "/login/register",
            attempt=form.field("attempt"),
            nameKana="やぶ はなこ",
            birthDate="1990-04-01",
        )
        assert "registered already" in again.text
    assert len(log(live, "resident-registered")) == before + 1


async def test_a_card_that_was_ended_at_the_counter_neither_logs_in_nor_registers(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    await registered(desk, browser, card, nameKana="うしなう かーど")
    counter = await live.staff("counter")
    person = {"nameKana": "うしなう かーど", "birthDate": "1990-04-01"}
    found = (await live.post("/residents/search", person, by=counter)).json["residents"][0]["resident"]
    held = (await live.post("/residents/read", {"resident": found}, by=counter)).json["identifiers"]
    ended = {"resident": found, "identifier": held[0]["identifier"]}
    assert (await live.post("/residents/identifiers/end", ended, by=counter)).status == 204
    assert (await live.get("/session", by=token(browser))).status == 401
    transaction = await begin(browser)
    assert (await desk.tap(transaction, card)).json["reason"] == "ended"
    assert "was ended here" in (await browser.back(transaction)).text


async def test_another_card_is_linked_to_oneself_and_the_last_one_stays(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    first, foreign = authority.issue(ec_key()), authority.issue(ec_key())
    phone = authority.issue(ec_key(ec.SECP384R1()))
    await registered(desk, browser, first)
    async with Browser(live.url) as other:
        await registered(desk, other, foreign, nameKana="あさご たろう")
    by = token(browser)
    for card, status in ((phone, 201), (phone, 409), (foreign, 409)):
        made = (await live.post("/me/credentials/prepare", None, by=by)).json
        assert made["document"]["purpose"] == "link"
        body = {"prepared": made["prepared"], "evidence": card.evidence(decisions.digest(made["document"]))}
        assert (await live.post("/me/credentials", body, by=by)).status == status
    held = (await live.get("/me/credentials", by=by)).json["credentials"]
    assert [(one["kind"], one["medium"], one["present"]) for one in held] == [
        ("card", "card", True),
        ("card", None, False),
    ]
    assert held[0]["used"] and held[0]["until"] > held[0]["used"] and not held[0]["over"]
    assert held[1]["used"] is None and held[1]["until"] is None
    async with Browser(live.url) as other:
        await logged_in(desk, other, phone)
        theirs = token(other)
        assert (await live.ask("DELETE", f"/me/credentials/{held[0]['id']}", by=by)).status == 204
        assert (await live.get("/session", by=theirs)).status == 401
    last = await live.ask("DELETE", f"/me/credentials/{held[1]['id']}", by=by)
    assert last.status == 409
    assert (await live.ask("DELETE", f"/me/credentials/{held[0]['id']}", by=by)).status == 404
    made = (await live.post("/me/credentials/prepare", None, by=by)).json
    body = {"prepared": made["prepared"], "evidence": first.evidence(decisions.digest(made["document"]))}
    assert (await live.post("/me/credentials", body, by=by)).status == 409  # it was ended: the counter helps


async def test_a_card_links_and_agrees_over_the_pages(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    await live.service("shelter")
    await registered(desk, browser, card)
    by = token(browser)
    wanted = {"service": "shelter", "purpose": "reception", "agree": ["basic-four"]}
    made = (await live.post("/me/consents/prepare", wanted, by=by)).json
    csrf = (await browser.get("/me/accesses")).field("csrf")
    form = {"prepared": made["prepared"], "digest": made["digest"], "then": "/me", "csrf": csrf}
    document = (await desk.claim(await begin(browser))).json["document"]
    body = {"prepared": made["prepared"], "evidence": card.evidence(decisions.digest(document))}
    assert (await live.post("/me/consents", body, by=by)).status == 403  # it was signed to log in
    page = await browser.post("/login/card", **form)
    claimed = await desk.claim(page.transaction)
    assert claimed.json["document"] == made["document"] and claimed.json["basics"] is False
    assert "避難所受付" in claimed.json["says"]["ja"]
    told = await desk.send(page.transaction, **shown(card, claimed.json))
    async with Browser(live.url) as other:
        assert "over" in (await other.back(page.transaction)).text
    done = await browser.back(page.transaction, told.json["code"])
    assert done.status == 303 and "done=agreed" in done.location, done.text
    receipts = (await live.get("/me/receipts", by=by)).json["receipts"]
    assert [one["evidence"] for one in receipts] == ["card-signature"]
    foreign = authority.issue(ec_key())
    made = (
        await live.post("/me/consents/prepare", {**wanted, "agree": ["basic-four", "allergies"]}, by=by)
    ).json
    form |= {"prepared": made["prepared"], "digest": made["digest"]}
    page = await browser.post("/login/card", **form)
    told = await desk.tap(page.transaction, foreign)
    refused = await browser.back(page.transaction, told.json["code"])
    assert refused.status == 403 and "not linked" in refused.text
    wrong = await browser.post("/login/card", **{**form, "digest": "A" * 43})
    assert wrong.status == 400
    without = await browser.post("/login/card", **{**form, "csrf": ""})
    assert without.status == 403


async def test_holding_up_a_card_identifies_at_a_desk_and_decides_nothing(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    await registered(desk, browser, card)
    async with Browser(live.url) as elsewhere:
        refused = await elsewhere.post("/login/contactless", town="yabu", next="/me")
        assert refused.status == 403
    async with Browser(live.url) as kiosk:
        await stand(live, desk, kiosk)
        page = await kiosk.post("/login/contactless", town="yabu", next="/me")
        second = Desk(live, "counter-2")
        await second.join()
        assert (await second.claim(page.transaction)).status == 404  # the browser stands on the other desk
        unknown = await desk.tap(page.transaction, authority.issue(ec_key()))
        assert unknown.json["reason"] == "not-linked"
        assert "Log in once with your PIN" in (await kiosk.back(page.transaction)).text
        page = await kiosk.post("/login/contactless", town="yabu", next="/me")
        claimed = await desk.claim(page.transaction)
        assert claimed.json["wants"] == "contactless" and claimed.json["document"]["purpose"] == "identify"
        told = await desk.send(page.transaction, **shown(card, claimed.json))
        assert (await kiosk.back(page.transaction, told.json["code"])).status == 303
        by = token(kiosk)
        session = (await live.get("/session", by=by)).json
        assert (session["level"], session["method"], session["desk"]) == (1, "contactless", desk.id)
        writing = [
            row
            for row in operations(PersonalSettings(demo=True))
            if Who.RESIDENT in row.who and row.method != "GET" and f"{row.method} {row.path}" not in FREE
        ]
        for row in writing:
            assert row.level >= Level.CITY_CARD, row.path
            path = row.path.replace("{", "x").replace("}", "x")
            reply = await live.ask(row.method, path, {}, by=by)
            assert reply.status == 403, (row.path, reply.raw)
        assert len(writing) > 20
        assert (await live.get("/me/items", by=by)).status == 403


async def stand(live: Live, desk: Desk, browser: Browser) -> str:
    """Let a browser stand on a desk; gives the ticket, which is used up."""
    ticket = (await live.post("/desks/tickets", None, by=desk.token)).json
    entered = await browser.get(ticket["path"])
    assert (entered.status, entered.location) == (303, "/me/login"), entered.text
    return str(ticket["path"])


async def test_a_ticket_is_good_once_and_a_desk_that_is_removed_may_do_nothing_more(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    path = await stand(live, desk, browser)
    async with Browser(live.url) as other:
        again = await other.get(path)
        assert again.status == 403 and "terminal is not known" in again.text
    transaction = await begin(browser)
    claimed = (await desk.claim(transaction)).json
    removed = await live.ask("DELETE", f"/desks/{desk.id}", by=await live.staff("admin"))
    assert removed.status == 204
    assert (await desk.send(transaction, **shown(card, claimed))).status == 401
    assert await desk.log_in() == 401
    page = await browser.post("/login/contactless", town="yabu", next="/me")
    assert page.status == 403
    await desk.join()
    told = await desk.tap(await begin(browser), card)
    assert told.json["state"] == "register"


async def test_logins_at_a_desk_end_with_it(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    await stand(live, desk, browser)
    await registered(desk, browser, authority.issue(ec_key()))
    by = token(browser)
    assert (await live.get("/session", by=by)).json["desk"] == desk.id
    await live.ask("DELETE", f"/desks/{desk.id}", by=await live.staff("admin"))
    assert (await live.get("/session", by=by)).status == 401
    await desk.join()


async def test_protected_people_log_in_and_no_desk_learns_of_them(
    live: Live, desk: Desk, browser: Browser, authority: Authority
) -> None:
    await live.service("shelter")
    checkin = Desk(live, "checkin")
    await checkin.join(service="shelter")
    card, plain, nobody = (authority.issue(ec_key()) for _ in range(3))
    await registered(desk, browser, card, nameKana="まもる ひと")
    async with Browser(live.url) as other:
        await registered(desk, other, plain, nameKana="あさご たろう")
    protection = await live.staff("protection")
    person = {"nameKana": "まもる ひと", "birthDate": "1990-04-01"}
    found = (await live.post("/residents/search", person, by=protection)).json["residents"][0]["resident"]
    body = {"resident": found, "protected": True}
    assert (await live.post("/residents/protection", body, by=protection)).status == 204
    assert (await logged_in(desk, browser, card)).status == 303

    async def look(one: Card) -> Any:
        given = {"certificate": shown(one, {"wants": "contactless"})["certificate"]}
        reply = await live.post("/card/lookups", given, by=checkin.token)
        assert reply.status == 200, reply.raw
        return reply.json

    known = await look(plain)
    assert known["known"] and known["subject"].startswith("p1.") and known["validity"]["status"] == "good"
    hidden, unknown = await look(card), await look(nobody)
    for one in (hidden, unknown):
        one["validity"].pop("at")
    assert hidden == unknown == {"known": False, "validity": unknown["validity"]}
    given = {"certificate": shown(Authority("x").issue(ec_key()), {"wants": "contactless"})["certificate"]}
    assert (await live.post("/card/lookups", given, by=checkin.token)).status == 403
    assert (await live.post("/card/lookups", given, by=desk.token)).status == 403
