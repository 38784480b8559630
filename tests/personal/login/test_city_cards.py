"""Cards of the city: a signed code that can be copied, and a passcode that cannot be guessed. (issue 6; card.md 7)"""

import asyncio
import base64
import re
import secrets
from typing import Any

import cbor2
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from base import clock
from base.access.limits import network_of
from base.errors import BadRequestData
from personal.login import guarding
from personal.rules import city_card_code
from personal.rules.city_card_code import Code
from personal.vault import signing
from tests.personal.live import Live
from tests.personal.login.desks import Browser, Page
from tests.personal.login.test_card_logins import log, token

SEED = b"\x07" * 32
KEY = signing.private_key(SEED)
KID = b"12345678"
KEYS = {KID: KEY.public_key()}
NOW = 1_795_000_000
WORDS = "みどりの山 2026"


@given(number=st.binary(min_size=16, max_size=16), until=st.integers(NOW + 1, 2**40), data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_was_written_is_read_however_it_was_typed(number: bytes, until: int, data: Any) -> None:
    code = Code("yabu", number, until)
    text = city_card_code.written(code, KEY, KID)
    assert re.fullmatch(r"[A-Z2-7]+", text)
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in text)
    typed = data.draw(st.sampled_from([text, text.lower(), f" {text}\n", wide, f"{text[:40]} {text[40:]}"]))
    assert city_card_code.read(typed, "yabu", KEYS, NOW) == code
    for issuer, now in (("asago", NOW), ("yabu", until)):
        with pytest.raises(BadRequestData):
            city_card_code.read(text, issuer, KEYS, now)


