"""Long proofs, each a module with a `main`; `make trial` lists them and docs/trials.md keeps their results."""

import os
import platform
import sys
import time
from pathlib import Path
from typing import NoReturn

PAGE = Path(__file__).parents[2] / "docs" / "trials.md"
END = "\n<!-- trials: end -->"
DATA = Path(os.environ.get("ENGAWA_DATA", "../shared/data"))


def record(trial: str, result: str) -> None:
    """Print a result and add it to docs/trials.md with date and machine."""
    print(f"{trial}: {result}")
    row = f"| {time.strftime('%Y-%m-%d')} | {trial} | {machine()} | {result.replace('|', '/')} |\n"
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.replace(END, row + END, 1), encoding="utf-8")


def machine() -> str:
    """Say on what the trial ran: cores, processor, Python."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{os.cpu_count()} × {model}, Python {platform.python_version()}"


def skip(trial: str, reason: str) -> NoReturn:
    """End without a result, since something the trial needs is not there."""
    print(f"{trial}: skipped, {reason}")
    sys.exit(0)


def fail(trial: str, reason: str) -> NoReturn:
    """Record that a trial found something wrong."""
    record(trial, f"FAILED: {reason}")
    sys.exit(1)
