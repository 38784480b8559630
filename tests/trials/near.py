"""Ask the nation-wide data what is near: exactly the places of a great-circle count, 95 of 100 within 25 ms."""

import http.client
import json
import math
import random
import statistics
import time
import urllib.parse
from pathlib import Path

from tests.trials import fail, record
from tests.trials._national import CONTEXT, FILES, Running, broker, files, rows

TRIAL = "near"
RADIUS = 6_371_008.8
TOWN_HALL = (134.7676, 35.4046)
METRES = 5_000.0
MOST_SECONDS = 0.025
Place = tuple[float, float]


def main() -> None:
    """Compare around the town hall, then time queries around it and all over the country."""
    paths = files(TRIAL)
    places = all_places(paths)
    with broker() as part:
        part.load(paths)
        found, _ = ask(part, TOWN_HALL)
        expected = {id for id, place in places.items() if distance(TOWN_HALL, place) <= METRES}
        if found != expected:
            fail(
                TRIAL, f"{len(expected)} places are near, {len(found)} found, {len(found ^ expected)} differ"
            )
        chance = random.Random(42)
        around = [moved(chance) for _ in range(100)]
        anywhere = [chance.choice(list(places.values())) for _ in range(100)]
        here, there = (timed(part, centres, places) for centres in (around, anywhere))
    met = here[94] <= MOST_SECONDS
    record(
        TRIAL,
        f"{'' if met else 'BELOW THE MARK: '}{len(expected)} places within 5 km of 養父市役所, as counted directly; "
        f"95 of 100 such queries around 養父市 within {shown(here)}, all over Japan within {shown(there)}; "
        f"times as the client saw them, up to 1,000 places in an answer; all 200 answers exact",
    )


def shown(times: list[float]) -> str:
    """Write the 95th of 100 times and the median."""
    return f"{times[94] * 1000:.1f} ms (median {statistics.median(times) * 1000:.1f})"


def all_places(paths: list[Path]) -> dict[str, Place]:
    """Read identifier and coordinates of every place."""
    return {
        f"urn:ngsi-ld:{kind}:{row['共通ID']}": (float(row["経度"]), float(row["緯度"]))
        for kind, path in zip(FILES, paths, strict=True)
        for row in rows(path)
    }


def distance(a: Place, b: Place) -> float:
    """Measure along the great circle, by the haversine formula."""
    (x, y), (u, v) = (tuple(map(math.radians, place)) for place in (a, b))
    h = math.sin((v - y) / 2) ** 2 + math.cos(y) * math.cos(v) * math.sin((u - x) / 2) ** 2
    return 2 * RADIUS * math.asin(math.sqrt(h))


def moved(chance: random.Random) -> Place:
    """Give a point up to some 10 km from the town hall."""
    return TOWN_HALL[0] + chance.uniform(-0.1, 0.1), TOWN_HALL[1] + chance.uniform(-0.1, 0.1)


def ask(part: Running, centre: Place) -> tuple[set[str], float]:
    """Ask for all places near a point; give their identifiers and the time it took."""
    params = {
        "type": ",".join(FILES),
        "georel": f"near;maxDistance=={METRES:.0f}",
        "geometry": "Point",
        "coordinates": json.dumps(centre),
        "limit": "1000",
    }
    connection = http.client.HTTPConnection(part.url.removeprefix("http://"), timeout=60)
    begun = time.perf_counter()
    connection.request(
        "GET", "/ngsi-ld/v1/entities?" + urllib.parse.urlencode(params), headers={"Link": CONTEXT}
    )
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 200:
        fail(TRIAL, f"a query was answered with {answer.status}: {body[:200]!r}")
    return {entity["id"] for entity in json.loads(body)}, seconds


def timed(part: Running, centres: list[Place], places: dict[str, Place]) -> list[float]:
    """Time queries and compare each answer with a direct count; more than a page is compared as a part of it."""
    times = []
    for centre in centres:
        found, seconds = ask(part, centre)
        times.append(seconds)
        box = METRES / 50_000
        candidates = {
            i: p for i, p in places.items() if abs(p[0] - centre[0]) < box and abs(p[1] - centre[1]) < box
        }
        expected = {id for id, place in candidates.items() if distance(centre, place) <= METRES}
        if not found <= expected or len(found) != min(1000, len(expected)):
            fail(TRIAL, f"around {centre}: {len(expected)} places are near, {len(found)} found")
    return sorted(times)


if __name__ == "__main__":
    main()
