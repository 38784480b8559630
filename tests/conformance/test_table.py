"""docs/ngsi-ld.md does not rot: it has every operation, parameter and status, and names cases that are there."""

import re
from collections import defaultdict

import pytest

from broker.app import OPERATIONS
from broker.operations.call import Operation
from conformance.collect import all_cases
from tests.conformance.demanded import CLAUSES, FILES, NOTES, STATUSES
from tests.conformance.table import FIRST, LAST, NOT_SHOWN, PAGE

TEXT = PAGE.read_text(encoding="utf-8")
ROOT = PAGE.parents[1]
STALE = "run: python -m tests.conformance.table report.json"
MARKS = ("yes", "partly", "never")
CODE = re.compile(r"`([^`]+)`")


def rows() -> list[tuple[str, list[str]]]:
    """Read each row of the tables, below the heading it stands under."""
    found, heading = [], ""
    for line in TEXT.splitlines():
        if line.startswith("### "):
            heading = line[4:]
        elif line.startswith("| ") and not line.startswith(("| Parameter or status |", "| Feature |")):
            found.append((heading, [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]))
    return found


ROWS = rows()
NAMES = defaultdict(list)
for _heading, _cells in ROWS:
    NAMES[_heading] += CODE.findall(_cells[0])


@pytest.mark.parametrize("o", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_shows_every_parameter_and_status_of_an_operation(o: Operation) -> None:
    name = f"{o.method} {o.path}"
    assert sorted(NAMES[name]) == sorted([*o.params, *STATUSES[name].split()]), STALE


def test_shows_no_operation_that_is_gone() -> None:
    written = TEXT.partition(FIRST)[2].partition(LAST)[0]
    offered = [f"{o.method} {o.path}" for o in OPERATIONS]
    assert re.findall(r"(?m)^### (.+)$", written) == offered == list(dict.fromkeys(offered)), STALE
    assert STATUSES.keys() == set(offered)
    assert {name for name, _ in [*NOTES, *FILES]} <= set(offered)
    assert CLAUSES.keys() == {name for o in OPERATIONS for name in o.params}


def test_every_row_says_whether_it_is_supported_and_where_it_stands() -> None:
    for heading, cells in ROWS:
        assert len(cells) == 4 and cells[0] and cells[2], (heading, cells)
        assert cells[1].startswith(MARKS) and NOT_SHOWN not in cells[1], (heading, cells)


def test_whatever_is_supported_is_shown_by_something() -> None:
    silent = [(heading, cells[0]) for heading, cells in ROWS if not CODE.search(cells[3])]
    waiting = [(heading, cells[0]) for heading, cells in ROWS if cells[1].startswith("never")]
    assert [row for row in silent if row not in waiting] == []


def test_names_only_cases_and_files_that_are_there() -> None:
    known = {case.name for case in all_cases()}
    named = {name for _, cells in ROWS for name in CODE.findall(cells[3])}
    assert [name for name in sorted(named - known) if not (ROOT / name).is_file()] == []
