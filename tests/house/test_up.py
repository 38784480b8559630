"""`engawa up` and `engawa run broker`: quick start, clean end, restart after a fall, nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from personal import towns
from personal.towns import Listed
from tests.house.started import start, up, wait_until
from tests.ports import free_port


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_with_all_parts(tmp_path: Path, number: signal.Signals) -> None:
    with up(tmp_path) as running:
        assert running.ready()
        children = running.children()
        assert len(children) == 1
        running.process.send_signal(number)
        assert running.process.wait(60) == 0
    assert not any(alive(pid) for pid in children)
    assert not (tmp_path / "broker" / "admin.sock").exists()


@pytest.mark.kill
def test_starts_a_fallen_part_again(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        [first] = running.children()
        os.kill(first, signal.SIGKILL)
        assert wait_until(lambda: running.children() not in ([], [first]) and running.ready())


@pytest.mark.kill
def test_leaves_no_part_behind_when_it_is_killed(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        [child] = running.children()
        running.process.kill()
        assert wait_until(lambda: not alive(child))


def test_says_what_to_do_when_the_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(tmp_path, port=taken.getsockname()[1])
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "is in use" in said and "--offset 10000" in said and "Traceback" not in said


def test_towns_to_try_things_out_are_without_certificates_and_it_says_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "engawa.toml"
    config.write_text('[broker]\ntls_certificate = "town.pem"\n', encoding="utf-8")
    process = start(tmp_path, "--cities", "yabu,asago", "--config", str(config), port=free_port(10_000))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert (
        "leave tls_certificate out" in said and "engawa run broker" in said and "docs/federation.md" in said
    )


def test_the_demo_city_stays_as_it_was_changed(tmp_path: Path) -> None:
    with up(tmp_path, "--demo") as running:
        before = running.get("/ngsi-ld/v1/types?details=true")
    with up(tmp_path, "--demo") as running:
        assert running.get("/ngsi-ld/v1/types?details=true") == before


def test_the_demo_starts_the_personal_data_module_with_a_service_that_gets_tokens(tmp_path: Path) -> None:
    with up(tmp_path, "--demo") as running:
        assert len(running.children()) == 3
        with urllib.request.urlopen(f"{running.desk}/state", timeout=60) as answer:
            assert json.loads(answer.read())["reader"] == "empty"
        words = ["service", "token", "shelter", "--key", str(tmp_path / "demo" / "shelter.jwk")]
        command = [sys.executable, "-m", "engawa", *words, "--url", running.personal]
        got = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert got.stdout.startswith("st_")
    with up(tmp_path) as running:
        assert len(running.children()) == 1  # made-up residents are not served in earnest


def test_residents_that_are_not_made_up_are_not_opened_to_everybody(tmp_path: Path) -> None:
    data = tmp_path / "personal"
    data.mkdir()
    towns.add(data, Listed("yabu", "養父市", "282227"))
    (data / "yabu").mkdir()
    (data / "yabu" / "personal.db").touch()  # it was opened in earnest
    process = start(tmp_path, "--demo", port=free_port())
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2 and "not made up" in said and "Traceback" not in said


def test_one_broker_starts_in_the_foreground_and_ends_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "engawa",
        "run",
        "broker",
        "--port",
        str(port),
        "--data",
        str(tmp_path / "b"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        assert any("ready" in line for line in process.stderr)
        doctor = [
            sys.executable,
            "-m",
            "engawa",
            "doctor",
            "--data",
            str(tmp_path / "b"),
            "--port",
            str(port),
        ]
        assert subprocess.run(doctor, capture_output=True, timeout=120, check=False).returncode == 0
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()


def test_refuses_a_second_broker_on_the_same_folder(tmp_path: Path) -> None:
    with up(tmp_path):
        process = start(tmp_path, port=free_port())
        _, said = process.communicate(timeout=60)
        assert process.returncode == 1 and "Traceback" not in said
