"""Rights of residents: 開示・訂正・利用停止, decided in time, with a reason. (個人情報保護法 76, 90, 98条)"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import orjson

from base import clock
from base.database import Connection
from base.errors import BadRequestData, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting, handles, revoking, seeing
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.handles import Handles
from personal.operations.records import NAME, append, by
from personal.rules.consent import Consent, Kind
from personal.rules.delegation import Act, Scope, permits
from personal.rules.identifiers import framed, fresh
from personal.rules.residents import Event, Happening
from personal.rules.rights import (
    IN_TIME,
    LAW,
    OUTCOMES,
    Request,
    Right,
    State,
    decided,
    extended,
    extensible,
    overdue,
    received,
    withdrawn,
)
from personal.store import items, records, rights
from personal.store.rights import Filed
from personal.vault.envelope import seal, unseal

MOST_LISTED: Final = 500
EVERYTHING: Final = ("*",)
"""Stands for all items: no limit of items covers it."""
_GUARDIAN: Final = "guardian "
"""Begins, in what is kept of a request, the id of the guardian who made it."""
_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 4_000}
_ASKED: Final[dict[str, Any]] = {
    "right": {"enum": [right.value for right in Right]},
    "items": {"type": "array", "maxItems": 50, "uniqueItems": True, "items": NAME},
    "text": _TEXT,
}
ASK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["right", "text"],
    "properties": _ASKED,
    "additionalProperties": False,
}
TAKE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "right", "text", "evidence"],
    "properties": {
        "resident": handles.SCHEMA,
        "evidence": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[!-~]+$"},
        **_ASKED,
    },
    "additionalProperties": False,
}
EXTEND: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["reason"],
    "properties": {"reason": _TEXT},
    "additionalProperties": False,
}
DECIDE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["outcome", "reason"],
    "properties": {
        "outcome": {"enum": [outcome.value for outcome in OUTCOMES]},
        "reason": _TEXT,
        "items": {"type": "array", "minItems": 1, "maxItems": 50, "uniqueItems": True, "items": NAME},
        "services": {"type": "array", "minItems": 1, "maxItems": 50, "uniqueItems": True, "items": NAME},
        "erase": {"type": "boolean"},
    },
    "additionalProperties": False,
}


async def ask(call: Call, module: Module) -> Answer:
    """Ask for disclosure, correction or stop of use of data about oneself."""
    find = await acting.subject(call, Act.RIGHTS, items=call.body.get("items") or EVERYTHING)
    return await _received(call, module, find, "")


async def take(call: Call, module: Module) -> Answer:
    """Take a request down that a resident brought on paper."""
    asked = (await handles.handles(call.town, call.actor)).read(call.body["resident"])
    return await _received(
        call, module, lambda db: handles.visible(db, asked, call.actor).id, call.body["evidence"]
    )


async def list_own(call: Call, _: Module) -> Answer:
    """List one's own requests: by when each is decided, or how and why it was."""
    find, key = await acting.subject(call, Act.RIGHTS), await sealing(call)
    limits = await acting.limits(call)

    def work(db: Connection) -> list[Filed]:
        scope, person = limits(db), find(db)
        append(db, call, "own-rights-listed", person)
        return [one for one in rights.of(db, person) if _sees(db, call, scope, one)]

    return Answer(body={"requests": [shown(one, key) for one in await call.town.store.write(work)]})


async def withdraw(call: Call, _: Module) -> Answer:
    """Take a request of one's own back."""
    find, limits = await acting.subject(call, Act.RIGHTS), await acting.limits(call)

    def work(db: Connection) -> None:
        person = find(db)
        for one in rights.of(db, person):
            if one.request.id == call.path["id"] and _sees(db, call, limits(db), one):
                rights.put(db, replace(one, request=withdrawn(one.request, call.now)))
                _note(db, call, "rights-withdrawn", one.request, person)
                return
        raise _missing()

    await call.town.store.write(work)
    return NO_CONTENT


async def list_all(call: Call, _: Module) -> Answer:
    """List the requests that wait, the most urgent first, or (state=decided) those that are decided."""
    state = call.params.get("state", "open")
    if state not in ("open", "decided"):
        raise BadRequestData("The states are open, decided.")
    names = await handles.handles(call.town, call.actor)

    def work(db: Connection) -> list[dict[str, Any]]:
        log.append(db, Entry("rights-listed", {"by": call.actor.id, "state": state}), call.now)
        found = rights.listed(db, waiting=state == "open", most=MOST_LISTED)
        told = [_for_staff(db, one, call, names) for one in found]
        return [one for one in told if one is not None]

    return Answer(body={"requests": await call.town.store.write(work)})


