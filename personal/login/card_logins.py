"""What the browser does with cards: begin a transaction, come back from the desk, be logged in. (card.md 6.3)"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from base.database import Connection
from base.errors import BadRequestData, NotPermitted
from personal.audit import log
from personal.audit.log import Entry
from personal.login import cards, first_registration, proofs
from personal.login.cards import State, Transaction, Wants
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.call import Module
from personal.operations.logging_in import Login
from personal.operations.logins import resident_of
from personal.operations.tables import Way
from personal.operations.town import Town
from personal.rules import decisions
from personal.rules.levels import Level
from personal.rules.residents import IdentifierKind
from personal.store import attempts, desks, identifiers, items, services
from personal.store.identifiers import Means

CARD: Final = "card"
CONTACTLESS: Final = "contactless"
CARD_PATH: Final = "/login/card"
CONTACTLESS_PATH: Final = "/login/contactless"
DONE_PATH: Final = "/login/card/done"
_SAYS_LOGIN: Final = {"ja": "{}のサービスにログインします。", "en": "Log in to the services of {}."}
_SAYS_LINK: Final = {
    "ja": "このカードを、{}でのあなたの登録に結びつけます。",
    "en": "Link this card to your entry at {}.",
}
_AGREE: Final = {
    "ja": "「{0}」が次の情報を使うことに同意します：{1}。",
    "en": "Agree that “{0}” uses: {1}.",
}
_REFUSE: Final = {
    "ja": "「{0}」が次の情報を使うことを断ります：{1}。",
    "en": "Refuse that “{0}” uses: {1}.",
}
_SAYS_SHOWN: Final = {
    "ja": "{}の受付に、カードをかざします（暗証番号は要りません）。",
    "en": "Show your card to {} (no PIN is needed).",
}


@dataclass(frozen=True, slots=True)
class Began:
    """With what a browser begins: which browser, where it goes on to, on which desk it stands, whose login it has."""

    binding: bytes = field(repr=False)
    next: str
    kiosk: str = ""
    session: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it: the transaction, the secret of a login that began, or the attempt to register."""

    found: Transaction
    secret: str = field(default="", repr=False)
    attempt: str = field(default="", repr=False)


def ways(module: Module, _: Town) -> Iterable[Way]:
    """Name the ways to log in with a card, where its authorities are configured, and who says whether it is valid."""
    if not module.anchors.cards or module.validity is None:
        return
    yield Way(
        CARD,
        {"ja": "マイナンバーカードと暗証番号", "en": "My Number Card and PIN"},
        CARD_PATH,
        Level.CARD,
        proves=True,
    )
    yield Way(
        CONTACTLESS,
        {"ja": "マイナンバーカードをかざす（暗証番号なし）", "en": "Hold up your My Number Card (no PIN)"},
        CONTACTLESS_PATH,
        Level.CONTACTLESS,
        terminal=True,
    )


async def begin(town: Town, module: Module, began: Began, wants: Wants, now: int) -> str:
    """Begin a login with a card; give the name of the transaction."""
    if wants is Wants.CONTACTLESS and not began.kiosk:
        raise NotPermitted("A card is held up at a desk or terminal of the municipality only.")
    until = now + cards.LIFE
    purpose = "identify" if wants is Wants.CONTACTLESS else "login"
    document = cards.login_document(town.id, purpose, module.address(), until)
    says = _SAYS_SHOWN if wants is Wants.CONTACTLESS else _SAYS_LOGIN
    wanted = Transaction(
        document, _put(says, town.name), wants, now, until, began.next, began.kiosk, began.kiosk
    )
    key = await town.keys.named(attempts.KEY)
    return await town.store.write(lambda db: cards.begin(db, key, wanted, began.binding, now))


async def begin_proof(town: Town, prepared: str, digest: str, began: Began, now: int) -> str:
    """Let a card sign what was prepared for this login; give the name of the transaction."""
    document, to = proofs.opened(town, prepared)
    if digest != decisions.shown(decisions.digest(document)):
        raise BadRequestData("What is to be signed is not what was prepared: prepare it again.")
    key, at = await town.keys.named(attempts.KEY), decisions.prepared_at(document)
    until = at + decisions.LIFE

    def work(db: Connection) -> str:
        wanted = Transaction(
            document,
            _put(_SAYS_LINK, town.name) if to == proofs.LINKING else _said(db, document),
            Wants.PIN,
            at,
            until,
            began.next,
            began.kiosk,
            began.kiosk,
            to=to,
            prepared=prepared,
            session=began.session.hex(),
        )
        return cards.begin(db, key, wanted, began.binding, now)

    return await town.store.write(work)


