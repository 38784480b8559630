"""Entities and attributes that expire. (4.22)"""

from typing import Any

from base import clock
from broker.model import expiry
from tests.model.samples import TABLE, document, held

SOON = "2027-01-01T00:00:00Z"
LATE = "2027-01-01T00:00:00.5Z"


def at(text: str) -> int:
    return clock.parse(text)


def test_finds_the_earliest_expiry_of_an_entity_and_all_its_parts() -> None:
    assert expiry.earliest(document(open=1)) is None
    assert expiry.earliest(document(expiresAt=LATE)) == at(LATE)
    nested: Any = {"value": 1, "expiresAt": LATE, "sub": {"value": 2, "expiresAt": SOON}}
    assert expiry.earliest(document(expiresAt=LATE, open=nested)) == at(SOON)


def test_an_expired_entity_is_gone_at_the_moment_it_expires() -> None:
    given = document(expiresAt=SOON)
    assert expiry.living(given, at(SOON) - 1) is given
    assert expiry.living(given, at(SOON)) is None


def test_only_the_expired_instances_go() -> None:
    given = document(
        open={"value": 1, "expiresAt": SOON},
        speed=[{"value": 1, "expiresAt": SOON}, {"value": 2, "datasetId": "urn:d:1"}],
        title={"value": 3, "sub": {"value": 4, "expiresAt": SOON}},
        p9_x={"value": 3, "sub": {"value": 4, "expiresAt": SOON}, "stays": 1},
        untouched=5,
    )
    assert expiry.living(given, at(SOON) - 1) is given
    left = expiry.living(given, at(SOON))
    assert left is not None
    assert TABLE.iri("open") not in left["attrs"]
    assert [one["value"] for one in held(left, "speed")] == [2]
    assert "attrs" not in held(left, "title")[0]
    assert held(left, "p9_x")[0]["attrs"].keys() == {TABLE.iri("stays")}
    assert held(left, "untouched") is held(given, "untouched")
    assert held(given, "title")[0]["attrs"]


def test_times_are_compared_as_times_and_not_as_text() -> None:
    given = document(
        open={"value": 1, "expiresAt": "2027-01-01T00:00:00Z"}, speed={"value": 1, "expiresAt": LATE}
    )
    left = expiry.living(given, at("2027-01-01T00:00:00.2Z"))
    assert left is not None
    assert left["attrs"].keys() == {TABLE.iri("speed")}
