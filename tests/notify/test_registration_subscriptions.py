"""Subscriptions to registrations of context sources, and what they are told. (5.11, 5.3.2)"""

from pathlib import Path
from typing import Any

import pytest

from base import clock
from tests.live import Live, live_broker
from tests.notify.neighbours import (
    ID,
    REGISTRATION,
    REGISTRATIONS,
    ROOT,
    body,
    change,
    register,
    source,
    subscribe,
    told,
)
from tests.notify.receiver import Receiver, receiving
from tests.notify.test_delivery import until

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
FUTURE = "2099-01-01T00:00:00Z"


async def test_creates_retrieves_lists_updates_and_deletes(live: Live) -> None:
    created = await live.post(ROOT, body())
    assert created.status == 201 and created.headers["Location"] == f"/ngsi-ld/v1{ROOT}/{ID}"
    assert (await live.get(f"{ROOT}/{ID}")).json == body(status="active")
    assert [one["id"] for one in (await live.get(ROOT)).json] == [ID]
    assert (await live.get(ROOT, limit=0, count="true")).headers["NGSILD-Results-Count"] == "1"
    assert (await live.ask("PATCH", f"{ROOT}/{ID}", {"isActive": False})).status == 204
    assert (await live.get(f"{ROOT}/{ID}")).json["status"] == "paused"
    assert (await live.ask("DELETE", f"{ROOT}/{ID}")).status == 204
    for method, fragment in (("GET", None), ("DELETE", None), ("PATCH", {"isActive": True})):
        gone = await live.ask(method, f"{ROOT}/{ID}", fragment)
        assert gone.status == 404 and gone.json["type"] == ERRORS + "ResourceNotFound"
        assert (await live.ask(method, f"{ROOT}/1", fragment)).status == 400


async def test_shows_a_jsonld_context_that_was_given(live: Live) -> None:
    core = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
    await live.post(ROOT, body(jsonldContext=core))
    assert (await live.get(f"{ROOT}/{ID}")).json["jsonldContext"] == core


async def test_the_two_kinds_of_subscriptions_do_not_mix(live: Live) -> None:
    assert (await live.post(ROOT, body())).status == 201
    assert (await live.get("/subscriptions")).json == []
    assert (await live.get(f"/subscriptions/{ID}")).status == 404
    assert (await live.post("/subscriptions", body())).status == 201
    assert (await live.ask("DELETE", f"{ROOT}/{ID}")).status == 204
    assert (await live.get(f"/subscriptions/{ID}")).status == 200
    assert (await live.get(ROOT)).json == []
    again = await live.post("/subscriptions", body())
    assert again.status == 409 and again.json["type"] == ERRORS + "AlreadyExists"


@pytest.mark.parametrize(
    "members",
    [
        {"type": "Sub"},
        {"notification": ...},
        {"entities": ...},
        {"watchedAttributes": []},
        {"q": "a>"},
        {"csf": "(("},
        {"scopeQ": "a b"},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"temporalQ": "before"},
        {"temporalQ": {}},
        {"temporalQ": {"timerel": "before"}},
        {"temporalQ": {"timerel": "during", "timeAt": FUTURE}},
        {"temporalQ": {"timerel": "before", "timeAt": FUTURE, "timeproperty": "now"}},
        {"notification": {"endpoint": {"uri": "http://127.0.0.1:9", "accept": "application/geo+json"}}},
    ],
)
async def test_refuses_what_is_no_subscription_to_registrations(live: Live, members: Any) -> None:
    reply = await live.post(ROOT, body(**members))
    assert reply.status == 400 and reply.json["type"] == ERRORS + "BadRequestData"
    assert (await live.get(ROOT)).json == []


async def test_an_update_without_an_endpoint_or_type_is_refused(live: Live) -> None:
    await live.post(ROOT, body())
    for fragment in ({"type": None}, {"notification": {"format": "keyValues"}}, {"csf": "(("}):
        assert (await live.ask("PATCH", f"{ROOT}/{ID}", fragment)).status == 400
    assert (await live.get(f"{ROOT}/{ID}")).json == body(status="active")


async def test_tells_of_new_changed_and_deleted_registrations(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver)
    await register(live)
    await receiver.wait(1)
    await change(live, endpoint="http://other.example")
    await receiver.wait(2)
    assert (await live.ask("DELETE", f"{REGISTRATIONS}/{REGISTRATION}")).status == 204
    await receiver.wait(3)
    assert told(receiver) == [("newlyMatching", ["1"]), ("updated", ["1"]), ("noLongerMatching", ["1"])]
    first, second, third = (request.json for request in receiver.requests)
    assert set(first) == {"id", "type", "subscriptionId", "notifiedAt", "triggerReason", "data"}
    assert first["type"] == "ContextSourceNotification" and first["subscriptionId"] == ID
    assert first["id"].startswith("urn:ngsi-ld:Notification:") and clock.parse(first["notifiedAt"])
    assert first["data"] == [source(information=[{"entities": [{"type": ["Shelter"]}]}])]
    assert second["data"][0]["endpoint"] == third["data"][0]["endpoint"] == "http://other.example"
    assert receiver.requests[0].headers["Content-Type"] == "application/json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in receiver.requests[0].headers["Link"]


