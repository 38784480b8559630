"""Histories that an entity leaves the caller's reach of while they are changed. (docs/access.md)"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from base import clock
from base.access import ANONYMOUS
from base.errors import Problem
from broker.access.view import VisibleStore
from broker.model.document import Document
from broker.store.contract import EntityChange
from broker.store.evolution import HistoryStore
from tests.access.town import Town, shelter, town

POLICY = '[[rule]]\nwho = "anonymous"\nmay = ["read", "write"]\nscopes = ["/open"]\n'
ID = "urn:ngsi-ld:Shelter:1"
NAME = "https://uri.etsi.org/ngsi-ld/default-context/name"
OBSERVED = "2026-04-01T00:00:00Z"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path, POLICY) as running:
        await running.put_in(shelter(1, scope="/open"))
        yield running


def instance(value: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": OBSERVED}


def closed(current: Document | None) -> Document:
    assert current is not None
    return {**current, "scope": ["/closed"], "modifiedAt": clock.now()}


Change = Callable[[HistoryStore, str], Awaitable[object]]

CHANGES: dict[str, Change] = {
    "add": lambda history, _: history.add(ID, (), {NAME: [instance(2)]}, clock.now(), new=False),
    "delete": lambda history, _: history.delete(ID),
    "delete attribute": lambda history, _: history.delete_attribute(ID, NAME),
    "change instance": lambda history, one: history.change_instance(
        ID, NAME, one, lambda _: instance(3), clock.now()
    ),
    "delete instance": lambda history, one: history.delete_instance(ID, NAME, one),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_rights_are_those_of_the_moment_of_the_change(place: Town, change: Change) -> None:
    raw = place.live.broker.catalogue.open("")
    policies = place.live.broker.policies
    assert policies is not None
    mine = VisibleStore(raw, policies.of(ANONYMOUS, ""), ANONYMOUS).history
    await mine.add(ID, (), {NAME: [instance(1)]}, clock.now(), new=False)

    async def kept() -> Any:
        path = f"/temporal/entities/{ID}"
        return (await place.get("staff", path, timerel="after", timeAt="2020-01-01T00:00:00Z")).json["name"]

    (before,) = await kept()
    _, came = await asyncio.gather(
        raw.change([EntityChange(ID, closed)], clock.now()),
        change(mine, before["instanceId"]),
        return_exceptions=True,
    )
    assert isinstance(came, Problem)
    assert came.status == 404
    assert await kept() == [before]


async def test_what_comes_into_reach_before_may_be_changed(place: Town) -> None:
    raw = place.live.broker.catalogue.open("")
    policies = place.live.broker.policies
    assert policies is not None
    mine = VisibleStore(raw, policies.of(ANONYMOUS, ""), ANONYMOUS).history
    await raw.change([EntityChange(ID, closed)], clock.now())

    def reopened(current: Document | None) -> Document:
        return {**closed(current), "scope": ["/open"]}

    await asyncio.gather(
        raw.change([EntityChange(ID, reopened)], clock.now()),
        mine.add(ID, (), {NAME: [instance(2)]}, clock.now(), new=False),
    )
