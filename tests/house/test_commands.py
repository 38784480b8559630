"""The engawa command: help with an example everywhere, JSON for machines, one sentence per error, fixed exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import click
import pytest
from click.testing import CliRunner, Result

from base.admin import NotRunning
from base.console import FAILED, UNREACHABLE, USAGE, Failure, setting_options, show_table
from base.errors import ResourceNotFound
from base.settings import SettingError, listed
from broker.settings import PREFIX, BrokerSettings
from engawa.command import cli, explain
from engawa.reference import commands, help_of

EVERY = [(("engawa",), cli), *commands(cli, ("engawa",))]
NAMES = [" ".join(path) for path, _ in EVERY]
# what prints a list or a finding is read by machines as well
READ_BY_MACHINES = {
    "engawa version",
    "engawa doctor",
    "engawa load shelters",
    "engawa tenants list",
    "engawa outbox list",
    "engawa outbox dead",
    "engawa outbox replay",
    "engawa history show",
    "engawa history set",
    "engawa history rules",
    "engawa history apply",
    "engawa schema list",
    "engawa schema require",
    "engawa federation status",
    "engawa federation join",
    "engawa export",
    "engawa import",
}


def call(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(cli, words, prog_name="engawa", env={"ENGAWA_CONFIG": None, **environment})


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engawa", *words]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(("path", "command"), EVERY, ids=NAMES)
def test_every_command_begins_its_help_with_one_line_and_gives_an_example(
    path: tuple[str, ...], command: click.Command
) -> None:
    first, *rest = (command.help or "").splitlines()
    assert first.endswith(".") and len(first) < 100
    assert "Example:" in "\n".join(rest)
    assert "engawa " in help_of(path, command).partition("Example:")[2]


@pytest.mark.parametrize(("path", "command"), EVERY, ids=NAMES)
def test_every_option_has_help(path: tuple[str, ...], command: click.Command) -> None:
    assert not [p.name for p in command.params if isinstance(p, click.Option) and not p.help]


@pytest.mark.parametrize("name", sorted(READ_BY_MACHINES))
def test_offers_json_where_a_machine_reads(name: str) -> None:
    command = dict(zip(NAMES, (c for _, c in EVERY), strict=True))[name]
    assert "--json" in [option for p in command.params for option in p.opts]


@pytest.mark.parametrize("path", [path for path, _ in EVERY], ids=NAMES)
def test_every_command_answers_to_help(path: tuple[str, ...]) -> None:
    result = call(*path[1:], "-h")
    assert result.exit_code == 0 and result.output.startswith("Usage: engawa")


@pytest.mark.parametrize(("path", "command"), EVERY, ids=NAMES)
def test_no_list_of_commands_cuts_a_sentence_off(path: tuple[str, ...], command: click.Command) -> None:
    listed = CliRunner().invoke(cli, [*path[1:], "--help"], prog_name="engawa", terminal_width=80)
    rows = listed.output.partition("\nCommands:\n")[2].splitlines()
    assert [row for row in rows if row.endswith("...")] == []


def test_loads_a_part_only_when_it_is_called() -> None:
    code = "import engawa.command, sys; print([m for m in sys.modules if m.startswith('broker')])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.strip() == "[]"


def test_prints_versions_for_a_machine() -> None:
    assert json.loads(call("version", "--json").stdout)["ngsi-ld"] == "1.9.1"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nonsense"], USAGE, "No such command"),
        (["run", "broker", "--port", "many"], USAGE, "not a valid integer"),
        (["run", "broker", "--config", "none.toml"], USAGE, "does not exist"),
        (["outbox", "replay"], USAGE, "--all"),
        (["tenants", "list", "--data", "nowhere"], UNREACHABLE, "nothing runs on the data folder nowhere"),
        (["tenants", "delete", "x", "--yes", "--data", "nowhere"], UNREACHABLE, "nothing runs"),
        (["outbox", "dead", "--data", "nowhere"], UNREACHABLE, "nothing runs"),
    ],
)
def test_says_what_is_wrong_and_ends_with_the_code_for_it(words: list[str], code: int, said: str) -> None:
    result = call(*words)
    assert (result.exit_code, said in result.output) == (code, True), result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["tenants", "list", "--data", "nowhere", "--json"], UNREACHABLE),
        (["outbox", "replay", "--json"], USAGE),
        (["outbox", "list", "--limit", "many", "--json"], USAGE),
        (["export", "x.jsonl", "--json", "--data", "nowhere"], UNREACHABLE),
    ],
)
def test_tells_errors_as_json_to_who_asked_for_json(words: list[str], code: int) -> None:
    done = call(*words)
    told = json.loads(done.stderr)
    assert (done.exit_code, told["exitCode"], done.stdout) == (code, code, "") and told["error"]


def test_writes_each_row_on_one_line_to_what_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("name", "long"), [("a", "x" * 300), ("b", "y y " * 100)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and "x" * 300 in lines[1] and max(map(len, lines)) < 500


def test_writes_cells_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("id",), [("urn:x:1",), ("[red]",)])
    assert capsys.readouterr().out.split() == ["id", "urn:x:1", "[red]"]


def test_refuses_a_setting_that_the_file_should_not_have(tmp_path: Path) -> None:
    file = tmp_path / "engawa.toml"
    file.write_text("[broker]\nporto = 1\n", encoding="utf-8")
    result = call("tenants", "list", "--config", str(file))
    assert result.exit_code == USAGE and "'porto'" in result.output


def test_shows_a_traceback_only_with_debug(tmp_path: Path) -> None:
    words = ("tenants", "list", "--data", str(tmp_path))
    assert "Traceback" not in run(*words).stderr
    assert "Traceback" in run("--debug", *words).stderr


def test_writes_no_colour_to_what_is_no_terminal() -> None:
    assert "\x1b" not in run("tenants", "list", "--data", "nowhere").stderr
    assert "\x1b" not in run("tenants", "list", "--data", "nowhere", NO_COLOR="1").stderr


def test_does_not_ask_without_a_terminal(tmp_path: Path) -> None:
    result = run("tenants", "delete", "harbour", "--data", str(tmp_path))
    assert result.returncode == USAGE and "give --yes" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingError("port = 'x' is not a number"), USAGE),
        (NotRunning("nothing runs"), UNREACHABLE),
        (ResourceNotFound("there is no tenant 'x'"), FAILED),
        (aiohttp.ClientConnectionError("refused"), UNREACHABLE),
        (ConnectionRefusedError("refused"), UNREACHABLE),
        (TimeoutError(), UNREACHABLE),
        (PermissionError("var/broker: not permitted"), FAILED),
        (RuntimeError("a fault of ours"), FAILED),
    ],
)
def test_gives_each_kind_of_error_its_exit_code(error: Exception, code: int) -> None:
    explained = explain(error)
    assert explained.exit_code == code and (str(error) in explained.message or not str(error))


def test_prints_an_error_in_one_sentence_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    Failure("port 1026 is in use [by another]", "Stop it.").show()
    assert capsys.readouterr().err == "Error: port 1026 is in use [by another]\nStop it.\n"


def test_maps_every_setting_to_an_option() -> None:
    @click.command()
    @setting_options(BrokerSettings, PREFIX)
    def command(**given: object) -> None:
        pass

    names = {p.name for p in command.params}
    assert names == {s.name for s in listed(BrokerSettings, PREFIX)} | {"config"}
