"""Settings: command line, environment, file, default win in this order, and a wrong value says where it stands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.settings import SettingError, listed, load, setting
from broker.settings import PREFIX, SECTION, BrokerSettings


@dataclass(frozen=True, slots=True)
class Kettle:
    litres: float = setting(1.5, "How much water it takes.")
    cups: int = setting(6, "How many cups it fills.", most=100)
    colour: str = setting("red", "What it looks like.", choices=("red", "black"))
    whistles: bool = setting(True, "Whether it whistles.")
    teas: tuple[str, ...] = setting(("sencha",), "What it may brew.")
    shelf: Path | None = setting(None, "Where it stands.")


def kettle(
    given: dict[str, Any] | None = None, environment: dict[str, str] | None = None, file: Path | None = None
) -> Kettle:
    return load(
        Kettle,
        prefix="KETTLE_",
        section="kettle",
        given=given or {},
        environment=environment or {},
        file=file,
    )


def write(folder: Path, text: str) -> Path:
    file = folder / "kettle.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_takes_the_default_when_nothing_is_given() -> None:
    assert kettle() == Kettle()


def test_takes_each_place_before_the_next(tmp_path: Path) -> None:
    file = write(tmp_path, "[kettle]\ncups = 1\nlitres = 2\nteas = ['hojicha', 'mugicha']\n")
    assert kettle({"cups": 3}, {"KETTLE_CUPS": "2", "KETTLE_LITRES": "0.5"}, file) == Kettle(
        litres=0.5, cups=3, teas=("hojicha", "mugicha")
    )


@given(st.booleans(), st.sampled_from([("1", "0"), ("true", "false"), ("YES", "No"), ("on", "off")]))
def test_reads_yes_and_no_in_the_usual_words(wanted: bool, words: tuple[str, str]) -> None:
    assert kettle(environment={"KETTLE_WHISTLES": words[0] if wanted else words[1]}).whistles is wanted


@given(st.lists(st.from_regex(r"[a-z0-9./:-]+", fullmatch=True)), st.sampled_from([" ", ",", ", "]))
def test_reads_lists_of_words(words: list[str], between: str) -> None:
    assert kettle(environment={"KETTLE_TEAS": between.join(words)}).teas == tuple(words)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_reads_a_number_or_says_which_setting_is_wrong(text: str) -> None:
    try:
        assert kettle(environment={"KETTLE_CUPS": text}).cups == int(text) <= 100
    except SettingError as error:
        assert "cups" in str(error) and "KETTLE_CUPS" in str(error)


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("CUPS", "-1", "a whole number from 0 to 100"),
        ("CUPS", "101", "a whole number from 0 to 100"),
        ("CUPS", "1.5", "a whole number from 0 to 100"),
        ("LITRES", "nan", "a number from 0"),
        ("LITRES", "-0.1", "a number from 0"),
        ("WHISTLES", "perhaps", "true or false"),
        ("COLOUR", "blue", "one of red, black"),
    ],
)
def test_refuses_what_is_out_of_range_and_says_what_is_wanted(variable: str, value: str, wanted: str) -> None:
    with pytest.raises(SettingError, match=f"KETTLE_{variable}.* is not {wanted}:"):
        kettle(environment={f"KETTLE_{variable}": value})


def test_refuses_a_setting_the_file_should_not_have(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no setting 'cup'"):
        kettle(file=write(tmp_path, "[kettle]\ncup = 1\n"))


@pytest.mark.parametrize("text", ["[kettle", "kettle = 1", "\ufeff[kettle]\ncups=1"])
def test_refuses_a_file_that_is_not_a_table_of_settings(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingError, match=r"kettle\.toml"):
        kettle(file=write(tmp_path, text))


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        kettle(file=tmp_path / "none.toml")


def test_reads_every_setting_of_the_broker_from_the_environment() -> None:
    settings = list(listed(BrokerSettings, PREFIX))
    words = {
        s.variable: " ".join(s.default) if isinstance(s.default, tuple) else str(s.default) for s in settings
    }
    environment = {name: word for name, word in words.items() if word != "None"}
    assert (
        load(BrokerSettings, prefix=PREFIX, section=SECTION, given={}, environment=environment)
        == BrokerSettings()
    )
