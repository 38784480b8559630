"""What the store inside LGWAN means for consents and disclosures. (DESIGN 3)

A record there comes out by an order that carries the resident's decision and the evidence of it; what is withdrawn
is told inside in the transaction of the withdrawal.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from base.database import Connection
from base.errors import NotPermitted, Problem, ResourceNotFound, ServiceUnavailable
from personal.locations import agent_queue, lgwan
from personal.locations.contract import LocationOffline
from personal.locations.lgwan import NAME, Ask, Lgwan
from personal.locations.records import Value
from personal.operations import deciding
from personal.operations.actors import Role
from personal.operations.tables import ConsentChange, Decision, Kind
from personal.operations.town import Town
from personal.rules.consent import Kind as ConsentKind
from personal.rules.decisions import shown
from personal.rules.evidence import STRONG
from personal.rules.identifiers import fresh
from personal.rules.orders import Task
from personal.store import agent_orders, consents, records, services
from personal.store.records import Record
from personal.vault import requests


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A value that only the service can open. (RFC 7516)"""

    text: str = field(repr=False)

    def shown(self) -> dict[str, str]:
        """Give it as the service sees it."""
        return {"jwe": self.text}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item of a person for a purpose of a service; consent: whether it rests on a decision of the resident."""

    service: str
    purpose: str
    person: str = field(repr=False)
    item: str
    consent: bool


OWN: Final = "own-view"
"""The purpose for which this module asks for what it shows to whom it is about."""
_SOON: Final = 30
Found = Value | Enclosed | Problem | None


async def fetch_all(town: Town, wanted: Sequence[Wanted]) -> list[Found]:
    """Give items for services from where they live; what is inside LGWAN by orders, one for each decision."""
    found: dict[Wanted, Found] = {}
    there = _there(town, wanted)
    elsewhere = [one for one in wanted if one not in there]
    values = await town.records.fetch_all([(one.person, one.item) for one in elsewhere])
    found.update(zip(elsewhere, values, strict=True))
    inside = town.records.locations.get(NAME)
    if there and isinstance(inside, Lgwan):
        for group in await asyncio.gather(*(_release(town, inside, one) for one in _grouped(town, there))):
            found.update(group)
    return [found.get(one) for one in wanted]


class KeptInside(NotPermitted):
    """A record that is not shown over the internet: its place is inside LGWAN."""

    title = "Kept inside LGWAN"


class Pending(ServiceUnavailable):
    """A record that the store inside has been asked for, and not given yet."""

    title = "Pending"


async def to_show(town: Town, person: str, item: str, *, allowed: bool) -> Value | None:
    """Give an item to show it to whom it is about, or to staff; what is inside LGWAN only if city and inside allow it.

    allowed: whether the city lets it be asked for (setting lgwan_own_view).
    """
    record, there = (
        town.store.read(lambda db: records.find(db, person, item)),
        town.records.locations.get(NAME),
    )
    if record is None or record.location != NAME or not isinstance(there, Lgwan):
        return await town.records.fetch(person, item)
    kept = KeptInside(
        "This is kept inside LGWAN, and not shown over the internet. See it at the municipality's counter."
    )
    if not allowed:
        raise kept
    try:
        ask = Ask(lgwan.GATEWAY, OWN, there.keys.reader.kid)
        order, items = await there.release([town.records.copy(record)], ask)
    except lgwan.ReleaseRefused:
        raise kept from None
    except LocationOffline:
        raise Pending(
            "This was asked for inside LGWAN, and has not come yet. Ask again later.",
            headers={"Retry-After": str(_SOON)},
        ) from None
    return Value(record, there.read_item(order, item, items[item])["value"])


def told_agreed(
    db: Connection, town: Town, person: str, document: Mapping[str, Any], given: Mapping[str, Any], now: int
) -> None:
    """Tell the inside what was agreed to about a record that lives there, in the transaction in which it is.

    It then counts as seen while card or device were good, whenever it is used.
    """
    there = town.records.locations.get(NAME)
    if (
        document["kind"] != ConsentKind.SHARE
        or not isinstance(there, Lgwan)
        or agent_orders.agent(db) is None
    ):
        return
    if given.get("kind") in STRONG and any(
        records.place_of(db, person, item) == NAME for item in document["agree"]
    ):
        claims = {"decision": dict(document), "evidence": dict(given)}
        there.queue.add(db, Task.AGREE, person, claims, now, same=fresh("s_"))


def told_inside(db: Connection, change: ConsentChange, now: int) -> None:
    """Tell the inside that items are not agreed to any more, in the transaction in which they end."""
    if change.kind is not ConsentKind.SHARE or not change.end or agent_orders.agent(db) is None:
        return
    group = (str(change.kind), change.service, change.purpose)
    digests = {
        shown(one.digest)
        for one in consents.decisions(db, change.person)
        if (one.document["kind"], one.document["service"], one.document["purpose"]) == group
        and set(one.document["agree"]) & set(change.end)
    }
    for some in _pieces(sorted(digests)):
        claims = {"decisions": some, "items": list(change.end)}
        agent_queue.queue(db, Task.WITHDRAW, change.person, claims, now)


def forget(db: Connection, person: str, now: int) -> None:
    """Have everything of a person erased inside, in the transaction that erases it here."""
    if agent_orders.agent(db) is not None:
        agent_queue.queue(db, Task.ERASE, person, {}, now)


def _there(town: Town, wanted: Sequence[Wanted]) -> dict[Wanted, Record]:
    if NAME not in town.records.locations:
        return {}
    found = town.store.read(lambda db: [(one, records.find(db, one.person, one.item)) for one in wanted])
    return {one: record for one, record in found if record is not None and record.location == NAME}


@dataclass(frozen=True, slots=True)
class _Group:
    """What one order can ask for."""

    records: Mapping[Wanted, Record]
    decision: consents.Decision | None


def _grouped(town: Town, there: Mapping[Wanted, Record]) -> list[_Group]:
    """Put together what rests on one decision of one person for one purpose."""
    groups: dict[tuple[str, ...], _Group] = {}

    def work(db: Connection) -> None:
        for one, record in there.items():
            key = (str(ConsentKind.SHARE), one.service, one.purpose, one.item)
            decision = consents.latest_decision(db, one.person, key) if one.consent else None
            place = (one.service, one.purpose, one.person, decision.id if decision else "")
            group = groups.setdefault(place, _Group({}, decision))
            groups[place] = _Group({**group.records, one: record}, decision)

    town.store.read(work)
    return list(groups.values())


async def _release(town: Town, inside: Lgwan, group: _Group) -> dict[Wanted, Found]:
    first, decision = next(iter(group.records)), group.decision
    kid = town.store.read(lambda db: agent_orders.recipient(db, first.service))
    copies = [town.records.copy(record) for record in group.records.values()]
    try:
        ask = Ask(
            first.service,
            first.purpose,
            kid or inside.keys.reader.kid,
            None if decision is None else decision.document,
            None if decision is None else _evidence(town, decision),
        )
        order, items = await inside.release(copies, ask)
        return {one: _value(inside, kid, order, record, items) for one, record in group.records.items()}
    except Problem as problem:
        return dict.fromkeys(group.records, problem)


def _value(inside: Lgwan, kid: str | None, order: str, record: Record, items: Mapping[str, str]) -> Found:
    text = items[record.item]
    return Enclosed(text) if kid else Value(record, inside.read_item(order, record.item, text)["value"])


def _evidence(town: Town, decision: consents.Decision) -> Mapping[str, Any] | None:
    try:
        return deciding.opened(town, decision)
    except ResourceNotFound:
        return None


def _pieces(digests: Sequence[str], size: int = 50) -> list[list[str]]:
    return [list(digests[at : at + size]) for at in range(0, len(digests), size)]


# -- keys of services, by four eyes


def _check(db: Connection, body: dict[str, Any], _: int) -> dict[str, Any]:
    if services.find(db, body["service"]) is None:
        raise ResourceNotFound("There is no such service.")
    if body["recipient"] is None:
        return {"service": body["service"], "recipient": None}
    key = requests.public_key(body["recipient"])
    return {"service": body["service"], "recipient": {**key, "kid": requests.thumbprint(key)}}


def _approve(db: Connection, body: dict[str, Any], _: Decision) -> dict[str, Any]:
    kid = None if body["recipient"] is None else body["recipient"]["kid"]
    agent_orders.set_recipient(db, body["service"], kid)
    return {"service": body["service"], "recipient": kid}


RECIPIENT: Final = Kind(
    frozenset({Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["service", "recipient"],
        "properties": {
            "service": {"type": "string", "maxLength": 64},
            "recipient": {"anyOf": [{"type": "object"}, {"type": "null"}]},
        },
        "additionalProperties": False,
    },
    _check,
    _approve,
    days=7,
)
"""Names the key to which the inside sends what a service gets; the inside has to have approved the same one."""
