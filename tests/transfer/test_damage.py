"""A file that was damaged or made up harms nothing: each line is taken or refused. (docs/transfer.md)"""

import copy
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base import clock
from broker.transfer import putting_back, taking_out
from broker.transfer.wish import Wish
from tests.live import Live
from tests.transfer.harbour import fill

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
ODD = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=5), LEAVES, max_size=2)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in places(one, (*at, key)))]


def put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """The value with something else at a place."""
    if not at:
        return new
    value = copy.copy(value)
    value[at[0]] = put(value[at[0]], at[1:], new)
    return value


async def lines_of(live: Live) -> list[dict[str, Any]]:
    pieces = [piece async for piece in taking_out.export(live.broker, "harbour", "Engawa")]
    return [orjson.loads(line) for line in b"".join(pieces).splitlines()]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_takes_or_refuses_whatever_stands_there(live: Live, other: Live, data: st.DataObject) -> None:
    if not live.broker.catalogue.exists("harbour"):
        await fill(live)
    header, *lines = await lines_of(live)
    line = data.draw(st.sampled_from(lines[:-1]))
    at = data.draw(st.sampled_from(places(line)))
    damaged = put(line, at, data.draw(ODD))
    wish = Wish("damaged", header["instances"], data.draw(st.booleans()), data.draw(st.booleans()))
    numbered = [(number, one) for number, one in enumerate([*lines[:-1], damaged]) if isinstance(one, dict)]
    result = await putting_back.put(other.broker, wish, numbered, clock.now())
    told = len(result.rejected) + result.new.total() + result.unchanged.total()
    assert told == len(numbered)


async def test_what_was_damaged_leaves_a_sound_store(live: Live, other: Live, tmp_path: Path) -> None:
    await fill(live)
    header, *lines = await lines_of(live)
    wish = Wish("sound", header["instances"], True, True)
    odd: list[Any] = [5, "x", None, [], {}, "urn:ngsi-ld:null", "urn:ngsi-ld:Instance:zz-1"]
    for line in lines[:-1]:
        numbered = [(n, put(line, at, one)) for n, at in enumerate(places(line)[1:]) for one in odd]
        await putting_back.put(other.broker, wish, numbered, clock.now())
    await putting_back.finish(other.broker, "sound")
    assert other.broker.catalogue.open("sound").check() == []
    tenant = {"NGSILD-Tenant": "sound"}
    for path in (
        "/entities?local=true&limit=1000",
        "/subscriptions",
        "/csourceRegistrations?type=Gauge",
        "/types",
    ):
        assert (await other.ask("GET", path, headers=tenant)).status == 200, path
