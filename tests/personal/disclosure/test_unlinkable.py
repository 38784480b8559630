"""Two services with everything they received about a hundred residents cannot join them. (DESIGN 3; issue 5, done when 4)

Compared is every value in bodies, headers, receipts, errors and notices; then what stands in no value: sizes, order and
moments. The moments of a service's own requests are left out: it knows and chooses them itself.
"""

import asyncio
import base64
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from base import clock
from personal.locations.records import Change
from personal.operations import notices
from personal.operations.actors import Actor, Who
from personal.operations.call import Call
from personal.rules.notice import QUARTER, SPREAD
from personal.store import people
from tests.personal.disclosure.sharing import PURPOSE, agree, ask, end, name, service
from tests.personal.live import Live, live_module

RESIDENTS = 100
SERVICES = {"shelter": "allergies", "clinic": "care-needs"}
FOODS = ("wheat", "egg", "milk", "crab")
MOBILITY = ("alone", "helped", "wheelchair")
OWN_MOMENTS = frozenset({"iat", "Date"})
_JWS = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


@dataclass
class View:
    """What one service received about each resident, by the resident's number."""

    token: str
    id: str
    names: list[str] = field(default_factory=list)
    values: list[set[str]] = field(default_factory=list)
    sizes: list[list[int]] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    moments: list[tuple[int, ...]] = field(default_factory=list)
    errors: set[bytes] = field(default_factory=set)


