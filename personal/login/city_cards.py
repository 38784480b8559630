"""Cards of the city (市民カード): issued and ended by staff, with a passcode as second factor. (issue 6; card.md 7)

The code on a card can be copied, so it never logs in alone; whoever has it and guesses is stopped after five tries.
"""

import asyncio
import base64
import hmac
import io
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import segno
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from base import clock
from base.database import Connection
from base.errors import BadRequestData, Conflict, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import handles, logging_in
from personal.operations.actors import Actor, Who
from personal.operations.blinding import blinding
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.logging_in import Login
from personal.operations.logins import resident_of
from personal.operations.tables import Way
from personal.operations.town import Town
from personal.rules import city_card_code
from personal.rules.city_card_code import KID_BYTES, NUMBER_BYTES, Code, Keys
from personal.rules.identifiers import framed
from personal.rules.levels import Level
from personal.rules.residents import IdentifierKind, State
from personal.store import city_cards, identifiers, people, sessions
from personal.store.city_cards import CityCard
from personal.store.identifiers import Means
from personal.vault import signing
from personal.vault.envelope import seal, unseal

METHOD: Final = "city-card"
PATH: Final = "/login/city-card"
TRIES: Final = 5
SIGNING: Final = "city-card-signing"
"""Which key of the municipality signs codes."""
PASSCODE: Final = "city-card-passcode"  # the name of a key
_YEAR: Final = 365 * 86_400 * clock.SECOND
_SALT: Final = 16
_KIND: Final = IdentifierKind.CITY_CARD
_LEAST: Final = 6
_WORDS: Final = {"type": "string", "minLength": _LEAST, "maxLength": 64}
ISSUE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident"],
    "properties": {"resident": handles.SCHEMA, "passcode": _WORDS},
    "additionalProperties": False,
}
SET: Final[dict[str, Any]] = {**ISSUE, "required": ["resident", "passcode"]}
SET_OWN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["passcode"],
    "properties": {"passcode": _WORDS},
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a try: the secret of a login that began, or why none did."""

    secret: str = field(default="", repr=False)
    reason: str = ""
    tries: int = -1


def ways(module: Module, _: Town) -> Iterable[Way]:
    """Name the way to log in with a card of the city, where it issues some."""
    if module.settings.city_cards:
        label = {"ja": "市民カードと合言葉", "en": "City ID card and passcode"}
        yield Way(METHOD, label, PATH, Level.CITY_CARD)


async def issue(call: Call, module: Module) -> Answer:
    """Issue a card to a resident, in place of the one before; its code is shown this once."""
    if not module.settings.city_cards:
        raise ResourceNotFound("This municipality issues no cards of its own.")
    asked = (await handles.handles(call.town, call.actor)).read(call.body["resident"])
    number = secrets.token_bytes(NUMBER_BYTES)
    hash = (await blinding(call.town)).identifier(_KIND, number.hex())
    sealed = await _sealed(call.town, hash, call.body.get("passcode"))
    until = call.now + module.settings.city_card_years * _YEAR
    kid, key = await _signing(call.town)
    code = city_card_code.written(Code(call.town.id, number, until // clock.SECOND), key, kid)

    def work(db: Connection) -> None:
        person = handles.visible(db, asked, call.actor)
        if person.state is State.DEAD:
            raise Conflict("This resident is dead: nothing is linked to them any more.")
        for id in people.family(db, person.id):
            for old in city_cards.living(db, id):
                identifiers.renew(db, _KIND, old, id, call.now)
                city_cards.remove(db, old)
                sessions.end_about(db, person.id)  # also those of whoever has the one that was lost
        city_cards.keep(db, CityCard(hash, until, sealed, TRIES), call.now)
        identifiers.link(db, _KIND, hash, person.id, person.protected, call.now)
        facts = {"by": call.actor.id, "identifier": _KIND, "renewed": False}
        log.append(db, Entry("resident-linked", facts, {"subject": person.id}), call.now)

    await call.town.store.write(work)
    return Answer(201, {"code": code, "until": clock.show(until), "picture": picture(code)})


async def set_passcode(call: Call, _: Module) -> Answer:
    """Give the card of a resident another passcode at the counter, with all its tries."""
    asked = (await handles.handles(call.town, call.actor)).read(call.body["resident"])
    person = call.town.store.read(lambda db: handles.visible(db, asked, call.actor).id)
    return await _set(call, person, call.actor)


async def set_own_passcode(call: Call, _: Module) -> Answer:
    """Give one's own card of the city another passcode."""
    return await _set(call, call.actor.id, call.actor)


async def keys(call: Call, _: Module) -> Answer:
    """Give the public keys that verify codes of cards, for whoever reads them without asking. (RFC 7517)"""
    await _signing(call.town)
    found = [signing.Signer(seed) for _, seed in call.town.keys.versions(SIGNING)]
    told = [{**one.public(), "cose": _kid(one).hex()} for one in found]
    return Answer(body={"keys": told}, media_type="application/jwk-set+json")


