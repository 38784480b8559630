"""`python -m tests.conformance.table report.json` writes the operations into docs/ngsi-ld.md, from a run's report."""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from broker.app import OPERATIONS
from broker.operations.call import Operation
from conformance.case import Case
from conformance.collect import all_cases
from conformance.report import file
from conformance.result import PASSED, Report
from tests.conformance.coverage import Touched, operation_of, touched
from tests.conformance.demanded import CLAUSES, FILES, NOTES, STATUSES

PAGE = Path(__file__).parents[2] / "docs" / "ngsi-ld.md"
FIRST, LAST = "<!-- operations: written by tests.conformance.table -->\n", "<!-- end of operations -->\n"
HEAD = "| Parameter or status | Supported | Clause | Cases |\n|---|---|---|---|\n"
NOT_SHOWN = "not shown"
SHOWN = 2


class Evidence:
    """The cases of a run that passed, and what each asked and saw."""

    def __init__(self, report: Report) -> None:
        self.cases = {case.name: case for case in all_cases()}
        self.passed = {r.name for r in report.with_outcome(PASSED)} & self.cases.keys()
        self.sizes = {r.name: len(r.exchanges) for r in report.results}
        self.asked, self.seen = touched(report), answered(report)

    def best(self, o: Operation, name: str, shown: int) -> list[str]:
        """Choose few cases: those whose demand or clauses are about the thing, and the shortest of them."""
        key = (o.method, o.path)
        found = (self.seen if name.isdigit() else self.asked)[key].get(name, set()) & self.passed
        about = CLAUSES.get(name, o.clause).split(", ")

        def rank(case: Case) -> tuple[bool, bool, bool, int, str]:
            named = name in re.findall(r"\w+", case.demand)
            here, there = (any(map(case.of_clause, listed)) for listed in (clauses(o), about))
            first = (not here, not named) if name.isdigit() else (not named, not there)
            return *first, not here, self.sizes[case.name], case.name

        return [case.name for case in sorted((self.cases[f] for f in found), key=rank)[:shown]]


def answered(report: Report) -> Touched:
    """Name the cases that saw a status of an operation."""
    found: Touched = defaultdict(lambda: defaultdict(set))
    for result in report.results:
        for exchange in result.exchanges:
            path = urlsplit(exchange.url).path.partition("/ngsi-ld/v1")[2]
            operation = operation_of(exchange.method, path)
            if not exchange.note and operation is not None:
                found[(operation.method, operation.path)][str(exchange.status)].add(result.name)
    return found


def clauses(o: Operation) -> list[str]:
    """Name the clauses of an operation: of its behaviour, from what its function says, and of its resource."""
    behaviour = re.findall(r"(?<![\d.])5(?:\.\d+)+", o.run.__doc__ or "")
    return [*behaviour, o.clause]


def source(o: Operation) -> str:
    """Say where an operation comes from."""
    found = clauses(o)
    if not o.clause[0].isdigit():
        return f"An extension, taken over from {o.clause}."
    return f"Clause{'s' if len(found) > 1 else ''} {', '.join(found)}."


def operations(report: Report) -> Iterator[str]:
    """Write a table for each operation: its parameters, its status codes."""
    evidence = Evidence(report)
    for o in OPERATIONS:
        yield f"\n### {o.method} {o.path}\n\n{source(o)}\n\n{HEAD}"
        for name in sorted(o.params):
            yield row(evidence, o, name, CLAUSES[name])
        statuses = STATUSES[f"{o.method} {o.path}"].split()
        plain = [s for s in statuses if noted(o, s) is None and evidence.best(o, s, 1)]
        cases = [evidence.best(o, status, 1)[0] for status in plain]
        yield line(" ".join(f"`{status}`" for status in plain), "yes", o.clause, cases)
        for status in statuses:
            if status not in plain:
                yield row(evidence, o, status, o.clause)


def noted(o: Operation, name: str) -> str | None:
    """Give what is known beforehand about a parameter or status."""
    return NOTES.get((f"{o.method} {o.path}", name))


def row(evidence: Evidence, o: Operation, name: str, clause: str) -> str:
    """Write what is supported, and the cases that show it best."""
    cases = evidence.best(o, name, SHOWN)
    note = noted(o, name) or ("yes" if cases else NOT_SHOWN)
    return line(f"`{name}`", note, clause, [*FILES.get((f"{o.method} {o.path}", name), ()), *cases])


def line(name: str, note: str, clause: str, cases: list[str]) -> str:
    """Write a line of a table."""
    return f"| {name} | {note} | {clause} | {', '.join(dict.fromkeys(f'`{case}`' for case in cases))} |\n"


def rewritten(page: str, text: str) -> str:
    """Put the operations in the place of the old ones."""
    before, _, rest = page.partition(FIRST)
    return before + FIRST + text + "\n" + LAST + rest.partition(LAST)[2]


def main() -> None:
    """Write the page."""
    report = file.read(Path(sys.argv[1]))
    page = rewritten(PAGE.read_text(encoding="utf-8"), "".join(operations(report)))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
