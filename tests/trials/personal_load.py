"""A town of 22,389 residents and 10 services: disclosures at 50 a second, and 2,000 in one call."""

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

from base import clock
from base.admin import NotRunning, ask
from base.database import connect
from bench.processes import Server, reference
from personal import towns
from personal.audit import checking, log
from personal.server import module_of
from personal.settings import PersonalSettings
from tests.personal.live import YABU, Live, Named
from tests.ports import free_port
from tests.trials import fail, machine, record
from tests.trials._population import PURPOSE, RESIDENTS, Service, agree, description, services, write

TRIAL = "personal-load"
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- personal: begin -->", "<!-- personal: end -->"
MOST_P95_MS, MOST_BULK_SECONDS = 50.0, 30.0
CONNECTIONS = 8
Send = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Times:
    """How long answers took, in ms, and what they cost the server in CPU time, in µs each."""

    p50: float
    p95: float
    p99: float
    most: float
    micros: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured."""

    residents: int
    load: float
    import_seconds: float
    import_megabytes: float
    rate: float
    seconds: float
    steady: Times
    beside: Times
    bulk: list[float]
    bulk_micros: float
    reference_micros: float
    full_micros: float
    full_rate: float
    peak: float

    @property
    def met(self) -> bool:
        """Say whether it is as fast as it has to be."""
        return self.steady.p95 < MOST_P95_MS and max(self.bulk) < MOST_BULK_SECONDS


class Asking:
    """The services, which ask about residents by chance; every answer is looked at."""

    def __init__(self, live: Live, found: list[Service], chance: random.Random) -> None:
        self._live, self._services, self._chance = live, found, chance
        self.answered = self.shown = 0
        self.tokens: dict[str, str] = {}

    async def prepare(self) -> None:
        """Get every service its token."""
        self.tokens = {one.id: await self._live.service_token(one.id) for one in self._services}

    async def one(self) -> None:
        """Ask about one resident."""
        service = self._chance.choice(self._services)
        name = self._chance.choice(service.names)
        body = {"subject": name, "purpose": PURPOSE, "items": list(service.items)}
        reply = await self._live.post("/disclosures", body, by=self.tokens[service.id])
        if reply.status != 200:
            raise AssertionError(f"{reply.status}: {reply.raw!r}")
        withheld = {one["item"]: one["reason"] for one in reply.json["withheld"]}
        agreed = name in service.agreed
        if agreed == ("no-consent" in withheld.values()) or {*withheld, *reply.json["items"]} != {
            *service.items
        }:
            raise AssertionError("an answer is not as was agreed")
        self.answered += 1
        self.shown += len(reply.json["items"])

    async def many(self, count: int) -> float:
        """Ask about many in one call; say how long it took."""
        service = self._services[0]
        names = self._chance.sample(service.names, min(count, len(service.names)))
        body = {"subjects": names, "purpose": PURPOSE, "items": list(service.items)}
        begun = time.perf_counter()
        reply = await self._live.post("/disclosures/bulk", body, by=self.tokens[service.id])
        took = time.perf_counter() - begun
        lines = [orjson.loads(line) for line in reply.raw.splitlines()]
        good = reply.status == 200 and len(lines) == len(names) + 1 and "receipt" in lines[-1]
        if not good or any(
            (line["subject"] in service.agreed) == any(w["reason"] == "no-consent" for w in line["withheld"])
            for line in lines[:-1]
        ):
            raise AssertionError("a bulk release is not as was agreed")
        self.answered += len(names)
        return took


def main() -> None:
    """Run it, record it, and write the section of docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=RESIDENTS)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--bulk", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="print only, change no document")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        towns.add(data, YABU)
        write(data / "residents.jsonl", given.residents, given.seed)
        figures = uvloop.run(_measure(data, given))
    told = _told(figures, given.bulk)
    if given.dry:
        print(told, *_section(figures, given.bulk), sep="\n")
    elif not figures.met:
        fail(TRIAL, told)
    else:
        record(TRIAL, told)
        _publish(figures, given.bulk)


