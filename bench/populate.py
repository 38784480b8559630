"""The entities a broker holds before it is measured: always the same ones, from a fixed seed."""

import asyncio
import random
from typing import Any

import aiohttp
import orjson

BATCH = 500
AT_ONCE = 4
_DATASET = "urn:ngsi-ld:Dataset:"


def entity(number: int, types: int, chance: random.Random) -> dict[str, Any]:
    """Make entity number i: about 1.1 KB with all kinds of attributes a sensor has."""
    where = [round(chance.uniform(-5, 9), 6), round(chance.uniform(42, 51), 6)]
    return {
        "id": f"urn:ngsi-ld:Entity:p{number}",
        "type": f"T{number % types}",
        "name": {"type": "Property", "value": "Name of my entity"},
        "description": {"type": "Property", "value": "A short description of my entity"},
        "stationCode": {"type": "Property", "value": "BSS002JAWM"},
        "ammonium": [_measured(chance, "M1", "Bottom"), _measured(chance, "M1", "Surface")],
        "dissolvedOxygen": {
            "type": "Property",
            "value": round(chance.uniform(0, 100), 4),
            "observedAt": "2023-04-01T10:00:00Z",
            "unitCode": "M1",
            "sandreCode": {"type": "Property", "value": "1311"},
        },
        "waterTemperature": [_measured(chance, "CEL", "Bottom"), _measured(chance, "CEL", "Surface")],
        "servesDataset": {"type": "Relationship", "object": _DATASET + "SurfaceWaterMonitoring"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": where}},
    }


def _measured(chance: random.Random, unit: str, dataset: str) -> dict[str, Any]:
    value = round(chance.uniform(0, 100), 4)
    at = "2023-04-01T12:00:00Z"
    return {
        "type": "Property",
        "value": value,
        "observedAt": at,
        "unitCode": unit,
        "datasetId": _DATASET + dataset,
    }


def subscription(number: int, endpoint: str) -> dict[str, Any]:
    """Make a subscription that every entity of every type matches through one attribute."""
    return {
        "id": f"urn:ngsi-ld:Subscription:b{number}",
        "type": "Subscription",
        "entities": [{"type": "*"}],
        "watchedAttributes": ["dissolvedOxygen"],
        "notification": {"endpoint": {"uri": endpoint}},
    }


def populate(url: str, entities: int, types: int, *, subscriptions: int = 0, endpoint: str = "") -> None:
    """Create entities and subscriptions."""
    asyncio.run(_populate(url, entities, types, subscriptions, endpoint))


async def _populate(url: str, entities: int, types: int, subscriptions: int, endpoint: str) -> None:
    chance = random.Random(42)  # noqa: S311  # the same data in each run, no secret
    timeout = aiohttp.ClientTimeout(120)
    async with aiohttp.ClientSession(url, timeout=timeout) as session:
        batches = (
            [entity(i, types, chance) for i in range(a, min(a + BATCH, entities))]
            for a in range(0, entities, BATCH)
        )
        await asyncio.gather(*(_send_all(session, batches) for _ in range(AT_ONCE)))
        for number in range(subscriptions):
            await _post(session, "/ngsi-ld/v1/subscriptions", subscription(number, endpoint))


async def _send_all(session: aiohttp.ClientSession, batches: Any) -> None:
    for batch in batches:
        await _post(session, "/ngsi-ld/v1/entityOperations/create", batch)


async def _post(session: aiohttp.ClientSession, path: str, body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    async with session.post(path, data=orjson.dumps(body), headers=headers) as answer:
        if answer.status != 201:
            raise SystemExit(f"POST {path} gave {answer.status}: {(await answer.text())[:300]}")
