"""One robot process: its variables and limits, its end, and its lines as results."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from conformance.etsi.stage import Stage, main_context
from conformance.etsi.suite import Group, Suite
from conformance.exchange import Exchange
from conformance.result import FAILED, NOT_APPLICABLE, PASSED, Result
from conformance.servers.ports import free_port

INSIDE: Final = Path(__file__).parent / "inside"
_OUTCOMES: Final = {"PASS": PASSED, "FAIL": FAILED, "SKIP": NOT_APPLICABLE}
_CLAUSE: Final = re.compile(r"\d+(_\d+)+")
_TOLD: Final = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds."""

    http: float = 30.0
    test: float = 120.0
    group: float = 1_800.0


@dataclass(frozen=True, slots=True)
class Way:
    """How the suite is run."""

    suite: Suite
    stage: Stage
    python: str
    limits: Limits
    rewrite: bool
    drops_history: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One broker: its root, the host by which it reaches us, the URL of its core @context; or several of them."""

    root: str
    host: str
    core: str
    together: tuple[str, ...] = ()
    """The roots of all, where several are asked in one test."""


async def run_group(way: Way, group: Group, target: Target, folder: Path) -> list[Result]:
    """Run a group against a broker; what robot did not come to, fails."""
    mqtt_port = free_port(target.host)
    variables, lines, printed = folder / "variables.py", folder / "lines.jsonl", folder / "printed.txt"
    _prepare(folder, variables, _variables(way, target, mqtt_port))
    limits = way.limits
    command = [
        way.python, "-m", "robot", "--variablefile", str(variables), "--output", "NONE", "--log", "NONE",
        "--report", "NONE", "--console", "none",
        "--listener", f"witness.Witness;{lines};{limits.test:g};{limits.http:g}",
        *group.words(),
    ]  # fmt: skip
    with printed.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=way.stage.root,
            env=_surrounding(way, folder, mqtt_port),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        ended = await _ends(process, limits.group)
    finally:
        await _end(process)
        _end_mosquitto(folder)
    said = printed.read_text(encoding="utf-8", errors="replace").strip()
    why = (
        f"robot ended with code {process.returncode}"
        if ended
        else f"robot was ended after {limits.group:g} s"
    )
    return list(_results(way, group, lines, why, said))


async def _ends(process: asyncio.subprocess.Process, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return False
    return True


async def _end(process: asyncio.subprocess.Process) -> None:
    """End our own child: politely, then for sure."""
    for sign, seconds in ((signal.SIGINT, 10.0), (signal.SIGKILL, 10.0)):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(sign)
        await _ends(process, seconds)


def _end_mosquitto(folder: Path) -> None:
    pid = folder / "pid"
    if pid.exists():
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(pid.read_text()), signal.SIGTERM)


def _prepare(folder: Path, variables: Path, text: str) -> None:
    programs = folder / "bin"
    programs.mkdir(parents=True)
    variables.write_text(text, encoding="utf-8")
    stand_in = programs / "docker"
    stand_in.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{INSIDE / "docker.py"}" "$@"\n', encoding="utf-8"
    )
    stand_in.chmod(0o755)


def _surrounding(way: Way, folder: Path, mqtt_port: int) -> dict[str, str]:
    programs = folder / "bin"
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": os.pathsep.join([str(INSIDE), *way.suite.library_paths()]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": "UTC",
        "ENGAWA_ETSI_MQTT": str(folder),
        "ENGAWA_ETSI_MQTT_PORTS": f"1883 {mqtt_port}",
        "ENGAWA_ETSI_MOSQUITTO": str(way.stage.root / "resources" / "mqttUtils" / "mosquitto"),
    }


def _variables(way: Way, target: Target, mqtt_port: int) -> str:
    own = main_context(way.suite)
    values: Mapping[str, object] = {
        "url": target.root,
        "temporal_api_url": target.root,
        "engawa_broker": target.root.removesuffix("/ngsi-ld/v1"),
        "ngsild_test_suite_context": way.stage.here(own) if way.rewrite else own,
        "notification_server_host": target.host,
        "notification_server_port": free_port(target.host),
        "context_source_host": target.host,
        "context_source_port": free_port(target.host),
        "context_server_host": target.host,
        "context_server_port": free_port(target.host),
        "mqtt_broker_host": "127.0.0.1",
        "mqtt_broker_non_default_port": mqtt_port,
        "core_context": target.core,
        "delete_temporal_on_core_delete": way.drops_history,
        **{f"b{number}_url": root for number, root in enumerate(target.together, 1)},
    }
    return "".join(f"{name} = {value!r}\n" for name, value in values.items())


def _results(way: Way, group: Group, lines: Path, why: str, said: str) -> Iterator[Result]:
    planned: dict[str, Result] = {}
    told: dict[str, Result] = {}
    for line in lines.read_bytes().splitlines() if lines.exists() else ():
        with contextlib.suppress(orjson.JSONDecodeError):  # the last line of an ended process
            value = orjson.loads(line)
            about = value.get("planned")
            result = _result(way.stage.root / group.top, about or value)
            (planned if about else told)[result.name] = result
    if not planned:
        yield _lost(
            Result(group.name, (), f"the group {group.name} runs", group.name, "etsi", FAILED), why, said
        )
    for name, result in planned.items():
        yield told.get(name) or _lost(result, why, said)


def _lost(result: Result, why: str, said: str) -> Result:
    seen = f"{why}: {said[-_TOLD:]}" if said else why
    return replace(result, outcome=FAILED, demanded="the test comes to its end", seen=seen)


def _result(top: Path, line: dict[str, Any]) -> Result:
    source = Path(line["source"]).relative_to(top)
    outcome = _OUTCOMES.get(line.get("status", "FAIL"), FAILED)
    clauses = sorted(
        (t.replace("_", ".") for t in line["tags"] if _CLAUSE.fullmatch(t)), key=lambda c: c[0] != "5"
    )
    doc = " ".join(line["doc"].split())
    exchanges = tuple(_exchange(e) for e in line.get("exchanges", ()))
    return Result(
        f"{source.with_suffix('').as_posix()}/{line['name']}",
        tuple(clauses),
        f"{line['name']}: {doc}" if doc else line["name"],
        source.parent.as_posix(),
        "etsi",
        outcome,
        "the suite's test passes" if outcome == FAILED else "",
        line.get("message", "")[:_TOLD] if outcome != PASSED else "",
        line.get("seconds", 0.0),
        exchanges,
        min(line.get("shown", -1), len(exchanges) - 1) if outcome == FAILED else -1,
    )


def _exchange(e: dict[str, Any]) -> Exchange:
    return Exchange(
        e["method"], e["url"], tuple((k, v) for k, v in e["requestHeaders"]), e["requestBody"].encode(),
        e["status"], e["reason"], tuple((k, v) for k, v in e["headers"]), e["body"].encode(),
        e.get("seconds", 0.0), e["problem"], e["note"],
    )  # fmt: skip
