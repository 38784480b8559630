"""Notifications as receivers get them: triggers, contents, forms, headers. (5.3.1, 5.8.6, 6.3.8)"""

from typing import Any

import pytest

from base import clock
from tests.live import Live
from tests.notify.receiver import Receiver
from tests.notify.shelters import CORE, NULL, SHELTER, create, patch, shelter, subscribe, value


async def test_sends_a_notification_as_the_clause_describes_it(live: Live, receiver: Receiver) -> None:
    await create(live)
    id = await subscribe(live, receiver)
    await value(live, 6)
    (request,) = await receiver.wait()
    body = request.json
    assert body.keys() == {"id", "type", "subscriptionId", "notifiedAt", "data"}
    assert body["id"].startswith("urn:ngsi-ld:Notification:")
    assert body["type"] == "Notification" and body["subscriptionId"] == id
    assert body["notifiedAt"].endswith("Z")
    assert body["data"] == [shelter(occupancy={"type": "Property", "value": 6})]
    assert request.head.startswith("POST /notify HTTP/1.1\r\n")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Content-Length"] == str(len(request.body))
    assert "Transfer-Encoding" not in request.headers and "NGSILD-Tenant" not in request.headers
    assert request.headers["Link"] == (
        f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'
    )


@pytest.mark.parametrize(
    ("trigger", "told"),
    [
        ("entityCreated", [0]),
        ("attributeCreated", [0, 1]),
        ("attributeUpdated", [2]),
        ("attributeDeleted", [3, 4]),
        ("entityUpdated", [0, 1, 2, 3, 4]),
        ("entityDeleted", [4]),
    ],
)
async def test_tells_of_the_kinds_of_change_asked_for(
    live: Live, receiver: Receiver, trigger: str, told: list[int]
) -> None:
    await subscribe(live, receiver, notificationTrigger=[trigger])
    counts = []

    async def note() -> None:
        before = counts[-1][1] if counts else 0
        least = before + (len(counts) in told)
        counts.append((before, await receiver.quiet(0.12, least=least)))

    await create(live)
    await note()
    await live.post(f"/entities/{SHELTER}/attrs", {"beds": {"type": "Property", "value": 1}})
    await note()
    await patch(live, beds={"type": "Property", "value": 2})
    await note()
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/beds")
    await note()
    await live.ask("DELETE", f"/entities/{SHELTER}")
    await note()
    assert [step for step, (before, after) in enumerate(counts) if after > before] == told


async def test_keeps_silent_when_a_value_is_written_again(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver)
    await value(live, 5)
    assert await receiver.quiet() == 0


async def test_watches_only_the_attributes_named(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, watchedAttributes=["occupancy"])
    await patch(live, name={"type": "Property", "value": "Hall"})
    await value(live, 6)
    assert [r.entities[0]["occupancy"]["value"] for r in await receiver.wait()] == [6]


async def test_watches_attributes_of_any_entity(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, entities=..., watchedAttributes=["occupancy"])
    await value(live, 6)
    await receiver.wait()


@pytest.mark.parametrize(
    ("entities", "wanted"),
    [
        ([{"type": "Shelter", "id": SHELTER}], True),
        ([{"type": "Shelter", "id": ["urn:x:2", SHELTER]}], True),
        ([{"type": "Shelter", "id": "urn:x:2"}], False),
        ([{"type": "Shelter", "id": "urn:x:2", "idPattern": ".*"}], False),
        ([{"type": "Shelter", "idPattern": "^urn:.*:Shelter:.$"}], True),
        ([{"type": "Shelter", "idPattern": "^urn:.*:Sensor:.$"}], False),
        ([{"type": "*"}], True),
        ([{"type": "Sensor"}, {"type": "Shelter"}], True),
        ([{"type": "Sensor|Shelter"}], True),
        ([{"type": "(Sensor;Shelter)"}], False),
    ],
    ids=str,
)
async def test_selects_entities(live: Live, receiver: Receiver, entities: Any, wanted: bool) -> None:
    await create(live)
    await subscribe(live, receiver, entities=entities)
    await value(live, 6)
    assert await receiver.quiet(0.15, least=wanted) == wanted


