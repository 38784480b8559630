"""How long one question waits for one source: its timeout, however many requests the question takes. (5.2.34, 6.3.17)"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.federation.fakes import rude, says
from tests.federation.shared_towns import registered, shelter
from tests.live import Live, Reply, live_broker

MANAGEMENT = {"timeout": 500}
SILENT = says(stay=True)
MAPS = ["queryEntity", "createEntityMapQueryEntity", "queryTemporal", "createEntityMapQueryTemporal"]
EVER = {"timerel": "after", "timeAt": "2020-01-01T00:00:00Z"}


def linked(name: str, kind: str) -> dict[str, Any]:
    return {"type": "Relationship", "object": f"urn:ngsi-ld:{kind}:{name}", "objectType": kind}


@asynccontextmanager
async def asked(folder: Path, behaviour: Any, **more: Any) -> AsyncIterator[tuple[Live, list[int]]]:
    """Run a broker that knows a source, and note the requests that come to it."""
    seen: list[int] = []

    async def noting(writer: asyncio.StreamWriter) -> None:
        seen.append(len(seen))
        await behaviour(writer)

    async with live_broker(folder) as live, rude(noting) as url:
        await registered(live, url, management=MANAGEMENT, **more)
        yield live, seen


def links(live: Live) -> Awaitable[Reply]:
    return live.get("/entities", type="Shelter", join="inline", joinLevel="2")


def types(live: Live) -> Awaitable[Reply]:
    return live.get("/types/Shelter")


def entity_map(live: Live) -> Awaitable[Reply]:
    return live.get("/entityMaps", type="Shelter")


def map_of_histories(live: Live) -> Awaitable[Reply]:
    return live.get("/temporal/entityMaps", type="Shelter", **EVER)


def counted(live: Live) -> Awaitable[Reply]:
    return live.get("/entities", type="Shelter", count="true")


@pytest.mark.parametrize("question", [links, types, entity_map, map_of_histories, counted])
async def test_a_source_that_does_not_answer_is_asked_once_for_a_question(
    tmp_path: Path, question: Any
) -> None:
    kinds = ["School", "Station"] if question is links else ["Shelter"]
    more: dict[str, Any] = {"information": [{"entities": [{"type": kind} for kind in kinds]}]}
    if "map" in question.__name__:
        more["operations"] = MAPS
    async with asked(tmp_path, SILENT, **more) as (live, seen):
        ways = {"a": linked("1", "School"), "b": linked("2", "Station")}
        made = await live.post("/entities?local=true", shelter("1", **ways))
        assert made.status == 201, made.json
        reply = await question(live)
        assert reply.status in (200, 201), reply.json
        assert len(seen) == 1
        if question is not entity_map and question is not map_of_histories:
            assert "199" in reply.headers["NGSILD-Warning"]


async def test_requests_that_stand_for_one_share_the_time_of_one(tmp_path: Path) -> None:
    """A source that takes its time to refuse is asked more simply, but not twice as long."""

    async def refusing(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with asked(tmp_path, refusing) as (live, seen):
        reply = await live.get("/entities", type="Shelter", limit="1000", count="true")
        assert reply.status == 200
        assert reply.headers["NGSILD-Warning"].startswith("199 ")
        assert len(seen) <= 2
