"""The whole life in a real browser: card, consent to part, what goes out, history, withdrawal, export, erasure. (issue 6)

Nothing is clicked that a resident would not click; the service is a program, as real ones are.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from adapters.desk.emulator.cards import PIN, Made
from personal.operations.naming import deriving_of
from personal.store import pseudonyms
from tests.adapters.desk.standing import Standing, standing
from tests.personal.disclosure.sharing import ALLERGIES, hold, reasons
from tests.personal.life.browsers import MARKS, PAIRS, Reader, chromium, reading
from tests.personal.live import asked, described, purpose

pytestmark = MARKS
CARDS = ("hanako", "taro", "newcomer", "midori")
KANA = ("ミホン ハナコ", "ミホン タロウ", "アタラシ ヒト", "カメイ ミドリ")


@dataclass
class Life:
    """One resident at a browser, and the one card reader that all share."""

    stand: Standing
    page: Any
    reader: Reader
    card: str
    kana: str
    desk: asyncio.Lock
    told: dict[str, str]

    @property
    def url(self) -> str:
        return self.stand.live.url

    async def open(self, path: str) -> None:
        """Open a page of the portal."""
        reply = await self.page.goto(self.url + path)
        assert reply.status == 200, path

    async def press(self, action: str, button: str = "button") -> None:
        """Press the button of the form that leads somewhere."""
        form = self.page.locator(f"main form[action^='{action}']").first
        await form.locator(button).first.click()

    async def at(self, path: str) -> None:
        """Wait until the browser is at a page of the portal."""
        await self.page.wait_for_url(lambda url: url.partition("?")[0] == self.url + path)

    async def prove(self) -> None:
        """Lay the card on the reader and type its PIN, on the desk's page."""
        desk = self.stand.desk.url
        await self.page.wait_for_url(lambda url: url.startswith(f"{desk}/card/"))
        await self.stand.placed(self.stand.issued[self.card].chip())
        await self.page.locator("#pin").fill(PIN)
        await self.page.locator("button[form=prove]").click()
        await self.page.wait_for_url(lambda url: url.startswith(self.url))

    async def log_in(self) -> None:
        """Log in by card from the page to which everybody is sent."""
        await self.page.goto(self.url + "/me")
        await self.at("/me/login")
        async with self.desk:
            await self.press("/login/card")
            await self.prove()

    async def check_language(self) -> None:
        """Look whether the page is in the reader's language."""
        assert await self.page.locator("html").get_attribute("lang") == self.reader.language


async def live(life: Life) -> None:
    """Live from the first registration to the erasure of everything."""
    person = await first_registration(life)
    subject = await known_to_the_service(life, person)
    await asked_for_consent(life, subject)
    await agrees_to_part(life)
    await service_gets_exactly_that(life, subject)
    await history_shows_it(life)
    await withdraws(life)
    await service_is_refused_and_told(life, subject)
    await exports(life)
    await erases(life)


async def first_registration(life: Life) -> str:
    """Register by a card that is not known, log out, and log in by it."""
    await life.log_in()
    await life.at("/login/register")
    await life.check_language()
    await life.page.locator("[name=nameKana]").fill(life.kana)
    birth = life.page.locator("[name=birthDate]")
    if await birth.count():
        await birth.fill("1990-04-01")
    await life.press("/login/register")
    await life.at("/me")
    await life.page.locator("form[action^='/me/logout'] button").click()
    await life.log_in()
    await life.at("/me")
    await life.check_language()
    return await person_of(life)


async def person_of(life: Life) -> str:
    """Give the internal id of who is registered with the life's card, by the youngest login."""
    sql = "SELECT actor FROM session WHERE kind = 'resident' AND method = 'card' ORDER BY made DESC"
    people = [one for (one,) in life.stand.live.town.store.read(lambda db: list(db.execute(sql)))]
    fresh = [one for one in people if one not in life.told.values()]
    assert fresh
    life.told[life.card] = fresh[0]
    return str(fresh[0])


async def known_to_the_service(life: Life, person: str) -> str:
    """Hold data about the resident, and give the name by which the service knows them."""
    town = life.stand.live.town
    await hold(life.stand.live, person, allergies=ALLERGIES)
    deriving = await deriving_of(town)
    return await town.store.write(lambda db: pseudonyms.given(db, deriving, "shelter", person, 1))


async def asked_for_consent(life: Life, subject: str) -> None:
    body = {"subject": subject, "purpose": "reception", "items": ["allergies", "contact"]}
    reply = await life.stand.live.post(
        "/consents/requests", body, by=await life.stand.live.service_token("shelter")
    )
    assert reply.status == 202, reply.raw
    await life.open("/me/notices")
    assert await life.page.locator("main li.panel").count() >= 1
    await life.check_language()