@pytest.mark.parametrize(
    ("filter", "wanted"),
    [
        ({"q": "occupancy>5"}, True),
        ({"q": "occupancy>6"}, False),
        ({"q": 'name=="Gym"'}, True),
        ({"q": "name==%22Gym%22"}, True),
        ({"scopeQ": "/Yabu/#"}, True),
        ({"scopeQ": "/Asago/#"}, False),
        (
            {
                "geoQ": {
                    "georel": "near;maxDistance==2000",
                    "geometry": "Point",
                    "coordinates": [134.76, 35.4],
                }
            },
            True,
        ),
        (
            {"geoQ": {"georel": "near;maxDistance==2000", "geometry": "Point", "coordinates": "[135,35]"}},
            False,
        ),
        ({"q": "occupancy>5", "scopeQ": "/Asago"}, False),
    ],
    ids=str,
)
async def test_filters_by_the_entity_after_the_change(
    live: Live, receiver: Receiver, filter: Any, wanted: bool
) -> None:
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.76, 35.4]}}
    await create(live, location=place, scope="/Yabu/Oya")
    await subscribe(live, receiver, **filter)
    await value(live, 6)
    assert await receiver.quiet(0.15, least=wanted) == wanted


async def test_filters_a_deleted_entity_by_what_it_was(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, q="occupancy==5", notificationTrigger=["entityDeleted"])
    await live.ask("DELETE", f"/entities/{SHELTER}")
    await receiver.wait()


async def test_follows_relationships_in_q(live: Live, receiver: Receiver) -> None:
    await live.post(
        "/entities", {"id": "urn:x:city", "type": "City", "alert": {"type": "Property", "value": 3}}
    )
    await create(live, inCity={"type": "Relationship", "object": "urn:x:city"})
    await subscribe(live, receiver, q="inCity{alert}>2")
    await value(live, 6)
    await receiver.wait()


async def test_tells_of_deleted_attributes(live: Live, receiver: Receiver) -> None:
    await create(live, label={"type": "LanguageProperty", "languageMap": {"ja": "体育館"}})
    await subscribe(live, receiver, notificationTrigger=["attributeDeleted"])
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/occupancy")
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/label")
    first, second = await receiver.wait(2)
    assert first.entities[0]["occupancy"] == {"type": "Property", "value": NULL}
    assert first.entities[0]["name"]["value"] == "Gym"
    assert second.entities[0]["label"] == {"type": "LanguageProperty", "languageMap": {"@none": NULL}}


async def test_tells_which_instance_was_deleted(live: Live, receiver: Receiver) -> None:
    beds = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}]
    await create(live, beds=beds)
    await subscribe(live, receiver, notificationTrigger=["attributeDeleted"])
    await subscribe(live, receiver, {"format": "simplified"}, notificationTrigger=["attributeDeleted"])
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/beds", params={"datasetId": "urn:d:1"})
    shown = [r.entities[0]["beds"] for r in await receiver.wait(2)]
    assert {"dataset": {"@none": 1, "urn:d:1": NULL}} in shown
    assert [beds[0], {"type": "Property", "value": NULL, "datasetId": "urn:d:1"}] in shown


async def test_tells_once_of_an_attribute_deleted_with_all_instances(live: Live, receiver: Receiver) -> None:
    beds = [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}]
    await create(live, beds=beds)
    await subscribe(live, receiver, notificationTrigger=["attributeDeleted"])
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/beds", params={"deleteAll": "true"})
    (request,) = await receiver.wait()
    assert request.entities[0]["beds"] == {"type": "Property", "value": NULL}


async def test_tells_of_a_deleted_entity_by_its_time_only(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, {"format": "keyValues"}, notificationTrigger=["entityDeleted"])
    await live.ask("DELETE", f"/entities/{SHELTER}")
    (request,) = await receiver.wait()
    assert request.entities[0].keys() == {"id", "type", "deletedAt"}


async def test_tells_of_a_deleted_entity_with_system_times(live: Live, receiver: Receiver) -> None:
    await create(live)
    await subscribe(live, receiver, {"sysAttrs": True}, notificationTrigger=["entityDeleted"])
    await live.ask("DELETE", f"/entities/{SHELTER}")
    (request,) = await receiver.wait()
    assert request.entities[0].keys() == {"id", "type", "createdAt", "modifiedAt", "deletedAt"}


async def test_tells_of_a_watched_attribute_that_went_with_its_entity(live: Live, receiver: Receiver) -> None:
    await create(live)
    how = {"notificationTrigger": ["attributeDeleted"], "watchedAttributes": ["name"]}
    await subscribe(live, receiver, **how)
    await live.ask("DELETE", f"/entities/{SHELTER}")
    (request,) = await receiver.wait()
    assert request.entities[0].keys() == {"id", "type", "deletedAt", "name"}
    assert request.entities[0]["name"] == {"type": "Property", "value": NULL}