async def test_the_first_notification_tells_of_all_that_match(live: Live, receiver: Receiver) -> None:
    for number in range(3):
        await register(live, id=f"urn:x:{number}")
    await register(live, id="urn:x:other", information=[{"entities": [{"type": "School"}]}])
    await subscribe(live, receiver)
    await receiver.wait(1)
    assert told(receiver) == [("newlyMatching", ["0", "1", "2"])]
    assert await receiver.quiet() == 1


async def test_the_first_notification_comes_in_pages(tmp_path: Path, receiver: Receiver) -> None:
    async with live_broker(tmp_path, page_most=2) as live:
        for number in range(5):
            await register(live, id=f"urn:x:{number}")
        await subscribe(live, receiver)
        await receiver.wait(3)
        found = sorted(number for _, numbers in told(receiver) for number in numbers)
        assert found == ["0", "1", "2", "3", "4"]


async def test_where_nothing_matches_nothing_is_told(live: Live, receiver: Receiver) -> None:
    await register(live, information=[{"entities": [{"type": "School"}]}])
    await subscribe(live, receiver)
    await change(live, description="x")
    assert await receiver.quiet() == 0


async def test_an_update_that_changes_nothing_is_not_told(live: Live, receiver: Receiver) -> None:
    await register(live)
    await subscribe(live, receiver)
    await receiver.wait(1)
    await change(live, endpoint=source()["endpoint"])
    assert await receiver.quiet() == 1


async def test_an_updated_registration_may_come_and_go(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver)
    await register(live, information=[{"entities": [{"type": "School"}]}])
    await change(live, information=source()["information"])
    await receiver.wait(1)
    await change(live, information=[{"entities": [{"type": "Gate"}]}])
    _, gone = await receiver.wait(2)
    assert told(receiver) == [("newlyMatching", ["1"]), ("noLongerMatching", ["1"])]
    assert gone.json["data"][0]["information"] == [{"entities": [{"type": ["Shelter"]}]}]


async def test_only_matching_information_is_told(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver)
    school = {"entities": [{"type": "School"}], "propertyNames": ["name"]}
    await register(live, information=[school, *source()["information"], {"propertyNames": ["name"]}])
    (request,) = await receiver.wait(1)
    assert request.json["data"][0]["information"] == [
        {"entities": [{"type": ["Shelter"]}]},
        {"propertyNames": ["name"]},
    ]


async def test_a_changed_subscription_is_told_of_all_that_match_now(live: Live, receiver: Receiver) -> None:
    await register(live)
    await register(live, id="urn:x:2", information=[{"entities": [{"type": "School"}]}])
    await subscribe(live, receiver, entities=[{"type": "Gate"}])
    for entities in ([{"type": "School"}], [{"type": "Shelter"}, {"type": "School"}]):
        assert (await live.ask("PATCH", f"{ROOT}/{ID}", {"entities": entities})).status == 204
        await receiver.wait(len(entities))
    assert told(receiver) == [("newlyMatching", ["2"]), ("newlyMatching", ["1", "2"])]


async def test_a_changed_endpoint_is_used_at_once(live: Live, receiver: Receiver) -> None:
    await register(live)
    async with receiving() as former:
        await subscribe(live, former)
        await former.wait(1)
        changed = {"notification": body(receiver.url)["notification"]}
        assert (await live.ask("PATCH", f"{ROOT}/{ID}", changed)).status == 204
        await receiver.wait(1)
        assert len(former.requests) == 1


