"""`engawa doctor`: it finds what is wrong, says what to do, and ends with 1."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner

from engawa.command import cli
from engawa.doctor import clock
from personal import towns
from personal.towns import Listed
from tests.house.started import up
from tests.ports import free_port


def examine(*words: str, part: str = "broker") -> tuple[int, dict[str, dict[str, Any]]]:
    result = CliRunner().invoke(cli, ["doctor", "--json", *words], env={"ENGAWA_CONFIG": None})
    report = json.loads(result.stdout)
    assert report["good"] == all(f["good"] for f in report["findings"]) == (result.exit_code == 0)
    parts = ("engawa", part)
    return result.exit_code, {f["subject"]: f for f in report["findings"] if f["part"] in parts}


@pytest.fixture
def port() -> str:
    return str(free_port())


def test_is_content_before_the_first_start(tmp_path: Path, port: str) -> None:
    code, found = examine("--data", str(tmp_path / "never"), "--port", port)
    assert code == 0
    assert "made at the first start" in found["data folder"]["seen"]
    assert {"Python", "clock", "disk", "port", "databases"} <= found.keys()
    assert not (tmp_path / "never").exists()


def test_finds_a_port_that_another_program_uses(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, found = examine("--data", str(tmp_path), "--port", str(other.getsockname()[1]))
    assert code == 1 and not found["port"]["good"] and "--port" in found["port"]["fix"]


def test_knows_the_running_broker_and_asks_it(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        code, found = examine("--data", str(tmp_path / "broker"), "--port", str(running.port))
        assert code == 0
        assert "the broker listens" in found["port"]["seen"]
        assert "asked the running broker" in found["databases"]["seen"]
    code, found = examine("--data", str(tmp_path / "broker"), "--port", str(running.port))
    assert code == 0 and "does not run" in found["databases"]["seen"]


def test_finds_a_damaged_database(tmp_path: Path, port: str) -> None:
    with up(tmp_path):
        pass
    [file] = (tmp_path / "broker" / "tenants").glob("*.db")
    file.write_bytes(b"not a database" * 1000)
    code, found = examine("--data", str(tmp_path / "broker"), "--port", port)
    assert code == 1 and not found["databases"]["good"] and "back-up" in found["databases"]["fix"]


def test_finds_a_data_folder_that_is_none(tmp_path: Path, port: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, found = examine("--data", str(tmp_path / "file" / "broker"), "--port", port)
    assert code == 1 and not found["data folder"]["good"]


@pytest.mark.parametrize("index", [None, "[]", "{", '{"https://a.example/c": "gone.jsonld"}'])
def test_finds_a_folder_of_contexts_that_cannot_be_used(tmp_path: Path, port: str, index: str | None) -> None:
    if index is not None:
        (tmp_path / "index.json").write_text(index, encoding="utf-8")
    code, found = examine(
        "--data", str(tmp_path / "never"), "--port", port, "--context-folder", str(tmp_path)
    )
    assert code == 1 and "index.json" in found["contexts"]["fix"]


def test_finds_a_clock_that_is_far_behind() -> None:
    assert not clock(0.0).good and clock(2_000_000_000.0).good


def test_finds_certificates_and_issuers_that_cannot_be_used(tmp_path: Path) -> None:
    good, ending, config = tmp_path / "good.pem", tmp_path / "ending.pem", tmp_path / "engawa.toml"
    soon = datetime.now(UTC) + timedelta(days=3)
    for file, end in ((good, None), (ending, soon)):
        issued = trustme.CA().issue_cert("localhost", not_after=end)
        issued.private_key_and_cert_chain_pem.write_to_path(str(file))
    (tmp_path / "issuers.toml").write_text("[[issuer]]")
    for file, fine in ((good, True), (ending, False), (tmp_path / "none.pem", False)):
        lines = ("port = 0", f'tls_certificate = "{file}"', f'issuers = "{tmp_path}/issuers.toml"')
        config.write_text("\n".join(["[broker]", *lines]))
        _, found = examine("--data", str(tmp_path / "never"), "--config", str(config))
        assert (found["certificate"]["good"], found["issuers"]["good"]) == (fine, False)
        assert fine or "a new certificate" in found["certificate"]["fix"]


def test_finds_a_broker_that_would_let_everybody_in(tmp_path: Path, port: str) -> None:
    place = ("--data", str(tmp_path / "never"), "--port", port)
    assert examine(*place)[1]["reach"]["good"]
    _, found = examine(*place, "--host", "0.0.0.0")
    assert not found["reach"]["good"] and "--policy" in found["reach"]["fix"]
    _, found = examine(*place, "--host", "0.0.0.0", "--open")
    assert found["reach"]["good"] and "anybody" in found["reach"]["seen"]


def test_looks_at_the_personal_data_module_where_it_has_municipalities(
    tmp_path: Path, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "personal"
    words = ("--data", str(tmp_path / "never"), "--port", port, "--personal-data", str(data))
    assert "not used" in examine(*words, part="personal")[1]["municipalities"]["seen"]
    data.mkdir(mode=0o700)
    towns.add(data, Listed("yabu", "養父市", "282227"))
    monkeypatch.setenv("ENGAWA_PERSONAL_PORT", str(free_port()))
    code, found = examine(*words, part="personal")
    assert code == 0 and "does not run" in found["municipalities"]["seen"]
    data.chmod(0o755)
    (data / "yabu").mkdir()
    (data / "yabu" / "personal.db").write_bytes(b"no database" * 1000)
    code, found = examine(*words, part="personal")
    assert code == 1 and "chmod" in found["data folder"]["fix"] and "back-up" in found["databases"]["fix"]
