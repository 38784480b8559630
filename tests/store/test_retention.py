"""Rules that thin and drop history: one value per period, then nothing, and never anything younger. (docs/history.md)"""

import asyncio
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base import admin, clock
from base.errors import BadRequestData
from broker.language.span import Span
from broker.model.document import Instance
from broker.model.retention import DAY, Policy, Retention, policy, retention
from broker.server import all_handlers
from broker.store.evolution import Asked
from broker.store.sqlite import history_upkeep
from broker.store.sqlite.tenant import SqliteTenantStore
from engawa.command import cli
from tests.live import live_broker
from tests.store.examples import NOW, TYPES, VOCAB

ID = "urn:ngsi-ld:Thing:1"
N = VOCAB + "n"
HOUR = 3_600 * clock.SECOND
REDUCED: dict[str, Any] = {"avg": fmean, "min": min, "max": max, "last": lambda held: held[-1]}


def number(value: Any, age: int, **members: Any) -> Instance:
    """Make an instance that was observed so many µs before NOW."""
    return {"type": "Property", "value": value, "observedAt": clock.show(NOW - age), **members}


async def values(store: SqliteTenantStore, id: str = ID) -> list[Any]:
    """Give the values of a history in the order of time."""
    found = await store.history.evolution(id, Asked(span=Span()))
    return [one["value"] for one in found.instances.get(N, ())]


ages = st.lists(st.integers(1, 400), min_size=1, max_size=40, unique=True)


@given(minutes=ages, method=st.sampled_from(list(REDUCED)), most=st.integers(1, 7), drops=st.booleans())
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
async def test_one_value_per_period_stays(
    store: SqliteTenantStore, minutes: list[int], method: Any, most: int, drops: bool
) -> None:
    id = f"urn:ngsi-ld:Thing:{clock.now()}"
    rule = Retention(
        raw_days=100 / 1_440, period=3_600, method=method, drop_days=300 / 1_440 if drops else None
    )
    held = {NOW - minute * 60 * clock.SECOND: float(minute) for minute in minutes}
    young, old = rule.thins_before(NOW), rule.drops_before(NOW)
    assert young is not None
    periods: dict[int, list[float]] = defaultdict(list)
    expected = {}
    for at in sorted(held):
        if old is not None and at < old:
            continue
        if at < young:
            periods[at // HOUR * HOUR].append(held[at])
        else:
            expected[at] = held[at]
    expected |= {
        # one instance alone stays where it is
        at if len(several) > 1 else next(t for t in held if held[t] == several[0]): REDUCED[method](several)
        for at, several in periods.items()
    }
    await store.history.add(id, TYPES[:1], {N: [number(held[at], NOW - at) for at in held]}, NOW)
    await store.history.set_policy(policy({}, Policy(rules=(rule,))).body())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history_upkeep, "MOST_ROWS", most)
        patch.setattr(history_upkeep, "PAUSE", 0.0)
        gone = await store.history.tidy(NOW)
        assert await store.history.tidy(NOW) == 0
    assert await values(store, id) == [expected[at] for at in sorted(expected)]
    assert gone == len(held) - len(expected)
    assert store.check() == []
    await store.history.delete(id)


async def test_only_what_the_first_fitting_rule_names_is_touched(store: SqliteTenantStore) -> None:
    old = [number(n, 10 * DAY + n) for n in range(4)]
    other = VOCAB + "other"
    await store.history.add(ID, TYPES[:1], {N: old, other: old}, NOW)
    await store.history.add("urn:ngsi-ld:Thing:2", TYPES[1:2], {N: old}, NOW)
    rules = [{"type": "Shelter", "attribute": other, "drop_days": 100}, {"type": "Shelter", "drop_days": 5}]
    await store.history.set_policy({"rules": rules})
    assert await store.history.tidy(NOW) == 4
    assert await values(store) == [] and await values(store, "urn:ngsi-ld:Thing:2") == [3, 2, 1, 0]
    assert len((await store.history.evolution(ID, Asked())).instances[other]) == 4


async def test_what_is_no_number_or_another_unit_is_not_mixed(store: SqliteTenantStore) -> None:
    at = 10 * DAY
    given_ = [
        number(1, at), number(3, at + 1),
        number(5, at + 2, unitCode="CEL"), number(7, at + 3, unitCode="CEL"),
        number("x", at + 4), number(9, at + 5, datasetId="urn:d:1"),
    ]  # fmt: skip
    await store.history.add(ID, TYPES[:1], {N: given_}, NOW)
    await store.history.set_policy({"rules": [{"raw_days": 1, "period": 86_400}]})
    assert await store.history.tidy(NOW) == 2
    found = (await store.history.evolution(ID, Asked())).instances[N]
    assert sorted((str(one["value"]), one.get("unitCode"), one.get("datasetId")) for one in found) == [
        ("2.0", None, None), ("6.0", "CEL", None), ("9", None, "urn:d:1"), ("x", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"raw_days": "7"},
        {"raw_days": True},
        {"raw_days": -1},
        {"drop_days": 5, "raw_days": 5},
        {"raw_days": 1, "method": "median"},
        {"raw_days": 1, "period": 0},
        {"raw_days": 1, "period": 1.5},
        {"raw_days": 1, "type": 5},
        {"raw_days": 1, "kind": "x"},
    ],
)
def test_refuses_a_rule_that_says_nothing_or_nonsense(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequestData):
        retention(body)


def test_refuses_to_mix_on_and_names() -> None:
    with pytest.raises(BadRequestData):
        policy({"record": ["on", "Shelter"]}, Policy())


async def test_the_commands_change_what_the_running_broker_does(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data") as live:

        async def call(*words: str) -> Result:
            return await asyncio.to_thread(
                CliRunner().invoke,
                cli,
                ["history", *words, "--data", str(live.broker.settings.data)],
                prog_name="engawa",
            )

        async with admin.serve(live.broker.settings.data, all_handlers(live.broker)):
            assert "Written: on" in (await call("show")).output
            assert "Written: Sensor" in (await call("set", "Sensor", "--deleted", "drop")).output
            await live.post("/entities", {"id": "urn:x:1", "type": "Shelter", "a": 1})
            assert (await live.get("/temporal/entities/urn:x:1")).status == 404
            assert "Written: on" in (await call("set", "--reset")).output
            await live.ask("PATCH", "/entities/urn:x:1/attrs", {"a": {"type": "Property", "value": 2}})
            shown = await live.get("/temporal/entities/urn:x:1")
            assert [one["value"] for one in shown.json["a"]] == [2]
            added = await call("rules", "--add", "--attribute", "a", "--drop-days", "0")
            assert "(any)" in added.output and added.exit_code == 0
            assert "1 instance was removed" in (await call("apply")).output
            assert "everything is kept" in (await call("rules", "--remove", "1")).output
            for wrong in (("set",), ("set", "on", "--reset"), ("rules", "--add", "--remove", "1")):
                assert (await call(*wrong)).exit_code == 2
            assert (await call("rules", "--remove", "1")).exit_code == 1
            assert (await call("rules", "--add", "--raw-days", "1", "--period", "x")).exit_code == 2
