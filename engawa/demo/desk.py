"""The demonstration's card terminal: made-up cards of the made-up residents on an emulated reader."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from cryptography import x509

from adapters.desk.emulator import authority, cards
from adapters.desk.emulator.cards import Made
from adapters.desk.settings import DeskSettings
from adapters.sdk import device
from base.admin import ask
from engawa.demo.talk import Talk
from engawa.supervisor import Part
from personal.rules.evidence import card_of
from personal.settings import PersonalSettings

FILE: Final = Path(__file__).parent / "residents.json"
ID: Final = "demo"
_PORT: Final = DeskSettings().port
_LINKED: Final = ("hanako", "iphone", "taro", "midori", "next", "revoked", "expired", "locked")
"""The cards that the made-up residents have shown before."""


@dataclass(frozen=True, slots=True)
class DemoDesk:
    """The desk as `engawa up --demo` starts it."""

    data: Path
    module: str
    port: int

    @property
    def url(self) -> str:
        """Say where its page is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cards(self) -> Path:
        """Say where the made-up cards are."""
        return self.data.parent / "demo" / "cards"

    @property
    def own(self) -> Path:
        """Say where the desk keeps its own things."""
        return self.data.parent / "desk"

    @property
    def part(self) -> Part:
        """Say how it is started."""
        arguments = ["desk", "run", "--id", ID, "--url", self.module, "--port", str(self.port)]
        arguments += ["--data", str(self.own), "--made-up-cards", str(self.cards), "--kiosk", "--check-in"]
        return Part("desk", tuple(arguments), self.url + "/health/ready")

    @property
    def module_arguments(self) -> list[str]:
        """Say what the module has to know: whom it trusts for cards, where the desk is."""
        return [
            "--card-authorities",
            str(self.cards / authority.AUTHORITY),
            "--card-revocations",
            str(self.cards / authority.REVOKED),
            "--desk-url",
            self.url,
        ]

    async def settle(self) -> None:
        """Enter the desk in the module, and link the cards that residents have shown before."""
        key = device.opened(self.own).public
        known = {row["id"]: row["kid"] for row in await ask(self.data, "desks.list")}
        if ID in known and known[ID] != [key["kid"]]:
            await ask(self.data, "desks.remove", id=ID)
            del known[ID]
        if ID not in known:
            about: dict[str, Any] = {"id": ID, "name": "見本の端末", "place": "見本", "service": "shelter"}
            await ask(self.data, "desks.add", **about, keys={"keys": [key]})
        issued, done = cards.present(self.cards), self.data / "made-up-cards-linked"
        linked = await asyncio.to_thread(_read, done)
        new = [one for one in issued if one.blueprint.id in _LINKED and _mark(one) not in linked]
        if new:
            await _link(self.module, new)
            await asyncio.to_thread(_write, done, linked | {_mark(one) for one in new})


def people() -> Mapping[str, Mapping[str, str]]:
    """Give what is printed on the made-up residents' cards, by their logins."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return {one["login"]: one["items"]["basic-four"] for one in content["residents"]}


def prepare_desk(module: PersonalSettings, url: str, offset: int) -> DemoDesk | None:
    """Issue the made-up cards; None where the settings name other authorities of cards."""
    if module.card_authorities is not None:
        return None
    desk = DemoDesk(module.data, url, _PORT + offset)
    cards.issue(desk.cards, people(), cards.now())
    return desk


async def _link(url: str, issued: Iterable[Made]) -> None:
    """Link cards to whose they are, as staff at the counter do."""
    printed = people()
    async with aiohttp.ClientSession(base_url=url) as session:
        talk = Talk(session)
        for one in issued:
            basics = printed[one.blueprint.person]
            asked = {"nameKana": basics["nameKana"], "birthDate": basics["birthDate"]}
            found = (await talk.staff("counter", "POST", "/residents/search", asked))["residents"]
            issuer, serial = card_of(x509.load_der_x509_certificate(one.certificate))
            body = {"resident": found[0]["resident"], "card": {"issuer": issuer, "serial": serial}}
            await talk.staff("counter", "POST", "/residents/identifiers", body)


def _mark(one: Made) -> str:
    """Give what a card is told by from one that was issued in another folder."""
    return hashlib.sha256(one.certificate).hexdigest()


def _read(path: Path) -> set[str]:
    return set(path.read_text(encoding="ascii").split()) if path.exists() else set()


def _write(path: Path, marks: set[str]) -> None:
    path.write_text("\n".join(sorted(marks)), encoding="ascii")
