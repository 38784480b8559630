"""What officials enter inside: the form of each kind, whether it widens what can get out, what it does. (issue 5)"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, Conflict, ResourceNotFound
from personal.agent import store as kept
from personal.agent.trust import PEM, anchors_of, certificate
from personal.agent.trust import SCHEMA as ANCHOR
from personal.rules import limits, orders
from personal.rules.limits import DAY
from personal.rules.release import BY_CONSENT, device
from personal.store.town import rows, value
from personal.vault import requests

GATEWAY: Final = "gateway"
"""As which service the module outside itself asks for records."""
VIEW: Final = "own-view"
"""The purpose for which it shows residents what is about them."""
LONGEST_PASSAGE: Final = 31
LONGEST_VIEW: Final = 366
_ID: Final = {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"}
_MARK: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
_KEY: Final = {"type": "object", "required": ["kty", "crv", "x", "y"]}


def _form(**members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(members),
        "properties": members,
        "additionalProperties": False,
    }


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing that officials want: its form, whether it widens what can get out, how it is done."""

    schema: Mapping[str, Any]
    do: Callable[[Connection, dict[str, Any], int], None]
    widens: Callable[[Connection, dict[str, Any]], bool] = lambda _, __: True


def _narrows(_: Connection, __: dict[str, Any]) -> bool:
    return False


def add_official(db: Connection, body: dict[str, Any], now: int) -> None:
    """Add an official; Conflict if the name or the key is somebody's already."""
    key = requests.public_key(body["key"])
    if any(requests.thumbprint(other) == requests.thumbprint(key) for other in officials(db).values()):
        raise Conflict("This key is another official's already: everybody has their own.")
    if value(db, "SELECT 1 FROM official WHERE id = ?", body["official"]):
        raise Conflict("There is or was an official of this name.")
    db.execute(
        "INSERT INTO official VALUES (?, ?, ?, NULL)", (body["official"], orjson.dumps(key).decode(), now)
    )


def _end_official(db: Connection, body: dict[str, Any], now: int) -> None:
    db.execute("UPDATE official SET ended = ? WHERE id = ? AND ended IS NULL", (now, body["official"]))
    if not db.changes():
        raise ResourceNotFound("There is no such official.")


def _pin(db: Connection, body: dict[str, Any], now: int) -> None:
    key = requests.public_key(body["key"])
    db.execute("INSERT INTO outside VALUES (?, ?, NULL)", (orjson.dumps(key).decode(), now))


def _unpin(db: Connection, body: dict[str, Any], now: int) -> None:
    found = rows(db, "SELECT key, at FROM outside WHERE ended IS NULL")
    ended = [key for key, _ in found if requests.thumbprint(orjson.loads(key)) == body["kid"]]
    if not ended:
        raise ResourceNotFound("There is no such key of the outside.")
    db.executemany("UPDATE outside SET ended = ? WHERE key = ?", [(now, key) for key in ended])


def _put_service(db: Connection, body: dict[str, Any], now: int) -> None:
    _check_gateway(body, now // SECOND)
    key = requests.public_key(body["recipient"])
    document = {**body, "recipient": {**key, "kid": requests.thumbprint(key)}}
    _put(db, "INSERT OR REPLACE INTO service VALUES (?, ?)", body["service"], document)


def _check_gateway(body: dict[str, Any], now: int) -> None:
    """Let nobody read by the gateway for ever what no resident has agreed to."""
    for one in body["purposes"] if body["service"] == GATEWAY else ():
        end, days = one.get("until"), LONGEST_VIEW if one["id"] == VIEW else LONGEST_PASSAGE
        if one["basis"] != BY_CONSENT and (end is None or end > now + days * DAY):
            raise BadRequestData(
                f"What the gateway reads without consent needs an end ('until', in seconds), at most {days} days away."
            )


def _bind_device(db: Connection, body: dict[str, Any], now: int) -> None:
    own = certificate(body["certificate"])
    if value(db, "SELECT 1 FROM device WHERE name = ?", device(own)):
        raise Conflict("This device is or was bound already; one that ended needs a new certificate.")
    db.execute("INSERT INTO device VALUES (?, ?, ?, NULL)", (device(own), body["staff"], now))


def _end_devices(db: Connection, body: dict[str, Any], now: int) -> None:
    """End what is bound, as from a moment that may lie before: what was lost is not trusted since then."""
    since = min(body["since"] * SECOND, now) if "since" in body else now
    what, name = (
        ("staff", body["staff"]) if "staff" in body else ("name", device(certificate(body["certificate"])))
    )
    db.execute(
        f"UPDATE device SET ended = min(coalesce(ended, ?), ?) WHERE {what} = ?",  # noqa: S608  # one of two words
        (since, since, name),
    )
    if not db.changes():
        raise ResourceNotFound("No such device is bound here.")


def _put_anchor(db: Connection, body: dict[str, Any], _: int) -> None:
    anchors_of([body])
    _put(db, "INSERT OR REPLACE INTO anchor VALUES (?, ?)", body["anchor"], body)


def _put(db: Connection, sql: str, id: str, document: dict[str, Any]) -> None:
    db.execute(sql, (id, orjson.dumps(document).decode()))


def _set_limit(db: Connection, body: dict[str, Any], _: int) -> None:
    db.execute("INSERT OR REPLACE INTO limits VALUES (?, ?)", (body["limit"], body["most"]))


def _raises(db: Connection, body: dict[str, Any]) -> bool:
    return int(body["most"]) > limits.limit(kept.own_limits(db), body["limit"])


def _enroll(db: Connection, body: dict[str, Any], _: int) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO holder VALUES (?, ?)",
        [(one["box"], one["holder"]) for one in body["residents"]],
    )