async def show(call: Call, _: Module) -> Answer:
    """Show a request with what the resident wrote."""
    names, key = await handles.handles(call.town, call.actor), await sealing(call)

    def work(db: Connection) -> dict[str, Any]:
        found, person = _visible(db, call)
        _note(db, call, "rights-read", found.request, person)
        told = {
            **shown(found, key),
            **_in_time(found.request, call.now),
            **_corrected(db, found.request, person),
        }
        return {**told, "resident": names.show(person), "evidence": found.evidence}

    return Answer(body=await call.town.store.write(work))


async def extend(call: Call, module: Module) -> Answer:
    """Prolong the time of a request once, with a reason that the resident sees. (83条2項)"""
    key, days = await sealing(call), module.settings.rights_extension_days

    def work(db: Connection) -> dict[str, Any]:
        found, person = _visible(db, call)
        request = extended(found.request, call.now, days)
        reasons = {**_reasons(found, key), "extension": call.body["reason"]}
        changed = replace(found, request=request, reasons=_sealed(key, request.id, "reasons", reasons))
        rights.put(db, changed)
        _note(db, call, "rights-extended", request, person, due=clock.show(request.due))
        return shown(changed, key)

    return Answer(body=await call.town.store.write(work))


async def decide(call: Call, module: Module) -> Answer:
    """Decide a request, with a reason that the resident sees; what it stops ends at once, and services are told."""
    key, outcome = await sealing(call), State(call.body["outcome"])
    reason_key = await call.town.keys.named(revoking.KEY)

    def work(db: Connection) -> dict[str, Any]:
        found, person = _visible(db, call)
        about = _concerned(found.request, call.body, outcome)
        request = decided(found.request, outcome, call.now)
        reasons = {**_reasons(found, key), "decision": call.body["reason"]}
        changed = replace(
            found,
            request=request,
            reasons=_sealed(key, request.id, "reasons", reasons),
            decided_by=call.actor.id,
        )
        rights.put(db, changed)
        late = overdue(found.request, call.now)
        _note(db, call, "rights-decided", request, person, outcome=outcome, late=late)
        if about is None:
            return shown(changed, key)
        told = revoking.revoke(
            db, call, module, person, about, call.body["reason"], reason_key, request=request.id
        )
        return {**shown(changed, key), "ended": told}

    done = await call.town.store.write(work)
    call.town.records.woken.set()
    return Answer(body=done)


def _concerned(request: Request, body: dict[str, Any], outcome: State) -> Callable[[Consent], bool] | None:
    """Say which consents a decision ends: those to the items that are not to be used any more; None: it ends none."""
    if request.right is not Right.STOP or outcome is State.REFUSED:
        if body.keys() & {"items", "services", "erase"}:
            raise BadRequestData("items, services and erase are for a stop of use that is granted.")
        return None
    if outcome is State.PARTLY and not body.keys() & {"items", "services"}:
        raise BadRequestData("Name the items, or the services, for which the use is stopped.")
    named, services = body.get("items", list(request.items)), body.get("services")
    if request.items and not set(named) <= set(request.items):
        raise BadRequestData("The request is not about all of these items.")
    kinds = frozenset(Kind) if body.get("erase") else frozenset({Kind.SHARE})
    return lambda one: (
        one.kind in kinds
        and (not named or one.item in named)
        and (services is None or one.service in services)
    )


def react(db: Connection, happening: Happening, now: int) -> None:
    """Let requests follow those who were parted."""
    if happening.event is Event.PARTED and happening.to_other:
        rights.hand_over(db, happening.person, happening.other, happening.since)


async def sealing(call: Call) -> bytes:
    """Give the key that seals what is written in requests."""
    return await call.town.keys.named("rights")


def shown(filed: Filed, key: bytes) -> dict[str, Any]:
    """Show a request to whom it is about."""
    told = {**_shown(filed.request), "text": _unsealed(key, filed.request.id, "words", filed.words)}
    reasons = _reasons(filed, key)
    return {**told, "reasons": reasons} if reasons else told


