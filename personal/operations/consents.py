"""Consents of residents: see all of them, decide, withdraw one or all at once, keep the receipts. (issue 5)"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting, assurance, letting_go, revoking, seeing
from personal.operations.blinding import blinding
from personal.operations.call import Answer, Call, Module
from personal.operations.card_validity import vouched_for
from personal.operations.consent_list import listed
from personal.operations.deciding import LOGIN, Act, GivenBy, Group, purpose_at, receipt_of, settle
from personal.operations.notices import ERASE, ERASE_DAYS
from personal.operations.preparing import (
    ITEMS,
    TOKEN,
    chosen,
    evidence_key,
    prepare,
    submit,
    submitted,
)
from personal.rules import decisions
from personal.rules.consent import HOLDING, Kind
from personal.rules.decisions import Choice
from personal.rules.delegation import Act as Doing
from personal.rules.delegation import Scope, permits
from personal.rules.identifiers import fresh
from personal.store import consents, deadlines, delegations, people, reasons, records
from personal.store.consents import Key
from personal.store.records import Record

LD_JSON: Final = "application/ld+json"
WITHDRAW: Final[dict[str, Any]] = {
    "type": "object",
    "oneOf": [{"required": ["everything"]}, {"required": ["service"]}],
    "properties": {
        "everything": {"const": True},
        "kind": {"enum": list(Kind)},
        "service": TOKEN,
        "purpose": TOKEN,
        "items": ITEMS,
    },
    "dependentRequired": {"items": ["purpose"], "purpose": ["service"]},
    "additionalProperties": False,
}


async def list_own(call: Call, module: Module) -> Answer:
    """List everything one may decide on, with where it stands."""
    find = await acting.viewed(call)

    def work(db: Connection) -> dict[str, Any]:
        person, scope = find(db)
        act = act_of(call, person)
        log.append(db, Entry("own-consents-listed", act.told, act.people), call.now)
        found = listed(
            db,
            person,
            call.now,
            lambda service, item: _visible(scope, service, (item,)),
            seeing.unseen(db, call.actor, person),
        )
        return {**found, "eraseDays": deadlines.days(db, ERASE, ERASE_DAYS)}

    return Answer(body=await call.town.store.write(work))


async def list_events(call: Call, _: Module) -> Answer:
    """List every event of one's consents, newest first: when, what, by which decision, where the log tells of it."""
    find, key = await acting.viewed(call), await call.town.keys.named(revoking.KEY)

    def work(db: Connection) -> list[dict[str, Any]]:
        person, scope = find(db)
        unseen = seeing.unseen(db, call.actor, person)
        why = {leaf: revoking.opened(key, leaf, words) for leaf, words in reasons.of(db, person).items()}
        act = act_of(call, person)
        log.append(db, Entry("own-consents-listed", act.told, act.people), call.now)
        return [
            _event(one, why.get(one.leaf))
            for one in reversed(consents.history(db, person))
            if _visible(scope, one.consent.service, (one.consent.item,))
            and (
                consents.about(one.consent) not in unseen
                if one.decision is None
                else seeing.decided(db, call.actor, consents.decision(db, one.decision))
            )
        ]

    return Answer(body={"events": await call.town.store.write(work)})


def _event(one: consents.Happened, reason: str | None) -> dict[str, Any]:
    kind, service, purpose, item = consents.about(one.consent)
    return {
        **({} if reason is None else {"reason": reason}),
        "at": clock.show(one.consent.since),
        "event": one.event,
        "state": one.consent.state,
        "kind": kind,
        "service": service,
        "purpose": purpose,
        "item": item,
        "version": one.consent.version,
        "until": None if one.consent.until is None else clock.show(one.consent.until),
        "receipt": one.decision,
        "position": one.leaf,
    }


async def prepare_own(call: Call, module: Module) -> Answer:
    """Write down what one wants to decide, for the card or the provider to sign."""
    choice = chosen(call.body, module.settings.consent_days, call.now)
    if choice.agree:
        assurance.needs_card(call.actor)
    find = await _finding(call, choice.service, (*choice.agree, *choice.refuse))
    return Answer(
        body=await call.town.store.write(lambda db: prepare(db, call, module, act_of(call, find(db)), choice))
    )


async def decide_own(call: Call, module: Module) -> Answer:
    """Decide what was prepared."""
    document = await submitted(call)
    if document["agree"]:
        assurance.needs_card(call.actor)
    find = await _finding(call, document["service"], (*document["agree"], *document["refuse"]))
    blind = await blinding(call.town)
    person = call.town.store.read(find)
    key = await evidence_key(call, person)
    given = await vouched_for(module, call.body.get("evidence"), call.now)
    call = call if given is None else replace(call, body={**call.body, "evidence": given})
    settled = await call.town.store.write(
        lambda db: submit(db, call, module, act_of(call, find(db)), document, blind, key)
    )
    told = {item: {"state": one.state} for item, one in settled.happened.items()}
    return Answer(201, {"receipt": settled.receipt, "items": told})


async def withdraw_own(call: Call, module: Module) -> Answer:
    """Withdraw consents, at once: of a service, of one of its purposes, of items, or everything there is."""
    find = await _finding(call, call.body.get("service"), call.body.get("items", ()))
    scope = await _scope(call)
    return Answer(
        body=await let_go(call, lambda db: withdraw(db, call, module, act_of(call, find(db)), scope(db)))
    )


async def let_go(call: Call, work: Callable[[Connection], dict[str, Any]]) -> dict[str, Any]:
    """Withdraw in a transaction; what was stored by it is then destroyed without waiting."""
    done = await call.town.store.write(work)
    call.town.records.woken.set()
    return done


