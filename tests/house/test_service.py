"""`engawa service`: a key nobody else reads, tokens got with it, and what it says when that does not work."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from engawa.command import cli
from tests.ports import free_port


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, ["service", *words], prog_name="engawa", env={"ENGAWA_CONFIG": None})


def test_makes_a_key_once_and_prints_its_public_half(tmp_path: Path) -> None:
    file = tmp_path / "shelter.jwk"
    [public] = json.loads(call("key", "shelter", "--out", str(file)).stdout)["keys"]
    secret = json.loads(file.read_text(encoding="utf-8"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert "d" in secret and "d" not in public and public["kid"] == secret["kid"]
    again = call("key", "shelter", "--out", str(file))
    assert again.exit_code == 1 and "is there already" in again.stderr
    assert json.loads(file.read_text(encoding="utf-8")) == secret


def test_says_what_is_wrong_with_a_key_or_a_server(tmp_path: Path) -> None:
    file = tmp_path / "no.jwk"
    file.write_text("{}", encoding="utf-8")
    refused = call("token", "shelter", "--key", str(file))
    assert refused.exit_code == 1 and "holds no key" in refused.stderr
    file.unlink()
    call("key", "shelter", "--out", str(file))
    url = f"http://127.0.0.1:{free_port()}"
    away = call("token", "shelter", "--key", str(file), "--url", url)
    assert away.exit_code == 3 and "Is it running" in away.stderr
