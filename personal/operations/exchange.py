"""Exchange: a service asks, through its own town's module, that of another; the other's resident decides. (issue 5)"""

import os
from collections.abc import Mapping
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError

from base.database import Connection
from base.errors import BadGateway, BadRequestData, NotPermitted, Problem, Unauthorized
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import peering
from personal.operations.call import Answer, Call, Module
from personal.operations.disclosures import DISCLOSE, admit, unknown
from personal.operations.releasing import SUBJECT, Ask, offered, receipt, release, rule_about
from personal.rules.identifiers import fresh
from personal.store import exchange, pseudonyms, sessions
from personal.store.exchange import Peer
from personal.vault.addressed import Reader, enclose
from personal.vault.signing import opened

REQUEST: Final = "engawa-exchange-request+jwt"
ANSWER: Final = "engawa-exchange-answer+jwt"
CODE: Final[dict[str, Any]] = {"type": "string", "pattern": "^[0-9]{6}$"}
NOT_LINKED: Final = "not-linked"
_HOW: Final = {
    "ja": "本人が、両方の自治体に登録を結び付ける必要があります。",
    "en": "The resident has to link their entries in both municipalities first.",
}
ASK: Final[dict[str, Any]] = {
    **DISCLOSE,
    "required": [*DISCLOSE["required"], "peer"],
    "properties": {**DISCLOSE["properties"], "peer": CODE},
}
ANSWER_TO: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["request"],
    "properties": {"request": {"type": "string", "maxLength": 65_536}},
    "additionalProperties": False,
}
_CLAIMS: Final = ("jti", "service", "subject", "purpose", "event")


async def disclose(call: Call, module: Module) -> Answer:
    """Show a service what another municipality holds about a resident whom both know, as that one decides."""
    admit(call, module)
    body, town = call.body, call.town
    peer = peering.known(town, body["peer"])
    ask = Ask(call.actor.id, body["purpose"], tuple(body["items"]), body.get("event", ""))
    facts = {"service": ask.service, "purpose": ask.purpose, "items": list(ask.items), "peer": peer.code}

    def work(db: Connection) -> tuple[str | None, str | None]:
        offered(db, ask)
        person = pseudonyms.resolve(db, ask.service, body["subject"], call.now)
        hidden = person is None or person.protected
        name = None if person is None or hidden else exchange.name_of(db, peer.code, person.id)
        outcome = "unknown-subject" if person is None else NOT_LINKED if name is None else "asked"
        about = {} if person is None else {SUBJECT: person.id}
        log.append(db, Entry("exchange-asked", {**facts, "outcome": outcome}, about), call.now)
        return (None if person is None else person.id), name

    person, name = await town.store.write(work)
    if person is None:
        raise unknown()
    if name is None:
        withheld = [{"item": item, "reason": NOT_LINKED, "how": _HOW} for item in ask.items]
        return Answer(body=_receipted(call, ask, peer, {}, withheld))
    try:
        items, told = await _fetched(call, module, peer, ask, name)
    except Problem as problem:
        failed = {**facts, "outcome": type(problem).__name__}
        await town.store.write(
            lambda db: log.append(db, Entry("exchange-failed", failed, {SUBJECT: person}), call.now)
        )
        raise
    return Answer(body=_receipted(call, ask, peer, items, told))


async def answer(call: Call, module: Module) -> Answer:
    """Answer the module of another municipality as our rules and our resident decide; nobody is asked further."""
    admit(call, module)
    town, peer = call.town, peering.known(call.town, call.actor.id)
    claims = _verified(call, peer)
    ours = peer.services.get(claims["service"])
    if ours is None:
        raise NotPermitted("This service of yours is not registered to ask here.")
    ask = Ask(ours, claims["purpose"], tuple(claims["items"]), claims["event"])

    def work(db: Connection) -> Any:
        if not sessions.spend(db, _spent(peer, claims), call.now + 2 * peering.LIFE * 1_000_000, call.now):
            raise Unauthorized("This request was answered before.")
        offers = offered(db, ask)
        person = exchange.resolve(db, peer.code, claims["subject"])
        ruling = rule_about(db, module, ask, offers, person, call.now)
        facts = {"peer": peer.code, "service": ours, "purpose": ask.purpose, "disclosure": ruling.id}
        about = {} if person is None else {SUBJECT: person.id}
        told = {**facts, "items": sorted(ruling.decision.shown)}
        log.append(db, Entry("exchange-disclosure", told, about), call.now)
        return ruling

    ruling = await town.store.write(work)
    (released,) = await release(module, town, [ruling], call.now)
    shown = {**released.shown(), "iss": town.code, "aud": peer.code, "jti": claims["jti"]}
    about = {"request": claims["jti"], "from": town.code}
    return Answer(body={"answer": enclose(claims["reader"], town.signer.sign(shown, ANSWER), about)})


