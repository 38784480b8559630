"""Purging, and changing Temporal Evolutions, at registered sources. (5.6.11-5.6.16, 5.6.21)"""

from typing import Any

import pytest

from tests.federation.provision import HERE, ID, held, keep, register, shelter
from tests.live import Live, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPS = [
    "upsertTemporal",
    "appendAttrsTemporal",
    "deleteAttrsTemporal",
    "deleteTemporal",
    "updateAttrInstanceTemporal",
    "deleteAttrInstanceTemporal",
]
INTERVAL = {"startAt": "2020-01-01T00:00:00Z"}
FORMS = pytest.mark.parametrize(
    "more", [{"operations": OPS}, {"operations": OPS, "observationInterval": INTERVAL}], ids=["ops", "time"]
)


def evolving(id: str, **attrs: list[Any]) -> dict[str, Any]:
    return {"id": id, "type": "Shelter"} | measured(**attrs)


def measured(**attrs: list[Any]) -> dict[str, Any]:
    return {
        name: [
            {"type": "Property", "value": value, "observedAt": f"2026-01-01T00:00:{second:02}Z"}
            for second, value in enumerate(values)
        ]
        for name, values in attrs.items()
    }


async def change(live: Live, method: str, path: str, body: Any = None, **params: str) -> Reply:
    return await live.ask(method, f"/temporal/entities{path}", body, params=params)


async def series(live: Live, id: str) -> dict[str, list[Any]] | None:
    reply = await live.get(f"/temporal/entities/{id}", local="true")
    if reply.status != 200:
        return None
    return {
        name: [one["value"] for one in several]
        for name, several in reply.json.items()
        if name not in ("id", "type")
    }


@FORMS
async def test_each_part_of_a_history_goes_where_it_belongs(
    front: Live, source: Live, other: Live, more: dict[str, Any]
) -> None:
    id = f"urn:x:parts:{len(more)}"
    await register(front, source, "exclusive", "beds", id=id, **more)
    await register(front, other, "inclusive", "name", **more)
    reply = await change(front, "POST", "", evolving(id, beds=[1, 2], name=["A"], floor=[0]))
    assert reply.status == 201
    assert reply.headers["Location"] == f"/ngsi-ld/v1/temporal/entities/{id}"
    assert await series(front, id) == {"name": ["A"], "floor": [0]}
    assert await series(source, id) == {"beds": [1, 2]}
    assert await series(other, id) == {"name": ["A"]}
    assert (await change(front, "POST", f"/{id}/attrs", measured(beds=[1, 2, 3], floor=[0, 1]))).status == 204
    assert await series(front, id) == {"name": ["A"], "floor": [0, 1]}
    assert await series(source, id) == {"beds": [1, 2, 3]}
    assert (await change(front, "DELETE", f"/{id}/attrs/beds")).status == 204
    assert await series(source, id) is None or "beds" not in (await series(source, id) or {})
    assert (await change(front, "DELETE", f"/{id}/attrs/name")).status == 204
    assert await series(front, id) == {"floor": [0, 1]}


async def test_instances_are_changed_at_their_source(front: Live, source: Live) -> None:
    id = "urn:x:instances"
    await register(front, source, "redirect", "beds", operations=OPS)
    assert (await change(front, "POST", "", evolving(id, beds=[1, 2]))).status == 201
    assert await series(front, id) is None
    got = await source.get(f"/temporal/entities/{id}", local="true")
    first, second = (one["instanceId"] for one in got.json["beds"])
    body = measured(beds=[7])["beds"][0]
    assert (await change(front, "PATCH", f"/{id}/attrs/beds/{first}", body)).status == 204
    assert (await change(front, "DELETE", f"/{id}/attrs/beds/{second}")).status == 204
    assert await series(source, id) == {"beds": [7]}
    assert (await change(front, "DELETE", f"/{id}/attrs/beds/{second}")).status == 404


