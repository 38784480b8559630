"""Registering oneself: somebody who proved to be somebody, but whom nobody knows here yet. (issue 6; card.md 6.4)

What proved it is a card and its PIN (kept as a keyed hash) or a login at a provider; it waits, sealed, for the page.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from base import clock, forms
from base.database import Connection
from base.errors import BadRequestData
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.blinding import Blinding, blinding
from personal.operations.call import Module
from personal.operations.logging_in import Login
from personal.operations.registering import Newcomer, enter_self
from personal.operations.residents import SEARCHED
from personal.operations.town import Town
from personal.rules.levels import Level
from personal.rules.residents import IdentifierKind
from personal.store import attempts, identifiers
from personal.store.attempts import Attempt
from personal.store.identifiers import Means
from personal.store.sessions import Outside

KIND: Final = "register"
LIFE: Final = 10 * 60 * clock.SECOND
PARTS: Final = ("name", "address", "birthDate", "sex")
_SEXES: Final = {"1": "male", "2": "female", "9": "not-stated"}
_KATAKANA: Final = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_TYPED: Final = forms.validator(
    {
        "type": "object",
        "required": ["nameKana", "birthDate"],
        "properties": {name: SEARCHED[name] for name in ("nameKana", "birthDate")},
    }
)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody unknown: the kind and keyed hash of what proved it, how surely, when (µs), where they go on to.

    basics: what the card or provider tells of them; good, medium: until when it is good (µs), and on what it is.
    """

    kind: IdentifierKind
    hash: bytes = field(repr=False)
    level: Level
    method: str
    next: str
    at: int
    basics: Mapping[str, str] = field(default_factory=dict, repr=False)
    outside: Outside | None = field(default=None, repr=False)
    good: int | None = None
    medium: str = ""

    @property
    def means(self) -> Means:
        """Give with what they log in."""
        return Means(self.kind, self.hash, self.good, self.medium)


def keep(
    db: Connection,
    key: bytes,
    means: Means,
    method: str,
    next: str,
    basics: Mapping[str, str],
    binding: bytes,
    now: int,
) -> str:
    """Keep who proved who they are surely, by something that stands for nobody; gives the attempt for the page."""
    known = {"kind": means.kind, "hash": means.hash.hex(), "good": means.until, "medium": means.medium}
    told = {"method": method, "level": int(Level.CARD), "at": now}
    body = {**known, **told, "basics": dict(basics), "next": next}
    return attempts.keep(db, key, Attempt(KIND, binding, body, now + LIFE), now)


async def applicant_of(town: Town, id: str, binding: bytes, now: int) -> Applicant | None:
    """Look at who wants to register; None if that is over, another browser's or another town's."""
    key = await town.keys.named(attempts.KEY)
    found = town.store.read(lambda db: attempts.peek(db, key, id, KIND, binding, now))
    if found is None:
        return None
    outside = None
    if "hash" in found:
        kind, hash = IdentifierKind(found["kind"]), bytes.fromhex(found["hash"])
    else:
        kind = IdentifierKind.LOGIN
        hash = (await blinding(town)).identifier(kind, found["login"])
        outside = await logging_in.outside(town, found["issuer"], found["sid"], found["subject"])
    return Applicant(
        kind,
        hash,
        Level(found["level"]),
        found["method"],
        found["next"],
        found["at"],
        found["basics"],
        outside,
        found.get("good"),
        found.get("medium", ""),
    )


async def register(
    town: Town,
    module: Module,
    id: str,
    applicant: Applicant,
    typed: Mapping[str, str],
    binding: bytes,
    now: int,
    *,
    device: str = "",
    **more: Any,
) -> str | None:
    """Enter somebody who proved to be somebody and log them in; give the secret of the login, None if it is over.

    AlreadyExists if what proved it stands for somebody by now. typed: nameKana, birthDate; more: as
    logging_in.begin takes it.
    """
    terms = terms_of(await blinding(town), typed)
    key = await town.keys.named(attempts.KEY)

    def work(db: Connection) -> str | None:
        if attempts.take(db, key, id, KIND, binding, now) is None or ended(db, applicant):
            return None
        who = Newcomer(((applicant.kind, applicant.hash),), terms)
        person = enter_self(db, who, now, module.reactions)
        login = Login(
            Who.RESIDENT,
            person,
            applicant.level,
            applicant.method,
            at=applicant.at,
            device=device,
            outside=applicant.outside,
            means=applicant.means,
        )
        return logging_in.begin(db, login, module.settings, now, **more)

    return await town.store.write(work)


def ended(db: Connection, applicant: Applicant) -> bool:
    """Say whether what proved it stood for somebody once: then the counter decides, not who has it now."""
    return identifiers.was_known(db, applicant.kind, applicant.hash)


def known(db: Connection, applicant: Applicant) -> bool:
    """Say whether what proved it stands for somebody already."""
    return identifiers.holder(db, applicant.kind, applicant.hash, cleared=True) is not None


def terms_of(blind: Blinding, typed: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Hash the terms by which staff will find them; BadRequestData if one cannot be."""
    fault = forms.fault(_TYPED, dict(typed))
    if fault is not None:
        raise BadRequestData(fault)
    return tuple(blind.terms((typed["nameKana"],), typed["birthDate"]))


def katakana(reading: str) -> str:
    """Write a reading in full-width katakana, as the item basic-four has it."""
    return unicodedata.normalize("NFKC", reading).translate(_KATAKANA)


def told(applicant: Applicant) -> dict[str, str]:
    """Give what a card or provider tells of who registers, as the item basic-four has it."""
    return told_of(applicant.basics)


def told_of(given: Mapping[str, str]) -> dict[str, str]:
    """Give what a card or provider tells as the item basic-four has it; what cannot be read is left out."""
    basics = {name: text.strip() for name, text in given.items() if text.strip()}
    birth = basics.get("birthDate", "")
    if len(birth) == 8 and birth.isdigit():
        basics["birthDate"] = f"{birth[:4]}-{birth[4:6]}-{birth[6:]}"
    if "sex" in basics:
        basics["sex"] = _SEXES.get(basics["sex"], basics["sex"])
    return {name: basics[name] for name in PARTS if name in basics}
