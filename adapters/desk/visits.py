"""Somebody stands at the desk: what is to be signed, the card signs it, the module hears of it, the browser goes back.

A visit lives in memory only. The PIN is passed through to the card and overwritten; a signature that could not be
delivered is kept for as long as the transaction lives, so that nobody has to begin anew when the network fails.
"""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from adapters.desk import documents
from adapters.desk.attention import Attention
from adapters.desk.cards import card
from adapters.desk.cards.apdu import Unreadable
from adapters.desk.cards.card import Card, CityCard, Foreign, FourItems, LastTry, Locked, WrongPin
from adapters.desk.cards.channel import Channel, Fault, NoReader, NoService, Torn
from adapters.desk.settings import DeskSettings
from adapters.sdk.client import Client, Refused
from base import clock
from base.errors import InvalidRequest, NotPermitted

DONE_PATH: Final = "/login/card/done"
MOST_DIGITS: Final = 14
_MOST: Final = 50
_LONGEST: Final = 900.0
_ABSENT: Final = 60.0


class Over(Exception):
    """There is no such visit, or its time is over: it begins anew in the browser."""


class OtherCard(Fault):
    """Another card was put down in the middle of the work, so the PIN was not tried on it."""


class FourRefused(Exception):
    """The four items could not be read; the login could go on without them."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault


@dataclass(slots=True)
class Visit:
    """One transaction at this desk.

    typed: digits of the PIN pad; answer: what the card gave, until it is delivered; turn: how often it was tried, so
    that a button pressed twice tries once; wrong: what the page said after the last time.
    """

    id: str
    browser: bytes = field(repr=False)
    transaction: str = field(repr=False)
    back: str = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    says: Mapping[str, str]
    contactless: bool
    basics: bool
    until: float
    failed: str = ""
    tries: int | None = None
    turn: int = 0
    wrong: str = ""
    used: float = field(default_factory=monotonic)
    typed: bytearray = field(default_factory=bytearray, repr=False)
    answer: dict[str, Any] | None = field(default=None, repr=False)
    doing: asyncio.Future[str] | None = field(default=None, repr=False)

    def left(self) -> int:
        """Say for how many seconds it goes on."""
        return max(0, int(self.until - monotonic()))

    def forget_typed(self) -> None:
        """Overwrite what the PIN pad has taken."""
        self.typed[:] = bytes(len(self.typed))
        self.typed.clear()


_FAILED: Final = {
    WrongPin: "pin-wrong",
    LastTry: "pin-locked",
    Locked: "pin-locked",
    Foreign: "foreign-card",
    CityCard: "foreign-card",
    Unreadable: "foreign-card",
    Torn: "torn",
    NoReader: "no-reader",
    NoService: "no-reader",
}
"""What the module is told if a visit ends after such a fault."""


class Visits:
    """The visits that go on at this desk."""

    def __init__(self, settings: DeskSettings, client: Client, attention: Attention) -> None:
        self._settings = settings
        self._client = client
        self._attention = attention
        self._open: dict[str, Visit] = {}

    def going_on(self) -> bool:
        """Say whether somebody stands at the desk to sign; who went away without a word does not for long."""
        self._forget()
        return any(one.used > monotonic() - _ABSENT for one in self._open.values())

    async def begin(self, transaction: str, back: str, browser: bytes) -> Visit:
        """Take a transaction from the module for the browser that was sent here with it."""
        self._forget()
        back = self.checked_back(back)
        if not 20 <= len(transaction) <= 100 or not transaction.isascii() or not transaction.isprintable():
            raise InvalidRequest("This is no transaction.")
        found = await self._client.ask("POST", "/card/transactions/claim", {"transaction": transaction})
        documents.rows(found["document"], self._client.url, "ja")
        left = clock.parse(found["expires"]) / clock.SECOND - self._client.now()
        visit = Visit(
            secrets.token_urlsafe(16),
            browser,
            transaction,
            back,
            found["document"],
            found["says"],
            found["wants"] == "contactless",
            bool(found["basics"]),
            monotonic() + min(left, _LONGEST),
        )
        while len(self._open) >= _MOST:
            self._end(next(iter(self._open.values())))
        self._open[visit.id] = visit
        return visit

    def checked_back(self, back: str) -> str:
        """Give the address to go back to; NotPermitted unless it is the module's own."""
        found, own = urlsplit(back or self._client.url + DONE_PATH), urlsplit(self._client.url)
        if (found.scheme, found.netloc, found.path) != (own.scheme, own.netloc, DONE_PATH):
            raise NotPermitted("The desk sends browsers back to its own municipality only.")
        return f"{self._client.url}{DONE_PATH}?{urlencode(parse_qsl(found.query))}"

    def find(self, id: str, browser: bytes) -> Visit:
        """Give a visit to the browser whose it is; Over if there is none."""
        self._forget()
        found = self._open.get(id)
        if found is None or not secrets.compare_digest(found.browser, browser):
            raise Over
        found.used = monotonic()
        return found

    async def prove(self, visit: Visit, pin: bytearray, four: bytearray) -> str:
        """Have the card sign, deliver what it gave; give the address at which the browser goes on.

        A Fault, FourRefused or Unreachable leaves the visit as it was, to be tried again. A button that is pressed
        twice tries the PIN once. What is given is overwritten.
        """
        if visit.doing is not None:
            _overwrite(pin, four)
            return await asyncio.shield(visit.doing)
        visit.doing = asyncio.ensure_future(self._prove(visit, pin, four))
        try:
            return await asyncio.shield(visit.doing)
        finally:
            visit.doing = None

    async def _prove(self, visit: Visit, pin: bytearray, four: bytearray) -> str:
        try:
            if visit.answer is None:
                visit.answer = await self._answer(visit, pin, four)
        except Fault as fault:
            visit.failed = next((code for kind, code in _FAILED.items() if isinstance(fault, kind)), "")
            visit.tries = _tries(fault)
            raise
        finally:
            visit.turn += 1
            _overwrite(pin, four)
            visit.forget_typed()
        return await self._deliver(visit, visit.answer)

    async def cancel(self, visit: Visit) -> str:
        """Tell the module that no card signs, and why; give the address at which the browser goes on."""
        told: dict[str, Any] = {"failed": visit.failed or "cancelled"}
        if visit.tries is not None:
            told["tries"] = visit.tries
        return await self._deliver(visit, told)

    async def _answer(self, visit: Visit, pin: bytearray, four: bytearray) -> dict[str, Any]:
        signed = None if visit.contactless else documents.digest(visit.document)
        first: set[bytes] = set()

        def work(line: Channel) -> dict[str, Any]:
            known = card.known(line)
            first.add(known.certificate)
            if len(first) > 1:
                raise OtherCard
            return _asked(known, signed, pin, four if visit.basics else bytearray())

        return await self._attention.do(work, self._settings.card_seconds, self._settings.torn_seconds)

    async def _deliver(self, visit: Visit, answer: dict[str, Any]) -> str:
        body = {"transaction": visit.transaction, **answer}
        try:
            found = await self._client.ask("POST", "/card/transactions/answer", body)
        except Refused as refused:
            if refused.lasting:
                self._end(visit)
                raise Over from None
            raise
        self._end(visit)
        more = {"transaction": visit.transaction, "code": str(found.get("code", ""))}
        return f"{visit.back}{'' if visit.back.endswith('?') else '&'}{urlencode(more)}"

    def _forget(self) -> None:
        for visit in [one for one in self._open.values() if one.until < monotonic()]:
            self._end(visit)

    def _end(self, visit: Visit) -> None:
        visit.forget_typed()
        visit.answer = None
        self._open.pop(visit.id, None)


def _asked(known: Card, signed: bytes | None, pin: bytearray, four: bytearray) -> dict[str, Any]:
    """Ask a card for what the module wants; begun anew with the same card it asks the same."""
    found: dict[str, Any] = {"certificate": _text(known.certificate), "token": known.profile.token}
    if signed is None:
        return found
    if four:
        try:
            found["basics"] = _shown(card.four_items(known, four))
        except (WrongPin, LastTry, Locked, Foreign, Unreadable) as fault:
            raise FourRefused(fault) from None
        known = card.known(known.channel)
    card.verify(known, pin)
    found["signature"] = _text(card.sign(known, signed))
    return found


def _overwrite(*secrets: bytearray) -> None:
    for secret in secrets:
        secret[:] = bytes(len(secret))


def _tries(fault: Fault) -> int | None:
    if isinstance(fault, WrongPin):
        return fault.left
    return {LastTry: 1, Locked: 0}.get(type(fault))


def _shown(four: FourItems) -> dict[str, str]:
    return {"name": four.name, "address": four.address, "birthDate": four.birth_date, "sex": four.sex}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