async def test_shows_changes(live: Live, receiver: Receiver) -> None:
    home = {"type": "Relationship", "object": "urn:x:1"}
    label = {"type": "LanguageProperty", "languageMap": {"ja": "体育館"}}
    await create(live, home=home, label=label)
    await subscribe(
        live, receiver, {"showChanges": True}, notificationTrigger=["entityUpdated", "entityDeleted"]
    )
    await value(live, 6)
    await patch(live, home={"type": "Relationship", "object": "urn:x:2"})
    await patch(live, label={"type": "LanguageProperty", "languageMap": {"en": "Gym"}})
    await live.ask("DELETE", f"/entities/{SHELTER}/attrs/label")
    await live.ask("DELETE", f"/entities/{SHELTER}")
    seen = [r.entities[0] for r in await receiver.wait(5)]
    assert seen[0]["occupancy"] == {"type": "Property", "value": 6, "previousValue": 5}
    assert seen[0]["name"] == {"type": "Property", "value": "Gym"}
    assert seen[1]["home"] == {"type": "Relationship", "object": "urn:x:2", "previousObject": "urn:x:1"}
    assert seen[2]["label"]["previousLanguageMap"] == {"ja": "体育館"}
    assert seen[3]["label"] == {
        "type": "LanguageProperty",
        "languageMap": {"@none": NULL},
        "previousLanguageMap": {"en": "Gym"},
    }
    assert seen[4]["deletedAt"]
    assert seen[4]["occupancy"] == {"type": "Property", "value": NULL, "previousValue": 6}
    assert seen[4]["home"] == {"type": "Relationship", "object": NULL, "previousObject": "urn:x:2"}


async def test_shows_no_previous_value_of_what_is_new(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver, {"showChanges": True})
    await create(live)
    await live.post(f"/entities/{SHELTER}/attrs", {"beds": {"type": "Property", "value": 1}})
    for request in await receiver.wait(2):
        assert b"previous" not in request.body


async def test_names_the_tenant(live: Live, receiver: Receiver) -> None:
    tenant = {"NGSILD-Tenant": "harbour"}
    body = {
        "type": "Subscription",
        "entities": [{"type": "Shelter"}],
        "notification": {"endpoint": {"uri": receiver.url}},
    }
    assert (await live.post("/subscriptions", body, headers=tenant)).status == 201
    await create(live)
    assert await receiver.quiet(0.15) == 0
    await live.post("/entities", shelter(), headers=tenant)
    (request,) = await receiver.wait()
    assert request.headers["NGSILD-Tenant"] == "harbour"


async def test_gives_each_change_of_a_batch(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver)
    batch = [
        {"id": f"urn:ngsi-ld:Shelter:{n}", "type": "Shelter", "occupancy": {"type": "Property", "value": n}}
        for n in range(5)
    ]
    await live.post("/entityOperations/create", batch)
    assert {r.entities[0]["id"] for r in await receiver.wait(5)} == {one["id"] for one in batch}


async def test_compares_expanded_values_and_raw_keys(live: Live, receiver: Receiver) -> None:
    """4.9, 5.2.12: expandValues, jsonKeys."""
    context = {"@context": {"open": "https://city.example/open", "state": "https://city.example/state"}}
    told = "https://city.example/state"
    await subscribe(live, receiver, q="state==open", expandValues="state", **context)
    state = {"type": "VocabProperty", "vocab": "https://city.example/open"}
    await create(live, **{told: state})
    (request,) = await receiver.wait()
    assert request.entities[0][told if told in request.entities[0] else "state"]
    await subscribe(live, receiver, q="raw[a]==1", jsonKeys="raw")
    await patch(live, raw={"type": "JsonProperty", "json": {"a": 2}})
    await patch(live, raw={"type": "JsonProperty", "json": {"a": 1}})
    requests = [one for one in await receiver.wait(4) if "raw" in one.entities[0]]
    assert [one.entities[0]["raw"]["json"]["a"] for one in requests] == [2, 1, 1]


async def test_tells_when_attributes_and_entities_expire(live: Live, receiver: Receiver) -> None:
    """4.22: what expires is deleted."""
    soon = clock.show(clock.now() + 3 * clock.SECOND)
    await subscribe(live, receiver, notificationTrigger=["attributeDeleted", "entityDeleted"])
    await create(live, note={"type": "Property", "value": 1, "expiresAt": soon})
    (request,) = await receiver.wait()
    assert request.entities[0]["note"] == NULL or request.entities[0]["note"]["value"] == NULL
