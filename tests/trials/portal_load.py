"""A town of 22,389 residents: how fast pages of the portal and of staff answer, and how long a login by card takes."""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from cryptography import x509

from adapters.desk.emulator import authority, cards
from adapters.desk.emulator.cards import PIN, Made
from adapters.desk.emulator.reader import EmulatedReader
from adapters.desk.server import Desk, served
from adapters.desk.settings import DeskSettings
from adapters.sdk import device
from base import clock
from base.admin import ask
from base.database import Connection
from engawa.demo.desk import people
from personal import towns
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.blinding import blinding
from personal.operations.call import Module
from personal.operations.logging_in import DEMO, Login
from personal.rules.evidence import card_of
from personal.rules.levels import Level
from personal.rules.residents import IdentifierKind
from personal.server import module_of
from personal.settings import PersonalSettings
from personal.store import identifiers
from personal.store.town import rows
from tests.adapters.desk.standing import Browser
from tests.personal.live import YABU, Live
from tests.ports import free_port
from tests.trials import fail, record
from tests.trials._population import RESIDENTS, agree, services, write
from tests.trials.personal_load import Times, approve, bring_in, running, say, steady

TRIAL = "portal-load"
MOST_P95_MS, MOST_LOGIN_MS = 100.0, 1_000.0
DESK = "trial"
PAGES = ("", "/services", "/requests", "/accesses", "/data", "/data/basic-four", "/notices", "/family", "/rights",
         "/receipts", "/sessions", "/cards", "/code", "/ask?service=service-0&purpose=reception")  # fmt: skip
STAFF_PAGES = ("", "/proposals", "/services", "/services/service-0", "/items")


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured."""

    residents: int
    load: float
    rate: float
    portal: Times
    staff: Times
    logins: list[float]
    beside: list[float]

    @property
    def met(self) -> bool:
        """Say whether it is as fast as it has to be."""
        return max(self.portal.p95, self.staff.p95) < MOST_P95_MS and max(self.logins) < MOST_LOGIN_MS


class Reading:
    """Readers who open pages by chance, each with a login of their own; every page is looked at."""

    def __init__(self, live: Live, secrets: list[str], home: str, pages: tuple[str, ...]) -> None:
        self._live, self._secrets, self._home, self._pages = live, secrets, home, pages
        self._chance = random.Random(7)
        self.slowest: dict[str, float] = {}

    async def one(self) -> None:
        """Open one page."""
        path = self._chance.choice(self._pages)
        headers = {
            "Cookie": f"engawa-personal=yabu.{self._chance.choice(self._secrets)}",
            "Accept-Language": "ja",
        }
        began = time.perf_counter()
        async with self._live.session.get(
            self._live.url + self._home + path, headers=headers, allow_redirects=False
        ) as reply:
            text = await reply.text()
        if reply.status != 200 or "</html>" not in text:
            raise AssertionError(f"{self._home}{path}: {reply.status}")
        took = (time.perf_counter() - began) * 1000
        self.slowest[path] = max(self.slowest.get(path, 0.0), took)


def main() -> None:
    """Run it and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=RESIDENTS)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--logins", type=int, default=50)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--dry", action="store_true", help="print only, change no document")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = uvloop.run(_measure(Path(folder), given))
    told = _told(figures, given.seconds)
    if given.dry:
        print(told)
    elif not figures.met:
        fail(TRIAL, told)
    else:
        record(TRIAL, told)


async def _measure(folder: Path, given: argparse.Namespace) -> Figures:
    data, keys, load = folder / "data", dict[str, Any](), os.getloadavg()[0]
    await asyncio.to_thread(_prepare, folder, given)
    async with running(data, keys) as (live, _):
        await bring_in(data, data / "residents.jsonl", given.residents)
        await approve(live, data)
    issued = {one.blueprint.id: one for one in cards.present(folder / "cards")}
    secrets = await _agreed(data, given.seed, issued["hanako"])
    say("residents, services, consents, a card")
    port = free_port()
    trust = ("--card-authorities", str(folder / "cards" / authority.AUTHORITY), "--card-revocations",
             str(folder / "cards" / authority.REVOKED), "--desk-url", f"http://127.0.0.1:{port}")  # fmt: skip
    async with running(data, keys, *trust) as (live, server):
        readers = Reading(live, secrets, "/me", PAGES)
        staff = Reading(live, [await live.staff("catalogue")], "/staff", STAFF_PAGES)
        await steady(readers.one, server, given.rate, 5.0)  # warm
        portal = await steady(readers.one, server, given.rate, given.seconds)
        say(f"portal p95 {portal.p95:.1f} ms; slowest: {readers.slowest}")
        await steady(staff.one, server, given.rate, 2.0)
        offices = await steady(staff.one, server, given.rate, given.seconds / 3)
        say(f"staff p95 {offices.p95:.1f} ms; slowest: {staff.slowest}")
        settings = await _desk(folder, data, live, port)
        async with served(settings, EmulatedReader(returns=0.1)) as desk:
            logins = await _logins(live, desk, issued["hanako"], given.logins)
            say(f"logins {statistics.median(logins):.0f} ms")
            beside = asyncio.create_task(steady(readers.one, server, given.rate, 15.0))
            under = await _logins(live, desk, issued["hanako"], 10)
            await beside
    return Figures(given.residents, load, given.rate, portal, offices, logins, under)


