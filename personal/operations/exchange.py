"""Exchange: a service asks, through its own town's module, that of another; the other's resident decides. (issue 5)"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from base import forms
from base.database import Connection
from base.errors import BadGateway, BadRequestData, NotPermitted, Problem, Unauthorized
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import peering
from personal.operations.call import Answer, Call, Module
from personal.operations.disclosures import DISCLOSE, EVENT, ITEMS, admit, unknown
from personal.operations.records import NAME
from personal.operations.releasing import SUBJECT, Ask, offered, receipt, release, rule_about
from personal.rules.disclosure import Reason
from personal.rules.identifiers import fresh
from personal.rules.withheld import told
from personal.store import exchange, items, people, pseudonyms, sessions
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
_WORD: Final = {"type": "string", "minLength": 1, "maxLength": 200}
_COORDINATE: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
_CLAIMS: Final = forms.validator(
    {
        "type": "object",
        "required": ["iss", "aud", "exp", "jti", "service", "subject", "purpose", "items", "event", "reader"],
        "properties": {
            "exp": {"type": "integer"},
            "jti": _WORD,
            "service": NAME,
            "subject": _WORD,
            "purpose": NAME,
            "items": ITEMS,
            "event": {"anyOf": [EVENT, {"const": ""}]},
            "reader": {
                "type": "object",
                "required": ["kty", "crv", "x", "y"],
                "properties": {
                    "kty": {"const": "EC"},
                    "crv": {"const": "P-256"},
                    "x": _COORDINATE,
                    "y": _COORDINATE,
                },
            },
        },
    }
)
_WITHHELD: Final = forms.validator(
    {
        "type": "array",
        "maxItems": 50,
        "items": {
            "type": "object",
            "required": ["item", "reason"],
            "properties": {"item": NAME, "reason": {"enum": list(Reason)}},
        },
    }
)


async def disclose(call: Call, module: Module) -> Answer:
    """Show a service what another municipality holds about a resident whom both know, as that one decides."""
    admit(call, module)
    body, town = call.body, call.town
    peer = peering.known(town, body["peer"])
    ask = Ask(call.actor.id, body["purpose"], tuple(body["items"]), body.get("event", ""))
    facts = {"service": ask.service, "purpose": ask.purpose, "items": list(ask.items), "peer": peer.code}

    def work(db: Connection) -> tuple[str | None, str | None, Ask]:
        offers = offered(db, ask)
        here = replace(ask, items=tuple(item for item in ask.items if item in offers))
        person = pseudonyms.resolve(db, ask.service, body["subject"], call.now)
        hidden = person is None or person.protected
        name = None if person is None or hidden else exchange.name_of(db, peer.code, person.id)
        outcome = "unknown-subject" if person is None else NOT_LINKED if name is None else "asked"
        about = {} if person is None else {SUBJECT: person.id}
        log.append(db, Entry("exchange-asked", {**facts, "outcome": outcome}, about), call.now)
        return (None if person is None else person.id), name, here

    person, name, here = await town.store.write(work)
    if person is None:
        raise unknown()
    withheld = [told(item, Reason.NOT_OFFERED) for item in ask.items if item not in here.items]
    if name is None or not here.items:
        withheld += [{"item": item, "reason": NOT_LINKED, "how": _HOW} for item in here.items]
        return Answer(body=_receipted(call, ask, peer, {}, withheld))
    try:
        shown, elsewhere = await _fetched(call, module, peer, here, name)
    except Problem as problem:
        failed = {**facts, "outcome": type(problem).__name__}
        await town.store.write(
            lambda db: log.append(db, Entry("exchange-failed", failed, {SUBJECT: person}), call.now)
        )
        raise

    def received(db: Connection) -> bool:
        known = people.current(db, person)
        gone = known is None or known.protected
        got = {**facts, "items": [] if gone else sorted(shown), "outcome": NOT_LINKED if gone else "received"}
        log.append(db, Entry("exchange-received", got, {SUBJECT: person}), call.now)
        return not gone

    if not await town.store.write(received):
        withheld += [{"item": item, "reason": NOT_LINKED, "how": _HOW} for item in here.items]
        return Answer(body=_receipted(call, ask, peer, {}, withheld))
    return Answer(body=_receipted(call, ask, peer, shown, withheld + elsewhere))


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
        released = {**facts, "items": sorted(ruling.decision.shown)}
        log.append(db, Entry("exchange-disclosure", released, about), call.now)
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
    answered = await peering.ask(module, call.town, peer, "/exchange/answers", body, call.now)
    try:
        signed = reader.open(answered["answer"], {"request": id, "from": peer.code})
        found = _opened(signed, peer, ANSWER)
        if (found["iss"], found["aud"], found["jti"]) != (peer.code, call.town.code, id):
            raise ValueError
        return _believed(call, ask, found)
    except (Problem, KeyError, TypeError, ValueError):
        raise BadGateway("The other municipality's answer is not one to what was asked.") from None


def _believed(call: Call, ask: Ask, found: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Read what a peer says it shows and withholds; what is not as our catalogue describes it is no answer."""
    known, shown, withheld = call.town.store.read(items.listed), dict(found["items"]), found["withheld"]
    if forms.fault(_WITHHELD, withheld) is not None:
        raise ValueError
    reasons = {one["item"]: Reason(one["reason"]) for one in withheld}
    if sorted([*shown, *reasons]) != sorted(ask.items):
        raise ValueError  # each item is either shown or withheld
    for item, value in shown.items():
        enclosed = isinstance(value, dict) and value.keys() == {"jwe"} and isinstance(value["jwe"], str)
        if not enclosed:  # by the store inside, for the service alone
            known[item].check(value)
    return shown, [told(item, reason) for item, reason in reasons.items()]


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
    seconds = call.now // 1_000_000
    good = (
        forms.fault(_CLAIMS, claims) is None
        and claims["iss"] == peer.code
        and claims["aud"] == call.town.code
        and seconds - 30 <= claims["exp"] <= seconds + peering.LIFE + 30
        and _is_key(claims["reader"])
    )
    if not good:
        raise BadRequestData("The signed request is not one that can be answered here and now.")
    return claims


def _is_key(reader: Mapping[str, Any]) -> bool:
    """Say whether a point is on the curve, before anything is decided that could be answered to nobody."""
    try:
        ECKey.import_key({name: reader[name] for name in ("kty", "crv", "x", "y")})
    except (JoseError, ValueError):
        return False
    return True


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