def scalars(value: Any) -> Iterator[str]:
    """Give everything that stands in a JSON value, what is signed included, as text."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in OWN_MOMENTS:
                yield key
                yield from scalars(one)
    elif isinstance(value, list):
        for one in value:
            yield from scalars(one)
    elif isinstance(value, str):
        yield value
        yield from re.findall(r"[\w-]{3,}", value)
        if _JWS.fullmatch(value):
            for part in value.split(".")[:2]:
                yield from scalars(orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
    else:
        yield orjson.dumps(value).decode()


def without(value: Any, item: str) -> Any:
    """Leave out the agreed data itself."""
    if isinstance(value, dict):
        return {key: without(one, item) for key, one in value.items() if key not in (item, "careNeeds")}
    return [without(one, item) for one in value] if isinstance(value, list) else value


def take(view: View, number: int, told: Any, headers: Any) -> None:
    """Note what a service received about a resident."""
    rest = without(told, SERVICES[view.id])
    view.values[number] |= set(scalars(rest))
    view.values[number] |= {
        text
        for key, one in headers.items()
        if key not in OWN_MOMENTS | {"Content-Length"}
        for text in (key, *scalars(one))
    }
    view.sizes[number].append(len(orjson.dumps(rest)))


async def populate(live: Live) -> list[str]:
    """Enter residents with some allergies and needs, of which many have the same."""
    persons = [f"r_{number}" for number in range(RESIDENTS)]
    await live.town.store.write(lambda db: [people.add(db, person, clock.now()) for person in persons])
    changes = [
        change
        for number, person in enumerate(persons)
        for change in (
            Change(person, "allergies", {"allergies": [{"to": FOODS[number % 4]}]}, 0),
            Change(person, "care-needs", {"mobility": MOBILITY[number % 3]}, 0),
        )
    ]
    await live.town.records.keep(changes, lambda _: None, clock.now())
    return persons


async def receive(live: Live, view: View, persons: list[str], foreign: list[str]) -> None:
    """Let a service ask for everything it can, about everybody, in an order of its own."""
    item, term = SERVICES[view.id], {"care-needs": "careNeeds"}.get(SERVICES[view.id], "allergies")
    order = random.sample(range(RESIDENTS), RESIDENTS)

    async def about(number: int) -> None:
        reply = await ask(live, view.token, view.names[number], item)
        take(view, number, reply.json, reply.headers)
        view.errors.add((await ask(live, view.token, foreign[number], item)).raw)
        query = {
            "type": "Query",
            "entities": [{"id": f"urn:ngsi-ld:Person:{view.names[number]}", "type": "Person"}],
            "pick": [term],
            "purpose": PURPOSE,
        }
        linked = await live.post("/ngsi-ld/v1/entityOperations/query", query, by=view.token)
        take(view, number, linked.json, linked.headers)

    for start in range(0, RESIDENTS, 10):
        await asyncio.gather(*map(about, order[start : start + 10]))
    body = {"subjects": [view.names[one] for one in order], "purpose": PURPOSE, "items": [item]}
    bulk = await live.post("/disclosures/bulk", body, by=view.token)
    for number, line in zip(order, bulk.raw.splitlines(), strict=False):
        take(view, number, orjson.loads(line), {})


async def be_told(live: Live, view: View, now: int) -> None:
    """Let a service hear all of its notices."""
    seen: dict[str, list[int]] = defaultdict(list)
    place = 0
    while True:
        call = Call(live.town, Actor(Who.SERVICE, view.id), now=now)
        answer: Any = (await notices.list_notices(call, live.module)).body
        await live.come_back()
        for one in answer["notices"]:
            told = orjson.loads(base64.urlsafe_b64decode(one["notice"].split(".")[1] + "=="))
            number = view.names.index(told["sub_id"]["id"])
            take(view, number, {**one, "claims": told}, {})
            seen[told["sub_id"]["id"]].append(told["iat"])
            if len(seen[told["sub_id"]["id"]]) == 2:
                view.order[number] = place
            place += 1
        ids = [one["id"] for one in answer["notices"]]
        confirmed = await asyncio.gather(
            *(live.post(f"/notices/{id}/confirm", None, by=view.token) for id in ids)
        )
        assert {reply.status for reply in confirmed} == {204}
        if not answer["more"]:
            break
    view.moments = [tuple(seen[subject]) for subject in view.names]


async def views(live: Live) -> list[View]:
    """Let everything happen; give what each of the two services received."""
    both = [View(await service(live, id, item), id) for id, item in SERVICES.items()]
    persons, begun = await populate(live), clock.now() // QUARTER * QUARTER + 1
    for view in both:
        view.values, view.sizes = [set() for _ in persons], [[] for _ in persons]
        view.order = [0] * RESIDENTS
        view.names = [await name(live, person, view.id) for person in persons]
    shuffled = [(person, view) for person in random.sample(persons, RESIDENTS) for view in both]
    await asyncio.gather(
        *(agree(live, person, view.id, SERVICES[view.id], now=begun) for person, view in shuffled)
    )
    await receive(live, both[0], persons, both[1].names)
    await receive(live, both[1], persons, both[0].names)
    random.shuffle(shuffled)
    over = begun + QUARTER // 2
    await asyncio.gather(
        *(end(live, person, view.id, SERVICES[view.id], now=over) for person, view in shuffled)
    )
    for view in both:
        await be_told(live, view, begun + (SPREAD + 1) * QUARTER)
    return both


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    folder = tmp_path_factory.mktemp("unlinkable")

    async def both() -> list[View]:
        async with live_module(folder / "data", requests_per_second=0.0) as live:
            return await views(live)

    return asyncio.run(both())


def carriers(view: View) -> dict[str, frozenset[int]]:
    """Say of whom a service received each value."""
    found: dict[str, set[int]] = defaultdict(set)
    for number, values in enumerate(view.values):
        for value in values:
            found[value].add(number)
    return {value: frozenset(numbers) for value, numbers in found.items()}


def matches(first: list[Any], second: list[Any]) -> tuple[int, float]:
    """Count the residents of whom both have the same, and how many there would be by chance."""
    counted, other = Counter(first), Counter(second)
    by_chance = sum(counted[value] * other[value] for value in counted) / RESIDENTS
    return sum(one == two for one, two in zip(first, second, strict=True)), by_chance


def test_no_value_that_both_received_tells_residents_apart(received: list[View]) -> None:
    first, second = map(carriers, received)
    assert all(len(values) > 20 for view in received for values in view.values)
    for value in first.keys() & second.keys():
        few = min(len(first[value]), len(second[value]))
        assert few > RESIDENTS // (4 * SPREAD), f"{value!r} is about {few} residents only"


def test_errors_about_names_of_the_other_are_the_same_for_everybody(received: list[View]) -> None:
    assert len({error for view in received for error in view.errors}) == 1


def test_sizes_beyond_the_agreed_data_are_the_same_for_everybody(received: list[View]) -> None:
    for view in received:
        assert len({tuple(sorted(sizes)) for sizes in view.sizes}) == 1


def test_moments_of_notices_join_no_better_than_chance(received: list[View]) -> None:
    for view in received:
        assert {len(moments) for moments in view.moments} == {2}
        assert all(moment * clock.SECOND % QUARTER == 0 for both in view.moments for moment in both)
    for which in range(2):
        same, by_chance = matches(*([moments[which] for moments in view.moments] for view in received))
        assert by_chance < RESIDENTS / 2
        assert same < by_chance + 7 * math.sqrt(by_chance)


def test_the_order_of_notices_is_another_for_each_service(received: list[View]) -> None:
    ranks = [{place: rank for rank, place in enumerate(sorted(view.order))} for view in received]
    pairs = [
        (ranks[0][one] - RESIDENTS / 2, ranks[1][two] - RESIDENTS / 2)
        for one, two in zip(received[0].order, received[1].order, strict=True)
    ]
    spread = math.sqrt(sum(one * one for one, _ in pairs) * sum(two * two for _, two in pairs))
    assert abs(sum(one * two for one, two in pairs) / spread) < 0.6


def test_the_comparison_finds_what_would_join(received: list[View]) -> None:
    """A value that both received of one resident only is found: the comparison is not blind."""
    leaky = [
        View(view.token, view.id, view.names, [set(values) for values in view.values]) for view in received
    ]
    for view in leaky:
        view.values[7].add("serial-4711")
    first, second = map(carriers, leaky)
    assert [value for value in first.keys() & second.keys() if len(first[value]) == 1] == ["serial-4711"]