def _prepare(folder: Path, given: argparse.Namespace) -> None:
    data = folder / "data"
    data.mkdir(mode=0o700)
    towns.add(data, YABU)
    write(data / "residents.jsonl", given.residents, given.seed)
    cards.issue(folder / "cards", people(), cards.now())


async def _agreed(data: Path, seed: int, card: Made) -> list[str]:
    """Let most residents agree with the services, link a card to one; give logins of some."""
    settings = PersonalSettings(data=data, demo=True)
    async with module_of(settings, lambda: "") as module:
        town = module.towns["yabu"]
        await agree(town, services(), seed, clock.now())
        persons = [id for (id,) in town.store.read(lambda db: rows(db, "SELECT id FROM person ORDER BY id"))]
        issuer, serial = card_of(x509.load_der_x509_certificate(card.certificate))
        hash = (await blinding(town)).card(issuer, serial)
        chosen = random.Random(seed).sample(persons, min(300, len(persons)))
        await town.store.write(
            lambda db: identifiers.link(db, IdentifierKind.CARD, hash, chosen[0], False, clock.now())
        )
        # whoever logs in by card again and again ends their own older logins: they do not read beside it
        return await town.store.write(lambda db: [_login(db, module, person) for person in chosen[1:]])


def _login(db: Connection, module: Module, person: str) -> str:
    login = Login(Who.RESIDENT, person, Level.CARD, DEMO)
    return logging_in.begin(db, login, module.settings, clock.now())


async def _desk(folder: Path, data: Path, live: Live, port: int) -> DeskSettings:
    key = device.opened(folder / "desk")
    about = {"id": DESK, "name": "端末", "place": "本庁舎", "keys": {"keys": [key.public]}}
    await ask(data, "desks.add", **about)
    return DeskSettings(data=folder / "desk", port=port, id=DESK, url=live.url)


async def _logins(live: Live, desk: Desk, card: Made, count: int) -> list[float]:
    """Log in again and again; measured from the button after the PIN, card on the reader, to the page at home (ms)."""
    assert desk.held is not None
    times = []
    for _ in range(count):
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar, headers={"Accept-Language": "ja"}) as session:
            browser = Browser(session)
            await browser.post(f"{live.url}/login/card", csrf=False, town="yabu", next="/me")
            desk.held.hold(card.chip())
            while (seen := desk.attention.seen) != desk.held.seen():
                await desk.attention.changed(seen, 20.0)
            began = time.perf_counter()
            page = await browser.post(browser.page.url, pin=PIN)
            times.append((time.perf_counter() - began) * 1000)
            if (page.status, page.url) != (200, f"{live.url}/me"):
                raise AssertionError(f"no login: {page.status} {page.url.removeprefix(live.url)}")
            desk.held.hold(None)
    return times


def _told(f: Figures, seconds: float) -> str:
    cut = statistics.quantiles(f.logins, n=20)[18]
    return (
        f"{'' if f.met else 'BELOW THE MARK: '}{f.residents:,} residents, 10 services; pages of the portal at "
        f"{f.rate:.0f} a second for {seconds:.0f} s: p50 {f.portal.p50:.1f} ms, p95 {f.portal.p95:.1f} ms, "
        f"p99 {f.portal.p99:.1f} ms, longest {f.portal.most:.0f} ms ({f.portal.micros:,.0f} µs CPU each); "
        f"of staff: p95 {f.staff.p95:.1f} ms; login by virtual card, from the button after the PIN to the page at home, "
        f"{len(f.logins)} times: median {statistics.median(f.logins):.0f} ms, p95 {cut:.0f} ms, longest "
        f"{max(f.logins):.0f} ms; with those pages beside it: longest of {len(f.beside)} {max(f.beside):.0f} ms; "
        f"module, desk and readers on the same cores; load before {f.load:.1f}"
    )


if __name__ == "__main__":
    main()
