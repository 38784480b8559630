"""`python -m bench`: measures the broker as ratios to R. (docs/performance.md)"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.measure import (
    Invalid,
    Population,
    Result,
    Sample,
    Workload,
    probe_disk,
    run,
    run_with_sink,
    settle,
)
from bench.populate import populate
from bench.processes import Server, broker, reference, sink
from bench.report import as_json, conditions, table, write
from bench.workloads import POPULATIONS, REFERENCE, WORKLOADS


def main() -> None:
    """Measure what was asked for and print the table."""
    options = _options()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    chosen = [w for w in WORKLOADS if w.name in options.only]
    results: list[Result] = []
    memory: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=options.data) as folder:
        disk = probe_disk(Path(folder))
        for result, megabytes in measure_all(chosen, Path(folder), options):
            results.append(result)
            memory[result.workload.population] = megabytes
    lines = [*conditions(disk, results, memory, _how(options)), "", *table(results)]
    if options.json:
        print(json.dumps(as_json(results, disk, memory), indent=2))
    else:
        print("\n".join(lines))
    if options.write:
        write(lines)
    if any(r.ratios[1] < 0.7 * r.workload.floor for r in results):
        sys.exit("a ratio is below 0.7 of its floor")


def measure_all(
    chosen: Sequence[Workload], folder: Path, options: argparse.Namespace
) -> Iterator[tuple[Result, float]]:
    """Measure the workloads population by population, each on a fresh broker."""
    core, load_core = (None, None) if options.unpinned or (os.cpu_count() or 1) < 2 else (0, 1)
    with reference(core) as yardstick:
        for name, population in POPULATIONS.items():
            workloads = [w for w in chosen if w.population == name]
            if not workloads:
                continue
            with ExitStack() as stack:
                # notifications are measured unpinned: the receiver needs a core as well
                part = stack.enter_context(broker(folder / name, None if name == "watched" else core))
                receiver = stack.enter_context(sink()) if population.subscriptions else None
                _say(f"creating {population.entities} entities of {population.types} types …")
                populate(
                    part.url,
                    population.entities,
                    population.types,
                    subscriptions=population.subscriptions,
                    endpoint=receiver.url + "/notify" if receiver else "",
                )
                for workload in workloads:
                    yield (
                        _measure(yardstick, part, receiver, workload, population, load_core, options),
                        part.peak_megabytes(),
                    )


def _measure(
    yardstick: Server,
    part: Server,
    receiver: Server | None,
    workload: Workload,
    population: Population,
    core: int | None,
    options: argparse.Namespace,
) -> Result:
    references: list[Sample] = []
    samples: list[Sample] = []

    def once(seconds: int) -> Sample:
        if receiver:
            return run_with_sink(part, receiver, workload, population, seconds)
        return run(part, workload, population, seconds, core)

    try:
        settle(part, workload)
        once(2)
        for _ in range(options.repetitions):
            references.append(run(yardstick, REFERENCE, population, options.seconds, core))
            samples.append(once(options.seconds))
    except Invalid as error:
        sys.exit(f"{workload.name} is invalid: {error}")
    result = Result(workload, tuple(samples), tuple(references))
    _say(f"{workload.name}: {result.ratios[1]:.2f} R")
    return result


def _options() -> argparse.Namespace:
    names = [w.name for w in WORKLOADS]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the broker as ratios to R.")
    parser.add_argument(
        "--only", type=lambda t: t.split(","), default=names, help="workloads: " + ",".join(names)
    )
    parser.add_argument("--seconds", type=int, default=3, help="length of each run")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each side")
    parser.add_argument(
        "--data", type=Path, help="folder on the disk to measure (default: the temporary folder)"
    )
    parser.add_argument("--unpinned", action="store_true", help="let the system choose the cores")
    parser.add_argument("--json", action="store_true", help="print JSON for a machine")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    if unknown := set(options.only) - set(names):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    return options


def _how(options: argparse.Namespace) -> str:
    cores = "not pinned" if options.unpinned else "server on core 0, wrk on core 1"
    return f"{cores}, {options.repetitions} × {options.seconds:g} s for each side"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


main()
