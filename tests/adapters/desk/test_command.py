"""`engawa desk`: enrolment, what is refused, what is said when something is missing."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Outcome
from rich.console import Console

from adapters.desk.cards.channel import Fault
from adapters.desk.pages import front
from adapters.desk.reception import Result, Shown
from adapters.desk.server import served
from adapters.desk.settings import DeskSettings, check
from adapters.desk.state import AtReader, Network, State
from adapters.desk.terminal import table
from base.errors import ServiceUnavailable
from base.pages import texts
from base.settings import SettingError
from engawa.command import cli
from personal.rules import service_keys


def call(*words: str) -> Outcome:
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


async def test_a_folder_without_made_up_cards_is_no_reader(tmp_path: Path) -> None:
    settings = DeskSettings(id="one", port=0, data=tmp_path / "desk", made_up_cards=tmp_path)
    with pytest.raises(ServiceUnavailable, match="no made-up cards"):
        async with served(settings):
            pass


@pytest.mark.parametrize("network", list(Network))
@pytest.mark.parametrize("reader", list(AtReader))
def test_the_terminal_has_words_for_every_state(reader: AtReader, network: Network) -> None:
    state = State(reader, ("Reader 00",), network, 3, "養父市", "窓口[1]")
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table(state, Shown(1, Result.KNOWN, 0), "http://127.0.0.1:8110"))
    shown = console.export_text()
    assert all(word in shown for word in ("窓口[1]", "Reader 00", "3", "known"))


def test_the_page_has_words_for_every_state() -> None:
    words = texts(Path(front.__file__).parent / "texts.toml")
    faults = {f"fault_{one.__name__}" for one in _below(Fault)}
    wanted = {f"reader_{one}" for one in AtReader} | {f"network_{one}" for one in Network}
    wanted |= {f"result_{one}" for one in Result} | faults
    assert wanted <= set(words)
    assert all(set(text) == {"ja", "en"} for text in words.values())


def _below(kind: type[Fault]) -> set[type[Fault]]:
    return set().union(*({one, *_below(one)} for one in kind.__subclasses__()))
