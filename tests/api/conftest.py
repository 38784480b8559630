"""A broker for each test, and entities to work with."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import Live, live_broker


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_broker(tmp_path / "data") as broker:
        yield broker


@pytest.fixture
def shelter() -> dict[str, Any]:
    return {
        "id": "urn:ngsi-ld:Shelter:1",
        "type": "Shelter",
        "name": {"type": "Property", "value": "縁側小学校"},
        "capacity": {
            "type": "Property",
            "value": 120,
            "unitCode": "IE",
            "observedAt": "2026-04-01T09:00:00Z",
            "accuracy": {"type": "Property", "value": 0.9},
        },
        "operatedBy": {"type": "Relationship", "object": "urn:ngsi-ld:City:Engawa"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.7676, 35.4046]}},
    }