async def log_in(
    town: Town, module: Module, text: str, words: str, now: int, *, device: str = "", **more: Any
) -> Tried:
    """Log in whoever shows a card and knows its passcode. more: as logging_in.begin takes it."""
    try:
        code = city_card_code.read(text, town.id, await _verifying(town), now // clock.SECOND)
    except BadRequestData:
        await town.store.write(lambda db: _refused(db, "not-good", now))
        return Tried(reason="not-good")
    hash = (await blinding(town)).identifier(_KIND, code.number.hex())
    card = await town.store.write(lambda db: _take_try(db, hash, now))
    if isinstance(card, str):
        return Tried(reason=card)
    if card.passcode is None or not await _fits(town, hash, card.passcode, words):
        reason = "wrong" if card.tries else "locked"
        await town.store.write(lambda db: _refused(db, reason, now, hash))
        return Tried(reason=reason, tries=card.tries)

    def work(db: Connection) -> str:
        known = city_cards.find(db, hash)
        if known is None or known.passcode != card.passcode:
            raise NotPermitted("The passcode was changed meanwhile: log in again.")
        city_cards.set_tries(db, hash, TRIES)
        person = resident_of(db, _KIND, hash)
        means = Means(_KIND, hash, known.until)
        login = Login(Who.RESIDENT, person, Level.CITY_CARD, METHOD, at=now, device=device, means=means)
        return logging_in.begin(db, login, module.settings, now, **more)

    return Tried(await town.store.write(work))


def picture(code: str) -> str:
    """Draw a code as a QR code, in SVG."""
    drawn = io.BytesIO()
    segno.make(code, error="q", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=True, scale=4, border=4
    )
    return drawn.getvalue().decode()


def _take_try(db: Connection, hash: bytes, now: int) -> CityCard | str:
    """Take one try of a card before its passcode is looked at; says why there is none."""
    card, holder = city_cards.find(db, hash), identifiers.holder(db, _KIND, hash, cleared=True)
    if card is None or holder is None or card.until <= now:
        _refused(db, "not-good", now)
        return "not-good"
    if card.passcode is None:
        return "no-passcode"
    if card.tries == 0:
        _refused(db, "locked", now, hash)
        return "locked"
    city_cards.set_tries(db, hash, card.tries - 1)
    return CityCard(card.hash, card.until, card.passcode, card.tries - 1)


def _refused(db: Connection, reason: str, now: int, hash: bytes = b"") -> None:
    holder = identifiers.holder(db, _KIND, hash, cleared=True) if hash else None
    subject = {} if holder is None else {"subject": holder}
    log.append(db, Entry("login-refused", {"method": METHOD, "reason": reason}, subject), now)


async def _set(call: Call, person: str, by: Actor) -> Answer:
    def own(db: Connection) -> list[bytes]:
        return [hash for id in people.family(db, person) for hash in city_cards.living(db, id)]

    held = call.town.store.read(own)
    if not held:
        raise ResourceNotFound("There is no card of the city for this resident.")
    sealed = await _sealed(call.town, held[0], call.body["passcode"])

    def work(db: Connection) -> None:
        if held[0] not in own(db):
            raise ResourceNotFound("There is no card of the city for this resident.")
        city_cards.set_passcode(db, held[0], sealed or b"", TRIES)
        if by.who is Who.RESIDENT:
            sessions.end_others(db, by.who, by.id, by.session)
        else:
            sessions.end_about(db, person)
        facts = {"by": by.id if by.who is Who.STAFF else "resident"}
        log.append(db, Entry("city-card-passcode", facts, {"subject": person}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def _sealed(town: Town, hash: bytes, words: str | None) -> bytes | None:
    """Hash a passcode and seal that."""
    if words is None:
        return None
    plain = _plain(words)
    if len(plain) < _LEAST or _easy(plain):
        raise BadRequestData("This passcode is too easy to guess: take at least six signs, not in a row.")
    salt = secrets.token_bytes(_SALT)
    derived = await asyncio.to_thread(_derived, plain, salt)
    return seal(await town.keys.named(PASSCODE), salt + derived, _bound(hash))


async def _fits(town: Town, hash: bytes, sealed: bytes, words: str) -> bool:
    kept = unseal(await town.keys.named(PASSCODE), sealed, _bound(hash))
    derived = await asyncio.to_thread(_derived, _plain(words[:200]), kept[:_SALT])
    return hmac.compare_digest(derived, kept[_SALT:])


def _derived(words: str, salt: bytes) -> bytes:
    """Derive 32 bytes from a passcode, slowly. (RFC 7914)"""
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(words.encode())


def _plain(words: str) -> str:
    return unicodedata.normalize("NFKC", words).strip()


def _easy(words: str) -> bool:
    """Say whether a passcode is one sign again and again, or signs in a row."""
    steps = {ord(after) - ord(before) for before, after in pairwise(words)}
    return len(steps) == 1 and steps <= {-1, 0, 1}


def _bound(hash: bytes) -> bytes:
    return framed("city-card", hash.hex())


async def _signing(town: Town) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    seed = await town.keys.named(SIGNING)
    return _kid(signing.Signer(seed)), signing.private_key(seed)


async def _verifying(town: Town) -> Keys:
    await town.keys.named(SIGNING)
    seeds: Sequence[bytes] = [seed for _, seed in town.keys.versions(SIGNING)]
    return {_kid(signing.Signer(seed)): signing.private_key(seed).public_key() for seed in seeds}


def _kid(signer: signing.Signer) -> bytes:
    """Name a key in few bytes: the beginning of its thumbprint. (RFC 7638)"""
    text = signer.kid
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))[:KID_BYTES]
