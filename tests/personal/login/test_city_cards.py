"""Cards of the city: a signed code that can be copied, and a passcode that cannot be guessed. (issue 6; card.md 7)"""

import asyncio
import re
import secrets
from typing import Any

import pytest
import pytest_asyncio
import zxingcpp
from PIL import Image, ImageDraw

from base import clock
from base.access.limits import network_of
from personal.login import guarding
from personal.rules import city_card_code
from personal.rules.city_card_code import Code
from personal.vault import signing
from tests.personal.live import Live
from tests.personal.login import shared
from tests.personal.login.desks import Browser, Page
from tests.personal.login.test_card_logins import log, token

SEED = b"\x07" * 32
KEY = signing.private_key(SEED)
KID = b"12345678"
KEYS = {KID: KEY.public_key()}
NOW = 1_795_000_000
WORDS = "みどりの山 2026"
pytestmark = pytest.mark.asyncio(loop_scope="module")
live = pytest_asyncio.fixture(scope="module", loop_scope="module")(shared.live)
browser = pytest_asyncio.fixture(loop_scope="module")(shared.browser)


async def issued(live: Live, name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """Register a resident and issue a card to them; gives their handle at the counter, and the card."""
    await live.town.store.write(lambda db: db.execute("DELETE FROM failure"))  # of the story before
    await live.register(name, nameKana=f"ヤブ {name}")
    counter = await live.staff("counter")
    found = (await live.post("/residents/search", {"nameKana": f"ヤブ {name}"}, by=counter)).json["residents"]
    body = {"resident": found[0]["resident"], **more}
    reply = await live.post("/city-cards", body, by=counter)
    assert reply.status == 201, reply.raw
    return found[0]["resident"], reply.json


async def log_in(browser: Browser, code: str, words: str) -> Page:
    return await browser.post("/login/city-card", town="yabu", code=code, passcode=words, next="/me/consents")


async def test_a_card_and_its_passcode_log_in_at_a_middle_level(live: Live, browser: Browser) -> None:
    _, card = await issued(live, "card-a", passcode=WORDS)
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
    sure = await live.resident("card-a")
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
    _, card = await issued(live, "card-b", passcode=WORDS)
    assert card["picture"].startswith("<svg") and "script" not in card["picture"]
    assert zxingcpp.read_barcodes(drawn(card["picture"]))[0].text == card["code"]


async def test_who_guesses_is_stopped_and_the_counter_helps(live: Live, browser: Browser) -> None:
    resident, card = await issued(live, "card-c", passcode=WORDS)
    before = len(log(live, "login-refused"))
    await live.town.store.write(lambda db: db.execute("UPDATE city_card SET tries = 3"))
    for left in range(2, 0, -1):
        page = await log_in(browser, card["code"], f"guess {left}")
        assert page.status == 403 and f"counter: {left}." in page.text
    guesses = await asyncio.gather(*(log_in(browser, card["code"], f"guess x{n}") for n in range(3)))
    assert all("locked" in page.text for page in guesses)
    assert "locked" in (await log_in(browser, card["code"], WORDS)).text
    refused = log(live, "login-refused")[before:]
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
    _, card = await issued(live, "card-d", passcode=WORDS)
    here = await guarding.attempted(live.town, "", network_of("127.0.0.1"))

    def guess(db: Any) -> None:
        for _ in range(guarding.MOST_OF_NETWORK):
            guarding.note(db, here, clock.now())

    await live.town.store.write(guess)
    assert (await log_in(browser, card["code"], WORDS)).status == 429


async def test_cards_that_are_forged_ended_or_without_passcode_do_not_log_in(
    live: Live, browser: Browser
) -> None:
    resident, card = await issued(live, "card-x")
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
    again = await live.post("/city-cards", {"resident": resident, "passcode": WORDS}, by=counter)
    assert (await live.get("/session", by=token(browser))).status == 401  # whoever has the card that was lost
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
