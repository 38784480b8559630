"""The results as a person reads them and as a machine does."""

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.measure import Result
from bench.workloads import POPULATIONS

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def table(results: Sequence[Result]) -> list[str]:
    """Write the results as a table in Markdown."""
    lines = [
        "| Workload | min / **median** / max of R | Floor | CPU µs | per s and core | p50 ms | p99 ms |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for r in results:
        least, middle, most = r.ratios
        micros = r.median("micros")
        mark = "" if middle >= r.workload.floor else " (below)"
        lines.append(
            f"| `{r.workload.name}`: {r.workload.title} | {least:.2f} / **{middle:.2f}** / {most:.2f}{mark} "
            f"| {r.workload.floor:.2f} | {micros:.0f} "
            f"| {1e6 / micros:,.0f} | {r.median('p50'):.1f} | {r.median('p99'):.1f} |"
        )
    return lines


def conditions(disk: float, results: Sequence[Result], memory: dict[str, float], how: str) -> list[str]:
    """Say under which conditions the table came about."""
    yardsticks = sorted(s.micros for r in results for s in r.references)
    sizes = ", ".join(f"{POPULATIONS[n].entities:,} entities {mb:.0f} MB" for n, mb in memory.items())
    return [
        f"- {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({_model()}), "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}, {how}.",
        f"- R: {yardsticks[0]:.0f} to {yardsticks[-1]:.0f} µs CPU per request "
        f"({1e6 / yardsticks[-1]:,.0f} to {1e6 / yardsticks[0]:,.0f} per second and core).",
        f"- The disk does {disk:,.0f} writes of 4 KiB with fdatasync per second.",
        f"- Peak memory of the broker: {sizes}.",
    ]


def as_json(results: Sequence[Result], disk: float, memory: dict[str, float]) -> dict[str, Any]:
    """Give everything for a machine."""
    rows = {
        r.workload.name: {
            "ratio": dict(zip(("min", "median", "max"), r.ratios, strict=True)),
            "floor": r.workload.floor,
            "cpu_micros": [s.micros for s in r.samples],
            "reference_micros": [s.micros for s in r.references],
            "p50_ms": r.median("p50"),
            "p99_ms": r.median("p99"),
        }
        for r in results
    }
    return {"fdatasync_per_second": disk, "peak_megabytes": memory, "workloads": rows}


def write(lines: Sequence[str]) -> None:
    """Put the lines into the page, in place of the last ones."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text("\n".join((head + BEGIN, "", *lines, "", END + tail)), encoding="utf-8")


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )
