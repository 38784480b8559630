"""Peers and links: which municipalities exchange data, and which residents both know. (issue 5)"""

import secrets
from typing import Any, Final
from urllib.parse import urlsplit

from base import clock
from base.access.reach import is_loopback
from base.database import Connection
from base.errors import BadRequestData, Conflict, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting, handles, peering
from personal.operations.actors import Role, Who
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.exchange import CODE
from personal.operations.records import by
from personal.operations.services import ID
from personal.operations.tables import Decision, Kind
from personal.rules import service_keys
from personal.rules.identifiers import fresh
from personal.rules.residents import Event, Happening
from personal.store import exchange, services, sessions
from personal.store.exchange import Offer, Peer

PEER: Final = "peer"
CODE_LIFE: Final = 15 * 60 * clock.SECOND
_SECRET: Final[dict[str, Any]] = {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"}
_SCAN: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[!-~]+$"}
BEGIN: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["peer"],
    "properties": {"peer": CODE},
    "additionalProperties": False,
}
END: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["peer", "code"],
    "properties": {"peer": CODE, "code": _SECRET},
    "additionalProperties": False,
}
_FOR: Final = {"resident": handles.SCHEMA, "evidence": _SCAN}
BEGIN_FOR: Final = {
    **BEGIN,
    "required": [*BEGIN["required"], *_FOR],
    "properties": {**BEGIN["properties"], **_FOR},
}
END_FOR: Final = {**END, "required": [*END["required"], *_FOR], "properties": {**END["properties"], **_FOR}}
CLAIM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["code"],
    "properties": {"code": _SECRET},
    "additionalProperties": False,
}


async def list_peers(call: Call, _: Module) -> Answer:
    """List the municipalities that exchange data with this one, for everybody."""
    found = call.town.store.read(exchange.listed)
    shown = [{"peer": one.code, "name": one.name} for one in found if one.active]
    return Answer(body={"peers": shown})


async def list_all(call: Call, _: Module) -> Answer:
    """List for staff all municipalities that were approved, with their addresses, services and keys."""
    shown = [
        {
            "peer": one.code,
            "name": one.name,
            "url": one.url,
            "municipality": one.municipality,
            "services": one.services,
            "keys": [key["kid"] for key in one.keys["keys"]],
            "active": one.active,
        }
        for one in call.town.store.read(exchange.listed)
    ]
    return Answer(body={"peers": shown})


async def begin(call: Call, _: Module) -> Answer:
    """Begin to link a resident's entry here with theirs elsewhere: gives a code to be entered there, once."""
    find, peer = await _subject(call), peering.known(call.town, call.body["peer"])
    code, name, until = secrets.token_urlsafe(16), fresh("x1."), call.now + CODE_LIFE

    def work(db: Connection) -> None:
        person = find(db)
        exchange.offer(db, Offer(sessions.digest(code), peer.code, name, person, until), call.now)
        _note(db, call, "exchange-link-begun", peer, person)

    await call.town.store.write(work)
    return Answer(201, {"code": code, "until": clock.show(until)})


async def finish(call: Call, module: Module) -> Answer:
    """Link a resident's entry here with the one elsewhere for which a code was given there."""
    find, peer = await _subject(call), peering.known(call.town, call.body["peer"])
    call.town.store.read(find)
    body = {"code": call.body["code"]}
    told = await peering.ask(module, call.town, peer, "/exchange/links/claim", body, call.now)
    name = told.get("name")
    if name is None:
        raise ResourceNotFound("The code is not valid (any more): have a new one made.")
    if not isinstance(name, str) or not 20 <= len(name) <= 100:
        raise BadRequestData("The other municipality's answer makes no sense.")

    def work(db: Connection) -> None:
        person = find(db)
        if exchange.resolve(db, peer.code, name) is not None:
            raise Conflict("The other municipality gave a name that stands for somebody already.")
        exchange.link(db, peer.code, name, person, call.now)
        _note(db, call, "exchange-linked", peer, person)

    await call.town.store.write(work)
    return NO_CONTENT


async def begin_own(call: Call, module: Module) -> Answer:
    """Begin to link one's entry here with one's own elsewhere: gives a code to be entered there, once."""
    return await begin(call, module)


async def finish_own(call: Call, module: Module) -> Answer:
    """Link one's entry here with one's own elsewhere, by the code that was given there."""
    return await finish(call, module)


async def claim(call: Call, _: Module) -> Answer:
    """Tell a peer by which name both know the resident who entered our code there."""
    peer = peering.known(call.town, call.actor.id)

    def work(db: Connection) -> str | None:
        taken = exchange.take(db, sessions.digest(call.body["code"]), peer.code, call.now)
        if taken is None:
            log.append(db, Entry("exchange-link-refused", {"peer": peer.code}), call.now)
            return None
        exchange.link(db, peer.code, taken.name, taken.person, call.now)
        log.append(db, Entry("exchange-linked", {"peer": peer.code}, {"subject": taken.person}), call.now)
        return taken.name

    return Answer(body={"name": await call.town.store.write(work)})


async def list_own(call: Call, _: Module) -> Answer:
    """List the municipalities with which the resident's entry is linked."""
    find = await acting.subject(call, None)

    def work(db: Connection) -> list[dict[str, Any]]:
        person = find(db)
        log.append(db, Entry("own-links-listed", {"by": by(call)}, {"subject": person}), call.now)
        return [{"peer": code, "since": clock.show(since)} for code, since in exchange.links(db, person)]

    return Answer(body={"links": await call.town.store.write(work)})


async def unlink(call: Call, _: Module) -> Answer:
    """End the link with another municipality: from now on neither knows whom the other means."""
    find, code = await acting.subject(call, None), call.path["peer"]

    def work(db: Connection) -> None:
        person = find(db)
        if not exchange.unlink(db, code, person):
            raise ResourceNotFound("There is no such link.")
        facts = {"by": by(call), "peer": code}
        log.append(db, Entry("exchange-unlinked", facts, {"subject": person}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


def react(db: Connection, happening: Happening, now: int) -> None:
    """Let links follow those who were parted."""
    if happening.event is Event.PARTED and happening.to_other:
        exchange.hand_over(db, happening.person, happening.other, happening.since)


async def _subject(call: Call) -> acting.Find:
    if call.actor.who is Who.RESIDENT:
        return await acting.subject(call, None)
    asked = (await handles.handles(call.town, call.actor)).read(call.body["resident"])
    return lambda db: handles.visible(db, asked, call.actor).id


def _note(db: Connection, call: Call, kind: str, peer: Peer, person: str) -> None:
    evidence = {"evidence": call.body["evidence"]} if "evidence" in call.body else {}
    facts = {"by": by(call), "peer": peer.code, **evidence}
    log.append(db, Entry(kind, facts, {"subject": person}), call.now)


def _check(db: Connection, body: dict[str, Any], _: int) -> dict[str, Any]:
    where = urlsplit(body["url"])
    if where.scheme != "https" and not (where.scheme == "http" and is_loopback(where.hostname or "")):
        raise BadRequestData("The URL of a peer begins with https, unless it is on this machine.")
    if where.path or where.query or where.fragment or where.username or not where.hostname:
        raise BadRequestData("Give the URL of a peer as scheme, host and port only.")
    for ours in body["services"].values():
        if services.find(db, ours) is None:
            raise BadRequestData(f"There is no service {ours} here.")
    return {"municipality": "", **body, "keys": service_keys.checked(body["keys"])}


def _approve(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    checked = _check(db, body, decision.now)
    peer = Peer(
        checked["peer"],
        checked["name"],
        checked["url"],
        checked["municipality"],
        checked["keys"],
        checked["services"],
        checked.get("active", True),
    )
    exchange.put(db, peer)
    sessions.end_all(db, Who.PEER, peer.code)
    return {"peer": peer.code, "services": dict(sorted(peer.services.items())), "active": peer.active}


KIND: Final = Kind(
    frozenset({Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["peer", "name", "url", "keys", "services"],
        "properties": {
            "peer": CODE,
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "url": {"type": "string", "maxLength": 200},
            "municipality": {"type": "string", "pattern": "^[a-z0-9-]*$", "maxLength": 32},
            "keys": service_keys.SCHEMA,
            "services": {
                "type": "object",
                "maxProperties": 200,
                "propertyNames": ID,
                "additionalProperties": ID,
            },
            "active": {"type": "boolean"},
        },
        "additionalProperties": False,
    },
    _check,
    _approve,
    days=7,
)