async def agrees_to_part(life: Life) -> None:
    """Choose one of the two items, see what is signed, and sign it with the card."""
    await life.open("/me/requests")
    await life.page.locator("main a[href*='/me/ask']").first.click()
    await life.at("/me/ask")
    assert await life.page.locator("input[name=agree]:checked").count() == 0
    await life.page.locator("#a-allergies").check()
    await life.press("/me/ask/check", "button:not([formaction])")
    async with life.desk:
        await life.press("/login/card")
        await life.prove()
    await life.at("/me/agreed")
    assert await life.page.locator("p.done").count() == 1
    await life.check_language()


async def service_gets_exactly_that(life: Life, subject: str) -> None:
    reply = await disclosed(life, subject)
    assert reply.json["items"] == {"allergies": ALLERGIES}
    assert reasons(reply) == {"contact": "consent-asked"}
    evidence = "SELECT evidence_kind FROM decision WHERE person = ?"
    person = life.told[life.card]
    kinds = life.stand.live.town.store.read(lambda db: [kind for (kind,) in db.execute(evidence, (person,))])
    assert kinds == ["card-signature"]


async def disclosed(life: Life, subject: str) -> Any:
    body = {"subject": subject, "purpose": "reception", "items": ["allergies", "contact"]}
    reply = await life.stand.live.post(
        "/disclosures", body, by=await life.stand.live.service_token("shelter")
    )
    assert reply.status == 200, reply.raw
    return reply


async def history_shows_it(life: Life) -> None:
    await life.open("/me/accesses")
    newest = life.page.locator("main article").first
    service = {"ja": "避難所受付", "en": "Shelter reception"}[life.reader.language]
    assert service in await newest.inner_text()
    assert {"ja": "アレルギー", "en": "Allergies"}[life.reader.language] in await newest.inner_text()


async def withdraws(life: Life) -> None:
    await life.open("/me/services")
    await life.page.locator("main a[href*='/me/withdraw']").first.click()
    await life.at("/me/withdraw")
    await life.press("/me/withdraw")
    await life.page.locator("p.done").wait_for()
    assert await life.page.locator("main a[href*='/me/withdraw']").count() == 0


async def service_is_refused_and_told(life: Life, subject: str) -> None:
    reply = await disclosed(life, subject)
    assert reply.json["items"] == {}
    assert set(reasons(reply)) == {"allergies", "contact"}
    town = life.stand.live.town
    await town.store.write(lambda db: db.execute("UPDATE notice SET due = 0 WHERE subject = ?", (subject,)))
    told = await life.stand.live.get("/notices", by=await life.stand.live.service_token("shelter"))
    assert told.status == 200 and told.json["notices"]
    ended = "SELECT count(*) FROM notice WHERE subject = ? AND event = 'consent-ended' AND handed IS NOT NULL"
    assert town.store.read(lambda db: db.execute(ended, (subject,)).get) == 1


async def exports(life: Life) -> None:
    await life.open("/me/rights")
    await life.page.locator("#format").select_option("json")
    async with life.page.expect_download() as coming:
        await life.press("/me/rights/export")
    file = Path(await (await coming.value).path())
    told = orjson.loads(await asyncio.to_thread(file.read_bytes))
    assert [one["value"] for one in told["records"] if one["item"] == "allergies"] == [ALLERGIES]


async def erases(life: Life) -> None:
    await life.open("/me/erase")
    await life.page.locator("#sure").check()
    await life.press("/me/erase")
    await life.page.wait_for_load_state()
    assert await life.page.locator("#sure").count() == 0
    assert await life.stand.live.town.records.fetch(life.told[life.card], "allergies") is None


async def lead(folder: Path, cards: Path, issued: Mapping[str, Made], readers: Sequence[Reader]) -> None:
    """Lead the life of a resident for each reader, one after another, at one module with one desk."""
    async with standing(folder, cards, issued, card_seconds=5.0) as stand, chromium() as browser:
        wanted = purpose("reception", asked("allergies"), asked("contact", need="optional"))
        await stand.live.service("shelter", described(wanted))
        desk, told = asyncio.Lock(), {}
        for number, reader in enumerate(readers):
            async with reading(browser, reader) as page:
                life = Life(stand, page, reader, CARDS[number], KANA[number], desk, told)
                try:
                    await live(life)
                except BaseException as error:
                    error.add_note(f"{reader}, at {page.url.removeprefix(stand.live.url)}")
                    raise


async def test_a_whole_life_on_phone_and_desk_in_both_languages_with_and_without_scripts(
    tmp_path: Path, card_folder: Path, issued: Mapping[str, Made]
) -> None:
    await lead(tmp_path, card_folder, issued, PAIRS)