def covers(scope: Scope | None, filed: Filed) -> bool:
    """Say whether a guardian may see a request; None: it is one's own."""
    return scope is None or permits(scope, Act.RIGHTS, None, filed.request.items or EVERYTHING)


def _sees(db: Connection, call: Call, scope: Scope | None, filed: Filed) -> bool:
    """Say whether the caller sees a request: within their scope, and not of another guardian who is protected."""
    taken_by = filed.taken_by.removeprefix(_GUARDIAN)
    return covers(scope, filed) and (taken_by == filed.taken_by or not seeing.hides(db, call.actor, taken_by))


async def _received(call: Call, module: Module, find: acting.Find, evidence: str) -> Answer:
    body, key = call.body, await sealing(call)
    right, about = Right(body["right"]), tuple(sorted(body.get("items", ())))

    def work(db: Connection) -> dict[str, Any]:
        person, known = find(db), items.listed(db)
        if strange := [item for item in about if item not in known]:
            raise BadRequestData(f"There is no item {strange[0]}; GET /personal/v1/items lists them.")
        request = received(fresh("w_"), person, right, about, call.now, module.settings.rights_days)
        words = _sealed(key, request.id, "words", body["text"])
        taken_by = _GUARDIAN + call.actor.id if acting.for_another(call.actor) else by(call)
        filed = Filed(request, words, _sealed(key, request.id, "reasons", {}), taken_by, evidence)
        rights.put(db, filed)
        _note(db, call, "rights-request", request, person, due=clock.show(request.due))
        return shown(filed, key)

    return Answer(201, await call.town.store.write(work))


def _shown(request: Request) -> dict[str, Any]:
    moments = {
        name: clock.show(at)
        for name, at in (("extended", request.extended), ("decided", request.decided))
        if at is not None
    }
    return {
        "id": request.id,
        "right": request.right,
        "law": LAW[request.right],
        "items": list(request.items),
        "state": request.state,
        "made": clock.show(request.made),
        "due": clock.show(request.due),
        **moments,
    }


def _for_staff(db: Connection, filed: Filed, call: Call, names: Handles) -> dict[str, Any] | None:
    """Show a request in a list; None where the caller may not know of the resident."""
    try:
        person = handles.visible(db, filed.request.person, call.actor)
    except ResourceNotFound:
        return None
    told = {**_shown(filed.request), **_in_time(filed.request, call.now)}
    return {**told, "resident": names.show(person.id)}


def _in_time(request: Request, now: int) -> dict[str, Any]:
    """Say by what a request is decided in time, whether it is late, and whether its time may be prolonged."""
    decided, prolonged = IN_TIME[request.right]
    told = {"overdue": overdue(request, now), "deadlineLaw": decided}
    if extensible(request, now):
        told["extensionLaw"] = prolonged
    return told


def _corrected(db: Connection, request: Request, person: str) -> dict[str, Any]:
    """Say which of the items that are to be corrected were written since that was asked for."""
    if request.right is not Right.CORRECTION:
        return {}
    written = [one.item for one in records.listed(db, person) if one.changed >= request.made]
    return {"writtenSince": [item for item in written if not request.items or item in request.items]}


def _visible(db: Connection, call: Call) -> tuple[Filed, str]:
    found = rights.find(db, call.path["id"])
    if found is None:
        raise _missing()
    try:
        return found, handles.visible(db, found.request.person, call.actor).id
    except ResourceNotFound:
        raise _missing() from None


def _note(db: Connection, call: Call, kind: str, request: Request, person: str, **facts: Any) -> None:
    told = {"by": by(call), "request": request.id, "right": request.right, **facts}
    if request.items:
        told["items"] = list(request.items)
    log.append(db, Entry(kind, told, acting.people_of(call.actor, person)), call.now)


def _reasons(filed: Filed, key: bytes) -> dict[str, str]:
    found: dict[str, str] = _unsealed(key, filed.request.id, "reasons", filed.reasons)
    return found


def _sealed(key: bytes, id: str, part: str, words: Any) -> bytes:
    return seal(key, orjson.dumps(words), framed("request", id, part))


def _unsealed(key: bytes, id: str, part: str, sealed: bytes) -> Any:
    return orjson.loads(unseal(key, sealed, framed("request", id, part)))


def _missing() -> ResourceNotFound:
    return ResourceNotFound("There is no such request.")
