"""One act of consent as a document: what is decided, in one form whose digest evidence signs. (RFC 8785, TS 27560)"""

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

import rfc8785

from base import clock
from base.errors import BadRequestData, Conflict
from personal.rules import catalogue
from personal.rules.consent import Kind

TYPE: Final = "engawa-consent-decision/1"
LIFE: Final = 15 * 60 * clock.SECOND
"""How long a prepared decision may wait to be submitted (µs)."""
_DAY: Final = 86_400 * clock.SECOND
_JAPAN: Final = 9 * 3_600 * clock.SECOND
_ZONE: Final = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants to decide: for which purpose of which service, which items to agree to, which not."""

    kind: Kind
    service: str
    purpose: str
    agree: tuple[str, ...]
    refuse: tuple[str, ...]
    until: int | None


def document(
    choice: Choice, municipality: str, version: int, subject: str, actor: str, nonce: str, now: int
) -> dict[str, Any]:
    """Write a decision down. `subject`, `actor`: names that tell nobody who they are."""
    return {
        "type": TYPE,
        "municipality": municipality,
        "service": choice.service,
        "version": version,
        "kind": str(choice.kind),
        "purpose": choice.purpose,
        "agree": sorted(choice.agree),
        "refuse": sorted(choice.refuse),
        "until": None if choice.until is None else clock.show(choice.until),
        "subject": subject,
        "actor": actor,
        "nonce": nonce,
        "preparedAt": clock.show(now),
    }


def choice_of(document: Mapping[str, Any]) -> Choice:
    """Read what a document decides."""
    until = document["until"]
    return Choice(
        Kind(document["kind"]),
        document["service"],
        document["purpose"],
        tuple(document["agree"]),
        tuple(document["refuse"]),
        None if until is None else clock.parse(until),
    )


def canonical(document: Mapping[str, Any]) -> bytes:
    """Give the one form of a document in bytes. (RFC 8785)"""
    return rfc8785.dumps(dict(document))


def digest(document: Mapping[str, Any]) -> bytes:
    """Give what evidence signs: the SHA-256 of the document."""
    return hashlib.sha256(canonical(document)).digest()


def shown(digest: bytes) -> str:
    """Write a digest as text, as in the nonce of an ID token."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def prepared_at(document: Mapping[str, Any]) -> int:
    """Say when a document was prepared (µs): evidence has to hold at this moment."""
    return clock.parse(document["preparedAt"])


def ending(now: int, days: int, last: str | None) -> int:
    """Say when a consent ends (µs): at midnight, so that the moment of giving it cannot be told from its end.

    days: the longest time; last: the last day wanted, in Japan.
    """
    longest = (now + days * _DAY + _JAPAN) // _DAY * _DAY - _JAPAN
    if last is None:
        return longest
    try:
        after = datetime.combine(date.fromisoformat(last) + timedelta(days=1), datetime.min.time(), _ZONE)
    except (ValueError, OverflowError):
        raise BadRequestData("until must be a day such as 2027-03-31.") from None
    until = int(after.timestamp()) * clock.SECOND
    if until <= now:
        raise BadRequestData("until must not have passed.")
    if until > longest:
        raise BadRequestData(f"A consent is given for {days} days at most: name an earlier day.")
    return until


def law(purpose: Mapping[str, Any], basis: str) -> str | None:
    """Name the law on which a purpose rests, or the item (by its `basis`); None if the resident decides."""
    for one in (purpose["basis"], basis):
        if one != catalogue.CONSENT:
            return str(one.removeprefix("law:"))
    return None


def check(
    choice: Choice,
    purpose: Mapping[str, Any],
    bases: Mapping[str, str],
    agreed: Collection[str],
    given: Collection[str] = (),
) -> None:
    """Refuse a choice that cannot be made.

    bases: on what each item of the catalogue rests; agreed: what the resident has agreed to already; given: what
    they agreed to once and did not withdraw, which they may refuse even if it is not asked for any more.
    """
    if set(choice.agree) & set(choice.refuse):
        raise BadRequestData("An item cannot be agreed to and refused at once.")
    offered = {asked["item"]: asked for asked in purpose["items"]}
    for item in (*choice.agree, *choice.refuse):
        if item not in offered and (item in choice.agree or item not in given):
            raise BadRequestData(f"The purpose {choice.purpose} does not ask for {item}.")
        named = law(purpose, bases.get(item, catalogue.CONSENT))
        if named is not None:
            raise Conflict(
                f"{item} is used for {choice.purpose} because of {named}: it is not the resident's to decide.",
                law=named,
                item=item,
            )
    if not choice.agree:
        return
    have = (set(choice.agree) | set(agreed)) - set(choice.refuse)
    missing = [item for item in required(purpose, bases) if item not in have]
    if missing:
        raise BadRequestData(
            f"The purpose {choice.purpose} needs {', '.join(missing)}, too: agree to all of it, or to nothing.",
            missing=missing,
        )


def required(purpose: Mapping[str, Any], bases: Mapping[str, str]) -> list[str]:
    """List the items without which a purpose cannot be, of those that rest on consent."""
    return [
        asked["item"]
        for asked in purpose["items"]
        if asked["need"] == "required" and law(purpose, bases.get(asked["item"], catalogue.CONSENT)) is None
    ]


def swept(items: Collection[str], purpose: Mapping[str, Any] | None, agreed: Collection[str]) -> set[str]:
    """Say which agreed items end when some are withdrawn: all, if the purpose cannot be without one of them."""
    needed = {asked["item"] for asked in (purpose or {"items": ()})["items"] if asked["need"] == "required"}
    return set(agreed) if needed & set(items) else set(items) & set(agreed)
