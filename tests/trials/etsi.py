"""Run the public NGSI-LD conformance suite against a fresh broker (ENGAWA_ETSI: folder of its runner)."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.trials import record, skip
from tests.trials._national import broker

TRIAL = "etsi"
DIRECTORIES = ("CommonBehaviours", "ContextInformation", "jsonldContext")
MOST_SECONDS = 3600


def main() -> None:
    """Run the sub-suites of what the broker does so far."""
    runner = Path(os.environ.get("ENGAWA_ETSI", "../shared/etsi")) / "run.sh"
    if not runner.is_file():
        skip(TRIAL, f"{runner} is not there; name the folder of the suite's runner in ENGAWA_ETSI")
    if "ETSI_SUITE" not in os.environ:
        skip(TRIAL, "name a checkout of the suite in ETSI_SUITE, and its virtual environment in ETSI_VENV")
    with broker() as part, tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        environment = {**os.environ, "BROKER_URL": part.url, "OUT": str(out)}
        done = subprocess.run(
            ["bash", str(runner), *DIRECTORIES], env=environment, timeout=MOST_SECONDS, check=False
        )
        if done.returncode not in (0, 1):
            skip(TRIAL, f"the runner ended with code {done.returncode}")
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    record(TRIAL, f"{', '.join(DIRECTORIES)}: {describe(summary)}")


def describe(summary: dict[str, Any]) -> str:
    """Sum up the rows of the runner: name, passed, failed, not run, all, …"""
    passed, failed, left, every = (sum(row[column] for row in summary["rows"]) for column in (1, 2, 3, 4))
    return f"{passed} of {every} tests passed, {failed} failed, {left} not run"


if __name__ == "__main__":
    main()
