"""Load a year of minute values of 20 attributes of one entity, and ask for the latest, a day, and monthly averages."""

import http.client
import json
import math
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from tests.trials import fail, record
from tests.trials._national import Running, broker

TRIAL = "temporal"
ID = "urn:ngsi-ld:Station:1"
ATTRIBUTES = [f"value{n:02}" for n in range(20)]
ATTRIBUTE = ATTRIBUTES[7]
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = int((END - BEGIN).total_seconds()) // 60
AT_ONCE = 10_000
TIMES = 20
MARKS = {"lastN=100": 0.1, "one day": 0.1, "monthly averages of the year": 1.0}
MOST_MEGABYTES = 400.0


def main() -> None:
    """Load, check the answers against the values themselves, and time them."""
    with broker() as part:
        begun = time.perf_counter()
        connection = http.client.HTTPConnection(part.url.removeprefix("http://"), timeout=300)
        load(connection)
        loaded = time.perf_counter() - begun
        took = {
            "lastN=100": timed(connection, check_latest),
            "one day": timed(connection, check_day),
            "monthly averages of the year": timed(connection, check_months),
        }
        memory = part.peak_megabytes()
        size = stored_megabytes(part)
        connection.close()
    met = all(took[name][-1] <= mark for name, mark in MARKS.items()) and memory <= MOST_MEGABYTES
    shown = "; ".join(
        f"{name} in {times[len(times) // 2] * 1000:.0f} ms (longest of {TIMES}: {times[-1] * 1000:.0f})"
        for name, times in took.items()
    )
    count = MINUTES * len(ATTRIBUTES)
    record(
        TRIAL,
        f"{'' if met else 'BELOW THE MARK: '}{count:,} instances of one entity loaded over HTTP in {loaded:.0f} s "
        f"({count / loaded:,.0f} per second), {size:.0f} MB on disk; of one attribute: {shown}; "
        f"every answer as computed directly; peak memory of the broker {memory:.0f} MB",
    )


def value(attribute: int, minute: int) -> float:
    """Give the value of an attribute at a minute of the year: a day's wave with steps of a tenth."""
    return round(15 + attribute + 8 * math.sin(minute / 1440 * 2 * math.pi) + minute % 7 / 10, 1)


def moment(minute: int) -> str:
    """Write a minute of the year."""
    return f"{BEGIN + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def parts() -> Iterator[tuple[int, range]]:
    """Give attribute by attribute the minutes of each request."""
    for attribute in range(len(ATTRIBUTES)):
        for first in range(0, MINUTES, AT_ONCE):
            yield attribute, range(first, min(first + AT_ONCE, MINUTES))


def load(connection: http.client.HTTPConnection) -> None:
    """Make the history, then add to it in arrays of thousands."""
    ask(connection, "POST", "/temporal/entities", {"id": ID, "type": "Station"})
    for attribute, minutes in parts():
        several = [
            {
                "type": "Property",
                "value": value(attribute, minute),
                "observedAt": moment(minute),
                "unitCode": "CEL",
            }
            for minute in minutes
        ]
        ask(connection, "POST", f"/temporal/entities/{ID}/attrs", {ATTRIBUTES[attribute]: several})


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, **params: str
) -> Any:
    """Send one request; any answer but 2xx ends the trial."""
    query = "?" + urllib.parse.urlencode(params) if params else ""
    raw = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if raw else {}
    connection.request(method, f"/ngsi-ld/v1{path}{query}", raw, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (200, 201, 204):
        fail(TRIAL, f"{method} {path}{query} was answered with {answer.status}: {text[:200]!r}")
    return json.loads(text) if text else None


def timed(connection: http.client.HTTPConnection, question: Any) -> list[float]:
    """Ask a question several times; give the times in order."""
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        answer = question(connection)
        times.append(time.perf_counter() - begun)
        found, expected = answer()
        if found != expected:
            fail(TRIAL, f"{question.__name__} found {str(found)[:100]}, not {str(expected)[:100]}")
    return sorted(times)


def check_latest(connection: http.client.HTTPConnection) -> Any:
    """Ask for the 100 latest values."""
    shown = ask(
        connection, "GET", f"/temporal/entities/{ID}", attrs=ATTRIBUTE, lastN="100", options="temporalValues"
    )
    return lambda: (sorted(held_in(shown)), sorted(pairs(range(MINUTES - 100, MINUTES))))


def check_day(connection: http.client.HTTPConnection) -> Any:
    """Ask for one day in the middle of the year."""
    first = 1440 * 180
    shown = ask(
        connection,
        "GET",
        f"/temporal/entities/{ID}",
        attrs=ATTRIBUTE,
        timerel="between",
        timeAt=moment(first),
        endTimeAt=moment(first + 1440),
        options="temporalValues",
    )
    return lambda: (held_in(shown), pairs(range(first, first + 1440)))


def check_months(connection: http.client.HTTPConnection) -> Any:
    """Ask for the average of each month."""
    shown = ask(
        connection,
        "GET",
        f"/temporal/entities/{ID}",
        attrs=ATTRIBUTE,
        timerel="between",
        timeAt=moment(0),
        endTimeAt=moment(MINUTES),
        options="aggregatedValues",
        aggrMethods="avg",
        aggrPeriodDuration="P1M",
    )
    return lambda: ([round(one[0], 6) for one in shown[ATTRIBUTE]["avg"]], averages())


def averages() -> list[float]:
    """Compute the average of each month."""
    edges = [int((datetime(2025, m, 1, tzinfo=UTC) - BEGIN).total_seconds()) // 60 for m in range(1, 13)]
    return [
        round(fmean(value(7, n) for n in range(low, high)), 6)
        for low, high in zip(edges, [*edges[1:], MINUTES], strict=True)
    ]


def pairs(minutes: range) -> list[Any]:
    """Give pairs of value and time."""
    return [[value(7, minute), moment(minute)] for minute in minutes]


def held_in(shown: Any) -> list[Any]:
    """Give the pairs of value and time of an answer with temporalValues."""
    held: list[Any] = shown[ATTRIBUTE]["values"]
    return held


def stored_megabytes(part: Running) -> float:
    """Give the size of all databases."""
    return sum(path.stat().st_size for path in (part.data / "broker").rglob("*.db*")) / 1e6


if __name__ == "__main__":
    main()