@given(place=st.integers(0, 400), sign=st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_code_that_was_changed_is_none(place: int, sign: str) -> None:
    number = bytes(range(16))
    text = city_card_code.written(Code("yabu", number, NOW + 60), KEY, KID)
    place %= len(text)
    changed = text[:place] + sign + text[place + 1 :]
    try:
        found = city_card_code.read(changed, "yabu", KEYS, NOW)
    except BadRequestData:
        return
    assert found.number == number and found.until == NOW + 60  # bits of the last sign that say nothing


@given(raw=st.binary(max_size=300))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_somebody_makes_up_is_no_code(raw: bytes) -> None:
    for text in (base64.b32encode(raw).decode().rstrip("="), raw.decode("latin-1")):
        with pytest.raises(BadRequestData):
            city_card_code.read(text, "yabu", KEYS, NOW)


def test_another_key_or_algorithm_signs_nothing() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    forged = city_card_code.written(Code("yabu", bytes(16), NOW + 60), other, KID)
    for text in (forged, city_card_code.written(Code("yabu", bytes(16), NOW + 60), KEY, b"87654321")):
        with pytest.raises(BadRequestData):
            city_card_code.read(text, "yabu", KEYS, NOW)
    good = city_card_code.written(Code("yabu", bytes(16), NOW + 60), KEY, KID)
    whole = cbor2.loads(base64.b32decode(good + "=" * (-len(good) % 8)))
    for headers in ({1: -8, 4: KID}, {4: KID}, {1: -7}, {1: -7, 4: KID, 2: [9]}):
        parts = [cbor2.dumps(headers), *list(whole.value)[1:]]
        text = base64.b32encode(cbor2.dumps(cbor2.CBORTag(18, parts))).decode().rstrip("=")
        with pytest.raises(BadRequestData):
            city_card_code.read(text, "yabu", KEYS, NOW)


async def issued(live: Live, **more: Any) -> tuple[str, dict[str, Any]]:
    """Register a resident and issue a card to them; gives their handle at the counter, and the card."""
    await live.register("hanako", nameKana="ヤブ ハナコ")
    counter = await live.staff("counter")
    found = (await live.post("/residents/search", {"nameKana": "ヤブ ハナコ"}, by=counter)).json["residents"]
    body = {"resident": found[0]["resident"], **more}
    reply = await live.post("/city-cards", body, by=counter)
    assert reply.status == 201, reply.raw
    return found[0]["resident"], reply.json


async def log_in(browser: Browser, code: str, words: str) -> Page:
    return await browser.post("/login/city-card", town="yabu", code=code, passcode=words, next="/me/consents")


async def test_a_card_and_its_passcode_log_in_at_a_middle_level(live: Live, browser: Browser) -> None:
    _, card = await issued(live, passcode=WORDS)
    alone = await log_in(browser, card["code"], "")
    assert alone.status == 403
    page = await log_in(browser, card["code"], WORDS)
    assert (page.status, page.location) == (303, "/me/consents"), page.text
    session = (await live.get("/session", by=token(browser))).json
    assert (session["level"], session["method"]) == (2, "city-card")
    refused = await live.post("/me/credentials/prepare", None, by=token(browser))
    assert refused.status == 403 and refused.json["needs"] == "card-pin"
    own = await live.ask("PUT", "/me/city-card/passcode", {"passcode": "another one"}, by=token(browser))
    assert own.status == 403
    sure = await live.resident("hanako")
    own = await live.ask("PUT", "/me/city-card/passcode", {"passcode": "another one"}, by=sure)
    assert own.status == 204
    async with Browser(live.url) as other:
        assert (await log_in(other, card["code"], WORDS)).status == 403
        assert (await log_in(other, card["code"], "another one")).status == 303
    held = (await live.get("/me/credentials", by=sure)).json["credentials"]
    assert ("city-card", False) in {(one["kind"], one["sure"]) for one in held}
    assert card["code"] not in str(log(live, "login")) + str(log(live, "resident-linked"))


def drawn(picture: str) -> Image.Image:
    """Draw the path of a picture: lines of dark squares, each one high."""
    size = int(re.search(r'width="(\d+)"', picture)[1])  # type: ignore[index]
    image = Image.new("L", (size, size), 255)
    pen, x, y = ImageDraw.Draw(image), 0.0, 0.0
    path = re.search(r' d="([^"]+)"', picture)[1]  # type: ignore[index]
    for command, numbers in re.findall(r"([Mmh])([-0-9. ]+)", path):
        steps = [float(one) for one in numbers.split()]
        if command == "h":
            pen.rectangle((x * 4, (y - 0.5) * 4, (x + steps[0]) * 4 - 1, (y + 0.5) * 4 - 1), fill=0)
            x += steps[0]
        else:
            x, y = (steps[0], steps[1]) if command == "M" else (x + steps[0], y + steps[1])
    return image


async def test_the_picture_is_the_code(live: Live) -> None:
    _, card = await issued(live, passcode=WORDS)
    assert card["picture"].startswith("<svg") and "script" not in card["picture"]
    assert zxingcpp.read_barcodes(drawn(card["picture"]))[0].text == card["code"]


async def test_who_guesses_is_stopped_and_the_counter_helps(live: Live, browser: Browser) -> None:
    resident, card = await issued(live, passcode=WORDS)
    for left in range(4, 0, -1):
        page = await log_in(browser, card["code"], f"guess {left}")
        assert page.status == 403 and f"counter: {left}." in page.text
    guesses = await asyncio.gather(*(log_in(browser, card["code"], f"guess x{n}") for n in range(3)))
    assert all("locked" in page.text for page in guesses)
    assert "locked" in (await log_in(browser, card["code"], WORDS)).text
    refused = log(live, "login-refused")
    assert {one["reason"] for one in refused} == {"wrong", "locked"} and all(
        "subject" in one for one in refused
    )
    counter = await live.staff("counter")
    body = {"resident": resident, "passcode": "新しい合言葉です"}
    assert (await live.post("/city-cards/passcode", body, by=counter)).status == 204
    assert (await log_in(browser, card["code"], WORDS)).status == 403
    assert (await log_in(browser, card["code"], "新しい合言葉です")).status == 303
    easy = ("111111", "abcdef", "987654", "      ", " 12 ")
    for words in easy:
        reply = await live.post("/city-cards/passcode", {"resident": resident, "passcode": words}, by=counter)
        assert reply.status == 400, words


async def test_a_network_from_which_too_much_is_guessed_waits(live: Live, browser: Browser) -> None:
    _, card = await issued(live, passcode=WORDS)
    here = await guarding.attempted(live.town, "", network_of("127.0.0.1"))

    def guess(db: Any) -> None:
        for _ in range(guarding.MOST_OF_NETWORK):
            guarding.note(db, here, clock.now())

    await live.town.store.write(guess)
    assert (await log_in(browser, card["code"], WORDS)).status == 429


async def test_cards_that_are_forged_ended_or_without_passcode_do_not_log_in(
    live: Live, browser: Browser
) -> None:
    resident, card = await issued(live)
    assert "no passcode yet" in (await log_in(browser, card["code"], WORDS)).text
    counter = await live.staff("counter")
    told = await live.get("/city-cards/keys")
    assert len(told.json["keys"]) == 1
    kid = bytes.fromhex(told.json["keys"][0]["cose"])
    forged = city_card_code.written(Code("yabu", secrets.token_bytes(16), NOW + 10**9), KEY, kid)
    for code in (forged, "HELLO", "あ" * 50, card["code"][:-4]):
        assert "is not good" in (await log_in(browser, code, WORDS)).text
    again = await live.post("/city-cards", {"resident": resident, "passcode": WORDS}, by=counter)
    assert "is not good" in (await log_in(browser, card["code"], WORDS)).text  # another took its place
    assert (await log_in(browser, again.json["code"], WORDS)).status == 303
    held = (await live.post("/residents/read", {"resident": resident}, by=counter)).json["identifiers"]
    living = [one for one in held if one["kind"] == "city-card" and "ended" not in one]
    assert len(living) == 1
    ended = {"resident": resident, "identifier": living[0]["identifier"]}
    assert (await live.post("/residents/identifiers/end", ended, by=counter)).status == 204
    assert "is not good" in (await log_in(browser, again.json["code"], WORDS)).text
    assert (await live.get("/session", by=token(browser))).status == 401
    later = await live.post("/city-cards", {"resident": resident, "passcode": WORDS}, by=counter)
    await live.town.store.write(lambda db: db.execute("UPDATE city_card SET until = 1"))
    assert "is not good" in (await log_in(browser, later.json["code"], WORDS)).text
    assert (await live.post("/city-cards", {"resident": "x" * 30}, by=counter)).status == 404
    assert (
        await live.post("/city-cards", {"resident": resident}, by=await live.staff("auditor"))
    ).status == 403
