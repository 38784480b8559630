"""Pictures of the main pages in both languages for docs/images, as the demonstration shows them."""

import argparse
import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from adapters.desk.emulator import cards
from adapters.desk.emulator.cards import PIN, Made
from base import clock
from engawa.demo.desk import people
from personal.operations.naming import deriving_of
from personal.store import pseudonyms
from tests.adapters.desk.standing import Standing, standing
from tests.personal.disclosure.sharing import ALLERGIES, PHONE, hold
from tests.personal.life.browsers import Reader, chromium, reading
from tests.personal.live import asked, described, purpose

IMAGES = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES, COLOURS = 60_000, 64
READERS = (Reader("ja", 375, True), Reader("en", 375, True))
BASICS = {
    "name": "見本 花子",
    "nameKana": "ミホン ハナコ",
    "address": "兵庫県養父市見本町1番地",
    "birthDate": "1951-04-05",
    "sex": "female",
}


def main() -> None:
    """Make the pictures anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=IMAGES)
    asyncio.run(_made(parser.parse_args().folder))


async def _made(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        own = Path(name)
        cards.issue(own / "cards", people(), cards.now())
        issued = {one.blueprint.id: one for one in cards.present(own / "cards")}
        async with (
            standing(own, own / "cards", issued, card_seconds=5.0) as stand,
            chromium() as browser,
        ):
            await _town(stand, issued)
            for reader in READERS:
                async with reading(browser, reader, device_scale_factor=1.0) as page:
                    await _pictures(stand, page, folder, reader.language)
            for language in ("ja", "en"):
                async with reading(browser, Reader(language, 1100, True)) as page:
                    await _of_staff(stand, page, folder, language)


async def _town(stand: Standing, issued: Mapping[str, Made]) -> None:
    """Let Hanako agree with one service, be asked by another, and be looked up."""
    live = stand.live
    person = await stand.linked("hanako")
    await hold(live, person, basic_four=BASICS, allergies=ALLERGIES, contact=PHONE)
    for id, ja, en in (("shelter", "避難所受付", "Shelter reception"), ("library", "図書館", "Library")):
        wanted = purpose("reception", asked("allergies"), asked("contact", need="optional"))
        wanted["name"] = {"ja": "受付と連絡", "en": "Reception and contact"}
        await live.service(id, described(wanted, name={"ja": ja, "en": en}))
        deriving = await deriving_of(live.town)
        subject = await live.town.store.write(
            lambda db, id=id, deriving=deriving: pseudonyms.given(db, deriving, id, person, clock.now())  # type: ignore[misc]  # bound now
        )
        token, both = await live.service_token(id), ["allergies", "contact"]
        body: dict[str, Any] = {"subject": subject, "purpose": "reception", "items": both}
        await live.post("/consents/requests", body, by=token)
        if id == "shelter":
            me = await live.resident("hanako")
            choice = {"service": id, "purpose": "reception", "agree": ["allergies"]}
            made = await live.post("/me/consents/prepare", choice, by=me)
            told = {"prepared": made.json["prepared"], "evidence": {"kind": "session"}}
            await live.post("/me/consents", told, by=me)
            await live.post("/disclosures", body, by=token)


async def _pictures(stand: Standing, page: Any, folder: Path, language: str) -> None:
    url, desk = stand.live.url, stand.desk.url
    await page.goto(f"{url}/me/login")
    await _take(page, folder, "login", language)
    await page.locator("main form[action^='/login/card'] button").first.click()
    await page.wait_for_url(lambda there: there.startswith(f"{desk}/card/"))
    await stand.placed(stand.issued["hanako"].chip())
    await page.reload()
    await _take(page, folder, "terminal", language)
    await page.locator("#pin").fill(PIN)
    await page.locator("button[form=prove]").click()
    await page.wait_for_url(f"{url}/me")
    for path, name in (
        ("", "portal"),
        ("/services", "services"),
        ("/ask?service=library&purpose=reception", "consent"),
        ("/accesses", "accesses"),
    ):
        await page.goto(f"{url}/me{path}")
        if name == "accesses":  # below the form to search
            await page.evaluate("document.querySelector('main article').scrollIntoView()")
        await _take(page, folder, name, language)


async def _of_staff(stand: Standing, page: Any, folder: Path, language: str) -> None:
    secret = await stand.live.staff("counter")
    cookie = {"name": "engawa-personal", "value": f"yabu.{secret}", "url": stand.live.url}
    await page.context.add_cookies([cookie])
    await page.goto(f"{stand.live.url}/staff/residents")
    await _take(page, folder, "counter", language)


async def _take(page: Any, folder: Path, name: str, language: str) -> None:
    """Take a picture of what one sees first."""
    path = folder / f"{name}-{language}.png"
    await page.screenshot(path=path)
    await asyncio.to_thread(_small, path)


def _small(path: Path) -> None:
    """Write a picture with few colours: pages have no more."""
    Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        raise AssertionError(f"{path.name} has {path.stat().st_size} bytes, more than {MOST_BYTES}")


if __name__ == "__main__":
    main()
