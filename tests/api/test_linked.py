"""Linked entities over HTTP: join inside and beside, its depth, q through Relationships. (4.5.23, 4.9)"""

from typing import Any

import pytest

from tests.live import Live

ROOM = "/entities/urn:x:Room:1"


@pytest.fixture
async def chain(live: Live) -> Live:
    country = {"id": "urn:x:Country:1", "type": "Country", "name": "日本"}
    town = {"id": "urn:x:Town:1", "type": "Town", "name": "縁側市", "isIn": {"object": "urn:x:Country:1"}}
    house = {"id": "urn:x:House:1", "type": "House", "floors": 2, "isIn": {"object": "urn:x:Town:1"}}
    room = {
        "id": "urn:x:Room:1",
        "type": "Room",
        "isIn": {"object": "urn:x:House:1"},
        "near": {"object": "urn:x:Room:1"},
    }
    assert (await live.post("/entityOperations/create", [country, town, house, room])).status == 201
    return live


async def test_joins_inside(chain: Live) -> None:
    one = (await chain.get(ROOM, join="inline")).json
    assert one["isIn"]["object"] == "urn:x:House:1"
    assert one["isIn"]["entity"]["floors"]["value"] == 2
    assert "entity" not in one["isIn"]["entity"]["isIn"]
    assert "entity" not in one["near"]
    two = (await chain.get(ROOM, join="inline", joinLevel=2, format="simplified")).json
    assert two["isIn"]["isIn"]["name"] == "縁側市"
    assert two["isIn"]["isIn"]["isIn"] == "urn:x:Country:1"


async def test_joins_beside(chain: Live) -> None:
    bodies = (await chain.get(ROOM, join="flat", joinLevel=3)).json
    assert [body["id"] for body in bodies] == [
        "urn:x:Room:1",
        "urn:x:House:1",
        "urn:x:Town:1",
        "urn:x:Country:1",
    ]
    listed = (await chain.get("/entities", type="Room,House", join="flat")).json
    assert [body["id"] for body in listed] == ["urn:x:House:1", "urn:x:Room:1", "urn:x:Town:1"]
    known = (await chain.get(ROOM, join="flat", joinLevel=3, containedBy="urn:x:Town:1")).json
    assert [body["id"] for body in known] == ["urn:x:Room:1", "urn:x:House:1"]


async def test_gives_a_list_even_if_nothing_is_beside(chain: Live) -> None:
    country = (await chain.get("/entities/urn:x:Country:1", join="flat")).json
    assert [body["id"] for body in country] == ["urn:x:Country:1"]


async def test_picks_in_linked_entities(chain: Live) -> None:
    one = (await chain.get(ROOM, join="inline", joinLevel=2, pick="id,isIn{floors,isIn{name}}")).json
    assert set(one) == {"id", "isIn"}
    assert set(one["isIn"]["entity"]) == {"floors", "isIn"}
    assert set(one["isIn"]["entity"]["isIn"]["entity"]) == {"name"}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("isIn{floors}==2", 1),
        ("isIn{floors}==3", 0),
        ('isIn{isIn{name}}=="縁側市"', 1),
        ("isIn{House:isIn{name}}", 1),
    ],
)
async def test_queries_through_relationships(chain: Live, q: str, found: int) -> None:
    reply = await chain.get("/entities", type="Room", q=q, join="inline", joinLevel=2)
    assert (reply.status, len(reply.json)) == (200, found)


@pytest.mark.parametrize(
    "params",
    [
        {"q": "isIn{floors}==2"},
        {"q": "isIn{isIn{name}}", "join": "inline"},
        {"pick": "isIn{floors}"},
        {"join": "sideways"},
        {"join": "inline", "joinLevel": "0"},
    ],
)
async def test_refuses_to_go_deeper_than_asked(chain: Live, params: dict[str, Any]) -> None:
    assert (await chain.get("/entities", type="Room", **params)).status == 400
