"""`engawa desk`: enrolment, what is refused, what is said when something is missing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.desk.settings import DeskSettings, check
from base.settings import SettingError
from engawa.command import cli
from personal.rules import service_keys


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, ["desk", *words], prog_name="engawa")


def test_enrolment_prints_a_key_that_the_module_takes_and_keeps_the_other_half(tmp_path: Path) -> None:
    first = call("enrol", "--data", str(tmp_path / "desk"), "--id", "counter-1")
    assert first.exit_code == 0, first.output
    key = json.loads(first.stdout)
    assert service_keys.checked({"keys": [key]})["keys"][0]["kid"] == key["kid"]
    assert "d" not in key and "engawa desks add counter-1" in first.stderr
    assert json.loads(call("enrol", "--data", str(tmp_path / "desk")).stdout) == key


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"host": "0.0.0.0"}, "loopback"),
        ({"host": "192.168.1.5"}, "loopback"),
        ({"url": "http://personal.example"}, "https"),
        ({"id": ""}, "engawa desk enrol"),
    ],
)
def test_settings_that_would_open_the_desk_are_refused(settings: dict[str, str], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        check(DeskSettings(**{"id": "one", **settings}))  # type: ignore[arg-type]


def test_a_desk_that_does_not_run_has_no_state(tmp_path: Path) -> None:
    found = call("status", "--data", str(tmp_path))
    assert found.exit_code == 3 and "nothing runs" in found.stderr


def test_running_without_an_id_says_what_to_do(tmp_path: Path) -> None:
    found = call("run", "--data", str(tmp_path))
    assert found.exit_code == 2 and "engawa desk enrol" in found.stderr
