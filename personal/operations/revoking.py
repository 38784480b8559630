"""Revoking: staff end a consent, with a reason that the resident sees: a form that is not good, use that is stopped."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from base.database import Connection
from base.errors import Conflict
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import consent_reactions, handles
from personal.operations.call import Answer, Call, Module
from personal.operations.deciding import GivenBy
from personal.operations.preparing import ITEMS, TOKEN
from personal.rules.consent import HOLDING, Consent, Event, Kind
from personal.rules.identifiers import framed
from personal.store import consents, reasons
from personal.vault.envelope import seal, unseal

KEY: Final = "consent-reason"
LEAF: Final = "consent-revoked"
REASON: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 1_000}
REVOKE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident", "service", "purpose", "reason"],
    "properties": {
        "resident": handles.SCHEMA,
        "kind": {"enum": list(Kind)},
        "service": TOKEN,
        "purpose": TOKEN,
        "items": {**ITEMS, "minItems": 1},
        "reason": REASON,
    },
    "additionalProperties": False,
}


async def revoke_paper(call: Call, module: Module) -> Answer:
    """End consents that staff took over from paper, because the form is not good; others only the resident ends."""
    asked, body = (await handles.handles(call.town, call.actor)).read(call.body["resident"]), call.body
    key = await call.town.keys.named(KEY)

    def work(db: Connection) -> list[dict[str, Any]]:
        person = handles.visible(db, asked, call.actor).id
        found = _on_paper(db, person, body)
        if not found:
            log.append(db, Entry("consents-listed", {"by": call.actor.id}, {"subject": person}), call.now)
            return []
        return revoke(db, call, module, person, lambda one: consents.about(one) in found, body["reason"], key)

    ended = await call.town.store.write(work)
    if not ended:
        raise Conflict(
            "None of this was agreed to on paper and holds: who agreed themselves withdraws themselves."
        )
    call.town.records.woken.set()
    return Answer(body={"ended": ended})


def revoke(
    db: Connection,
    call: Call,
    module: Module,
    person: str,
    which: Callable[[Consent], bool],
    reason: str,
    key: bytes,
    **facts: Any,
) -> list[dict[str, Any]]:
    """End consents of a resident that hold, with a reason that they see; say which."""
    before = consents.of(db, person)
    ending = {about for about, one in before.items() if one.state in HOLDING and which(one)}
    leaves = consent_reactions.end(
        db,
        module.consent_reactions,
        person,
        lambda one: consents.about(one) in ending,
        call.now,
        why="revoked",
        event=Event.REVOKE,
        leaf=LEAF,
        by=call.actor.id,
        **facts,
    )
    for leaf in leaves:
        reasons.keep(db, leaf, person, seal(key, orjson.dumps(reason), framed(KEY, str(leaf))))
    return [dict(zip(("kind", "service", "purpose", "item"), about, strict=True)) for about in sorted(ending)]


def opened(key: bytes, leaf: int, words: bytes) -> str:
    """Give a reason as it was written."""
    return str(orjson.loads(unseal(key, words, framed(KEY, str(leaf)))))


def _on_paper(db: Connection, person: str, body: dict[str, Any]) -> set[consents.Key]:
    """Find what is named and stands because of a form on paper."""
    found = set()
    for about, one in consents.of(db, person).items():
        kind, service, purpose, item = about
        named = (body.get("kind", kind), body["service"], body["purpose"]) == (kind, service, purpose)
        if one.state in HOLDING and named and item in body.get("items", (item,)):
            made = consents.latest_decision(db, person, about)
            if made is not None and made.given_by == GivenBy.PAPER:
                found.add(about)
    return found
