"""Spoil the way to one of six neighbours, each in turn and in each manner: the other five answer, in time, with a warning."""

import json
import re
import statistics
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from tests.trials import fail, record
from tests.trials._national import Running, broker
from tests.trials._spoiling import FAULTS, Way, ways
from tests.trials.federation import CODES, HALL, TYPES, files, send

TRIAL = "neighbours-faults"
TIMEOUT_MS, COOLDOWN_MS = 1_500, 2_000
WORK_TIMES = 3
"""What an answer may take beyond the timeout of a source, in times of what it takes while all is well."""
BACK_SECONDS = 10.0
LATE_SECONDS = 0.4
Ids = frozenset[str]
ALL = {"type": "EvacuationSite", "limit": "1000"}
SHELTERS = {"type": "DesignatedShelter", "limit": "1000"}
NEAR = {
    **ALL,
    "georel": "near;maxDistance==25000",
    "geometry": "Point",
    "coordinates": json.dumps(HALL),
}
FLOOD = {**ALL, "q": 'hazardTypes=="flood"'}


@dataclass(frozen=True)
class Neighbour:
    """A municipality's broker, the way to it, and what it holds for each question."""

    code: str
    way: Way
    held: tuple[Ids, ...]

    @property
    def alias(self) -> str:
        """Give the name by which warnings name it."""
        return f"city-{self.code}"


@dataclass(frozen=True)
class Heard:
    """An answer: what is in it, what it warns of, how long it took."""

    ids: Ids
    count: int
    warnings: str
    seconds: float


QUESTIONS = (ALL, SHELTERS, NEAR, FLOOD)


def main() -> None:
    """Ask while each neighbour in turn is spoiled in each manner, and after it is well again."""
    paths = files()
    with ExitStack() as stack:
        front = stack.enter_context(broker())
        cities = {code: stack.enter_context(broker()) for code in CODES}
        opened = stack.enter_context(ways([_port(city.url) for city in cities.values()]))
        neighbours = []
        for (code, city), way in zip(cities.items(), opened, strict=True):
            city.load(paths[code])
            held = tuple(_ask(city, question).ids for question in QUESTIONS)
            neighbours.append(Neighbour(code, way, held))
            _register(front, neighbours[-1])
        well = max(_expect_all(front, neighbours, "before all faults") for _ in range(5))
        _late(front, neighbours)
        rounds = [_spoil(front, neighbours, one, fault, well) for fault in FAULTS for one in neighbours]
    slowest, resting, back = (max(times) for times in zip(*rounds, strict=True))
    record(
        TRIAL,
        f"six municipalities on six brokers behind a proxy each, asked through a seventh: {len(FAULTS)} faults "
        f"({', '.join(FAULTS)}) of each neighbour in turn, {len(rounds)} in all; with a timeout of {TIMEOUT_MS / 1000:g} s "
        f"every answer came within {slowest:.2f} s (four questions at once, {well:.2f} s while all is well; median {statistics.median(one[0] for one in rounds):.2f}), "
        f"within {resting:.2f} s while the neighbour was left alone, complete for the other five "
        f"({sum(len(one.held[0] | one.held[1]) for one in neighbours)} places in all), with warnings that name the sixth and no other; "
        f"complete again by itself within {back:.1f} s of the fault's end (cooldown {COOLDOWN_MS / 1000:g} s)",
    )


def _port(url: str) -> int:
    return urllib.parse.urlsplit(url).port or 0


def _register(front: Running, one: Neighbour) -> None:
    body = {
        "type": "ContextSourceRegistration",
        "contextSourceAlias": one.alias,
        "information": [{"entities": [{"type": kind} for kind in TYPES]}],
        "endpoint": one.way.url,
        "management": {"localOnly": True, "timeout": TIMEOUT_MS, "cooldown": COOLDOWN_MS},
    }
    send(front, "POST", "/csourceRegistrations", body)


