"""Every operation that changes the current state writes history, and only what it changed. (4.5.6 to 4.5.8)"""

import asyncio
from pathlib import Path
from typing import Any

from base import clock
from broker.model.document import NULL
from tests.live import Live, live_broker

ID = "urn:ngsi-ld:River:1"


async def told(live: Live, name: str, id: str = ID) -> list[Any]:
    """Give the values of an attribute in the order of time; a deletion is NULL."""
    reply = await live.get(f"/temporal/entities/{id}")
    assert reply.status == 200
    return [one["value"] for one in reply.json.get(name, ())]


async def test_every_operation_on_an_entity_leaves_what_it_changed(live: Live) -> None:
    entity = {"id": ID, "type": "River", "scope": "/Yabu", "level": 1}
    steps: list[tuple[str, str, Any]] = [
        ("POST", "/entities", entity),
        ("PATCH", f"/entities/{ID}/attrs", {"level": 2}),
        ("POST", f"/entities/{ID}/attrs", {"flow": 1, "scope": "/Yabu/Oya"}),
        ("PATCH", f"/entities/{ID}/attrs/level", {"value": 3}),
        ("PUT", f"/entities/{ID}/attrs/level", {"type": "Property", "value": 4}),
        ("PATCH", f"/entities/{ID}", {"level": 5}),
        ("POST", "/entityOperations/upsert?options=update", [{"id": ID, "type": "River", "level": 6}]),
        ("POST", "/entityOperations/merge", [{"id": ID, "level": 7}]),
        ("PUT", f"/entities/{ID}", {"type": "River", "level": 8}),
        ("DELETE", f"/entities/{ID}/attrs/level", None),
        ("POST", f"/entities/{ID}/attrs", {"level": 9}),
        ("DELETE", f"/entities/{ID}", None),
    ]
    for method, path, body in steps:
        reply = await live.ask(method, path, body)
        assert reply.status in (201, 204), (method, path, reply.json)
    assert await told(live, "level") == [1, 2, 3, 4, 5, 6, 7, 8, NULL, 9, NULL]
    assert await told(live, "flow") == [1, NULL]
    assert await told(live, "scope") == ["/Yabu", "/Yabu/Oya", []]


async def test_what_is_refused_or_changes_nothing_leaves_nothing(live: Live) -> None:
    await live.post("/entities", {"id": ID, "type": "River", "level": 1})
    assert (await live.post("/entities", {"id": ID, "type": "River", "level": 2})).status == 409
    refused = await live.post(f"/entities/{ID}/attrs?options=noOverwrite", {"level": 3})
    assert refused.status == 207
    assert await told(live, "level") == [1]


async def test_what_expires_is_deleted_in_the_history_too(tmp_path: Path) -> None:
    async with live_broker(tmp_path / "data", expiry_seconds=0.05) as live:
        soon = clock.show(clock.now() + 3 * clock.SECOND)
        level = {"type": "Property", "value": 1, "expiresAt": soon}
        await live.post("/entities", {"id": ID, "type": "River", "level": level})
        for _ in range(600):
            if await told(live, "level") == [1, NULL]:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the history does not tell that the attribute expired")


async def test_the_history_outlives_a_restart(tmp_path: Path) -> None:
    for n in range(3):
        async with live_broker(tmp_path / "data") as live:
            body = [{"id": ID, "type": "River", "level": n}]
            assert (await live.post("/entityOperations/upsert", body)).status in (201, 204)
    async with live_broker(tmp_path / "data") as live:
        assert await told(live, "level") == [0, 1, 2]
        assert live.broker.catalogue.open("").check() == []
