"""What officials enter inside, each with a key of their own: what widens needs a second one. (issue 5; four eyes)

An official signs what they want. It takes effect at once if it narrows what can get out; otherwise when another
official has signed that they want it, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from base import clock, forms
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, Conflict, NotPermitted, ResourceNotFound
from personal.agent import store as kept
from personal.agent.trust import SCHEMA as ANCHOR
from personal.agent.trust import anchors_of
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.rules import orders, release
from personal.rules.identifiers import fresh
from personal.store.town import rows, value
from personal.vault import requests
from personal.vault.signing import opened

WISH: Final = "engawa-official-wish+jwt"
APPROVAL: Final = "engawa-official-approval+jwt"
OLDEST: Final = 600
"""How long ago a signature may have been made (s)."""
ENOUGH: Final = 2
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


def _add_official(db: Connection, body: dict[str, Any], now: int) -> None:
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
    db.execute("INSERT INTO outside VALUES (?, ?)", (orjson.dumps(key).decode(), now))


def _put_service(db: Connection, body: dict[str, Any], _: int) -> None:
    key = requests.public_key(body["recipient"])
    document = {**body, "recipient": {**key, "kid": requests.thumbprint(key)}}
    _put(db, "INSERT OR REPLACE INTO service VALUES (?, ?)", body["service"], document)


def _put_anchor(db: Connection, body: dict[str, Any], _: int) -> None:
    anchors_of([body])
    _put(db, "INSERT OR REPLACE INTO anchor VALUES (?, ?)", body["anchor"], body)


def _put(db: Connection, sql: str, id: str, document: dict[str, Any]) -> None:
    db.execute(sql, (id, orjson.dumps(document).decode()))


def _set_limit(db: Connection, body: dict[str, Any], _: int) -> None:
    db.execute("INSERT OR REPLACE INTO limits VALUES (?, ?)", (body["limit"], body["most"]))


def _raises(db: Connection, body: dict[str, Any]) -> bool:
    return int(body["most"]) > release.limit(kept.limits(db), body["limit"])


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
_WHAT: Final = (
    "^(all|store|remove|(service|item)(:[a-z][a-z0-9-]*)?|purpose(:[a-z][a-z0-9-]*/[a-z][a-z0-9-]*)?)$"
)
KINDS: Final[Mapping[str, Kind]] = {
    "official": Kind(_form(official=_ID, key=_KEY), _add_official),
    "official-end": Kind(_form(official=_ID), _end_official),
    "outside": Kind(_form(key=_KEY), _pin),
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


def wish(db: Connection, signed: str, now: int) -> dict[str, Any]:
    """Take what an official wants: done at once if it narrows, else kept for a second one."""
    by, claims = _signed(db, signed, WISH, now)
    kind, body = KINDS.get(str(claims.get("kind"))), claims.get("body")
    if kind is None or not isinstance(body, dict):
        raise BadRequestData("There is no such kind of wish.")
    fault = forms.fault(forms.validator(kind.schema), body)
    if fault is not None:
        raise BadRequestData(f"The wish is not as it must be: {fault}")
    facts = {"what": claims["kind"], "by": by}
    if kind.widens(db, body):
        id = fresh("w_")
        text = orjson.dumps(body).decode()
        db.execute("INSERT INTO wish VALUES (?, ?, ?, ?, ?)", (id, claims["kind"], text, by, now))
        audit.append(db, Entry("wish-made", {**facts, "wish": id}), now)
        return {"wish": id, "done": False}
    kind.do(db, body, now)
    audit.append(db, Entry("wish-done", facts), now)
    return {"wish": None, "done": True}


def approve(db: Connection, signed: str, now: int) -> dict[str, Any]:
    """Do what one official wanted and another one wants, too."""
    by, claims = _signed(db, signed, APPROVAL, now)
    found = next(iter(rows(db, "SELECT kind, body, by FROM wish WHERE id = ?", claims.get("wish"))), None)
    if found is None:
        raise ResourceNotFound("There is no such wish (any more).")
    kind, body, first = found
    if first == by or first not in officials(db):
        raise NotPermitted("A second official has to approve this, and the first one has to be one still.")
    if claims.get("body") != orjson.loads(body):
        raise Conflict("What was signed is not what was wished.")
    KINDS[kind].do(db, orjson.loads(body), now)
    db.execute("DELETE FROM wish WHERE id = ?", (claims["wish"],))
    facts = {"what": kind, "wish": claims["wish"], "first": first, "by": by}
    audit.append(db, Entry("wish-done", facts), now)
    return {"wish": claims["wish"], "done": True}


def drop(db: Connection, signed: str, now: int) -> dict[str, Any]:
    """Drop a wish."""
    by, claims = _signed(db, signed, APPROVAL, now)
    db.execute("DELETE FROM wish WHERE id = ?", (claims.get("wish"),))
    audit.append(db, Entry("wish-dropped", {"wish": claims.get("wish"), "by": by}), now)
    return {"wish": claims.get("wish"), "done": False}


def wishes(db: Connection) -> list[dict[str, Any]]:
    """List what waits for a second official."""
    return [
        {"wish": id, "kind": kind, "body": orjson.loads(body), "by": by, "at": clock.show(at)}
        for id, kind, body, by, at in rows(db, "SELECT id, kind, body, by, at FROM wish ORDER BY at")
    ]


def begin(db: Connection, body: dict[str, Any], now: int) -> None:
    """Add one of the first two officials at the machine itself; later ones are added by those there are."""
    if int(value(db, "SELECT count(*) FROM official")) >= ENOUGH:
        raise NotPermitted("There are officials: they add others, two of them.")
    fault = forms.fault(forms.validator(KINDS["official"].schema), body)
    if fault is not None:
        raise BadRequestData(fault)
    _add_official(db, body, now)
    audit.append(db, Entry("official-begun", {"official": body["official"]}), now)


def officials(db: Connection) -> dict[str, dict[str, Any]]:
    """Give the officials and their public keys."""
    found = rows(db, "SELECT id, key FROM official WHERE ended IS NULL ORDER BY id")
    return {id: orjson.loads(key) for id, key in found}


def _signed(db: Connection, text: str, kind: str, now: int) -> tuple[str, dict[str, Any]]:
    """Verify what an official signed a moment ago, once."""
    try:
        kid = jws.extract_compact(text.encode("ascii")).headers().get("kid")
    except (JoseError, ValueError, AttributeError):
        kid = None
    for id, key in officials(db).items():
        if requests.thumbprint(key) == kid:
            claims = opened(text, key, kind)
            made, nonce = claims.get("iat"), claims.get("nonce")
            if not isinstance(made, int) or abs(now // SECOND - made) > OLDEST:
                raise NotPermitted("This was signed a while ago; sign it again.")
            if not isinstance(nonce, str) or not kept.spend(db, nonce, now, now + 2 * OLDEST * SECOND):
                raise NotPermitted("This was used before; sign it again.")
            return id, claims
    raise NotPermitted("This is not signed by an official known here.")


def _one(db: Connection, sql: str, id: str) -> None:
    db.execute(sql, (id,))
    if not db.changes():
        raise ResourceNotFound("There is nothing of this name.")
