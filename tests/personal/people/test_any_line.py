"""Whatever stands in a file of residents: each line is taken over or refused, by rule and without its words."""

import asyncio
import csv
import io
from typing import Any

import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base import clock
from base.errors import BadRequestData
from personal.operations import importing
from personal.rules.resident_lines import COLUMNS, check_columns, line_of
from tests.personal.live import live_module

SECRET = "ヒミツ"
words = st.sampled_from(
    (
        SECRET,
        f"{SECRET} 12",
        "ヤブ ハナコ",
        "1990-04-01",
        "1990-02-30",
        "here",
        "dead",
        "1",
        "",
        " ",
        "J-LIS",
        "female",
    )
)
JSON = st.recursive(
    words | st.none() | st.booleans() | st.integers(-2, 2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
right = st.fixed_dictionaries(
    {
        "municipalId": st.sampled_from("123"),
        "nameKana": st.just("ヤブ ハナコ"),
        "birthDate": st.just("1990-04-01"),
    },
    optional={
        "cards": st.just([{"issuer": "J-LIS", "serial": "1"}]),
        "login": st.sampled_from(("hanako", "taro")),
        "state": st.sampled_from(("here", "moved", "dead")),
        "items": st.just({"library-card": {"number": "1"}}) | st.dictionaries(words, JSON, max_size=2),
    },
)
members = st.sampled_from(
    ("municipalId", "nameKana", "birthDate", "cards", "login", "state", "items", SECRET)
)
lines = st.lists(
    JSON | right | st.builds(lambda line, name, value: {**line, name: value}, right, members, JSON),
    min_size=1,
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, min_size=1, max_size=3))
def test_every_line_is_taken_over_or_refused_by_rule(tmp_path_factory: Any, files: list[list[Any]]) -> None:
    folder = tmp_path_factory.mktemp("town")

    async def story() -> None:
        async with live_module(folder / "data") as live:
            for file in files:
                numbered = list(enumerate(file, 1))
                told = await importing.import_lines(live.town, live.module, numbered, by="", now=clock.now())
                assert sum(told[name] for name in importing.Outcome) == len(file)
                assert len(told["refusals"]) == told["refused"]
                assert SECRET not in str(told)
                again = await importing.import_lines(live.town, live.module, numbered, by="", now=clock.now())
                assert again["created"] == 0
            people = live.town.store.read(lambda db: db.execute("SELECT count(*) FROM person").get)
            assert people <= 3

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


@given(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=10)))
def test_a_row_of_a_csv_means_what_stands_in_it(row: dict[str, str]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow(row)
    text.seek(0)
    (read,) = csv.DictReader(text, strict=True) if any(row.values()) else (row,)
    line = line_of(read)
    for name in ("municipalId", "login", "nameKana"):
        assert line.get(name, "") == row.get(name, "").strip()
    assert line.get("items", {}).get("basic-four", {}).get("name", "") == row.get("name", "").strip()


@given(st.lists(st.sampled_from(COLUMNS) | st.just(SECRET), max_size=6))
def test_a_first_line_names_each_column_once(names: list[str]) -> None:
    good = "municipalId" in names and SECRET not in names and len(set(names)) == len(names)
    try:
        check_columns(names)
    except BadRequestData as refused:
        assert not good
        assert SECRET not in refused.detail
    else:
        assert good
