"""Changes that concern registered sources: exclusive, redirect, inclusive and auxiliary ones. (4.3.6, 5.6.1-5.6.6)"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import Live, Reply, live_broker

OPS = ["redirectionOps"]
ID = "urn:ngsi-ld:Shelter:1"


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "front") as live:
        yield live


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "source") as live:
        yield live


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "other") as live:
        yield live


async def register(
    front: Live, source: Live | str, mode: str = "inclusive", *attrs: str, id: str | None = None, **more: Any
) -> str:
    entity = {"type": "Shelter"} | ({"id": id} if id else {})
    info: dict[str, Any] = {"entities": [entity]} | ({"propertyNames": list(attrs)} if attrs else {})
    body = {
        "type": "ContextSourceRegistration",
        "mode": mode,
        "endpoint": source if isinstance(source, str) else source.url,
        "information": [info],
        "operations": OPS,
    } | more
    reply = await front.post("/csourceRegistrations", body)
    assert reply.status == 201, reply.json
    return str(reply.headers["Location"].rpartition("/")[2])


def shelter(**attrs: Any) -> dict[str, Any]:
    return {"id": ID, "type": "Shelter"} | {
        name: {"type": "Property", "value": value} for name, value in attrs.items()
    }


async def held(live: Live, id: str = ID) -> dict[str, Any] | None:
    reply = await live.get(f"/entities/{id}", local="true", format="simplified")
    return {k: v for k, v in reply.json.items() if k not in ("id", "type")} if reply.status == 200 else None


def short(names: list[str]) -> list[str]:
    return [name.rpartition("/")[2] for name in names]


async def test_creates_each_part_where_it_belongs(front: Live, source: Live, other: Live) -> None:
    await register(front, source, "exclusive", "beds", id=ID)
    await register(front, other, "redirect", "photo")
    reply = await front.post("/entities", shelter(name="A", beds=3, photo="p"))
    assert reply.status == 201
    assert reply.headers["Location"] == f"/ngsi-ld/v1/entities/{ID}"
    assert await held(front) == {"name": "A"}
    assert await held(source) == {"beds": 3}
    assert await held(other) == {"photo": "p"}


async def test_inclusive_sources_get_what_is_kept_here_too(front: Live, source: Live) -> None:
    await register(front, source, "inclusive", "name")
    assert (await front.post("/entities", shelter(name="A", beds=3))).status == 201
    assert await held(front) == {"name": "A", "beds": 3}
    assert await held(source) == {"name": "A"}


async def test_nothing_is_kept_of_what_is_held_elsewhere_alone(front: Live, source: Live) -> None:
    await register(front, source, "redirect")
    assert (await front.post("/entities", shelter(name="A"))).status == 201
    assert await held(front) is None
    assert await held(source) == {"name": "A"}


async def test_a_source_that_does_not_offer_the_change_is_a_conflict(front: Live, source: Live) -> None:
    await register(front, source, "redirect", operations=["retrieveOps"])
    reply = await front.post("/entities", shelter(name="A"))
    assert reply.status == 409
    assert reply.json["type"].endswith("/Conflict")
    assert await held(front) is None


async def test_a_part_in_conflict_is_told_beside_what_was_done(front: Live, source: Live) -> None:
    registration = await register(front, source, "exclusive", "beds", id=ID, operations=["retrieveOps"])
    reply = await front.post("/entities", shelter(name="A", beds=3))
    assert reply.status == 207
    assert reply.headers["Location"] == f"/ngsi-ld/v1/entities/{ID}"
    assert reply.json["success"] == [ID]
    (error,) = reply.json["errors"]
    assert (error["entityId"], error["registrationId"]) == (ID, registration)
    assert error["error"]["status"] == 409
    assert await held(front) == {"name": "A"}


async def test_auxiliary_sources_are_never_told(front: Live, source: Live) -> None:
    await register(front, source, "auxiliary", operations=["retrieveOps"])
    assert (await front.post("/entities", shelter(name="A"))).status == 201
    assert await held(source) is None


async def test_local_changes_stay_here(front: Live, source: Live) -> None:
    await register(front, source)
    reply = await front.ask("POST", "/entities", shelter(name="A"), params={"local": "true"})
    assert reply.status == 201
    assert await held(source) is None


async def test_an_entity_there_and_here_is_told_twice(front: Live, source: Live) -> None:
    registration = await register(front, source)
    await front.post("/entities", shelter(name="A"))
    reply = await front.post("/entities", shelter(name="B"))
    assert reply.status == 207
    assert [error["error"]["status"] for error in reply.json["errors"]] == [409, 409]
    assert [error.get("registrationId") for error in reply.json["errors"]] == [registration, None]
    assert reply.json["success"] == []


async def test_deletes_wherever_the_entity_is(front: Live, source: Live) -> None:
    await register(front, source)
    await front.post("/entities", shelter(name="A"))
    assert (await front.ask("DELETE", f"/entities/{ID}")).status == 204
    assert await held(front) is None
    assert await held(source) is None


async def test_deletes_an_entity_that_is_only_elsewhere(front: Live, source: Live) -> None:
    await register(front, source)
    await source.post("/entities", shelter(name="A"))
    assert (await front.ask("DELETE", f"/entities/{ID}")).status == 204
    assert await held(source) is None


async def test_deleting_what_is_nowhere_is_not_found(front: Live, source: Live) -> None:
    await register(front, source)
    assert (await front.ask("DELETE", f"/entities/{ID}")).status == 404


async def test_a_source_without_the_entity_is_told_of(front: Live, source: Live) -> None:
    await register(front, source)
    await front.ask("POST", "/entities", shelter(name="A"), params={"local": "true"})
    reply = await front.ask("DELETE", f"/entities/{ID}")
    assert reply.status == 207
    assert reply.json["success"] == [ID]
    assert [error["error"]["status"] for error in reply.json["errors"]] == [404]
    assert await held(front) is None


async def change(live: Live, method: str, tail: str = "", body: Any = None, **params: str) -> Reply:
    return await live.ask(method, f"/entities/{ID}{tail}", body, params=params)
