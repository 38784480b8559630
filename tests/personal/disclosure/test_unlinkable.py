"""Two services with everything they received about a hundred residents cannot join them. (DESIGN 3; issue 5, done when 4)

Compared is every value in bodies, headers, receipts, tokens signed for them, errors and notices: whether an equal one
tells residents apart; whether any number, moment, length, place or text stands in an order that the other one has
received, too, as moments and positions of one log would; whether moments are finer than they may be. The moments of a
service's own requests are left out: it knows and chooses them itself.
"""

import asyncio
import math
import re
from collections import Counter, defaultdict
from copy import deepcopy
from typing import Any

import pytest

from base import clock
from personal.rules.notice import DAY, QUARTER, SPREAD
from tests.personal.disclosure.receiving import RESIDENTS, TOLD, View, views
from tests.personal.live import live_module

ALIKE = 0.65
"""How like two orders of a hundred are by chance in none of ten thousand pairs of them."""
FEW = RESIDENTS // (4 * SPREAD)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


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


def joining(received: list[View]) -> list[str]:
    """List the values that both received and that are about few residents only."""
    first, second = map(carriers, received)
    shared = first.keys() & second.keys()
    return sorted(value for value in shared if min(len(first[value]), len(second[value])) <= FEW)


def series(view: View) -> dict[str, list[Any]]:
    """Give what stands at one place about every resident, place by place, as numbers or as texts."""
    found: dict[str, list[Any]] = {}
    paths = {path for one in view.fields for path in one}
    for path in paths:
        columns = [one.get(path, []) for one in view.fields]
        if min(map(len, columns)) == 0:
            continue
        for number, row in enumerate(zip(*columns, strict=False)):
            if len(set(map(str, row))) > FEW:
                kind = float if all(isinstance(value, int | float) for value in row) else str
                found[f"{path} {number}"] = [kind(value) for value in row]
    return found


def ranked(values: list[Any]) -> list[float]:
    """Give the ranks of values around their middle, equal ones an equal rank."""
    places: dict[Any, list[int]] = defaultdict(list)
    for place, value in enumerate(sorted(values)):
        places[value].append(place)
    middle = (len(values) - 1) / 2
    return [sum(places[value]) / len(places[value]) - middle for value in values]


def orders(received: list[View]) -> list[str]:
    """List pairs of places whose contents stand in one order of residents at both services. (Spearman)"""
    ranks = [{path: ranked(values) for path, values in series(view).items()} for view in received]
    lengths = [
        {path: math.sqrt(sum(one * one for one in values)) for path, values in of.items()} for of in ranks
    ]
    found = []
    for path, one in ranks[0].items():
        for other_path, other in ranks[1].items():
            product = sum(a * b for a, b in zip(one, other, strict=True))
            if abs(product) > ALIKE * lengths[0][path] * lengths[1][other_path]:
                found.append(f"{path} ~ {other_path}")
    return found


def fine_moments(received: list[View]) -> list[str]:
    """List the moments that tell more than a quarter hour."""
    return [f"{path}: {value}" for view in received for one in view.fields for path, values in one.items()
            for value in values if _is_fine(value)]  # fmt: skip


def _is_fine(value: Any) -> bool:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return clock.parse(value) % QUARTER != 0
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    for unit in (1, 1_000, clock.SECOND):
        if abs(value * clock.SECOND // unit - clock.now()) < 400 * DAY:
            return value * clock.SECOND // unit % QUARTER != 0
    return False


def matches(first: list[Any], second: list[Any]) -> tuple[int, float]:
    """Count the residents of whom both have the same, and how many there would be by chance."""
    counted, other = Counter(first), Counter(second)
    by_chance = sum(counted[value] * other[value] for value in counted) / RESIDENTS
    return sum(one == two for one, two in zip(first, second, strict=True)), by_chance


def test_no_value_that_both_received_tells_residents_apart(received: list[View]) -> None:
    assert all(len(values) > 40 for view in received for values in view.values)
    assert joining(received) == []


def test_nothing_stands_in_an_order_that_both_received(received: list[View]) -> None:
    assert all(len(series(view)) > 10 for view in received)
    assert orders(received) == []


def test_no_moment_is_finer_than_a_quarter_hour(received: list[View]) -> None:
    assert fine_moments(received) == []


def test_errors_about_names_of_the_other_are_the_same_for_everybody(received: list[View]) -> None:
    assert len({error for view in received for error in view.errors}) == 1


def test_sizes_beyond_the_agreed_data_are_the_same_for_everybody(received: list[View]) -> None:
    for view in received:
        assert len({tuple(sorted(sizes)) for sizes in view.sizes}) == 1


def test_moments_of_notices_join_no_better_than_chance(received: list[View]) -> None:
    for view in received:
        assert {len(moments) for moments in view.moments} == {TOLD}
        assert all(moment * clock.SECOND % QUARTER == 0 for all in view.moments for moment in all)
    for which in range(TOLD):
        same, by_chance = matches(*([moments[which] for moments in view.moments] for view in received))
        assert by_chance < RESIDENTS / 2
        assert same < by_chance + 7 * math.sqrt(by_chance)


LEAKS: dict[str, Any] = {
    "an equal id": lambda number, _: f"serial-{number}",
    "the moment of a change": lambda number, _: clock.now() + number * 997,
    "the moment in words": lambda number, _: clock.show(clock.now() + number * 1_003_000),
    "positions side by side": lambda number, which: 4_711 + 2 * number + which,
    "ids that grow": lambda number, which: f"{number:04d}-{which}-x",
    "a length": lambda number, _: "x" * number,
}


@pytest.mark.parametrize("leak", sorted(LEAKS))
def test_the_comparison_finds_what_would_join(received: list[View], leak: str) -> None:
    """The comparison is not blind: what one leak adds to what both received is found."""
    leaky = [View(view.token, view.id, values=deepcopy(view.values)) for view in received]
    for which, view in enumerate(leaky):
        for number in range(RESIDENTS):
            value = LEAKS[leak](number, which)
            view.values[number].add(str(value))
            view.fields[number]["one.leak"].append(value)
            view.fields[number]["one size"].append(len(str(value)))
    found = joining(leaky) + orders(leaky) + fine_moments(leaky)
    assert found
