"""Four eyes: what one member of staff proposes takes effect when a second one approves it, and not before."""

from collections.abc import Collection
from typing import Any, Final

from base import clock, forms
from base.database import Connection
from base.errors import BadRequestData, Conflict, InvalidRequest, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Role
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.tables import Decision, Kind
from personal.operations.town import Town
from personal.rules.identifiers import fresh
from personal.store import proposals, staff
from personal.store.proposals import Proposal, ProposalState

MOST_LISTED: Final = 200
_DAY: Final = 86_400 * clock.SECOND
PROPOSE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["kind", "body"],
    "properties": {"kind": {"type": "string", "maxLength": 64}, "body": {"type": "object"}},
    "additionalProperties": False,
}
REFUSE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"reason": {"type": "string", "maxLength": 500}},
    "additionalProperties": False,
}


async def propose(call: Call, module: Module) -> Answer:
    """Propose something; nothing happens yet."""
    name = call.body["kind"]
    kind = _permitted(call, module, name, InvalidRequest("There is no such kind of proposal."))
    fault = forms.fault(forms.validator(kind.schema), call.body["body"])
    if fault is not None:
        raise BadRequestData(f"The proposal is not as it must be: {fault}")
    check_places(call.town, kind.places(call.body["body"]))

    def work(db: Connection) -> dict[str, Any]:
        return make(db, name, kind, kind.check(db, call.body["body"], call.now), call.actor.id, call.now)

    return Answer(201, await call.town.store.write(work))


def make(db: Connection, name: str, kind: Kind, body: Any, by: str, now: int) -> dict[str, Any]:
    """Write a proposal down; gives it as it is shown."""
    made = Proposal(fresh("q_"), name, body, by, now, now + kind.days * _DAY)
    proposals.add(db, made)
    log.append(db, Entry("proposal-made", _facts(by, made)), now)
    return _shown(db, made, kind, now)


async def list_proposals(call: Call, module: Module) -> Answer:
    """List the proposals that the caller may decide; without a state those that are open."""
    try:
        state = ProposalState(call.params.get("state", ProposalState.OPEN))
    except ValueError:
        raise InvalidRequest(f"The states are {', '.join(ProposalState)}.") from None

    def work(db: Connection) -> list[dict[str, Any]]:
        return [
            _shown(db, one, module.kinds[one.kind], call.now)
            for one in proposals.listed(db, state, MOST_LISTED)
            if one.kind in module.kinds
            and module.kinds[one.kind].roles & call.actor.roles
            and module.kinds[one.kind].knows(db, call.actor, one.body)
        ]

    found = call.town.store.read(work)
    return Answer(body={"proposals": [await _revealed(call, module, one) for one in found]})


async def show_proposal(call: Call, module: Module) -> Answer:
    """Show a proposal with what it would change."""

    def work(db: Connection) -> dict[str, Any]:
        found, kind = _found(db, call, module)
        told = _shown(db, found, kind, call.now)
        if found.state is ProposalState.OPEN:
            told["approvers"] = _approvers(db, found, kind)
        return told

    return Answer(body=await _revealed(call, module, call.town.store.read(work)))


async def _revealed(call: Call, module: Module, told: dict[str, Any]) -> dict[str, Any]:
    """Add what is kept sealed and whoever decides has to see."""
    reveal = module.kinds[told["kind"]].revealed
    if reveal is None or told["state"] != ProposalState.OPEN:
        return told
    return {**told, **await reveal(call.town, told["body"])}


