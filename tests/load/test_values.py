"""How single cells are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.load.values import (
    Notes,
    Unusable,
    capacity,
    check_digit,
    coordinates,
    flag,
    government_code,
    number,
    split_prefecture,
)


@pytest.mark.parametrize(
    ("written", "prefecture", "code"),
    [
        ("282227", "", "282227"),
        ("92011", "", "092011"),  # the leading zero lost
        ("13101", "", "131016"),  # the check digit lost
        ("1100", "", "011002"),  # both lost
        ("１３１０１６", "", "131016"),
        ("131016.0", "", "131016"),
        ("19992", "北海道", "019992"),  # either could be lost: the prefecture settles it
        ("19992", "山梨県", "199923"),
    ],
)
def test_puts_back_what_a_spreadsheet_took_from_a_code(written: str, prefecture: str, code: str) -> None:
    assert government_code(written, prefecture, Notes()) == code


@pytest.mark.parametrize("written", ["", "282228", "19992", "兵庫", "99", "1234567", "482019"])
def test_refuses_a_code_that_is_wrong_or_doubtful(written: str) -> None:
    with pytest.raises(Unusable, match="local government code"):
        government_code(written, "", Notes())


def test_tells_that_a_code_was_completed() -> None:
    notes = Notes()
    government_code("13101", "", notes)
    assert notes.texts == ["the local government code '13101' was completed to 131016"]


@given(st.integers(1, 47), st.integers(100, 999))
def test_a_whole_code_is_read_as_itself(prefecture: int, city: int) -> None:
    five = f"{prefecture:02}{city}"
    code = five + check_digit(five)
    assert government_code(code, "", Notes()) == code


def test_reads_numbers_however_they_are_typed() -> None:
    assert coordinates("35.4046", "134.7676") == [134.7676, 35.4046]
    assert coordinates(" ３５．４０４６ ", "１３４．７６７６") == [134.7676, 35.4046]
    assert coordinates(35.4046, 134.7676) == [134.7676, 35.4046]
    assert coordinates("", " ") is None


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        ("134.7676", "35.4046", "swapped"),
        ("53.4", "134.7", "out of range"),
        ("0", "0", "out of range"),
        ("35.4", "", "longitude is missing"),
        ("", "134.7", "latitude is missing"),
        ("35度24分", "134.7", "not a number of degrees"),
        ("nan", "134.7", "not a number of degrees"),
        ("1e9", "134.7", "not a number of degrees"),
        (float("nan"), 134.7, "out of range"),
    ],
)
def test_refuses_coordinates_that_cannot_be(
    latitude: str | float, longitude: str | float, reason: str
) -> None:
    with pytest.raises(Unusable, match=reason):
        coordinates(latitude, longitude)


@pytest.mark.parametrize(
    ("written", "read", "told"),
    [
        ("1", True, 0),
        ("１", True, 0),
        ("", False, 0),
        ("　", False, 0),
        ("○", True, 1),
        ("〇", True, 1),
        ("×", False, 1),
        ("0", False, 1),
    ],
)
def test_reads_flags_and_tells_what_is_not_one_or_empty(written: str, read: bool, told: int) -> None:
    notes = Notes()
    assert flag(written, "洪水", notes) is read
    assert len(notes.texts) == told


@pytest.mark.parametrize("written", ["△", "要確認", "2", "一部"])
def test_refuses_a_flag_that_may_mean_anything(written: str) -> None:
    with pytest.raises(Unusable, match="neither 1 nor empty"):
        flag(written, "洪水", Notes())


@pytest.mark.parametrize(
    ("written", "people", "told"),
    [
        ("500", 500, 0),
        ("１，２００人", 1200, 0),
        ("1,200", 1200, 0),
        ("約300人", 300, 1),
        ("", None, 0),
        ("屋内200・屋外500", None, 1),
        ("-5", None, 1),
    ],
)
def test_reads_a_capacity_only_when_it_is_one(written: str, people: int | None, told: int) -> None:
    notes = Notes()
    assert capacity(written, notes) == people
    assert len(notes.texts) == told


def test_reads_an_elevation_or_leaves_it_out() -> None:
    assert number("52.5m", "標高", Notes()) == 52.5
    assert number("1,052", "標高", Notes()) == 1052
    notes = Notes()
    assert number("海抜5", "標高", notes) is None
    assert number("nan", "標高", notes) is None
    assert len(notes.texts) == 2


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("京都府京都市", ("京都府", "京都市")),
        ("東京都府中市", ("東京都", "府中市")),
        ("北海道函館市", ("北海道", "函館市")),
        ("縁側市", ("", "縁側市")),
    ],
)
def test_splits_the_prefecture_off(text: str, parts: tuple[str, str]) -> None:
    assert split_prefecture(text) == parts


@given(st.text(), st.text())
def test_no_text_breaks_the_reading(one: str, other: str) -> None:
    for read in (
        lambda: government_code(one, other, Notes()),
        lambda: coordinates(one, other),
        lambda: flag(one, other, Notes()),
        lambda: capacity(one, Notes()),
        lambda: number(one, other, Notes()),
    ):
        try:
            read()
        except Unusable as refusal:
            assert str(refusal)