async def _fetched(
    call: Call, module: Module, peer: Peer, ask: Ask, name: str
) -> tuple[dict[str, Any], list[Any]]:
    """Ask a peer, and read its answer; BadGateway if that is not what was asked for."""
    reader, id = Reader(os.urandom(32)), fresh()
    seconds = call.now // 1_000_000
    public = {member: reader.public()[member] for member in ("kty", "crv", "x", "y")}
    claims = {
        "iss": call.town.code,
        "aud": peer.code,
        "iat": seconds,
        "exp": seconds + peering.LIFE,
        "jti": id,
        "service": ask.service,
        "subject": name,
        "purpose": ask.purpose,
        "items": list(ask.items),
        "event": ask.event,
        "reader": public,
    }
    body = {"request": call.town.signer.sign(claims, REQUEST)}
    told = await peering.ask(module, call.town, peer, "/exchange/answers", body, call.now)
    try:
        signed = reader.open(told["answer"], {"request": id, "from": peer.code})
        found = _opened(signed, peer, ANSWER)
        if (found["iss"], found["aud"], found["jti"]) != (peer.code, call.town.code, id):
            raise ValueError
        items, withheld = dict(found["items"]), list(found["withheld"])
        if not items.keys() <= set(ask.items):
            raise ValueError
    except (Problem, KeyError, TypeError, ValueError):
        raise BadGateway("The other municipality's answer is not one to what was asked.") from None
    return items, withheld


def _receipted(
    call: Call, ask: Ask, peer: Peer, items: dict[str, Any], withheld: list[Any]
) -> dict[str, Any]:
    id = fresh("d_")
    claims = {"sub": call.body["subject"], "purpose": ask.purpose, "items": list(items), "peer": peer.code}
    signed = receipt(call.town, ask.service, call.now, id, items, **claims)
    return {"id": id, "peer": peer.code, "items": items, "withheld": withheld, "receipt": signed}


def _verified(call: Call, peer: Peer) -> dict[str, Any]:
    """Read a peer's signed request; BadRequestData if it is not from it, for us, of now."""
    claims = _opened(call.body["request"], peer, REQUEST)
    seconds, items, reader = call.now // 1_000_000, claims.get("items"), claims.get("reader")
    good = (
        claims.get("iss") == peer.code
        and claims.get("aud") == call.town.code
        and all(isinstance(claims.get(name), str) and len(claims[name]) <= 200 for name in _CLAIMS)
        and isinstance(claims.get("exp"), int)
        and seconds - 30 <= claims["exp"] <= seconds + peering.LIFE + 30
        and isinstance(items, list)
        and 0 < len(items) <= 50
        and all(isinstance(item, str) for item in items)
        and len(set(items)) == len(items)
        and isinstance(reader, dict)
        and reader.get("crv") == "P-256"
    )
    if not good:
        raise BadRequestData("The signed request is not one that can be answered here and now.")
    return claims


def _opened(signed: Any, peer: Peer, kind: str) -> dict[str, Any]:
    """Verify what a peer signed under the key that it names."""
    try:
        kid = jws.extract_compact(str(signed).encode("ascii")).headers().get("kid")
    except (JoseError, ValueError, TypeError):
        raise BadRequestData("The request is not signed.") from None
    key: Mapping[str, Any] = next((one for one in peer.keys["keys"] if one.get("kid") == kid), {})
    if key.get("crv") != "P-256":
        raise BadRequestData("The request is signed by a key that is not registered here.")
    return opened(str(signed), key, kind)


def _spent(peer: Peer, claims: Mapping[str, Any]) -> bytes:
    return sessions.digest(orjson.dumps([REQUEST, peer.code, claims["jti"]]).decode())
