"""One measurement: wrk on a server for some seconds, and what that cost the server in CPU time."""

import contextlib
import http.client
import json
import os
import random
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.processes import HERE, Server, fetch

DRAIN_SECONDS = 60.0
SETTLE_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Workload:
    """What is asked, how hard, on which population, and the least ratio that is good enough."""

    name: str
    title: str
    floor: float
    population: str = "city"
    connections: int = 32
    probe: str = "/health/ready"  # asked before measuring, so that indexes on demand are there
    units: int = 1  # entities in one request, or notifications that follow from it
    notifies: bool = False


@dataclass(frozen=True, slots=True)
class Population:
    """The entities a workload works on."""

    entities: int
    types: int
    subscriptions: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of wrk saw and what it cost."""

    units: int
    cpu: float
    seconds: float
    p50: float
    p99: float

    @property
    def micros(self) -> float:
        """Give CPU µs per unit."""
        return self.cpu * 1e6 / self.units


@dataclass(frozen=True, slots=True)
class Result:
    """The repetitions of one workload, each with R measured just before it."""

    workload: Workload
    samples: tuple[Sample, ...]
    references: tuple[Sample, ...]

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Give least, median and largest ratio to R."""
        ratios = [r.micros / s.micros for r, s in zip(self.references, self.samples, strict=True)]
        return min(ratios), statistics.median(ratios), max(ratios)

    def median(self, what: str) -> float:
        """Give the median of a number over the repetitions."""
        return statistics.median(float(getattr(s, what)) for s in self.samples)


class Invalid(Exception):
    """A run had errors or lost notifications: its numbers mean nothing."""


def run(server: Server, workload: Workload, population: Population, seconds: int, core: int | None) -> Sample:
    """Load the server with one workload once."""
    before = server.cpu_seconds()
    seen = _wrk(server.url, workload, population, seconds, core)
    cpu = server.cpu_seconds() - before
    units = round(seen["requests"]) * workload.units
    return Sample(units, cpu, seen["seconds"], seen["p50"], seen["p99"])


def settle(server: Server, workload: Workload) -> None:
    """Ask once, and again until the answer is good and the server has nothing left to do."""
    end = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(http.client.HTTPException, OSError):
            fetch(server.url, workload.probe)
            before = server.cpu_seconds()
            time.sleep(1)
            if server.cpu_seconds() - before < 0.1:
                return
    raise Invalid(f"{workload.probe} is not answered, or the server does not come to rest")


def run_with_sink(
    server: Server, sink: Server, workload: Workload, population: Population, seconds: int
) -> Sample:
    """Load the server with updates and wait until each of their notifications has arrived."""
    counted, before, begun = _count(sink), server.cpu_seconds(), time.monotonic()
    seen = _wrk(server.url, workload, population, seconds, None)
    due = round(seen["requests"]) * workload.units
    last, changed = counted, time.monotonic()
    while last - counted < due and time.monotonic() - changed < DRAIN_SECONDS:
        time.sleep(0.1)
        if (present := _count(sink)) != last:
            last, changed = present, time.monotonic()
    arrived = last - counted
    # wrk drops the requests in flight when its time is over: those updates may have happened as well
    if not due <= arrived <= due + workload.connections * workload.units:
        raise Invalid(f"{due} notifications were due, {arrived} arrived")
    return Sample(arrived, server.cpu_seconds() - before, time.monotonic() - begun, seen["p50"], seen["p99"])


def probe_disk(folder: Path, times: int = 300) -> float:
    """Give how many 4 KiB writes with fdatasync the disk does in a second."""
    path = folder / "probe"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        begun = time.perf_counter()
        for i in range(times):
            os.pwrite(descriptor, b"x" * 4096, i * 4096)
            os.fdatasync(descriptor)
        return times / (time.perf_counter() - begun)
    finally:
        os.close(descriptor)
        path.unlink()


def _wrk(
    url: str, workload: Workload, population: Population, seconds: int, core: int | None
) -> dict[str, float]:
    chance = random.SystemRandom()
    name = f"r{chance.randrange(10**9)}"
    command = [
        *(["taskset", "-c", str(core)] if core is not None else []),
        *("wrk", "-t1", f"-c{workload.connections}", f"-d{seconds}s", "--timeout", "10s", "--latency"),
        *("-s", str(HERE / "load.lua"), url, "--", workload.name),
        *(str(population.entities), str(population.types), name, str(chance.randrange(10**6))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise Invalid(f"wrk failed: {done.stdout}{done.stderr}")
    seen: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    if seen["errors"] or not seen["requests"]:
        raise Invalid(f"{seen['errors']:.0f} of {seen['requests']:.0f} answers were errors")
    return seen


def _count(sink: Server) -> int:
    return int(fetch(sink.url, "/count"))
