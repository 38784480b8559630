"""Whether cards are valid: lists, responders, verifiers, and what happens when they do not answer. (RFC 6960; card.md 6.2)"""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from base import clock
from base.errors import NotPermitted
from base.settings import SettingError
from personal import trust
from personal.login.card_status import FetchedList, Lists, Ocsp, Several, Unasked, Verifier
from personal.operations import deciding
from personal.operations.card_validity import vouched_for
from personal.rules import decisions
from personal.rules.certificate_status import Known, Status
from personal.rules.validity import Validity
from personal.settings import PersonalSettings
from personal.store import consents
from tests.personal.consents.cards import Authority, ec_key
from tests.personal.live import live_module
from tests.personal.login.desks import Browser, Desk, anchors, shown
from tests.personal.login.sources import Sources, listed, sources
from tests.personal.login.test_card_logins import begin, logged_in, registered, token


@pytest.fixture
async def asked(authority: Authority) -> AsyncIterator[Sources]:
    async with sources(authority) as made:
        yield made


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_responder_is_believed_only_if_it_may_answer_and_answers_this_question(
    asked: Sources, web: aiohttp.ClientSession, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    path, checker, now = (
        [card.certificate, authority.certificate],
        Ocsp(asked.url + "/ocsp", web),
        clock.now(),
    )
    said = {}
    for mode in ("good", "no-nonce", "replayed", "stranger", "other", "old", "later", "junk"):
        asked.mode = mode
        said[mode] = (await checker.check(path, now)).status
    good = {mode for mode, status in said.items() if status is Status.GOOD}
    assert good == {"good", "no-nonce"} and set(said.values()) == {Status.GOOD, Status.UNKNOWN}
    asked.mode, asked.revoked = "good", [card]
    found = await checker.check(path, now)
    assert (found.status, found.reason, found.source) == (Status.REVOKED, "keyCompromise", "ocsp")
    assert found.answer and found.at > now - 2 * 3_600 * clock.SECOND
    assert (await Ocsp(asked.url + "/nowhere", web).check(path, now)).status is Status.UNKNOWN


async def test_a_list_is_fetched_once_and_again_when_it_is_due(
    asked: Sources, web: aiohttp.ClientSession, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    path, now = [card.certificate, authority.certificate], clock.now()
    checker = FetchedList(asked.url + "/crl", web)
    assert (await checker.check(path, now)).status is Status.GOOD
    asked.revoked = [card]
    assert (await checker.check(path, now)).status is Status.GOOD
    hour = 3_600 * clock.SECOND
    found = await checker.check(path, now + hour)
    assert (found.status, found.reason) == (Status.REVOKED, "cessationOfOperation")
    asked.mode = "junk"
    assert (await checker.check(path, now + 2 * hour)).status is Status.REVOKED
    assert asked.asked == ["crl"] * 3
    for mode in ("junk", "stranger"):
        asked.mode = mode
        assert (await FetchedList(asked.url + "/crl", web).check(path, now)).status is Status.UNKNOWN
    asked.mode, asked.revoked = "good", []
    assert (await checker.check(path, now + 40 * hour)).status is Status.UNKNOWN  # it has not been renewed


async def test_a_list_that_takes_long_is_fetched_to_its_end_whoever_gives_up_waiting(
    asked: Sources, web: aiohttp.ClientSession, authority: Authority
) -> None:
    path, now = [authority.issue(ec_key()).certificate, authority.certificate], clock.now()
    several = Several((FetchedList(asked.url + "/crl", web),), 0.05)
    asked.mode = "slow"
    assert (await several.check(path, now)).status is Status.UNKNOWN
    assert (await several.check(path, now)).status is Status.UNKNOWN
    asked.gate.set()
    patient = Several(several._checkers, 20)
    assert (await patient.check(path, now)).status is Status.GOOD
    assert asked.asked == ["crl"]
    await several.close()


async def test_a_verifier_answers_this_question_with_fresh_information(
    asked: Sources, web: aiohttp.ClientSession, authority: Authority
) -> None:
    card, old = authority.issue(ec_key()), authority.issue(ec_key())
    path, now = [card.certificate, authority.certificate], clock.now()
    checker = Verifier(asked.url + "/verify", "let-me-ask", web)
    asked.former[card.certificate.serial_number] = old.certificate.serial_number
    found = await checker.check(path, now)
    assert (found.status, found.reference) == (Status.GOOD, "ref-1")
    assert found.former == (format(old.certificate.serial_number, "x"),)
    asked.former.clear()
    wrong: tuple[dict[str, Any], ...] = (
        {"requestId": "another"},
        {"serialNumber": "1"},
        {"status": "fine"},
        {"informationAt": "2020-01-01T00:00:00Z"},
        {"informationAt": 5},
        {"formerSerialNumbers": ["1"] * 21},
        {"formerSerialNumbers": "1"},
    )
    for more in wrong:
        asked.more = more
        assert (await checker.check(path, now)).status is Status.UNKNOWN, more
    asked.more, asked.revoked = {}, [card]
    assert (await checker.check(path, now)).reason == "lost"
    assert (await Verifier(asked.url + "/verify", "", web).check(path, now)).status is Status.UNKNOWN


async def test_who_says_revoked_outweighs_and_who_is_slow_does_not_know(
    asked: Sources, web: aiohttp.ClientSession, authority: Authority
) -> None:
    card = authority.issue(ec_key())
    path, now = [card.certificate, authority.certificate], clock.now()
    nothing, good, slow = Lists(Known), Unasked(), Ocsp(asked.url + "/ocsp", web)
    asked.mode = "slow"

    class Revoked:
        async def check(self, *_: object) -> Validity:
            return Validity(Status.REVOKED, "test")

    began = time.monotonic()
    assert (await Several((nothing, slow), 0.05).check(path, now)).status is Status.UNKNOWN
    assert (await Several((nothing, slow, good), 0.05).check(path, now)).status is Status.GOOD
    assert (await Several((good, Revoked(), slow), 0.05).check(path, now)).status is Status.REVOKED
    assert time.monotonic() - began < 20
    assert (await Several((), 1).check(path, now)).status is Status.UNKNOWN


async def test_a_login_waits_a_bounded_time_and_is_refused_if_nobody_can_tell(
    tmp_path: Path, asked: Sources, authority: Authority
) -> None:
    token = tmp_path / "token"
    token.write_text("let-me-ask\n")
    found = {
        "card_authorities": anchors(tmp_path / "trust", authority),
        "card_ocsp_url": asked.url + "/ocsp",
        "card_verifier_url": asked.url + "/verify",
        "card_verifier_token": token,
        "card_status_seconds": 5.0,
    }
    card, renewed, lost = (authority.issue(ec_key()) for _ in range(3))
    asked.former[renewed.certificate.serial_number] = card.certificate.serial_number
    async with live_module(tmp_path / "data", **found) as live, Browser(live.url) as browser:
        desk = Desk(live)
        await desk.join()
        await registered(desk, browser, card)
        assert {"ocsp", "verifier"} <= set(asked.asked)
        assert (await logged_in(desk, browser, renewed)).status == 303  # old and new number are linked
        transaction = await begin(browser)
        assert (await desk.tap(transaction, card)).json["reason"] == "ended"
        await live.service("shelter")
        checkin = Desk(live, "checkin")
        await checkin.join(service="shelter")
        given = {"certificate": shown(renewed, {"wants": "contactless"})["certificate"]}
        mode, asked.mode, asked.more = asked.mode, "later", {"status": "unknown"}
        looked = (await live.post("/card/lookups", given, by=checkin.token)).json
        assert (
            looked["known"] and looked["validity"]["status"] == "unknown"
        )  # a shelter goes on, and asks later
        asked.mode, asked.more = mode, {}
        asked.revoked = [lost, renewed]
        looked = (await live.post("/card/lookups", given, by=checkin.token)).json
        assert not looked["known"] and looked["validity"]["status"] == "revoked"
        asked.revoked = [lost]
        transaction = await begin(browser)
        assert (await desk.tap(transaction, lost)).json["reason"] == "revoked"
        assert "was revoked" in (await browser.back(transaction)).text
        asked.mode, asked.more = "later", {"status": "unknown"}
        transaction = await begin(browser)
        told = await desk.tap(transaction, renewed)
        assert (told.json["state"], told.json["reason"]) == ("refused", "status-unknown")
        assert "nothing is wrong with your card" in (await browser.back(transaction)).text


@pytest.mark.parametrize("lists", [False, True], ids=["alone", "beside a list that does not know of it"])
async def test_what_the_responder_signed_is_kept_with_the_consent(
    tmp_path: Path, asked: Sources, authority: Authority, lists: bool
) -> None:
    path = anchors(tmp_path / "trust", authority)
    card = authority.issue(ec_key())
    settings = {"card_authorities": path, "card_ocsp_url": asked.url + "/ocsp"}
    if lists:
        settings["card_revocations"] = tmp_path / "list.crl"
        settings["card_revocations"].write_bytes(listed(authority))
    async with live_module(tmp_path / "data", **settings) as live, Browser(live.url) as browser:
        desk = Desk(live)
        await desk.join()
        await live.service("shelter")
        await registered(desk, browser, card)
        by = token(browser)
        wanted = {"service": "shelter", "purpose": "reception", "agree": ["basic-four"]}
        made = (await live.post("/me/consents/prepare", wanted, by=by)).json
        form = {"prepared": made["prepared"], "digest": made["digest"], "then": "/me"}
        csrf = (await browser.get("/me/accesses")).field("csrf")
        page = await browser.post("/login/card", csrf=csrf, **form)
        told = await desk.tap(page.transaction, card)
        done = await browser.back(page.transaction, told.json["code"])
        assert "done=agreed" in done.location, done.text
        person = live.town.store.read(lambda db: db.execute("SELECT id FROM person").get)
        kept = live.town.store.read(lambda db: consents.decisions(db, person))[0]
        assert "ocsp" in (deciding.opened(live.town, kept) or {})
        asked.revoked = [card]
        made = (
            await live.post("/me/consents/prepare", {**wanted, "agree": ["basic-four", "allergies"]}, by=by)
        ).json
        direct = {"prepared": made["prepared"], "evidence": card.evidence(decisions.digest(made["document"]))}
        refused = await live.post("/me/consents", direct, by=by)
        assert refused.status == 403 and refused.json["fault"] == "revoked"
        earlier = (deciding.opened(live.town, kept) or {})["ocsp"]
        for brought in (decisions.shown(b"anything"), earlier):  # it spares nobody the question
            more = {**direct["evidence"], "ocsp": brought}
            refused = await live.post("/me/consents", {**direct, "evidence": more}, by=by)
            assert refused.status == 403 and refused.json["fault"] == "revoked", refused.raw
        lost = authority.issue(ec_key())
        asked.revoked = [lost]
        link = (await live.post("/me/credentials/prepare", None, by=by)).json
        proof = lost.evidence(decisions.digest(link["document"]))
        body = {"prepared": link["prepared"], "evidence": {**proof, "ocsp": decisions.shown(b"anything")}}
        assert (await live.post("/me/credentials", body, by=by)).status == 403
        nobody = replace(live.module, validity=None)
        with pytest.raises(NotPermitted, match="cannot be told"):
            await vouched_for(nobody, card.evidence(b"0" * 32), clock.now())


def test_settings_that_would_open_the_module_are_refused(tmp_path: Path) -> None:
    made_up = Authority("JPKI-TEST")
    path = anchors(tmp_path, made_up)
    assert trust.anchors(PersonalSettings(card_authorities=path, demo=True)).cards
    with pytest.raises(SettingError, match="test cards"):
        trust.anchors(PersonalSettings(card_authorities=path))
    for name in ("card_ocsp_url", "card_verifier_url"):
        with pytest.raises(SettingError):
            asked: Any = PersonalSettings(**{name: "ftp://x"})
            trust.checker(asked, trust.anchors(asked), None)  # type: ignore[arg-type]
    bare = PersonalSettings(card_verifier_url="http://verifier.example/ask")
    with pytest.raises(SettingError, match="https"):
        trust.checker(bare, trust.anchors(bare), None)  # type: ignore[arg-type]
    nobody = PersonalSettings()
    assert trust.checker(nobody, trust.anchors(nobody), None) is None  # type: ignore[arg-type]
