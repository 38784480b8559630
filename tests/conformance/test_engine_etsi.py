"""Driving a checkout of the public robot suite: groups, staging, limits, results. Robot itself is stood in for."""

import asyncio
import json
import shutil
import socket
import stat
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from conformance.entity import vehicle
from conformance.etsi.run import EtsiAsked, core_of, run_suite
from conformance.etsi.stage import Stage, prepare
from conformance.etsi.suite import NoSuite, Suite
from conformance.etsi.wipe import wipe
from conformance.etsi.worker import Limits
from conformance.result import FAILED, NOT_APPLICABLE, PASSED, Report
from conformance.subject import Subject
from conformance.surroundings import Asked, surroundings
from engawa.command import cli
from tests.house.started import wait_until
from tests.live import live_broker
from tests.ports import free_port

OWN = "https://raw.host.test/somebody/suite/main/resources/jsonld-contexts/own.jsonld"
ELSEWHERE = "https://models.host.test/other/context.jsonld"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"

# stands in for `python -m robot`: every file is a test; its text says what comes of it
ROBOT = """
import importlib.util, json, pathlib, sys, time
if sys.argv[1] == "-c":
    sys.exit()
words = sys.argv[1:]
out, seconds, http = words[words.index("--listener") + 1].split(";")[1:]
variables = {}
exec(pathlib.Path(words[words.index("--variablefile") + 1]).read_text(), variables)
files = [pathlib.Path(w).resolve() for w in words if w.endswith(".robot")]
def about(file):
    return {"name": file.stem + " Works", "source": str(file), "doc": "It  works", "tags": ["5_8_6", "4_9"]}
with open(out, "a") as lines:
    for file in files:
        lines.write(json.dumps({"planned": about(file)}) + "\\n")
    for file in files:
        text = file.read_text()
        if "HANG" in text:
            lines.flush()
            time.sleep(60)
        if "CRASH" in text:
            print("it fell over")
            sys.exit(3)
        status = "FAIL" if "FAIL" in text else "SKIP" if "SKIP" in text else "PASS"
        seen = {"method": "GET", "url": variables["url"] + "/types", "requestHeaders": [], "requestBody": "",
                "status": 500, "reason": "", "headers": [], "body": text, "problem": "", "note": ""}
        lines.write(json.dumps({**about(file), "status": status, "message": str(variables.get(text.strip(), "m")),
                                "seconds": 0.1, "shown": 0, "exchanges": [seen]}) + "\\n")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "suite"
    for name in ("data", "libraries/own/src", "resources/jsonld-contexts", "resources/mqttUtils/mosquitto"):
        (root / name).mkdir(parents=True)
    (root / "resources/variables.py").write_text(f"url = 'x'\nngsild_test_suite_context = '{OWN}'\n")
    (root / "resources/jsonld-contexts/own.jsonld").write_text(
        json.dumps({"@context": [{"a": "https://a.test/a"}, CORE]})
    )
    (root / "data/entity.jsonld").write_text(
        json.dumps({"@context": [OWN, ELSEWHERE, CORE, "https://example.org/x.jsonld"]})
    )
    (root / "data/picture.png").write_bytes(b"\x89PNG\xff")
    return root


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def add(root: Path, place: str, text: str = "fine") -> None:
    file = root / "TP/NGSI-LD" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def python(tmp_path: Path) -> str:
    (tmp_path / "robot.py").write_text(textwrap.dedent(ROBOT))
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path / "robot.py"}" "$@"\n')
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    return str(stand_in)


async def driven(asked: EtsiAsked, tmp_path: Path, brokers: int = 1) -> tuple[Report, list[str]]:
    names: list[str] = []
    async with live_broker(tmp_path / "one") as one, live_broker(tmp_path / "two") as two:
        urls = (one.url, two.url)[:brokers]
        report = await run_suite(
            replace(asked, urls=urls), lambda group, results: names.append(group.name), lambda groups: None
        )
    return report, names


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuite, match="is no checkout of the ETSI NGSI-LD suite: it has no 'TP/NGSI-LD'"):
        Suite(tmp_path)


def test_groups_are_small_and_mqtt_has_its_own(checkout: Path) -> None:
    for number in range(30):
        add(checkout, f"A/Large/{number}.robot")
        add(checkout, f"A/Small/{number % 3}.robot", "Sleep  1s\nWait For Request")
    for number in range(20):
        add(checkout, f"A/{number}.robot")
    add(checkout, "B/Notify/1.robot")
    add(checkout, "B/Notify/MQTT/2.robot", "MqttUtils")
    groups = Suite(checkout).groups()
    assert {g.name: (len(g.files), g.mqtt) for g in groups} == {
        "A": (20, False), "A/Large": (30, False), "A/Small": (3, False), "B/Notify": (1, False), "B/Notify/MQTT": (1, True),
    }  # fmt: skip
    assert groups[0].name == "A/Small"
    assert [g.name for g in Suite(checkout).groups(["B/Notify/MQTT", "A/Small/1.robot"])] == [
        "A/Small/1",
        "B/Notify/MQTT",
    ]
    with pytest.raises(NoSuite, match="there is no 'C' below"):
        Suite(checkout).groups(["C"])


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def test_the_copy_finds_contexts_at_our_server_and_the_checkout_is_not_written(
    checkout: Path, tmp_path: Path
) -> None:
    add(checkout, "A/1.robot", "http://localhost:9090${uri}")
    before = files(checkout)
    stage = Stage(tmp_path / "stage", "http://127.0.0.1:1/contexts")
    prepare(Suite(checkout), stage, rewrite=True)
    assert files(checkout) == before
    own, elsewhere = "http://127.0.0.1:1/contexts/" + OWN[8:], "http://127.0.0.1:1/contexts/" + ELSEWHERE[8:]
    staged = json.loads((stage.root / "data/entity.jsonld").read_text())
    assert staged["@context"] == [own, elsewhere, CORE, "https://example.org/x.jsonld"]
    assert (stage.root / "TP/NGSI-LD/A/1.robot").read_text() == "${engawa_broker}${uri}"
    assert set(stage.documents) == {"/" + OWN[8:], "/" + ELSEWHERE[8:]}
    assert stage.documents["/" + OWN[8:]] == stage.documents["/" + ELSEWHERE[8:]]
    prepare(Suite(checkout), asis := Stage(tmp_path / "asis", "http://127.0.0.1:1/contexts"), rewrite=False)
    assert json.loads((asis.root / "data/entity.jsonld").read_text()) == json.loads(
        before["data/entity.jsonld"]
    )


async def test_contexts_are_served_while_the_suite_runs(checkout: Path, tmp_path: Path) -> None:
    async with surroundings(Asked("http://127.0.0.1:1")) as around, aiohttp.ClientSession() as session:
        stage = Stage(tmp_path / "stage", f"{around.callbacks.url}/contexts")
        prepare(Suite(checkout_with(checkout)), stage, rewrite=True)
        around.callbacks.add(stage.handle, "contexts")
        async with session.get(stage.here(OWN)) as answer:
            assert answer.content_type == "application/ld+json"
            assert (await answer.json())["@context"][0] == {"a": "https://a.test/a"}
        async with session.get(stage.here("https://raw.host.test/none.jsonld")) as answer:
            assert answer.status == 404


def checkout_with(root: Path) -> Path:
    add(root, "A/1.robot")
    return root


async def test_each_test_becomes_a_result_with_its_exchange(
    checkout: Path, tmp_path: Path, python: str
) -> None:
    for name, text in (("1", "fine"), ("2", "FAIL"), ("3", "SKIP")):
        add(checkout, f"A/B/{name}.robot", text)
    report, _ = await driven(EtsiAsked((), checkout, python), tmp_path)
    found = {r.name: r for r in report.results}
    assert {n: r.outcome for n, r in found.items()} == {
        "A/B/1/1 Works": PASSED,
        "A/B/2/2 Works": FAILED,
        "A/B/3/3 Works": NOT_APPLICABLE,
    }
    failed = found["A/B/2/2 Works"]
    assert (failed.clauses, failed.feature, failed.demand) == (("5.8.6", "4.9"), "A/B", "2 Works: It works")
    assert (failed.seen, failed.shown, failed.exchanges[0].status) == ("m", 0, 500)
    assert report.environment["ETSI suite"].startswith("suite")


async def test_variables_are_those_of_this_run(checkout: Path, tmp_path: Path, python: str) -> None:
    for name in (
        "url",
        "core_context",
        "delete_temporal_on_core_delete",
        "ngsild_test_suite_context",
        "notification_server_port",
    ):
        add(checkout, f"A/FAIL-{name}.robot", name)
    (checkout / "TP/NGSI-LD/A/FAIL-url.robot").write_text("url")
    script = Path(python).with_name("robot.py")
    script.write_text(script.read_text().replace('"FAIL" if "FAIL" in text', '"FAIL" if "FAIL" in file.stem'))
    report, _ = await driven(EtsiAsked((), checkout, python, drops_history=False), tmp_path)
    seen = {r.name.split("/")[1].removeprefix("FAIL-"): r.seen for r in report.results}
    assert seen["url"].startswith("http://127.0.0.1:") and seen["url"].endswith("/ngsi-ld/v1")
    assert seen["core_context"] == "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
    assert seen["delete_temporal_on_core_delete"] == "False"
    assert seen["ngsild_test_suite_context"].endswith("/contexts/" + OWN[8:])
    assert 0 < int(seen["notification_server_port"]) < 65_536


async def test_what_robot_does_not_come_to_fails_with_the_reason(
    checkout: Path, tmp_path: Path, python: str
) -> None:
    add(checkout, "A/1.robot")
    add(checkout, "A/2.robot", "CRASH")
    add(checkout, "A/3.robot")
    report, _ = await driven(EtsiAsked((), checkout, python), tmp_path)
    assert [r.outcome for r in report.results] == [PASSED, FAILED, FAILED]
    assert report.results[1].seen == "robot ended with code 3: it fell over"


async def test_a_group_that_hangs_is_ended(checkout: Path, tmp_path: Path, python: str) -> None:
    add(checkout, "A/1.robot")
    add(checkout, "A/2.robot", "HANG")
    report, _ = await driven(EtsiAsked((), checkout, python, limits=Limits(group=4.0)), tmp_path)
    assert [r.outcome for r in report.results] == [PASSED, FAILED]
    assert report.results[1].seen.startswith("robot was ended after 4 s")


async def test_groups_are_divided_among_brokers(checkout: Path, tmp_path: Path, python: str) -> None:
    for group in range(6):
        for number in range(8):
            add(checkout, f"{group}/{number}.robot", "FAIL")
    report, names = await driven(EtsiAsked((), checkout, python), tmp_path, brokers=2)
    assert sorted(names) == list("012345") and len(report.results) == 48
    assert len({r.exchanges[0].url for r in report.results}) == 2
    assert ", " in report.environment["broker"]


async def test_the_part_for_several_brokers_is_told_all_of_them(
    checkout: Path, tmp_path: Path, python: str
) -> None:
    add(checkout, "A/1.robot")
    part = checkout / "IOP_TP/NGSI-LD"
    (part / "Interoperability/Routing").mkdir(parents=True)
    for name in ("b1_url", "b2_url"):
        (part / f"Interoperability/Routing/FAIL-{name}.robot").write_text(name)
    (checkout / "IOP_TP/__init__.robot").write_text("Suite Setup    Reset")
    script = Path(python).with_name("robot.py")
    known = script.read_text().replace('"FAIL" if "FAIL" in text', '"FAIL" if "FAIL" in file.stem')
    script.write_text(
        known + '\nassert words[-1] == "IOP_TP" and words.count("--parseinclude") == 2, words\n'
    )
    report, names = await driven(EtsiAsked((), checkout, python, together=True), tmp_path, brokers=2)
    assert names == ["all"]
    first, second = report.environment["broker"].split(", ")
    assert {r.name: r.seen for r in report.results} == {
        "Interoperability/Routing/FAIL-b1_url/FAIL-b1_url Works": first,
        "Interoperability/Routing/FAIL-b2_url/FAIL-b2_url Works": second,
    }
    shutil.rmtree(checkout / "IOP_TP")
    with pytest.raises(NoSuite, match="this checkout of the suite has no 'IOP_TP/NGSI-LD'"):
        await driven(EtsiAsked((), checkout, python, together=True), tmp_path, brokers=2)


def test_five_brokers_are_what_several_means(checkout: Path) -> None:
    words = ["conformance", "etsi", "http://127.0.0.1:1", "http://127.0.0.1:2", "--suite", str(checkout)]
    told = CliRunner().invoke(cli, [*words, "--iop"])
    assert told.exit_code == 2 and "--iop takes the URLs of 5 brokers, not of 2" in told.output
    told = CliRunner().invoke(cli, [*words, "http://127.0.0.1:2/"])
    assert told.exit_code == 2 and "each must be a broker of its own" in told.output


async def test_a_command_runs_before_each_group(checkout: Path, tmp_path: Path, python: str) -> None:
    for group in ("A", "B"):
        for number in range(30):
            add(checkout, f"{group}/{number}.robot")
    log = tmp_path / "log"
    (tmp_path / "reset").write_text(f'#!/bin/sh\necho "$1" >> "{log}"\n')
    (tmp_path / "reset").chmod(0o755)
    await driven(EtsiAsked((), checkout, python, before=f"{tmp_path / 'reset'} {{url}}"), tmp_path)
    lines = log.read_text().split()
    assert len(lines) == 2 and all(line.startswith("http://127.0.0.1:") for line in lines)


async def test_a_broker_can_be_wiped(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live, surroundings(Asked(live.url)) as around:
        broker = Subject(around)
        batch = [broker.own(vehicle(speed=number)) for number in range(120)]
        (await broker.post("/entityOperations/create", batch)).status(201)
        await broker.subscribe(broker.dead_end(), entities=[{"type": "T"}])
        (await broker.post("/jsonldContexts", {"@context": {"a": "https://a.test/a"}})).status(201)
        assert await wipe(around) >= 122
        for path, params in (("/entities", {"local": True}), ("/subscriptions", {})):
            (await broker.send("GET", path, params=params)).status(200).body.equals([])
        assert await wipe(around) == 0


async def test_what_the_python_lacks_is_named(checkout: Path, tmp_path: Path) -> None:
    add(checkout, "A/1.robot")
    with pytest.raises(NoSuite, match="lacks robotframework"):
        await Suite(checkout).check_python(sys.executable if not _has_robot() else shutil.which("true") or "")
    with pytest.raises(NoSuite, match="cannot be started"):
        await Suite(checkout).check_python(str(tmp_path / "nothing"))


def _has_robot() -> bool:
    import importlib.util

    return importlib.util.find_spec("robot") is not None


async def test_the_core_context_is_the_one_the_broker_names(tmp_path: Path) -> None:
    async with live_broker(tmp_path) as live, surroundings(Asked(live.url)) as around:
        assert await core_of(around) == "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"


async def test_the_stand_in_for_docker_starts_and_stops_mosquitto(tmp_path: Path) -> None:
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")):
        pytest.skip("mosquitto is not installed")
    run, conf, port = tmp_path / "run", tmp_path / "conf", free_port()
    run.mkdir()
    conf.mkdir()
    (conf / "own.conf").write_text("allow_anonymous true\nlistener 1883\n")
    program = Path(sys.modules["conformance.etsi.run"].__file__ or "").parent / "inside" / "docker.py"
    given = {
        "ENGAWA_ETSI_MQTT": str(run),
        "ENGAWA_ETSI_MOSQUITTO": str(conf),
        "ENGAWA_ETSI_MQTT_PORTS": str(port),
        "PATH": "/usr/bin:/bin",
    }

    async def call(*words: str) -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, str(program), *words, env=given)
        return await process.wait()

    assert await call("pull", "something") == 1
    assert await call("run", "-d", "-e", "CONF=own.conf", "--name", "box", "image") == 0
    assert await asyncio.to_thread(wait_until, lambda: listens(port))
    assert await call("rm", "-f", "box") == 0
    assert await asyncio.to_thread(wait_until, lambda: not listens(port))
