"""Two services, a hundred residents who decide at moments of their own, and all that each service receives about each."""

import asyncio
import base64
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from base import clock
from personal.locations.records import Change
from personal.operations import consents, naming, notices, sharing_codes
from personal.operations.actors import Actor, Who
from personal.operations.call import Answer, Call
from personal.rules.levels import Level
from personal.rules.notice import QUARTER, SPREAD
from personal.store import people
from tests.personal.disclosure.sharing import PURPOSE, ask, name, service
from tests.personal.live import Live

RESIDENTS = 100
SERVICES = {"shelter": "allergies", "clinic": "care-needs"}
TERMS = {"allergies": "allergies", "care-needs": "careNeeds"}
FOODS = ("wheat", "egg", "milk", "crab")
MOBILITY = ("alone", "helped", "wheelchair")
OWN_MOMENTS = frozenset({"iat", "Date"})
TOLD = 3
"""Notices about each resident: that they agreed, by which name they go now, that they withdrew."""
_JWS = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


@dataclass
class View:
    """What one service received about each resident, by the resident's number; `fields`: by where it stood."""

    token: str
    id: str
    names: list[str] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    values: list[set[str]] = field(default_factory=lambda: [set() for _ in range(RESIDENTS)])
    sizes: list[list[int]] = field(default_factory=lambda: [[] for _ in range(RESIDENTS)])
    fields: list[dict[str, list[Any]]] = field(
        default_factory=lambda: [defaultdict(list) for _ in range(RESIDENTS)]
    )
    moments: list[tuple[int, ...]] = field(default_factory=list)
    errors: set[bytes] = field(default_factory=set)
    place: int = 0

    @property
    def item(self) -> str:
        """Give what it asks for."""
        return SERVICES[self.id]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give everything that stands in a JSON value, what is signed included, with where it stands."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in OWN_MOMENTS:
                yield from leaves(one, f"{path}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from leaves(one, f"{path}[{number}]")
    else:
        yield path, value
        if isinstance(value, str) and _JWS.fullmatch(value):
            for number, part in enumerate(value.split(".")[:2]):
                claims = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
                yield from leaves(claims, f"{path}/{number}")


def scalars(value: Any) -> Iterator[str]:
    """Give every name and value that stands in a JSON value, and every word of it, as text."""
    for path, one in leaves(value):
        yield from re.findall(r"[\w:@-]{2,}", path)
        if isinstance(one, str):
            yield one
            yield from re.findall(r"[\w-]{3,}", one)
        else:
            yield orjson.dumps(one).decode()


def without(value: Any, item: str) -> Any:
    """Leave out the agreed data itself."""
    if isinstance(value, dict):
        return {key: without(one, item) for key, one in value.items() if key not in (item, TERMS[item])}
    return [without(one, item) for one in value] if isinstance(value, list) else value


def take(view: View, number: int, kind: str, told: Any, headers: Any = ()) -> None:
    """Note what a service received about a resident: every value, where it stood, and how long it was."""
    rest = without(told, view.item)
    heads = {key: one for key, one in dict(headers).items() if key not in OWN_MOMENTS | {"Content-Length"}}
    view.values[number] |= set(scalars(rest)) | set(scalars(heads))
    for path, one in (*leaves(rest, kind), *leaves(heads, f"{kind} headers")):
        view.fields[number][path].append(one)
    size = len(orjson.dumps(rest)) + sum(len(key) + len(one) for key, one in heads.items())
    view.fields[number][f"{kind} size"].append(size)
    view.sizes[number].append(size)


async def views(live: Live) -> list[View]:
    """Let everything happen; give what each of the two services received."""
    both = [View(await service(live, id, item), id) for id, item in SERVICES.items()]
    now = clock.now()
    begun = max(now // QUARTER * QUARTER + clock.SECOND, now - 10 * 60 * clock.SECOND)
    persons = await _populated(live, begun)
    for view in both:
        await _known(live, view, persons)
    order = random.sample(range(RESIDENTS), RESIDENTS)
    for place, number in enumerate(order):
        for view in random.sample(both, 2):
            await _agree(live, persons[number], view, begun + place * 1_003)
    await _receive(live, both[0], both[1].names)
    await _receive(live, both[1], both[0].names)
    random.shuffle(order)
    for place, number in enumerate(order):
        later = begun + (QUARTER + clock.SECOND + place * 1_003)
        for view in random.sample(both, 2):
            await _by_code(live, persons[number], number, view, later)
            await _renamed(live, persons[number], view, later)
            await _withdraw(live, persons[number], view, later + QUARTER)
    for view in both:
        await _known(live, view, persons)
        await _be_told(live, view, begun + (2 * TOLD + SPREAD) * QUARTER)
    return both


async def _populated(live: Live, begun: int) -> list[str]:
    """Enter residents, each at a moment of their own, with some allergies and needs that many have."""
    persons = [f"r_{number}" for number in range(RESIDENTS)]
    await live.town.store.write(
        lambda db: [people.add(db, one, begun + place) for place, one in enumerate(persons)]
    )
    for number, person in enumerate(persons):
        changes = [
            Change(person, "allergies", {"allergies": [{"to": FOODS[number % 4]}]}, 0),
            Change(person, "care-needs", {"mobility": MOBILITY[number % 3]}, 0),
        ]
        await live.town.records.keep(changes, lambda _: None, begun + number * 997)
    return persons


async def _known(live: Live, view: View, persons: list[str]) -> None:
    view.names = [await name(live, person, view.id) for person in persons]
    view.known.update({one: number for number, one in enumerate(view.names)})


def _resident(live: Live, person: str, now: int, body: Any) -> Call:
    return Call(live.town, Actor(Who.RESIDENT, person, person, level=Level.CARD), body=body, now=now)


async def _agree(live: Live, person: str, view: View, now: int) -> None:
    choice = {"service": view.id, "purpose": PURPOSE, "agree": [view.item]}
    prepared: Any = (await consents.prepare_own(_resident(live, person, now, choice), live.module)).body
    body = {"prepared": prepared["prepared"], "evidence": {"kind": "session"}}
    await consents.decide_own(_resident(live, person, now, body), live.module)


async def _withdraw(live: Live, person: str, view: View, now: int) -> None:
    await consents.withdraw_own(_resident(live, person, now, {"service": view.id}), live.module)


async def _renamed(live: Live, person: str, view: View, now: int) -> None:
    await naming.rotate(_resident(live, person, now, {"service": view.id}), live.module)


async def _by_code(live: Live, person: str, number: int, view: View, now: int) -> None:
    """Let a resident show a service something by a code, too."""
    body = {"items": [view.item], "minutes": 5, "service": view.id}
    made: Any = (await sharing_codes.make(_resident(live, person, now, body), live.module)).body
    told = {"code": made["code"], "purpose": PURPOSE}
    answer: Any = (await _asked(live, view, sharing_codes.redeem, told, now)).body
    take(view, number, "code", {"code": made["code"], **answer})


async def _asked(live: Live, view: View, operation: Any, body: Any, now: int) -> Answer:
    call = Call(live.town, Actor(Who.SERVICE, view.id), body=body, now=now)
    answer: Answer = await operation(call, live.module)
    return answer


async def _receive(live: Live, view: View, foreign: list[str]) -> None:
    """Let a service ask for everything it can, about everybody, in an order of its own."""
    order = random.sample(range(RESIDENTS), RESIDENTS)

    async def about(number: int) -> None:
        reply = await ask(live, view.token, view.names[number], view.item)
        take(view, number, "one", reply.json, reply.headers)
        view.errors.add((await ask(live, view.token, foreign[number], view.item)).raw)
        query = _query(view, [view.names[number]])
        linked = await live.post("/ngsi-ld/v1/entityOperations/query", query, by=view.token)
        take(view, number, "linked", linked.json, linked.headers)
        agreed = {"subject": view.names[number], "purpose": PURPOSE}
        for path, body in (("agreed", agreed), ("requests", {**agreed, "items": [view.item]})):
            answer = await live.post(f"/consents/{path}", body, by=view.token)
            assert answer.status in (200, 202), answer.raw
            take(view, number, path, answer.json or orjson.loads(answer.raw), answer.headers)

    for start in range(0, RESIDENTS, 10):
        await asyncio.gather(*map(about, order[start : start + 10]))
    names = [view.names[one] for one in order]
    body = {"subjects": names, "purpose": PURPOSE, "items": [view.item]}
    bulk = await live.post("/disclosures/bulk", body, by=view.token)
    lines = [orjson.loads(line) for line in bulk.raw.splitlines()]
    many = await live.post("/ngsi-ld/v1/entityOperations/query", _query(view, names), by=view.token)
    # in the order in which the service asked, and no other: its own would tell of something
    assert [line["subject"] for line in lines[:-1]] == names
    assert [one["id"].rpartition(":")[2] for one in many.json] == names
    for number, line, entity in zip(order, lines, many.json, strict=False):
        take(view, number, "bulk", line)
        take(view, number, "entities", entity)


def _query(view: View, names: list[str]) -> dict[str, Any]:
    entities = [{"id": f"urn:ngsi-ld:Person:{one}", "type": "Person"} for one in names]
    return {"type": "Query", "entities": entities, "pick": [TERMS[view.item]], "purpose": PURPOSE}


async def _be_told(live: Live, view: View, now: int) -> None:
    """Let a service hear all of its notices."""
    seen: dict[int, list[int]] = defaultdict(list)
    while True:
        call = Call(live.town, Actor(Who.SERVICE, view.id), now=now)
        answer: Any = (await notices.list_notices(call, live.module)).body
        for one in answer["notices"]:
            claims = orjson.loads(base64.urlsafe_b64decode(one["notice"].split(".")[1] + "=="))
            number = view.known[claims["sub_id"]["id"]]
            kind = f"notice {len(seen[number])}"
            take(view, number, kind, one)
            view.fields[number][f"{kind} due"].append(claims["iat"])
            view.fields[number][f"{kind} place"].append(view.place)
            view.place += 1
            seen[number].append(claims["iat"])
        for one in answer["notices"]:
            confirming = Call(live.town, Actor(Who.SERVICE, view.id), path={"id": one["id"]}, now=now)
            await notices.confirm(confirming, live.module)
        if not answer["more"]:
            break
    view.moments = [tuple(seen[number]) for number in range(RESIDENTS)]
