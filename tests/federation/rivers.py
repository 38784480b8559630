"""Water levels of rivers that several brokers hold."""

from typing import Any

from tests.live import Live

OPERATIONS = ["retrieveTemporal", "queryTemporal"]
RIVER = {"type": "River"}
ROOT = "/temporal/entities"
EVER: dict[str, Any] = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}


def at(hour: float) -> str:
    return f"2026-04-01T{int(hour):02}:{int(hour % 1 * 60):02}:00Z"


def name(number: int) -> str:
    return f"urn:ngsi-ld:River:{number:02}"


async def add(live: Live, number: int, *hours: float, offset: float = 0, **more: Any) -> None:
    """Add water levels: the level is the hour of the day."""
    level = [{"type": "Property", "value": hour + offset, "observedAt": at(hour)} for hour in hours]
    made = await live.post(ROOT, {"id": name(number), "type": "River", "level": level, **more})
    assert made.status in (201, 204), made.json


def levels(body: Any) -> list[Any]:
    held = body["level"]
    return [one["value"] for one in (held if isinstance(held, list) else [held])]