async def _measure(data: Path, given: argparse.Namespace) -> Figures:
    file, keys, load = data / "residents.jsonl", dict[str, Any](), os.getloadavg()[0]
    async with running(data, keys) as (live, server):
        began = time.perf_counter()
        await bring_in(data, file, given.residents)
        import_seconds, import_megabytes = time.perf_counter() - began, server.peak_megabytes()
        say(f"{given.residents} residents imported in {import_seconds:.0f} s")
        await approve(live, data)
    found = await _agreed(data, given.seed)
    say("consents given")
    leaves = _leaves(data)
    async with running(data, keys) as (live, server):
        asking = Asking(live, found, random.Random(given.seed))
        await asking.prepare()
        await steady(asking.one, server, given.rate, 5.0)  # warm
        calm = await steady(asking.one, server, given.rate, given.seconds)
        say(f"p95 {calm.p95:.1f} ms")
        before = server.cpu_seconds()
        bulk = [await asking.many(given.bulk) for _ in range(3)]
        bulk_micros = (server.cpu_seconds() - before) * 1e6 / (3 * given.bulk)
        many = asyncio.create_task(asking.many(given.bulk))
        beside = await steady(asking.one, server, given.rate, 5.0)
        await many
        with reference(None) as yardstick:
            reference_micros, _ = await _full(_reader(live.session, yardstick.url), yardstick, 5.0)
            full_micros, full_rate = await _full(asking.one, server, 5.0)
        answered, peak = asking.answered, server.peak_megabytes()
    written = _leaves(data, verify=True) - leaves
    if written < answered:
        fail(TRIAL, f"{answered} answers about residents, but {written} entries of the log")
    return Figures(
        given.residents, load, import_seconds, import_megabytes, given.rate, given.seconds, calm, beside, bulk,
        bulk_micros, reference_micros, full_micros, full_rate, peak,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def running(data: Path, keys: dict[str, Any], *more: str) -> AsyncIterator[tuple[Live, Server]]:
    """Run the module as a process of its own, on all cores, with its defaults; `more`: further options."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = _started(data, port, more)
    try:
        await _answering(data, process)
        async with aiohttp.ClientSession() as session:
            yield Live(url, session, None, Named("yabu"), keys=keys), Server(process, url)  # type: ignore[arg-type]  # it is a process
    finally:
        process.terminate()
        process.wait(30)


def _started(data: Path, port: int, more: tuple[str, ...]) -> subprocess.Popen[bytes]:
    words = ("--demo", "--data", str(data), "--port", str(port), "--requests-per-second", "0", *more)
    command = [sys.executable, "-m", "engawa", "run", "personal", *words]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


async def _answering(data: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with contextlib.suppress(NotRunning):
            await ask(data, "municipalities.list")
            return
        if process.poll() is not None:
            break
        await asyncio.sleep(0.1)
    raise AssertionError("the module does not start")


async def bring_in(data: Path, file: Path, count: int) -> None:
    """Import residents."""
    command = [
        sys.executable,
        "-m",
        "engawa",
        "residents",
        "import",
        str(file),
        "--data",
        str(data),
        "--json",
    ]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    told, _ = await process.communicate()
    if orjson.loads(told)["created"] != count:
        raise AssertionError(told)


async def approve(live: Live, data: Path) -> None:
    """Have two members of staff approve every service with its key."""
    for login in ("catalogue", "catalogue2"):
        await ask(data, "staff.add", municipality="", login=login, name=login, roles=["catalogue"])
    first, second = await live.staff("catalogue"), await live.staff("catalogue2")
    for one in services():
        public = {"keys": [live.new_key(one.id)]}
        body = {"service": one.id, "description": description(one), "keys": public}
        made = await live.post("/proposals", {"kind": "service", "body": body}, by=first)
        done = await live.post(f"/proposals/{made.json['id']}/approve", {}, by=second)
        assert done.status == 204, (made.raw, done.raw)


async def _agreed(data: Path, seed: int) -> list[Service]:
    async with module_of(PersonalSettings(data=data), lambda: "") as module:
        return await agree(module.towns["yabu"], services(), seed, clock.now())


def _leaves(data: Path, *, verify: bool = False) -> int:
    """Count the entries of the log, which may have to verify."""
    connection = connect(data / "yabu" / "personal.db", readonly=True)
    try:
        if verify and (faults := list(checking.faults(connection))):
            fail(TRIAL, f"the log does not verify: {faults[0].text}")
        return log.size(connection)
    finally:
        connection.close()


async def steady(send: Send, server: Server, rate: float, seconds: float) -> Times:
    """Send so many a second, whether or not answers come; times count from when each was to be sent."""
    loop, times = asyncio.get_running_loop(), list[float]()

    async def one(due: float) -> None:
        await asyncio.sleep(due - loop.time())
        await send()
        times.append((loop.time() - due) * 1000)

    begun, before = loop.time() + 0.1, server.cpu_seconds()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            group.create_task(one(begun + number / rate))
    cut = statistics.quantiles(times, n=100)
    micros = (server.cpu_seconds() - before) * 1e6 / len(times)
    return Times(statistics.median(times), cut[94], cut[98], max(times), micros)


async def _full(send: Send, server: Server, seconds: float) -> tuple[float, float]:
    """Send as fast as answers come; say what one costs in CPU time (µs), and how many there were a second."""
    end, count = time.perf_counter() + seconds, 0

    async def work() -> None:
        nonlocal count
        while time.perf_counter() < end:
            await send()
            count += 1

    before, begun = server.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return (server.cpu_seconds() - before) * 1e6 / count, count / (time.perf_counter() - begun)


def _reader(session: aiohttp.ClientSession, url: str) -> Send:
    async def read() -> None:
        async with session.get(f"{url}/r/1") as answer:
            await answer.read()

    return read


def _told(f: Figures, bulk: int) -> str:
    return (
        f"{'' if f.met else 'BELOW THE MARK: '}{f.residents:,} residents imported in {f.import_seconds:.0f} s; "
        f"disclosures at {f.rate:.0f} a second for {f.seconds:.0f} s: p50 {f.steady.p50:.1f} ms, "
        f"p95 {f.steady.p95:.1f} ms, p99 {f.steady.p99:.1f} ms; {bulk:,} in one call: "
        f"{statistics.median(f.bulk):.1f} s (longest of 3: {max(f.bulk):.1f}), at 50 a second beside it p95 "
        f"{f.beside.p95:.1f} ms; {f.reference_micros / f.full_micros:.3f} R ({f.full_micros:,.0f} µs CPU each); "
        f"peak memory {f.peak:.0f} MB; every answer as agreed and on record, the log verifies; "
        f"load before {f.load:.1f}"
    )


def _section(f: Figures, bulk: int) -> list[str]:
    def row(what: str, times: Times) -> str:
        return (
            f"| {what} | {times.p50:.1f} | {times.p95:.1f} | {times.p99:.1f} | {times.most:.1f} "
            f"| {times.micros:,.0f} |"
        )

    return [
        f"- {time.strftime('%Y-%m-%d')}, {machine()}, load before {f.load:.1f}; module and client on the same cores.",
        f"- {f.residents:,} residents, 10 services; imported by `engawa residents import` in {f.import_seconds:.0f} s "
        f"({f.residents / f.import_seconds:,.0f} per second), {f.import_megabytes:.0f} MB peak memory of the module.",
        f"- {bulk:,} residents in one call: {statistics.median(f.bulk):.1f} s (longest of 3: {max(f.bulk):.1f}), "
        f"{f.bulk_micros:,.0f} µs CPU for each resident.",
        f"- As fast as answers come, {CONNECTIONS} connections: {f.full_rate:,.0f} disclosures per second, "
        f"{f.full_micros:,.0f} µs CPU each; R {f.reference_micros:.0f} µs: **{f.reference_micros / f.full_micros:.3f} R**; "
        f"in bulk **{f.reference_micros / f.bulk_micros:.3f} R** for each resident.",
        f"- Peak memory of the module: {f.peak:.0f} MB.",
        "",
        f"| Disclosures at {f.rate:.0f} a second | p50 ms | p95 ms | p99 ms | longest | CPU µs |",
        "|---|---:|---:|---:|---:|---:|",
        row(f"for {f.seconds:.0f} s", f.steady),
        row(f"while {bulk:,} are released in one call (CPU: of both)", f.beside),
    ]


def _publish(figures: Figures, bulk: int) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    section = "\n".join(_section(figures, bulk))
    PAGE.write_text(f"{before}{BEGIN}\n\n{section}\n\n{END}{after}", encoding="utf-8")


def say(text: str) -> None:
    """Say how far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
