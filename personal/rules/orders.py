"""Orders to the store inside LGWAN: their form, and why one is refused. (personal-data.md 4.2)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from base import forms

ORDER: Final = "engawa-order+jwt"
ANSWER: Final = "engawa-answer+jwt"
ENVELOPE: Final = "engawa-order+jwe"
LONGEST: Final = 65_536
LEEWAY: Final = 120
"""How far the clock of the outside may be ahead (s)."""
LONGEST_LIFE: Final = 31 * 86_400
MOST_ITEMS: Final = 50


class Task(StrEnum):
    """What an order wants."""

    RELEASE = "release"
    STORE = "store"
    CHECK = "check"
    REMOVE = "remove"
    WITHDRAW = "withdraw-consent"
    ERASE = "erase"
    TOLD = "told-again"
    AGREE = "note-consent"


AT_ONCE: Final = frozenset({Task.RELEASE, Task.AGREE})
"""What is signed when it is queued, for it holds what nobody else has to read meanwhile."""


class Why(StrEnum):
    """Why an order is refused."""

    ALTERED = "altered"
    FORGED = "forged"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    EARLY = "not-yet-valid"
    SERVICE = "service-not-approved-inside"
    KEY = "key-not-approved-inside"
    PURPOSE = "purpose-not-approved-inside"
    ITEM = "item-not-approved-inside"
    NO_CONSENT = "no-consent"
    OTHER_CONSENT = "consent-does-not-cover-this"
    CONSENT_OVER = "consent-expired"
    WITHDRAWN = "consent-withdrawn"
    EVIDENCE = "evidence-does-not-hold"
    STATUS = "certificate-not-known-to-be-good"
    DEVICE = "device-not-of-an-official"
    NOT_ENROLLED = "credential-not-enrolled-for-these-records"
    RESTORED = "restored-and-not-told-again"
    LIMIT = "limit-reached"
    NOT_HELD = "nothing-held"
    TAKEN = "name-taken"


_QUIET: Final = frozenset({Why.CONSENT_OVER, Why.WITHDRAWN, Why.NOT_HELD, Why.RESTORED})
"""What happens without anybody meaning harm: a decision that ended while the order was on its way, a store restored."""


class Refused(Exception):
    """An order that is not obeyed."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why

    @property
    def alarming(self) -> bool:
        """Say whether somebody has to look into it."""
        return self.why not in _QUIET


@dataclass(frozen=True, slots=True)
class Copy:
    """A record inside: its item, and its random name."""

    item: str
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it was signed; times in s. `box`: the name inside for all records of one person."""

    id: str
    nonce: str
    municipality: str
    task: Task
    box: str
    until: int
    copies: tuple[Copy, ...] = ()
    service: str = ""
    purpose: str = ""
    recipient: str = ""
    decision: Mapping[str, Any] | None = field(default=None, repr=False)
    evidence: Mapping[str, Any] | None = field(default=None, repr=False)
    digest: str = ""
    version: int = 0
    decisions: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    agent: str = ""
    made: int = 0


_NAME: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{16,64}$"}
TOKEN: Final = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"}
_MARK: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
_SECONDS: Final = {"type": "integer", "minimum": 0, "maximum": 1 << 40}
_COPIES: Final[dict[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_ITEMS,
    "items": {
        "type": "object",
        "required": ["item", "name"],
        "properties": {"item": TOKEN, "name": _NAME},
        "additionalProperties": False,
    },
}
_EVERY: Final[dict[str, Any]] = {
    "iss": TOKEN,
    "aud": _MARK,
    "order": _NAME,
    "nonce": _NAME,
    "iat": _SECONDS,
    "exp": _SECONDS,
    "task": {"enum": [str(task) for task in Task]},
    "box": _NAME,
}
_ONE: Final[dict[str, Any]] = {"copies": {**_COPIES, "maxItems": 1}}
_OWN: Final[Mapping[Task, dict[str, Any]]] = {
    Task.RELEASE: {"copies": _COPIES, "service": TOKEN, "purpose": TOKEN, "recipient": _MARK},
    Task.STORE: {**_ONE, "digest": _MARK, "version": {"type": "integer", "minimum": 1, "maximum": 1 << 40}},
    Task.CHECK: {**_ONE, "digest": _MARK},
    Task.REMOVE: {"copies": _COPIES},
    Task.WITHDRAW: {
        "decisions": {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": _MARK},
        "items": {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": TOKEN},
    },
    Task.ERASE: {},
    Task.TOLD: {},
    Task.AGREE: {"decision": {"type": "object"}, "evidence": {"type": "object"}},
}
_MAY: Final[Mapping[Task, dict[str, Any]]] = {
    Task.RELEASE: {"decision": {"type": "object"}, "evidence": {"type": "object"}}
}
_VALIDATORS: Final = {
    task: forms.validator(
        {
            "type": "object",
            "required": [*_EVERY, *own],
            "properties": {**_EVERY, **own, **_MAY.get(task, {})},
            "additionalProperties": False,
        }
    )
    for task, own in _OWN.items()
}


def order_of(claims: Any, agent: frozenset[str], now: int) -> Order:
    """Read an order whose signature holds; Refused if it is none for this agent, or of a moment to come (s)."""
    found = claims.get("task") if isinstance(claims, dict) else None
    task = next((one for one in Task if one.value == found), None)
    if task is None or not _VALIDATORS[task].is_valid(claims) or not _plain(claims):
        raise Refused(Why.FORGED)
    if claims["aud"] not in agent or claims["exp"] > claims["iat"] + LONGEST_LIFE:
        raise Refused(Why.FORGED)
    if claims["iat"] > now + LEEWAY:
        raise Refused(Why.EARLY)
    return Order(
        claims["order"],
        claims["nonce"],
        claims["iss"],
        task,
        claims["box"],
        claims["exp"],
        tuple(Copy(one["item"], one["name"]) for one in claims.get("copies", ())),
        claims.get("service", ""),
        claims.get("purpose", ""),
        claims.get("recipient", ""),
        claims.get("decision"),
        claims.get("evidence"),
        claims.get("digest", ""),
        claims.get("version", 0),
        tuple(claims.get("decisions", ())),
        tuple(claims.get("items", ())),
        claims["aud"],
        claims["iat"],
    )


def about_record(name: str, item: str) -> dict[str, str]:
    """Say what stands on the envelope in which a record is brought in."""
    return {"typ": "engawa-record+jwe", "name": name, "item": item}


def about_item(order: str, item: str) -> dict[str, str]:
    """Say what stands on the envelope in which a record goes out."""
    return {"typ": "engawa-item+jwe", "order": order, "item": item}


def _plain(value: Any) -> bool:
    """Say whether JSON has neither signs of markup nor control signs in it: nothing to be run anywhere."""
    if isinstance(value, str):
        return not any(sign in "<>&" or ord(sign) < 32 for sign in value)
    if isinstance(value, Mapping):
        return all(_plain(key) and _plain(one) for key, one in value.items())
    if isinstance(value, Sequence):
        return all(_plain(one) for one in value)
    return True