async def test_histories_are_deleted_wherever_they_are(front: Live, source: Live) -> None:
    id = "urn:x:deleted"
    await register(front, source, "inclusive", operations=OPS)
    assert (await change(front, "POST", "", evolving(id, beds=[1]))).status == 201
    assert (await change(front, "DELETE", f"/{id}")).status == 204
    assert (await series(front, id), await series(source, id)) == (None, None)
    await change(source, "POST", "", evolving(id, beds=[1]))
    assert (await change(front, "DELETE", f"/{id}")).status == 204
    assert await series(source, id) is None
    assert (await change(front, "DELETE", f"/{id}")).status == 404


async def test_a_source_of_histories_that_offers_no_change_is_a_conflict(front: Live, source: Live) -> None:
    id = "urn:x:conflict"
    await register(front, source, "redirect", operations=["retrieveTemporal"])
    assert (await change(front, "POST", "", evolving(id, beds=[1]))).status == 409
    assert (await change(front, "DELETE", f"/{id}")).status == 409
    assert await series(front, id) is None


async def test_sources_of_the_current_state_have_no_part_in_histories(front: Live, source: Live) -> None:
    id = "urn:x:current"
    await register(front, source, "redirect")
    assert (await change(front, "POST", "", evolving(id, beds=[1]))).status == 201
    assert await series(front, id) == {"beds": [1]}


async def test_local_changes_of_histories_stay_here(front: Live, source: Live) -> None:
    id = "urn:x:here"
    await register(front, source, "redirect", operations=OPS)
    assert (await change(front, "POST", "", evolving(id, beds=[1]), **HERE)).status == 201
    assert await series(source, id) is None


async def purge(front: Live, **params: str) -> Reply:
    return await front.ask("DELETE", "/entities", params=params)


async def test_purges_here_and_elsewhere(front: Live, source: Live) -> None:
    await register(front, source, "inclusive")
    for live in (front, source):
        await keep(live, shelter(beds=1))
    assert (await purge(front, type="Shelter")).status == 204
    assert (await held(front), await held(source)) == (None, None)


async def test_purges_no_more_than_is_registered(front: Live, source: Live, other: Live) -> None:
    await register(front, source, "exclusive", "beds", id=ID)
    pattern = {"entities": [{"type": "Shelter", "idPattern": "Hall:"}]}
    await register(front, other, "inclusive", information=[pattern])
    for live in (source, other):
        for name in ("1", "2", "Hall:1"):
            await keep(live, shelter(f"urn:ngsi-ld:Shelter:{name}", beds=1))
    assert (await purge(front, type="Shelter")).status == 204
    names = ("1", "2", "Hall:1")
    there = [await held(source, f"urn:ngsi-ld:Shelter:{name}") for name in names]
    assert there == [None, {"beds": 1}, {"beds": 1}]
    there = [await held(other, f"urn:ngsi-ld:Shelter:{name}") for name in names]
    assert there == [{"beds": 1}, {"beds": 1}, None]


async def test_drops_of_many_what_is_registered(front: Live, source: Live) -> None:
    await register(front, source, "redirect", "beds")
    await keep(source, shelter(beds=1, floor=1))
    await keep(front, shelter(name="A", note="n"))
    assert (await purge(front, type="Shelter", drop="beds,floor,note")).status == 204
    assert (await held(front), await held(source)) == ({"name": "A"}, {"floor": 1})


async def test_a_source_that_offers_no_purge_is_a_conflict(front: Live, source: Live) -> None:
    registration = await register(front, source, "redirect", "beds", operations=["retrieveOps"])
    assert (await purge(front, type="Shelter")).status == 409
    await keep(front, shelter(name="A"))
    reply = await purge(front, type="Shelter")
    assert reply.status == 207
    assert reply.json["success"] == [ID]
    assert [one["registrationId"] for one in reply.json["errors"]] == [registration]
    assert await held(front) is None
