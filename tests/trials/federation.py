"""Ask six municipalities on six brokers as one: counts, pages and places as on one broker with all; and how long."""

import http.client
import json
import random
import statistics
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.trials import DATA, fail, record, skip
from tests.trials._national import CONTEXT, Running, broker

TRIAL = "federation"
CODES = ("282090", "282227", "282251", "282278", "285854", "285862")
TYPES = ("EvacuationSite", "DesignatedShelter")
FILES = ("emergency", "evacuation")
HALL: Final = (134.7676, 35.4046)
MOST_MILLISECONDS = 5.0
ROUNDS = 200
Page = tuple[list[Any], int]


def main() -> None:
    """Compare one asked broker and its five neighbours with one broker that has all."""
    paths = files()
    with ExitStack() as stack:
        cities = [stack.enter_context(broker()) for _ in CODES]
        whole = stack.enter_context(broker())
        for code, city in zip(CODES, cities, strict=True):
            city.load(paths[code])
        whole.load([path for several in paths.values() for path in several])
        for neighbour in cities[1:]:
            register(cities[0], neighbour)
        asked = sum(compare(cities[0], whole, params) for params in questions())
        slower = overhead(cities[0], cities[1:4])
    met = slower <= MOST_MILLISECONDS
    record(
        TRIAL,
        f"{'' if met else 'BELOW THE MARK: '}six municipalities on six brokers: {asked} counts and pages equal to those "
        f"of one broker with all data; a query over three sources takes {slower:.1f} ms more than the slowest of them "
        f"(median of {ROUNDS})",
    )


def files() -> dict[str, list[Path]]:
    """Find the files of each municipality, or skip the trial."""
    found = {code: [DATA / "gsi" / f"{code}_{kind}.geojson" for kind in FILES] for code in CODES}
    if missing := [str(path) for several in found.values() for path in several if not path.is_file()]:
        skip(TRIAL, f"{', '.join(missing)} is not there; name the folder of open data in ENGAWA_DATA")
    return found


def send(part: Running, method: str, path: str, body: Any = None) -> None:
    """Send a request that must succeed."""
    request = urllib.request.Request(
        f"{part.url}/ngsi-ld/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Link": CONTEXT},
    )
    urllib.request.urlopen(request, timeout=30).close()


def register(part: Running, neighbour: Running) -> None:
    """Register a neighbour for its places."""
    body = {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": kind} for kind in TYPES]}],
        "endpoint": neighbour.url,
        "management": {"localOnly": True},
    }
    send(part, "POST", "/csourceRegistrations", body)


def questions() -> Iterator[dict[str, str]]:
    """Give queries: all, by hazard, near places, by name, each page after page."""
    yield {"type": "EvacuationSite"}
    yield {"type": ",".join(TYPES)}
    yield {"type": "EvacuationSite", "q": 'hazardTypes=="flood"'}
    yield {"type": "EvacuationSite", "q": 'hazardTypes=="earthquake";name~="小学校"'}
    yield {"type": "DesignatedShelter", "q": 'name~="公民館"', "pick": "id,type,name"}
    chance = random.Random(7)
    for metres in (2_000, 10_000, 40_000, 200_000):
        centre = [HALL[0] + chance.uniform(-0.2, 0.2), HALL[1] + chance.uniform(-0.2, 0.2)]
        yield {
            "type": "EvacuationSite",
            "georel": f"near;maxDistance=={metres}",
            "geometry": "Point",
            "coordinates": json.dumps(centre),
        }


def compare(front: Running, whole: Running, params: dict[str, str]) -> int:
    """Walk the pages of a query on both sides, in the order of ids that sources have; count those that are equal."""
    offset, pages = 0, 0
    while True:
        asked = {**params, "limit": "100", "offset": str(offset), "count": "true"}
        here, there = page(front, asked), page(whole, {**asked, "orderBy": "id", "local": "true"})
        if here != there:
            fail(
                TRIAL,
                f"{params} from {offset}: {there[1]} in all, {here[1]} found; the pages differ",
            )
        pages += 1
        offset += 100
        if offset >= there[1]:
            return pages


def page(part: Running, params: dict[str, str]) -> Page:
    """Ask for a page; entities without the times that differ by loading."""
    found, headers = part.get("/entities", **params)
    if "NGSILD-Warning" in headers:
        fail(TRIAL, f"a neighbour did not answer: {headers['NGSILD-Warning']}")
    return found, int(headers["NGSILD-Results-Count"])


def overhead(front: Running, sources: list[Running]) -> float:
    """Measure a query over three sources against the slowest of them asked directly, in ms, turn by turn."""
    request = urllib.request.Request(
        f"{front.url}/ngsi-ld/v1/csourceRegistrations?type=EvacuationSite&limit=100"
    )
    request.add_header("Link", CONTEXT)
    with urllib.request.urlopen(request, timeout=30) as answer:
        registered = json.loads(answer.read())
    kept = {source.url for source in sources}
    for registration in registered:
        if registration["endpoint"] not in kept:
            send(front, "DELETE", f"/csourceRegistrations/{registration['id']}")
    asking = [timer(part.url) for part in (front, *sources)]
    rounds = [[ask() for ask in asking] for _ in range(ROUNDS + 20)][20:]
    return statistics.median(1000 * (times[0] - max(times[1:])) for times in rounds)


def timer(url: str) -> Callable[[], float]:
    """Give what times one query over a kept connection."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    target = "/ngsi-ld/v1/entities?" + urllib.parse.urlencode({"type": "EvacuationSite", "limit": "20"})

    def ask() -> float:
        begun = time.perf_counter()
        connection.request("GET", target, headers={"Link": CONTEXT})
        connection.getresponse().read()
        return time.perf_counter() - begun

    return ask


if __name__ == "__main__":
    main()
