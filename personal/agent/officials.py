"""How officials enter what the inside goes by, each with an own key: what widens needs a second one. (issue 5)

An official signs what they want. It takes effect at once if it narrows what can get out; otherwise when another
official has signed that they want it, too.
"""

from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from base import clock, forms
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, Conflict, NotPermitted, ResourceNotFound
from personal.agent import store as kept
from personal.agent.kinds import KINDS, add_official, officials
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.rules.identifiers import fresh
from personal.store.town import rows, value
from personal.vault import requests
from personal.vault.signing import opened

WISH: Final = "engawa-official-wish+jwt"
APPROVAL: Final = "engawa-official-approval+jwt"
OLDEST: Final = 600
"""How long ago a signature may have been made (s)."""
ENOUGH: Final = 2


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
    add_official(db, body, now)
    audit.append(db, Entry("official-begun", {"official": body["official"]}), now)


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