async def approve(call: Call, module: Module) -> Answer:
    """Approve what somebody else proposed; it takes effect at once, in the same transaction."""

    def work(db: Connection) -> None:
        found, kind = _open(db, call, module)
        if _same_person(db, found.proposed_by, call.actor.id):
            raise NotPermitted("Nobody approves what they proposed themselves: a second person has to.")
        if found.until <= call.now:
            raise Conflict("The time of this proposal is over: propose it again.")
        check_places(call.town, kind.places(found.body))
        decision = Decision(found.id, found.proposed_by, call.actor.id, call.now)
        facts = kind.approve(db, found.body, decision)
        proposals.decide(db, found.id, ProposalState.APPROVED, call.actor.id, call.now)
        told = {**facts, **_facts(call.actor.id, found), "proposed-by": found.proposed_by}
        log.append(db, Entry("proposal-approved", told), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def refuse(call: Call, module: Module) -> Answer:
    """Refuse a proposal, with a reason for whoever made it."""
    await call.town.store.write(
        lambda db: _end(db, call, module, ProposalState.REFUSED, call.body.get("reason"))
    )
    return NO_CONTENT


async def withdraw(call: Call, module: Module) -> Answer:
    """Take one's own proposal back."""

    def work(db: Connection) -> None:
        found, _ = _open(db, call, module)
        if found.proposed_by != call.actor.id:
            raise NotPermitted("Only who made a proposal takes it back; others refuse it.")
        _end(db, call, module, ProposalState.WITHDRAWN)

    await call.town.store.write(work)
    return NO_CONTENT


def check_places(town: Town, named: Collection[str]) -> None:
    """Refuse locations that are not set up here: nothing could be kept there."""
    for name in sorted(set(named) - town.records.locations.keys()):
        raise BadRequestData(
            f"The location {name} is not set up here; GET /personal/v1/locations lists those."
        )


def _end(db: Connection, call: Call, module: Module, state: ProposalState, reason: str | None = None) -> None:
    found, kind = _open(db, call, module)
    if kind.apart and _same_person(db, found.proposed_by, call.actor.id):
        raise NotPermitted("A second person has to decide on this.")
    proposals.decide(db, found.id, state, call.actor.id, call.now, reason)
    if state is ProposalState.REFUSED:
        kind.refused(db, found.body, Decision(found.id, found.proposed_by, call.actor.id, call.now))
    log.append(db, Entry(f"proposal-{state}", _facts(call.actor.id, found)), call.now)


def _permitted(call: Call, module: Module, name: str, otherwise: Exception) -> Kind:
    kind = module.kinds.get(name)
    if kind is None or not kind.roles & call.actor.roles:
        raise otherwise
    return kind


def _found(db: Connection, call: Call, module: Module) -> tuple[Proposal, Kind]:
    """Find a proposal of a kind that the caller may decide; others are to them as if they were not there."""
    missing = ResourceNotFound("There is no such proposal.")
    found = proposals.find(db, call.path["id"])
    if found is None:
        raise missing
    kind = _permitted(call, module, found.kind, missing)
    if not kind.knows(db, call.actor, found.body):
        raise missing
    return found, kind


def _open(db: Connection, call: Call, module: Module) -> tuple[Proposal, Kind]:
    found, kind = _found(db, call, module)
    if found.state is not ProposalState.OPEN:
        raise Conflict(f"This proposal is {found.state} already.")
    return found, kind


def _same_person(db: Connection, one: str, other: str) -> bool:
    """Compare logins, too: who left and came back has a new id."""
    first, second = staff.find(db, one), staff.find(db, other)
    return one == other or first is None or second is None or first.login == second.login


def _approvers(db: Connection, proposal: Proposal, kind: Kind) -> list[str]:
    """Name the members of staff who may approve a proposal: those with a role for it, but for who made it."""
    return [
        one.name
        for one in staff.listed(db)
        if one.ended is None
        and kind.roles.intersection(map(Role, one.roles))
        and not _same_person(db, one.id, proposal.proposed_by)
    ]


def _facts(by: str, proposal: Proposal) -> dict[str, Any]:
    return {"by": by, "proposal": proposal.id, "proposal-kind": proposal.kind}


def _shown(db: Connection, proposal: Proposal, kind: Kind, now: int) -> dict[str, Any]:
    told = {
        "id": proposal.id,
        "kind": proposal.kind,
        "body": proposal.body,
        "state": proposal.state,
        "proposedBy": _name(db, proposal.proposed_by),
        "proposer": proposal.proposed_by,
        "proposed": clock.show(proposal.proposed),
        "until": clock.show(proposal.until),
    }
    if proposal.state is ProposalState.OPEN:
        return {**told, "expired": proposal.until <= now, **kind.shown(db, proposal.body)}
    decided = clock.show(proposal.decided or 0)
    return {
        **told,
        "decidedBy": _name(db, proposal.decided_by or ""),
        "decided": decided,
        "reason": proposal.reason,
    }


def _name(db: Connection, id: str) -> str:
    member = staff.find(db, id)
    return "" if member is None else member.name