def _unenroll(db: Connection, body: dict[str, Any], _: int) -> None:
    db.executemany(
        "DELETE FROM holder WHERE box = ? AND holder = ?",
        [(one["box"], one["holder"]) for one in body["residents"]],
    )


_RESIDENTS: Final = _form(
    residents={
        "type": "array",
        "minItems": 1,
        "maxItems": 50_000,
        "items": _form(box=_MARK, holder=_MARK),
    }
)
_PURPOSE: Final = {
    "type": "object",
    "required": ["id", "basis", "items"],
    "properties": {
        "id": _ID,
        "basis": {"type": "string", "pattern": "^(consent|law:.{1,200})$"},
        "items": {"type": "array", "minItems": 1, "maxItems": orders.MOST_ITEMS, "items": _ID},
        "until": {"type": "integer", "minimum": 0},
    },
    "additionalProperties": False,
}
_ENDED: Final = {
    "type": "object",
    "properties": {"certificate": PEM, "staff": _ID, "since": {"type": "integer", "minimum": 0}},
    "oneOf": [{"required": ["certificate"]}, {"required": ["staff"]}],
    "additionalProperties": False,
}
_WHAT: Final = (
    "^(all|day|person|store|remove|(service|item|staff)(:[a-z][a-z0-9-]*)?|recipient(:[A-Za-z0-9_-]{43})?"
    "|purpose(:[a-z][a-z0-9-]*/[a-z][a-z0-9-]*)?)$"
)
KINDS: Final[Mapping[str, Kind]] = {
    "official": Kind(_form(official=_ID, key=_KEY), add_official),
    "official-end": Kind(_form(official=_ID), _end_official),
    "outside": Kind(_form(key=_KEY), _pin),
    "outside-end": Kind(_form(kid=_MARK), _unpin, _narrows),
    "device": Kind(_form(staff=_ID, certificate=PEM), _bind_device),
    "device-end": Kind(_ENDED, _end_devices, _narrows),
    "service": Kind(
        _form(
            service=_ID,
            recipient=_KEY,
            least={"type": "integer", "minimum": 1},
            purposes={"type": "array", "minItems": 1, "maxItems": 50, "items": _PURPOSE},
        ),
        _put_service,
    ),
    "service-end": Kind(
        _form(service=_ID),
        lambda db, body, _: _one(db, "DELETE FROM service WHERE id = ?", body["service"]),
        _narrows,
    ),
    "anchor": Kind(ANCHOR, _put_anchor),
    "anchor-end": Kind(
        _form(anchor=_ID),
        lambda db, body, _: _one(db, "DELETE FROM anchor WHERE id = ?", body["anchor"]),
        _narrows,
    ),
    "limit": Kind(
        _form(
            limit={"type": "string", "pattern": _WHAT},
            most={"type": "integer", "minimum": 0, "maximum": 10_000_000},
        ),
        _set_limit,
        _raises,
    ),
    "enroll": Kind(_RESIDENTS, _enroll),
    "unenroll": Kind(_RESIDENTS, _unenroll, _narrows),
}


def officials(db: Connection) -> dict[str, dict[str, Any]]:
    """Give the officials and their public keys."""
    found = rows(db, "SELECT id, key FROM official WHERE ended IS NULL ORDER BY id")
    return {id: orjson.loads(key) for id, key in found}


def _one(db: Connection, sql: str, id: str) -> None:
    db.execute(sql, (id,))
    if not db.changes():
        raise ResourceNotFound("There is nothing of this name.")
