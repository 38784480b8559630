"""Logging in through マイキープラットフォーム: without PIN as かざし, with PIN as a card. (personal-data.md 2.5)"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import AlreadyExists, Conflict, NotPermitted, Unauthorized
from personal.audit import log
from personal.audit.log import Entry
from personal.login import first_registration
from personal.operations import handles, logging_in
from personal.operations.actors import Who
from personal.operations.blinding import blinding
from personal.operations.call import Module
from personal.operations.card_validity import fault_of
from personal.operations.logging_in import Login
from personal.operations.logins import resident_of
from personal.operations.tables import Way
from personal.operations.town import Town
from personal.rules.levels import Level
from personal.rules.mykey import MyKey, Shown
from personal.rules.residents import IdentifierKind
from personal.store import attempts, desks, identifiers, people, sessions
from personal.store.attempts import Attempt
from personal.store.identifiers import Means

KIND: Final = "mykey"
METHOD: Final = "mykey"
PATH: Final = "/login/mykey"
PIN_PATH: Final = "/login/mykey/pin"
LINK_PATH: Final = "/login/mykey/link"
DONE_PATH: Final = "/login/mykey/done"
LIFE: Final = 5 * 60 * clock.SECOND
LONGEST_CODE: Final = 500
_KIND: Final = IdentifierKind.MYKEY


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser wants: with or without PIN, where it goes on, on which desk it stands, whom to link (or none)."""

    pin: bool
    next: str
    device: str = ""
    person: str = field(default="", repr=False)
    session: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Back:
    """What a browser comes back with from the platform: the attempt, and the code for what came of it."""

    attempt: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it: a login, an attempt to register, a link, or why nothing did."""

    next: str
    secret: str = field(default="", repr=False)
    attempt: str = field(default="", repr=False)
    reason: str = ""
    linked: bool = False


def ways(module: Module, _: Town) -> Iterable[Way]:
    """Name the ways to log in through the platform, where it is set up."""
    if module.mykey is None:
        return
    label = {
        "ja": "マイキープラットフォームでかざす（暗証番号なし）",
        "en": "Hold up your card (MyKey platform, no PIN)",
    }
    yield Way(METHOD, label, PATH, Level.CONTACTLESS, terminal=True)
    if module.settings.mykey_pin:
        label = {"ja": "マイキープラットフォーム（暗証番号）", "en": "MyKey platform with PIN"}
        yield Way("mykey-pin", label, PIN_PATH, Level.CARD)


async def begin(town: Town, module: Module, platform: MyKey, wish: Wish, binding: bytes, now: int) -> str:
    """Have the platform read a card; give the address of its screen."""
    key, until = await town.keys.named(attempts.KEY), now + LIFE
    body = {name: getattr(wish, name) for name in ("pin", "next", "device", "person", "session")}
    attempt = Attempt(KIND, binding, {**body, "name": ""}, until)
    id = await town.store.write(lambda db: attempts.keep(db, key, attempt, now))
    asked = await platform.begin(module.address() + DONE_PATH, id, pin=wish.pin)
    told = {**body, "name": asked.name}
    await town.store.write(lambda db: attempts.change(db, key, id, KIND, told))
    return asked.screen


async def town_of(towns: Iterable[Town], id: str, binding: bytes, now: int) -> Town | None:
    """Find the municipality of an attempt of this browser; None if there is none (any more).

    An attempt that comes back in another browser is over: somebody was lured to the platform's screen with it, and
    who began it would be logged in by their card.
    """
    for town in towns:
        key = await town.keys.named(attempts.KEY)
        if town.store.read(partial(_body, key=key, id=id, binding=binding, now=now)) is not None:
            return town
        if town.store.read(partial(_body, key=key, id=id, binding=None, now=now)) is not None:
            await town.store.write(partial(_forgotten, key=key, id=id, now=now))
            return None
    return None


async def come_back(
    town: Town, module: Module, platform: MyKey, back: Back, binding: bytes, now: int, **more: Any
) -> Came | None:
    """Take what the platform says; None if there is no such attempt. more: as logging_in.begin takes it.

    Without the code that the browser of the card comes back with there is nothing to ask for, and the attempt is over.
    """
    key = await town.keys.named(attempts.KEY)
    body = await town.store.write(lambda db: attempts.take(db, key, back.attempt, KIND, binding, now))
    if body is None or not body["name"]:
        return None
    wish = Wish(*(body[name] for name in ("pin", "next", "device", "person", "session")))
    coded = 0 < len(back.code) <= LONGEST_CODE and back.code.isascii() and back.code.isprintable()
    shown = await platform.outcome(body["name"], back.code) if coded else None
    if shown is None:
        return Came(wish.next, reason="cancelled")
    fault = fault_of(shown.validity)
    if fault is not None or (wish.pin and not shown.pin):
        reason = str(fault or "unproven")
        await town.store.write(lambda db: _refused(db, reason, now))
        return Came(wish.next, reason=reason)
    hash = (await blinding(town)).identifier(_KIND, shown.ppid)
    if wish.person:
        return await _linked(town, wish, hash, more.get("replaces", b""), now)

    def work(db: Connection) -> Came | None:
        if wish.device and desks.find(db, wish.device) is None:
            return None
        return _entered(db, module, key, wish, shown, hash, binding, now, more)

    return await town.store.write(work)


def _entered(
    db: Connection,
    module: Module,
    key: bytes,
    wish: Wish,
    shown: Shown,
    hash: bytes,
    binding: bytes,
    now: int,
    more: dict[str, Any],
) -> Came:
    level = Level.CARD if wish.pin and shown.pin else Level.CONTACTLESS
    if identifiers.holder(db, _KIND, hash, cleared=True) is None:
        if identifiers.was_known(db, _KIND, hash):
            _refused(db, "ended", now)
            return Came(wish.next, reason="ended")
        if level is not Level.CARD:
            _refused(db, "not-linked", now)
            return Came(wish.next, reason="not-linked")
        attempt = first_registration.keep(db, key, Means(_KIND, hash), METHOD, wish.next, {}, binding, now)
        return Came(wish.next, attempt=attempt)
    person, means = resident_of(db, _KIND, hash), Means(_KIND, hash)
    login = Login(Who.RESIDENT, person, level, METHOD, at=now, device=wish.device, means=means)
    return Came(wish.next, secret=logging_in.begin(db, login, module.settings, now, **more))


async def _linked(town: Town, wish: Wish, hash: bytes, session: bytes, now: int) -> Came:
    """Link the card that was shown to whoever was logged in surely when this began, and is in that login still."""

    def work(db: Connection) -> None:
        if session.hex() != wish.session or sessions.by_hash(db, session, now) is None:
            raise Unauthorized("Log in first.")
        person = people.current(db, wish.person)
        if person is None:
            raise handles.not_found()
        if identifiers.holder(db, _KIND, hash, cleared=True) is not None:
            raise AlreadyExists("This card or login is somebody's already: go to the counter.")
        if identifiers.was_known(db, _KIND, hash):
            raise Conflict("This card or login was ended here: go to the counter.")
        identifiers.link(db, _KIND, hash, person.id, person.protected, now)
        sessions.end_others(db, Who.RESIDENT, person.id, session)
        facts = {"by": "resident", "identifier": _KIND, "renewed": False}
        log.append(db, Entry("resident-linked", facts, {"subject": person.id}), now)

    await town.store.write(work)
    return Came(wish.next, linked=True)


def check_link(level: Level) -> None:
    """Refuse to link a card for who is not logged in surely."""
    if level < Level.CARD:
        raise NotPermitted("This needs a login with the card and its PIN.", needs="card-pin")


def _refused(db: Connection, reason: str, now: int) -> None:
    log.append(db, Entry("login-refused", {"method": METHOD, "reason": reason}), now)


def _body(db: Connection, key: bytes, id: str, binding: bytes | None, now: int) -> dict[str, Any] | None:
    return attempts.peek(db, key, id, KIND, binding, now)


def _forgotten(db: Connection, key: bytes, id: str, now: int) -> None:
    attempts.take(db, key, id, KIND, None, now)