async def list_receipts(call: Call, _: Module) -> Answer:
    """List the decisions about oneself that there are receipts for, newest first."""
    find = await acting.viewed(call)

    def work(db: Connection) -> list[dict[str, Any]]:
        person, scope = find(db)
        act = act_of(call, person)
        log.append(db, Entry("own-consents-listed", act.told, act.people), call.now)
        return [
            {
                "id": one.id,
                "at": clock.show(one.at),
                "givenBy": one.given_by,
                "evidence": one.evidence_kind,
                **{name: one.document[name] for name in ("kind", "service", "purpose", "agree", "refuse")},
            }
            for one in consents.decisions(db, person)
            if _covered(scope, one) and seeing.decided(db, call.actor, one)
        ]

    return Answer(body={"receipts": await call.town.store.write(work)})


async def show_receipt(call: Call, _: Module) -> Answer:
    """Give the receipt of a decision about oneself."""
    find = await acting.viewed(call)

    def work(db: Connection) -> bytes:
        person, scope = find(db)
        found = consents.decision(db, call.path["id"])
        own = found is not None and found.person in people.family(db, person)
        if (
            found is None
            or not own
            or not _covered(scope, found)
            or not seeing.decided(db, call.actor, found)
        ):
            raise ResourceNotFound("There is no such receipt.")
        act = act_of(call, person)
        log.append(db, Entry("receipt-read", act.told, act.people), call.now)
        return receipt_of(found)

    return Answer(body=await call.town.store.write(work), media_type=LD_JSON)


def _visible(scope: Scope | None, service: str, items: Iterable[str]) -> bool:
    """Say whether somebody may see what is decided about these items for a service; scope None: all."""
    return scope is None or permits(scope, Doing.SEE, service, items)


def _covered(scope: Scope | None, decision: consents.Decision) -> bool:
    document = decision.document
    return _visible(scope, document["service"], (*document["agree"], *document["refuse"]))


def act_of(call: Call, person: str) -> Act:
    """Say as what a resident decides about somebody's data."""
    guardian = acting.for_another(call.actor)
    return Act(person, call.actor.id, GivenBy.GUARDIAN if guardian else GivenBy.RESIDENT)


def withdraw(db: Connection, call: Call, module: Module, act: Act, scope: Scope | None) -> dict[str, Any]:
    """Withdraw all that the request names; scope: what the caller may do for somebody else, None everything."""
    body, done = call.body, []
    for group, found in _named(db, act.person, body, seeing.unseen(db, call.actor, act.person)).items():
        kind, service, purpose = group
        if scope is not None and not permits(scope, Doing.CONSENT, service, found):
            if "everything" in body:
                continue
            raise NotPermitted("What you may do for this resident does not cover this.", act=Doing.CONSENT)
        stored = [one for item in found for one in letting_go.resting(db, act.person, service, purpose, item)]
        settled = settle(db, module, call.town, act, _document(call, act, group, found), LOGIN, call.now)
        about = {"kind": kind, "service": service, "purpose": purpose, "items": sorted(settled.happened)}
        followed = _followed(db, stored) if kind == Kind.STORE and stored else {}
        done.append({**about, "receipt": settled.receipt, **followed})
    if not done:
        log.append(db, Entry("own-consents-listed", act.told, act.people), call.now)
    return {"withdrawn": done}


def _followed(db: Connection, stored: Iterable[Record]) -> dict[str, Any]:
    """Say what became of what was stored: erased, or out of use until a day that a law or proceeding sets."""
    erased, held = [], []
    for one in stored:
        left = next((kept for kept in records.held(db, one.person, one.item) if kept.due is not None), None)
        if left is None or left.due is None:
            erased.append(one.item)
        else:
            held.append({"item": one.item, "heldUntil": clock.show(left.due)})
    return {"erased": sorted(set(erased)), "kept": held}


def _named(
    db: Connection, person: str, body: dict[str, Any], unseen: Collection[Key]
) -> dict[Group, dict[str, int]]:
    """Gather what is agreed of what a request names: items, each with the version it was agreed to."""
    agreed: dict[Group, dict[str, int]] = {}
    for about, one in consents.of(db, person).items():
        kind, service, purpose, item = about
        asked = body.get("kind", kind), body.get("service", service), body.get("purpose", purpose)
        if asked == (kind, service, purpose) and one.state in HOLDING and about not in unseen:
            agreed.setdefault((kind, service, purpose), {})[item] = one.version
    if "items" not in body:
        return agreed
    named: dict[Group, dict[str, int]] = {}
    for group, found in agreed.items():
        described = purpose_at(db, group[1], max(found.values()), group[2])
        swept = decisions.swept(body["items"], described, found)
        if swept:
            named[group] = {item: found[item] for item in swept}
    return named


def _document(call: Call, act: Act, group: Group, found: dict[str, int]) -> dict[str, Any]:
    kind, service, purpose = group
    choice = Choice(Kind(kind), service, purpose, (), tuple(found), None)
    names = log.name_of(act.person), log.name_of(act.actor)
    return decisions.document(choice, call.town.id, max(found.values()), *names, fresh(), call.now)


async def _finding(call: Call, service: str | None, items: Iterable[str]) -> acting.Find:
    return await acting.subject(call, Doing.CONSENT, service=service, items=items)


async def _scope(call: Call) -> Any:
    """Say how to find within a transaction what the caller may do for somebody else."""
    key = await call.town.keys.named(delegations.KEY)

    def find(db: Connection) -> Scope | None:
        if not acting.for_another(call.actor):
            return None
        return acting.delegation(db, key, call.actor, call.now).scope

    return find
