"""Without a policy the broker serves its own machine only, unless told otherwise. (OWASP API8:2023)"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from base.settings import SettingError
from broker.settings import BrokerSettings, check_reach


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_needs_no_policy_on_loopback(host: str) -> None:
    check_reach(BrokerSettings(host=host))


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.0.2.1", "broker.example", "localhost.example", "127.1", "0"]
)
def test_refuses_to_listen_to_others_without_a_policy(host: str) -> None:
    with pytest.raises(SettingError, match="--open"):
        check_reach(BrokerSettings(host=host))
    check_reach(BrokerSettings(host=host, open=True))
    check_reach(BrokerSettings(host=host, policy=Path("policy.toml")))


@pytest.mark.parametrize("words", [["run", "broker"], ["up"]])
def test_commands_say_what_to_do(tmp_path: Path, words: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ENGAWA_")}
    done = subprocess.run(
        [sys.executable, "-m", "engawa", *words, "--data", str(tmp_path)],
        env={**environment, "ENGAWA_BROKER_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "--open" in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
