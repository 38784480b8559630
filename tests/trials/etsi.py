"""Run the public NGSI-LD suite with the tool: one part against two fresh brokers, the other against five that meet."""

import asyncio
import csv
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.etsi.run import EtsiAsked, run_suite
from conformance.etsi.suite import BROKERS, SEVERAL, Group
from conformance.etsi.worker import Limits
from conformance.report import file, html
from conformance.result import PASSED, Result
from tests.trials import machine, record, skip
from tests.trials._national import broker

TRIAL = "etsi"
PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
BEGIN, END = "<!-- groups: begin -->", "<!-- groups: end -->"
SOURCES = ("ContextSource", "DistributedOperations")
WORKERS = 2
LIMITS = Limits(group=600.0)
Origins = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a group, or of several: passed and all, of the official cases and of the fork's."""

    name: str
    official: tuple[int, int]
    own: tuple[int, int]


def main() -> None:
    """Run all groups, one worker per broker, then what needs five brokers; write the table of docs/conformance.md."""
    if "ETSI_SUITE" not in os.environ:
        skip(TRIAL, "name a checkout of the suite in ETSI_SUITE, and its virtual environment in ETSI_VENV")
    suite = Path(os.environ["ETSI_SUITE"])
    python = (
        str(Path(os.environ["ETSI_VENV"], "bin", "python")) if "ETSI_VENV" in os.environ else sys.executable
    )
    known = origins(Path(os.environ.get("ENGAWA_ETSI", "../shared/etsi"), "tests.tsv"))
    # asis: the brokers find the suite's @contexts in a folder of theirs (ENGAWA_BROKER_CONTEXT_FOLDER)
    rewrite = os.environ.get("CONTEXTS") != "asis"
    alone = EtsiAsked((), suite, python, (), LIMITS, rewrite, wipe=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(os.environ.get("ENGAWA_ETSI_OUT", folder))
        rows = run(alone, WORKERS, out / "one.json", known)
        several = run(replace(alone, together=True), BROKERS, out / "several.json", known)
    write_table([*rows, *several])
    here = [row for row in rows if not row.name.startswith(SOURCES)]
    sources = [row for row in rows if row.name.startswith(SOURCES)]
    record(
        TRIAL,
        f"one broker: {describe(here)}; {' and '.join(SOURCES)}: {describe(sources)}; five brokers: "
        f"{describe(several)}; groups and failures in docs/conformance.md",
    )


def origins(listed: Path) -> Origins:
    """Read which tests are ETSI's own (base) and which the fork's, where a list says so: file, test, origin."""
    if not listed.is_file():
        return {}
    with listed.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {f"{row['file'].removesuffix('.robot')}/{row['test']}": row["origin"] for row in rows}


def run(asked: EtsiAsked, brokers: int, out: Path, known: Origins) -> list[Row]:
    """Run groups against fresh brokers, leave the report beside its page, and give a row for each group."""
    rows: list[Row] = []

    def told(group: Group, results: list[Result]) -> None:
        prefix = "IOP/" if group.top == SEVERAL else ""
        rows.append(counted(prefix + group.name.removeprefix("Interoperability/"), results, group.top, known))
        print(rows[-1], flush=True)

    with ExitStack() as stack:
        urls = tuple(stack.enter_context(broker()).url for _ in range(brokers))
        report = asyncio.run(run_suite(replace(asked, urls=urls), told, lambda groups: None))
    out.parent.mkdir(parents=True, exist_ok=True)
    file.write(report, out)
    html.write(report, out.with_suffix(".html"), "en")
    return rows


def counted(name: str, results: Iterable[Result], top: Path, known: Origins) -> Row:
    """Count what passed; without a list of origins all count as official."""
    passed, every = {True: 0, False: 0}, {True: 0, False: 0}
    for result in results:
        official = known.get(f"{top.as_posix()}/{result.name}", "base") == "base"
        every[official] += 1
        passed[official] += result.outcome == PASSED
    return Row(name, (passed[True], every[True]), (passed[False], every[False]))


def total(rows: Iterable[Row]) -> Row:
    """Sum up rows."""
    found = list(rows)
    official = (sum(r.official[0] for r in found), sum(r.official[1] for r in found))
    own = (sum(r.own[0] for r in found), sum(r.own[1] for r in found))
    return Row("all", official, own)


def describe(rows: Iterable[Row]) -> str:
    """Say in a sentence how many passed."""
    row = total(rows)
    return (
        f"{row.official[0] + row.own[0]} of {row.official[1] + row.own[1]} cases pass "
        f"({row.official[0]} of {row.official[1]} official, {row.own[0]} of {row.own[1]} of the fork)"
    )


def write_table(rows: Sequence[Row]) -> None:
    """Put a table with a row per group between the marks of the page."""
    lines = ["| Group | Passed | Official | Fork's own |", "|---|--:|--:|--:|"]
    for row in sorted(rows, key=lambda r: r.name):
        (passed, every), (own, all_own) = row.official, row.own
        lines.append(
            f"| {row.name} | {passed + own} of {every + all_own} | {passed} of {every} | {own} of {all_own} |"
        )
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    stamp = f"Run on {time.strftime('%Y-%m-%d')}, {machine()}, two fresh brokers (IOP: five)."
    PAGE.write_text(f"{before}{BEGIN}\n{stamp}\n\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
