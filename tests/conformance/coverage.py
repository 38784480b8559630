"""What a run asked of the broker: `python -m tests.conformance.coverage report.json` names what no case touches."""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from broker.app import OPERATIONS
from broker.operations.call import Operation
from conformance.report import file
from conformance.result import Report

Touched = dict[tuple[str, str], dict[str, set[str]]]
_PATTERNS = [(o, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", o.path) + "/?")) for o in OPERATIONS]


def operation_of(method: str, path: str) -> Operation | None:
    """Find the operation of a request; a literal path goes before one with a place for an id."""
    found = [o for o, pattern in _PATTERNS if o.method == method and pattern.fullmatch(path)]
    return min(found, key=lambda o: o.path.count("{"), default=None)


def touched(report: Report) -> Touched:
    """Name the cases that touch an operation ("") and each of its parameters and options ("=value")."""
    found: Touched = defaultdict(lambda: defaultdict(set))
    for result in report.results:
        for exchange in result.exchanges:
            url = urlsplit(exchange.url)
            operation = operation_of(exchange.method, url.path.partition("/ngsi-ld/v1")[2])
            if exchange.note or operation is None:
                continue
            names = found[(operation.method, operation.path)]
            for name in _names(parse_qsl(url.query, keep_blank_values=True)):
                names[name].add(result.name)
    return found


def _names(query: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield ""
    for name, value in query:
        yield name
        if name in ("options", "format"):
            yield from (f"={word}" for word in value.split(","))


def untouched(report: Report) -> dict[str, list[str]]:
    """Name what no case touches: by operation, its parameters and options, or [""] for all of it."""
    found = touched(report)
    missing: dict[str, list[str]] = {}
    for o in OPERATIONS:
        names = found[(o.method, o.path)]
        wanted = [*sorted(o.params), *(f"={word}" for word in sorted(o.options))] if "" in names else [""]
        if left := [name for name in wanted if name not in names]:
            missing[f"{o.method} {o.path}"] = left
    return missing


def main() -> None:
    """Print what no case touches."""
    report = file.read(Path(sys.argv[1]))
    for operation, names in untouched(report).items():
        print(operation, ": ", "never" if names == [""] else " ".join(names), sep="")


if __name__ == "__main__":
    main()
