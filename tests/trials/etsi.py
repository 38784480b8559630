"""Run the public NGSI-LD suite against two fresh brokers, its five-broker part against five (ENGAWA_ETSI: its runner)."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.trials import machine, record, skip
from tests.trials._national import broker

TRIAL = "etsi"
MOST_SECONDS = 3600
PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
BEGIN, END = "<!-- groups: begin -->", "<!-- groups: end -->"
GROUPS = ("CommonBehaviours", "ContextInformation", "ContextSource", "DistributedOperations", "jsonldContext")
SOURCES = ("ContextSource", "DistributedOperations")
SEVERAL = "IOP"
PORTS = (9090, 9091, 9092, 9093, 9094)
"""Where the suite looks for its five brokers."""
GROUP_SECONDS = 300
RESET = f'cd "{Path(__file__).parents[2]}" && "{sys.executable}" -m tests.trials._reset $BROKER_URL'
"""What groups leave behind is no concern of the next one."""
Row = list[Any]


def main() -> None:
    """Run all groups, one worker per broker, then what needs five brokers; write the table of docs/conformance.md."""
    runner = Path(os.environ.get("ENGAWA_ETSI", "../shared/etsi")) / "run.sh"
    if not runner.is_file():
        skip(TRIAL, f"{runner} is not there; name the folder of the suite's runner in ENGAWA_ETSI")
    if "ETSI_SUITE" not in os.environ:
        skip(TRIAL, "name a checkout of the suite in ETSI_SUITE, and its virtual environment in ETSI_VENV")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(os.environ.get("ENGAWA_ETSI_OUT", folder))
        rows = run(runner, out / "one", "BROKER_URL", (0, 0), GROUPS)
        several = run(runner, out / "several", "IOP_URLS", PORTS, (SEVERAL,))
    write_table([*rows, *several])
    here = [row for row in rows if not row[0].startswith(SOURCES)]
    sources = [row for row in rows if row[0].startswith(SOURCES)]
    record(
        TRIAL,
        f"one broker: {describe(here)}; {' and '.join(SOURCES)}: {describe(sources)}; five brokers: "
        f"{describe(several)}; groups and failures in docs/conformance.md",
    )


def run(runner: Path, out: Path, variable: str, ports: Sequence[int], groups: Sequence[str]) -> list[Row]:
    """Run groups against fresh brokers on these ports; give a row for each."""
    with ExitStack() as stack:
        urls = " ".join(stack.enter_context(broker(port)).url for port in ports)
        own = {"SUITE_TIMEOUT": str(GROUP_SECONDS), "RESET_CMD": RESET}
        environment = {**own, **os.environ, variable: urls, "OUT": str(out)}
        command = ["bash", str(runner), *groups]
        done = subprocess.run(command, env=environment, timeout=MOST_SECONDS, check=False)
        if done.returncode not in (0, 1):
            skip(TRIAL, f"the runner ended with code {done.returncode}")
        rows: list[Row] = json.loads((out / "summary.json").read_text(encoding="utf-8"))["rows"]
    return rows


def describe(rows: Sequence[Row]) -> str:
    """Sum up rows of the runner: name, passed, failed, not run, all, official passed, official, fork's passed, fork's."""
    total = [sum(row[column] for row in rows) for column in range(1, 9)]
    return f"{total[0]} of {total[3]} cases pass ({total[4]} of {total[5]} official, {total[6]} of {total[7]} of the fork)"


def write_table(rows: Sequence[Row]) -> None:
    """Put a table with a row per group between the marks of the page."""
    lines = ["| Group | Passed | Official | Fork's own |", "|---|--:|--:|--:|"]
    lines += [f"| {r[0]} | {r[1]} of {r[4]} | {r[5]} of {r[6]} | {r[7]} of {r[8]} |" for r in sorted(rows)]
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    stamp = f"Run on {time.strftime('%Y-%m-%d')}, {machine()}, two fresh brokers (IOP: five)."
    PAGE.write_text(f"{before}{BEGIN}\n{stamp}\n\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
