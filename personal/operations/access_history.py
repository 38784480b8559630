"""Who has looked at my data: each entry of the log about me, in words, with its proof. (Andmejälgija 2.1.0)"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from base import clock
from base.database import Connection
from base.errors import BadRequestData, NotPermitted, ResourceNotFound
from personal.audit import heads, log, reading
from personal.audit.log import Entry
from personal.audit.reading import Kept
from personal.operations import acting, handles
from personal.operations.audit_log import number
from personal.operations.call import Answer, Call, Module
from personal.operations.town import Town
from personal.rules import words
from personal.rules.delegation import Scope
from personal.store import services, staff

SUBJECT: Final = "subject"
"""The role of the person an entry is about."""
TOLD: Final = ("service", "purpose", "items", "outcome", "basis", "event")
MOST: Final = 1_000
PARAMETERS: Final = frozenset({"before", "limit", "service", "month", "by"})
"""Of the list of accesses: where it goes on, how many; of one service, of one month (2027-03), those by others."""
FIND: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resident"],
    "properties": {
        "resident": handles.SCHEMA,
        "before": {"type": "integer", "minimum": 0, "maximum": 1 << 53},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST},
    },
    "additionalProperties": False,
}
_ALL: Final = 1 << 62
_PART: Final = 200
VISIT: Final = 10 * clock.SECOND
"""So long one visit of a page may take, as far as its entries are told as one."""
Wanted = Callable[[Kept], bool]
JAPAN: Final = timezone(timedelta(hours=9))


async def accesses(call: Call, _: Module) -> Answer:
    """List what was done with my data, newest first."""
    before, most = number(call, "before", _ALL), min(number(call, "limit", 100), MOST)
    found, scope = await _about(call, before, most + 1, _wanted(call))
    following = found[most - 1].position if 0 < most < len(found) else None
    seen = _covered(call, found[:most], scope)
    visits = call.town.store.read(lambda db: _visits(db, seen))
    told = [{**shown(one), "visit": visit} for one, visit in zip(seen, visits, strict=True)]
    return Answer(body={"accesses": told, "before": following})


def _visits(db: Connection, found: list[Kept]) -> list[int]:
    """Give each entry the newest of those by which the same one did the same at about the same moment.

    One page may ask several times for what it shows; entries of a service are the same only with the same items.
    """
    newest: dict[tuple[str, ...], Kept] = {}
    told = []
    for one in found:
        facts = one.facts()
        same = ("kind", "by", "service", "purpose", "basis", "outcome", "event")
        key = [str(facts.get(name)) for name in same]
        by = words.who(facts)
        key.append(str(facts.get("items")) if by == words.SERVICE else "")
        key.append(str(reading.whose(db, one.position, acting.GUARDIAN)) if by == words.GUARDIAN else "")
        first = newest.get(tuple(key))
        if first is None or first.at - one.at > VISIT:
            first = newest[tuple(key)] = one
        told.append(first.position)
    return told


def _wanted(call: Call) -> Wanted | None:
    """Say which entries are asked for: of a service, of a month in Japan, those by others; None: all."""
    service, month, by_whom = (call.params.get(name) for name in ("service", "month", "by"))
    if service is None and month is None and by_whom is None:
        return None
    if by_whom not in (None, "others"):
        raise BadRequestData("by is 'others', or not there at all.")
    first, last = (0, _ALL) if month is None else _month(month)

    def wanted(one: Kept) -> bool:
        facts = one.facts()
        mine = by_whom is not None and words.who(facts) == words.SELF
        return first <= one.at < last and service in (None, facts.get("service")) and not mine

    return wanted


def _month(text: str) -> tuple[int, int]:
    """Give the first moment of a month in Japan, and that of the month after it (µs)."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=JAPAN)
    except ValueError:
        raise BadRequestData("month is a month such as 2027-03.") from None
    after = (first + timedelta(days=32)).replace(day=1)
    return int(first.timestamp()) * clock.SECOND, int(after.timestamp()) * clock.SECOND


async def find(call: Call, _: Module) -> Answer:
    """List for staff what was done with the data of a resident, by whom, newest first."""
    asked = (await handles.handles(call.town, call.actor)).read(call.body["resident"])
    before, most = call.body.get("before", _ALL), call.body.get("limit", 100)

    def work(db: Connection) -> list[dict[str, Any]]:
        person = handles.visible(db, asked, call.actor)
        log.append(db, Entry("accesses-listed", {"by": call.actor.id}, {SUBJECT: person.id}), call.now)
        return [
            {**shown(one), **_actor(db, one)} for one in reading.about(db, person.id, SUBJECT, before, most)
        ]

    found = await call.town.store.write(work)
    following = found[-1]["position"] if len(found) == most else None
    return Answer(body={"accesses": found, "before": following})