async def town_of(towns: Iterable[Town], name: str, now: int) -> Town | None:
    """Find the municipality of a transaction; None if there is none (any more)."""
    for town in towns:
        key = await town.keys.named(attempts.KEY)
        if town.store.read(partial(_there, key=key, name=name, now=now)):
            return town
    return None


def _there(db: Connection, key: bytes, name: str, now: int) -> bool:
    return attempts.peek(db, key, name, cards.KIND, None, now) is not None


async def come_back(
    town: Town, module: Module, name: str, code: str, binding: bytes, now: int, **more: Any
) -> Came | None:
    """Finish a transaction in its browser, in one step with the login that begins; None if there is none.

    more: as logging_in.begin takes it.
    """
    key = await town.keys.named(attempts.KEY)

    def work(db: Connection) -> Came | None:
        found = cards.take(db, key, name, code, binding, now)
        if found is None or found.prepared or found.state == State.REFUSED:
            return None if found is None else Came(found)
        desk = found.kiosk
        if desk and desks.find(db, desk) is None:
            return None
        if found.state == State.REGISTER:
            attempt = first_registration.keep(
                db, key, _means(found), CARD, found.next, found.basics, binding, now
            )
            return Came(found, attempt=attempt)
        level = Level.CONTACTLESS if found.wants == Wants.CONTACTLESS else Level.CARD
        method = CONTACTLESS if level is Level.CONTACTLESS else CARD
        person = _resident(db, found, now)
        login = Login(Who.RESIDENT, person, level, method, at=now, device=desk, means=_means(found))
        return Came(found, secret=logging_in.begin(db, login, module.settings, now, **more))

    return await town.store.write(work)


def _means(found: Transaction) -> Means:
    return Means(IdentifierKind.CARD, bytes.fromhex(found.card), found.good or None, found.token)


def _resident(db: Connection, found: Transaction, now: int) -> str:
    """Find whose card it is; a card that took the place of a linked one is linked in its stead."""
    hash = bytes.fromhex(found.card)
    ended = identifiers.was_known(db, IdentifierKind.CARD, hash)  # also since the desk asked
    if not ended and identifiers.holder(db, IdentifierKind.CARD, hash, cleared=True) is None:
        for former in found.former.split():
            old = identifiers.holder(db, IdentifierKind.CARD, bytes.fromhex(former), cleared=True)
            if old is not None:
                renew(db, old, bytes.fromhex(former), hash, now)
                break
    return resident_of(db, IdentifierKind.CARD, hash)


def renew(db: Connection, holder: str, old: bytes, new: bytes, now: int) -> None:
    """Let a card take the place of an older one of the same resident."""
    person = resident_of(db, IdentifierKind.CARD, old)
    guarded = identifiers.guarded(db, IdentifierKind.CARD, old)
    identifiers.renew(db, IdentifierKind.CARD, old, holder, now)
    identifiers.link(db, IdentifierKind.CARD, new, person, guarded, now)
    facts = {"by": "card", "identifier": IdentifierKind.CARD, "renewed": True}
    log.append(db, Entry("resident-linked", facts, {"subject": person}), now)


def _said(db: Connection, document: Mapping[str, Any]) -> dict[str, str]:
    """Say in a sentence what a card signs: for which service which items."""
    service = services.find(db, document["service"])
    names = dict.fromkeys(_AGREE, document["service"]) if service is None else service.description["name"]
    labels = {code: one.label for code, one in items.listed(db).items()}

    def told(language: str) -> str:
        parts = []
        for words, codes in ((_AGREE, document["agree"]), (_REFUSE, document["refuse"])):
            if codes:
                named = [labels[one][language] if one in labels else one for one in codes]
                joined = ("、" if language == "ja" else ", ").join(named)
                parts.append(words[language].format(names[language], joined))
        return " ".join(parts)

    return {language: told(language) for language in _AGREE}


def _put(words: Mapping[str, str], name: str) -> dict[str, str]:
    return {language: text.format(name) for language, text in words.items()}
