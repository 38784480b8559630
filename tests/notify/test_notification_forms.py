"""The forms in which notifications are written, and their headers. (5.3.1, 5.2.14, 6.3.8)"""

from typing import Any

import pytest

from tests.live import Live
from tests.notify.receiver import Receiver
from tests.notify.shelters import CORE, NULL, SHELTER, create, patch, subscribe, value

CITY = {"id": "urn:x:city", "type": "City", "name": {"type": "Property", "value": "Yabu"}}


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ({"format": "concise"}, {"occupancy": 6, "name": "Gym"}),
        ({"format": "simplified"}, {"occupancy": 6, "name": "Gym"}),
        ({"format": "keyValues", "attributes": ["occupancy"]}, {"occupancy": 6}),
        ({"format": "keyValues", "omit": ["name"]}, {"occupancy": 6}),
    ],
    ids=str,
)
async def test_writes_the_format_asked_for(live: Live, receiver: Receiver, form: Any, shown: Any) -> None:
    await create(live)
    await subscribe(live, receiver, form)
    await value(live, 6)
    (request,) = await receiver.wait()
    assert request.entities == [{"id": SHELTER, "type": "Shelter", **shown}]


async def test_picks_members(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, {"pick": ["id", "occupancy"]})
    await value(live, 6)
    (request,) = await receiver.wait()
    assert request.entities == [{"id": SHELTER, "occupancy": {"type": "Property", "value": 6}}]


async def test_chooses_language_and_dataset(live: Live, receiver: Receiver) -> None:
    label = {"type": "LanguageProperty", "languageMap": {"ja": "体育館", "en": "Gym"}, "datasetId": "urn:d:1"}
    await create(live, label=label)
    await subscribe(live, receiver, lang="en", datasetId=["urn:d:1"])
    await value(live, 6)
    (request,) = await receiver.wait()
    (entity,) = request.entities
    assert entity.keys() == {"id", "type", "label"}
    assert entity["label"]["value"] == "Gym" and entity["label"]["lang"] == "en"


async def test_writes_json_ld_with_its_context_in_the_body(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, {"endpoint": {"accept": "application/ld+json"}})
    await value(live, 6)
    (request,) = await receiver.wait()
    assert "Link" not in request.headers
    assert request.headers["Content-Type"] == "application/ld+json"
    assert request.json["@context"] == request.entities[0]["@context"] == CORE


async def test_writes_geojson(live: Live, receiver: Receiver) -> None:
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.76, 35.4]}}
    await create(live, location=place)
    await subscribe(live, receiver, {"endpoint": {"accept": "application/geo+json"}, "format": "simplified"})
    prefer = [{"key": "Prefer", "value": "body=json"}]
    await subscribe(live, receiver, {"endpoint": {"accept": "application/geo+json", "receiverInfo": prefer}})
    await value(live, 6)
    requests = await receiver.wait(2)
    linked = next(r for r in requests if "Link" in r.headers)
    embedded = next(r for r in requests if "Link" not in r.headers)
    assert linked.json["data"].keys() == {"type", "features"} and linked.headers["Prefer"] == "body=json"
    data = embedded.json["data"]
    assert data["type"] == "FeatureCollection" and data["@context"] == CORE
    (feature,) = data["features"]
    assert feature["geometry"] == place["value"] and feature["properties"]["occupancy"] == 6


async def test_tells_of_a_deleted_location_in_geojson(live: Live, receiver: Receiver) -> None:
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.76, 35.4]}}
    await create(live, location=place)
    await subscribe(
        live,
        receiver,
        {"endpoint": {"accept": "application/geo+json"}},
        notificationTrigger=["attributeDeleted"],
    )
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/location")
    (request,) = await receiver.wait()
    assert request.json["data"]["features"][0]["geometry"] is None


async def test_sends_receiver_info_as_headers_in_the_case_given(live: Live, receiver: Receiver) -> None:
    await create(live)
    info = [{"key": "X-Additional-Key", "value": "Value"}, {"key": "authorization", "value": "Bearer x"}]
    await subscribe(live, receiver, {"endpoint": {"receiverInfo": info}})
    await value(live, 6)
    (request,) = await receiver.wait()
    assert request.headers["X-Additional-Key"] == "Value"
    assert request.headers["authorization"] == "Bearer x"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (
            {"join": "flat", "attributes": ["inCity"]},
            [
                {
                    "id": SHELTER,
                    "type": "Shelter",
                    "inCity": {"type": "Relationship", "object": "urn:x:city"},
                },
                CITY,
            ],
        ),
        (
            {"join": "inline", "pick": ["inCity"]},
            [{"inCity": {"type": "Relationship", "object": "urn:x:city", "entity": CITY}}],
        ),
        (
            {"join": "inline", "format": "simplified", "pick": ["inCity{id,name}"]},
            [{"inCity": {"id": "urn:x:city", "name": "Yabu"}}],
        ),
        ({"join": "@none", "pick": ["inCity"], "format": "keyValues"}, [{"inCity": "urn:x:city"}]),
    ],
    ids=str,
)
async def test_joins_linked_entities(live: Live, receiver: Receiver, form: Any, told: Any) -> None:
    await live.post("/entities", CITY)
    await create(live, inCity={"type": "Relationship", "object": "urn:x:city"})
    await subscribe(live, receiver, form)
    await value(live, 6)
    (request,) = await receiver.wait()
    assert request.entities == told


async def test_joins_no_circle(live: Live, receiver: Receiver) -> None:
    back = {"type": "Relationship", "object": SHELTER}
    await live.post("/entities", {**CITY, "has": back})
    await create(live, inCity={"type": "Relationship", "object": "urn:x:city"})
    for join in ("flat", "inline"):
        await subscribe(live, receiver, {"join": join, "joinLevel": 9, "format": "simplified"})
    await value(live, 6)
    flat, inline = sorted((r.entities for r in await receiver.wait(2)), key=len, reverse=True)
    assert [one["id"] for one in flat] == [SHELTER, "urn:x:city"]
    assert inline[0]["inCity"]["has"] == SHELTER


async def test_conforms_to_an_earlier_version_if_wanted(live: Live, receiver: Receiver) -> None:
    """4.3.6.8, 5.2.12: ngsildConformance."""
    await subscribe(
        live, receiver, {"showChanges": True}, ngsildConformance="1.5", notificationTrigger=["entityUpdated"]
    )
    await create(live, state={"type": "VocabProperty", "vocab": "open"})
    await patch(live, state={"type": "VocabProperty", "vocab": "shut"})
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/state")
    told = [request.entities[0]["state"] for request in await receiver.wait(3)]
    assert told == [
        {"type": "Property", "value": "open"},
        {"type": "Property", "value": "shut"},
        {"type": "Property", "value": NULL},
    ]