async def proof(call: Call, _: Module) -> Answer:
    """Give an entry about me with what proves that it is in the log and about me."""
    text = call.path["position"]
    position = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1
    find, signer, name = await acting.viewed(call), call.town.signer, call.town.id

    def work(db: Connection) -> dict[str, Any]:
        person, scope = find(db)
        opened = reading.opening(db, position, SUBJECT, person)
        if opened is None or not acting.covers(db, scope, reading.entry(db, position)):
            raise ResourceNotFound("There is no such entry about you.")
        head = heads.current(db, signer, name, call.now)
        return {
            "entry": reading.entry(db, position).body.decode(),
            "position": position,
            "commitment": {"role": SUBJECT, "person": log.name_of(opened[0]), "salt": opened[1].hex()},
            "proof": reading.inclusion(db, position, head.size),
            "head": head.shown(),
        }

    return Answer(body=await call.town.store.write(work))


async def find_usage(call: Call, _: Module) -> Answer:
    """Answer Andmejälgija's findUsage about me, newest first."""
    if call.params.get("userCode", "me") != "me":
        raise NotPermitted("userCode is 'me': the one who is logged in, or who is represented in this login.")
    start, end = _moment(call, "periodStart", 0), _moment(call, "periodEnd", call.now)
    offset, most = number(call, "offset", 0), min(number(call, "limit", MOST), MOST)
    entries, scope = await _about(call, _ALL, _ALL)
    found = _covered(call, [one for one in entries if start <= one.at <= end], scope)
    names = {one.id: one.description["name"]["ja"] for one in call.town.store.read(services.listed)}
    usages = [_usage(call.town, names, one) for one in found[offset : offset + most]]
    return Answer(body={"totalUsages": len(found), "usages": usages})


async def usage_period(call: Call, _: Module) -> Answer:
    """Say since when accesses are kept."""
    first = call.town.store.read(lambda db: reading.entries(db, 0, 1))
    return Answer(body={"periodStart": clock.show(first[0].at if first else call.now)})


async def heartbeat(call: Call, _: Module) -> Answer:
    """Say that the access history can be asked."""
    try:
        call.town.store.ping()
    except Exception:  # noqa: BLE001  # whatever it is, there are no answers
        return Answer(body={"status": "FAIL", "message": "The database does not answer."})
    return Answer(body={"status": "OK"})


async def _about(
    call: Call, before: int, most: int, wanted: Wanted | None = None
) -> tuple[list[Kept], Scope | None]:
    find = await acting.viewed(call)

    def work(db: Connection) -> tuple[list[Kept], Scope | None]:
        person, scope = find(db)
        found = _newest(db, person, before, most, wanted), scope
        if acting.for_another(call.actor):
            facts = {"by": acting.GUARDIAN}
            log.append(db, Entry("accesses-shown", facts, acting.people_of(call.actor, person)), call.now)
        return found

    if acting.for_another(call.actor):
        return await call.town.store.write(work)
    return call.town.store.read(work)


def _newest(db: Connection, person: str, before: int, most: int, wanted: Wanted | None) -> list[Kept]:
    """Give the newest entries about a person that are wanted, read some at a time."""
    if wanted is None:
        return reading.about(db, person, SUBJECT, before, most)
    found: list[Kept] = []
    while len(found) < most:
        part = reading.about(db, person, SUBJECT, before, _PART)
        found += [one for one in part if wanted(one)]
        if len(part) < _PART:
            break
        before = part[-1].position
    return found[:most]


def _covered(call: Call, found: list[Kept], scope: Scope | None) -> list[Kept]:
    return call.town.store.read(lambda db: [one for one in found if acting.covers(db, scope, one)])


def shown(one: Kept) -> dict[str, Any]:
    """Show an entry about somebody in words."""
    facts = one.facts()
    shown: dict[str, Any] = {name: facts[name] for name in TOLD if name in facts}
    who = words.who(facts)
    if "item" in facts and "items" not in facts:
        shown["items"] = [facts["item"]]
    if facts.get("by") == acting.GUARDIAN:
        shown["by"] = acting.GUARDIAN
    shown.update(
        position=one.position,
        at=clock.show(one.at),
        action=words.action(facts["kind"], guardian=who == words.GUARDIAN),
        kind=facts["kind"],
        who=who,
    )
    return shown


def _actor(db: Connection, one: Kept) -> dict[str, str]:
    """Name the member of staff who did it, if one did."""
    member = staff.find(db, str(one.facts().get("by", "")))
    return {} if member is None else {"by": member.name}


def _usage(town: Town, names: Mapping[str, str], one: Kept) -> dict[str, str]:
    facts = one.facts()
    service = facts.get("service")
    return {
        "logtime": clock.show(one.at),
        "action": words.sentence(facts),
        "receiverCode": service or town.code,
        "receiverName": town.name if service is None else names.get(service, service),
        "receiverSystem": service or "engawa",
    }


def _moment(call: Call, name: str, default: int) -> int:
    text = call.params.get(name)
    if text is None:
        return default
    try:
        return clock.parse(text)
    except ValueError as error:
        raise BadRequestData(f"{name}: {error}.") from None