@pytest.mark.parametrize("members", [{"isActive": False}, {"expiresAt": "soon"}])
async def test_a_subscription_that_is_not_active_is_told_nothing(
    live: Live, receiver: Receiver, members: dict[str, Any]
) -> None:
    if "expiresAt" in members:
        members = {"expiresAt": clock.show(clock.now() + 3 * clock.SECOND)}
    await subscribe(live, receiver, **members)

    async def ended() -> bool:
        return (await live.get(f"{ROOT}/{ID}")).json["status"] != "active"

    await until(ended)
    await register(live)
    assert await receiver.quiet() == 0


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"csf": 'mode=="auxiliary"'}, {"mode": "auxiliary", "operations": ["retrieveOps"]}),
        ({"csf": "keeper==%22Yabu%22"}, {"keeper": "Yabu"}),
        ({"scopeQ": "/Yabu/#"}, {"scope": "/Yabu/Oya"}),
        (
            {"geoQ": {"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": [1, 1]}},
            {"location": {"type": "Point", "coordinates": [1, 1]}},
        ),
        (
            {
                "geoQ": {
                    "georel": "within",
                    "geometry": "Polygon",
                    "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]],
                    "geoproperty": "operationSpace",
                }
            },
            {"operationSpace": {"type": "Point", "coordinates": [1.5, 1]}},
        ),
        (
            {"temporalQ": {"timerel": "after", "timeAt": "2025-06-01T00:00:00Z"}},
            {"observationInterval": {"startAt": "2025-01-01T00:00:00Z"}},
        ),
        (
            {
                "temporalQ": {
                    "timerel": "before",
                    "timeAt": "2025-06-01T00:00:00Z",
                    "timeproperty": "modifiedAt",
                }
            },
            {"managementInterval": {"startAt": "2025-01-01T00:00:00Z", "endAt": FUTURE}},
        ),
    ],
)
async def test_every_condition_of_a_subscription_counts(
    live: Live, receiver: Receiver, asked: dict[str, Any], given: dict[str, Any]
) -> None:
    await subscribe(live, receiver, **asked)
    await register(live, id="urn:x:without")
    await register(live, id="urn:x:with", **given)
    await receiver.wait(1)
    assert await receiver.quiet(0.1) == 1 and told(receiver) == [("newlyMatching", ["with"])]


async def test_without_a_temporal_query_temporal_sources_are_not_told(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver)
    await register(live, observationInterval={"startAt": "2025-01-01T00:00:00Z"})
    assert await receiver.quiet() == 0


async def test_attributes_count_where_both_watched_and_told_ones_are_given(
    live: Live, receiver: Receiver
) -> None:
    names = {"propertyNames": ["name"], "entities": [{"type": "Shelter"}]}
    await subscribe(live, receiver, watchedAttributes=["capacity"])
    await register(live, information=[names])
    await receiver.wait(1)
    both = body(receiver.url)["notification"] | {"attributes": ["colour"]}
    assert (await live.ask("PATCH", f"{ROOT}/{ID}", {"notification": both})).status == 204
    await change(live, description="x")
    assert await receiver.quiet() == 1
    await change(live, information=[{**names, "relationshipNames": ["colour"]}])
    await receiver.wait(2)
    assert [reason for reason, _ in told(receiver)] == ["newlyMatching", "newlyMatching"]


async def test_json_ld_holds_its_context_and_system_attributes_come_when_wanted(
    live: Live, receiver: Receiver
) -> None:
    params = {"endpoint": {"uri": receiver.url, "accept": "application/ld+json"}, "sysAttrs": True}
    await subscribe(live, receiver, notification=params)
    await register(live)
    (request,) = await receiver.wait(1)
    assert request.headers["Content-Type"] == "application/ld+json" and "Link" not in request.headers
    assert request.json["@context"] and request.json["data"][0]["@context"]
    assert request.json["data"][0]["createdAt"] == request.json["data"][0]["modifiedAt"]


async def test_an_interval_brings_all_that_match_again_and_again(live: Live, receiver: Receiver) -> None:
    await register(live)
    await subscribe(live, receiver, timeInterval=0.2)
    await receiver.wait(3)
    assert told(receiver)[:3] == [("newlyMatching", ["1"])] * 3
    await live.ask("DELETE", f"{REGISTRATIONS}/{REGISTRATION}")
    before = await receiver.quiet()
    assert await receiver.quiet(0.5) == before
    assert all(reason == "newlyMatching" for reason, _ in told(receiver))


async def test_throttling_keeps_notifications_apart(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver, throttling=3600)
    await register(live)
    await receiver.wait(1)
    await change(live, description="x")
    assert await receiver.quiet() == 1


async def test_attempts_are_counted(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver)
    await register(live)
    await receiver.wait(1)

    async def counted() -> bool:
        return "lastSuccess" in (await live.get(f"{ROOT}/{ID}")).json["notification"]

    await until(counted)
    shown = (await live.get(f"{ROOT}/{ID}")).json["notification"]
    assert shown["timesSent"] == 1 and shown["status"] == "ok" and "timesFailed" not in shown


async def test_a_deleted_subscription_is_told_nothing(live: Live, receiver: Receiver) -> None:
    await subscribe(live, receiver)
    assert (await live.ask("DELETE", f"{ROOT}/{ID}")).status == 204
    await register(live)
    assert await receiver.quiet() == 0


async def test_a_registration_that_is_refused_is_not_told(live: Live, receiver: Receiver) -> None:
    await register(live)
    await subscribe(live, receiver)
    await receiver.wait(1)
    assert (await live.post(REGISTRATIONS, source())).status == 409
    assert (await live.ask("PATCH", f"{REGISTRATIONS}/{REGISTRATION}", {"mode": "exclusive"})).status == 400
    assert await receiver.quiet() == 1