def _ask(part: Running, question: dict[str, str]) -> Heard:
    """Ask for all that answers a question, count included."""
    begun = time.perf_counter()
    found, headers = part.get("/entities", **question, count="true")
    seconds = time.perf_counter() - begun
    ids = frozenset(one["id"] for one in found)
    if len(ids) != len(found):
        fail(TRIAL, f"{question} found an entity twice")
    return Heard(ids, int(headers["NGSILD-Results-Count"]), headers.get("NGSILD-Warning", ""), seconds)


def _ask_at_once(front: Running) -> list[Heard]:
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        return list(pool.map(lambda question: _ask(front, question), QUESTIONS))


def _union(neighbours: list[Neighbour], question: int) -> Ids:
    return frozenset().union(*(one.held[question] for one in neighbours))


def _differs(heard: list[Heard], neighbours: list[Neighbour]) -> str:
    """Say in what answers differ from what these neighbours hold, if they do."""
    for at, one in enumerate(heard):
        wanted = _union(neighbours, at)
        if one.ids != wanted or one.count != len(wanted):
            return f"question {at + 1}: {len(one.ids)} found and {one.count} counted, {len(wanted)} held"
    return ""


def _expect_all(front: Running, neighbours: list[Neighbour], when: str) -> float:
    """Ask while all is well; give how long it took at most."""
    heard = _ask_at_once(front)
    warned = [one.warnings for one in heard if one.warnings]
    if (wrong := _differs(heard, neighbours)) or warned:
        fail(TRIAL, f"{when}: {wrong or warned}")
    return max(one.seconds for one in heard)


def _late(front: Running, neighbours: list[Neighbour]) -> None:
    """A neighbour that is slow, but within its timeout, is waited for."""
    for one in neighbours:
        one.way.spoil("slow", LATE_SECONDS)
        _expect_all(front, neighbours, f"{one.code} answers late, but in time")
        one.way.heal()


def _spoil(
    front: Running, neighbours: list[Neighbour], spoiled: Neighbour, fault: str, well: float
) -> tuple[float, float, float]:
    """Ask during a fault, within the cooldown, and afterwards; give how long each took at most."""
    what = f"{fault} at {spoiled.code}"
    others = [one for one in neighbours if one is not spoiled]
    spoiled.way.spoil(fault, 2 * TIMEOUT_MS / 1000)
    work = WORK_TIMES * max(well, 0.5)
    first = _ask_at_once(front)
    _judge(first, others, spoiled, what, TIMEOUT_MS / 1000 + work)
    again = _ask_at_once(front)
    _judge(again, others, spoiled, f"{what}, again", work)
    spoiled.way.heal()
    back = _until_back(front, neighbours, what)
    return max(one.seconds for one in first), max(one.seconds for one in again), back


def _judge(heard: list[Heard], others: list[Neighbour], spoiled: Neighbour, what: str, most: float) -> None:
    if wrong := _differs(heard, others):
        fail(TRIAL, f"{what}: {wrong}")
    for one in heard:
        named = set(re.findall(r"city-\d{6}", one.warnings))
        if named != {spoiled.alias}:
            fail(TRIAL, f"{what}: the warning {one.warnings!r} does not name {spoiled.alias} alone")
        if one.seconds > most:
            fail(TRIAL, f"{what}: {one.seconds:.2f} s until the answer, {most:g} at most")


def _until_back(front: Running, neighbours: list[Neighbour], what: str) -> float:
    """Ask until the answer is complete again, without a warning; say how long that took."""
    begun = time.perf_counter()
    while (seconds := time.perf_counter() - begun) < BACK_SECONDS:
        heard = _ask(front, ALL)
        if not heard.warnings and heard.ids == _union(neighbours, 0):
            _expect_all(front, neighbours, f"{what}, ended")
            return seconds
        time.sleep(0.1)
    fail(TRIAL, f"{what}: not complete again within {BACK_SECONDS:g} s after its end")


if __name__ == "__main__":
    main()
