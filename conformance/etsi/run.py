"""The public suite against one broker or several, each with a worker of its own."""

import asyncio
import contextlib
import shlex
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from base.console import Failure
from conformance.etsi.stage import Stage, prepare
from conformance.etsi.suite import SEVERAL, TESTS, Group, Suite
from conformance.etsi.wipe import wipe
from conformance.etsi.worker import Limits, Target, Way, run_group
from conformance.result import FAILED, NOT_APPLICABLE, Report, Result
from conformance.subject import Subject
from conformance.surroundings import Asked, Surroundings, surroundings
from conformance.verdict import Failure as CaseFailure
from conformance.version import environment

CORE: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
CONTEXT_REL: Final = "http://www.w3.org/ns/json-ld#context"

Told = Callable[[Group, list[Result]], None]


@dataclass(frozen=True, slots=True)
class EtsiAsked:
    """What the tester asked for."""

    urls: tuple[str, ...]
    suite: Path
    python: str
    groups: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    rewrite: bool = True
    core: str = ""
    drops_history: bool = True
    before: str = ""
    wipe: bool = False
    callback_host: str = ""
    together: bool = False
    """Run the part whose tests ask several brokers, b1 to b5 in the order of `urls`."""


async def run_suite(asked: EtsiAsked, told: Told, planned: Callable[[Sequence[Group]], None]) -> Report:
    """Run the suite; `planned` hears of the groups, `told` of what came of each."""
    started, clock = datetime.now(UTC), time.monotonic()
    suite = Suite(asked.suite.resolve())
    await suite.check_python(asked.python)
    groups = suite.groups(asked.groups, SEVERAL if asked.together else TESTS)
    planned(groups)
    async with contextlib.AsyncExitStack() as stack:
        arounds = [await stack.enter_async_context(_around(asked, url)) for url in asked.urls]
        about = await environment(arounds[0])
        for around in arounds[1:]:
            await environment(around)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engawa-etsi-")))
        way = await _way(asked, suite, folder, arounds[0])
        results = await _work(asked, way, groups, arounds, folder, told)
    about["broker"] = ", ".join(around.asked.root for around in arounds)
    about["ETSI suite"] = f"{suite.root.name} {_commit(suite.root)}".strip()
    return Report(
        "ETSI NGSI-LD conformance test suite",
        about,
        tuple(sorted(results, key=lambda r: r.name)),
        started.isoformat(timespec="seconds").replace("+00:00", "Z"),
        time.monotonic() - clock,
    )


def _around(asked: EtsiAsked, url: str) -> contextlib.AbstractAsyncContextManager[Surroundings]:
    return surroundings(Asked(url, callback_host=asked.callback_host))


async def _way(asked: EtsiAsked, suite: Suite, folder: Path, around: Surroundings) -> Way:
    stage = Stage(folder / "stage", f"{around.callbacks.url}/contexts")
    await asyncio.to_thread(prepare, suite, stage, rewrite=asked.rewrite)
    around.callbacks.add(stage.handle, "contexts")
    return Way(suite, stage, asked.python, asked.limits, asked.rewrite, asked.drops_history)


async def _work(
    asked: EtsiAsked,
    way: Way,
    groups: Iterable[Group],
    arounds: Sequence[Surroundings],
    folder: Path,
    told: Told,
) -> list[Result]:
    waiting = deque(groups)
    results: list[Result] = []
    mqtt = asyncio.Lock()  # the suite's MQTT server has one fixed port

    async def work(number: int, brokers: Sequence[Surroundings]) -> None:
        first = brokers[0]
        together = tuple(one.asked.root for one in brokers) if asked.together else ()
        target = Target(first.asked.root, first.host, asked.core or await core_of(first), together)
        while waiting:
            group = waiting.popleft()
            for one in brokers:
                await _reset(asked.before, one.asked.url)
                if asked.wipe:
                    await wipe(one)
            place = folder / f"{number}-{len(waiting)}"
            async with mqtt if group.mqtt else contextlib.nullcontext():
                found = await run_group(way, group, target, place)
            found = _without_mosquitto(found) if group.mqtt else found
            results.extend(found)
            told(group, found)

    async with asyncio.TaskGroup() as tasks:
        for number, brokers in enumerate([arounds] if asked.together else [[one] for one in arounds]):
            tasks.create_task(work(number, brokers))
    return results


async def core_of(around: Surroundings) -> str:
    """Find the core @context that the broker names in its answers."""
    subject = Subject(around)
    with contextlib.suppress(CaseFailure):
        links = (await subject.get("/entities", type="Anything", local=True)).links(CONTEXT_REL)
        if links:
            return links[0]
    return CORE


async def _reset(command: str, url: str) -> None:
    if not command:
        return
    words = [word.replace("{url}", url) for word in shlex.split(command)]
    process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.DEVNULL)
    if await process.wait():
        raise Failure(f"the command given with --before ended with code {process.returncode}: {command}")


def _without_mosquitto(results: list[Result]) -> list[Result]:
    if shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin"):
        return results
    reason = "mosquitto is not installed on this machine"
    return [
        replace(r, outcome=NOT_APPLICABLE, demanded="", seen=reason) if r.outcome == FAILED else r
        for r in results
    ]


def _commit(root: Path) -> str:
    """Read which commit a checkout is at, where it says."""
    git = root / ".git"
    with contextlib.suppress(OSError):
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        return (
            (git / head[5:]).read_text(encoding="utf-8").strip()[:12]
            if head.startswith("ref: ")
            else head[:12]
        )
    return ""
