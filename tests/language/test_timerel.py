"""The Temporal Query Language, from URL parameters and from a TemporalQuery object. (4.11, 5.2.21)"""

from typing import Any

import pytest

from base import clock
from base.errors import BadRequestData
from broker.language import timerel
from broker.language.span import Span

NOON, ONE = "2026-04-01T12:00:00Z", "2026-04-01T13:00:00Z"
AT_NOON, AT_ONE = clock.parse(NOON), clock.parse(ONE)


@pytest.mark.parametrize(
    ("given", "span"),
    [
        ({}, None),
        ({"lastN": "3"}, None),
        ({"timeproperty": "deletedAt"}, Span("deletedAt")),
        ({"timerel": "before", "timeAt": NOON}, Span("observedAt", None, AT_NOON)),
        ({"timerel": "after", "timeAt": NOON, "timeproperty": "modifiedAt"}, Span("modifiedAt", AT_NOON)),
        ({"timerel": "between", "timeAt": NOON, "endTimeAt": ONE}, Span("observedAt", AT_NOON, AT_ONE)),
        ({"timerel": "after", "timeAt": "2026-04-01T12:00:00,000Z"}, Span("observedAt", AT_NOON)),
    ],
)
def test_reads_a_temporal_query_as_a_span(given: dict[str, str], span: Span | None) -> None:
    assert timerel.parse(given).span == span
    assert timerel.parse_object(given).span == span


def test_before_leaves_out_its_moment_and_after_takes_it() -> None:
    before = timerel.parse({"timerel": "before", "timeAt": NOON}).span
    after = timerel.parse({"timerel": "after", "timeAt": NOON}).span
    between = timerel.parse({"timerel": "between", "timeAt": NOON, "endTimeAt": ONE}).span
    assert before is not None and after is not None and between is not None
    assert [span.holds(AT_NOON) for span in (before, after, between)] == [False, True, True]
    assert [span.holds(AT_ONE) for span in (before, after, between)] == [False, True, False]
    assert not any(span.holds(None) for span in (before, after, between, Span()))


@pytest.mark.parametrize(
    "given",
    [
        {"timerel": "during", "timeAt": NOON},
        {"timerel": "after"},
        {"timerel": "before", "endTimeAt": NOON},
        {"timerel": "between", "timeAt": NOON},
        {"timeAt": NOON},
        {"endTimeAt": NOON},
        {"timerel": "after", "timeAt": "2026-04-01"},
        {"timerel": "after", "timeAt": "2026-02-30T12:00:00Z"},
        {"timerel": "after", "timeAt": "2026-04-01T12:00:00+09:00"},
        {"timerel": "after", "timeAt": ""},
        {"timerel": "after", "timeAt": NOON, "timeproperty": "expiresAt"},
        {"timerel": "after", "timeAt": NOON, "timeproperty": "speed"},
        {"lastN": "0"},
        {"lastN": "-1"},
        {"lastN": "1.5"},
        {"lastN": "²"},
        {"lastN": ""},
    ],
)
def test_refuses_what_is_no_temporal_query(given: dict[str, str]) -> None:
    with pytest.raises(BadRequestData):
        timerel.parse(given)


@pytest.mark.parametrize(
    "body", ["after", [], {"timerel": 1}, {"lastN": 1.5}, {"lastN": True}, {"other": "x"}]
)
def test_refuses_an_object_that_is_no_temporal_query(body: Any) -> None:
    with pytest.raises(BadRequestData):
        timerel.parse_object(body)


def test_takes_last_n_as_a_number_in_an_object() -> None:
    assert timerel.parse_object({"lastN": 5}).last_n == timerel.parse({"lastN": "5"}).last_n == 5
