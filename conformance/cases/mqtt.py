"""Notifications by MQTT. (7)"""

from typing import Any

from conformance.case import case
from conformance.entity import prop, vehicle
from conformance.servers.mqtt import MqttBroker, MqttMessage
from conformance.subject import Subject

FEATURE = "MQTT"
NEEDS = ("subscriptions", "callbacks", "mqtt")


async def told(broker: Subject, server: MqttBroker, **endpoint: Any) -> MqttMessage:
    """Subscribe with an MQTT endpoint, change a vehicle, and give the message."""
    entity = await broker.have(vehicle(speed=55))
    uri = endpoint.pop("uri", server.url("yabu/speeds"))
    path = await broker.subscribe(
        uri, entities=[{"type": entity.type}], notification={"endpoint": {"uri": uri, **endpoint}}
    )
    (await broker.patch(f"{entity.path}/attrs", {"speed": prop(60)})).status(204)
    message = await server.next()
    message.body.has(type="Notification", subscriptionId=path.rpartition("/")[2])
    message.body.at("data", 0).has(id=entity.id, speed=prop(60))
    return message


def info(key: str, value: str) -> dict[str, Any]:
    """Write a notifierInfo of one entry."""
    return {"notifierInfo": [{"key": key, "value": value}]}


@case(
    "7.2",
    "a message has metadata and body, on the topic of the endpoint",
    feature=FEATURE,
    needs=NEEDS,
    profile="full",
)
async def message(broker: Subject) -> None:
    server = await broker.mqtt()
    seen = await told(broker, server)
    seen.json.at("metadata").is_a(dict)
    seen.json.holds(seen.topic == "yabu/speeds", "comes on yabu/speeds", seen.topic)


@case("7.2", "metadata carries the content type", feature=FEATURE, needs=NEEDS, profile="full")
async def content_type(broker: Subject) -> None:
    server = await broker.mqtt()
    seen = await told(broker, server)
    seen.metadata.at("Content-Type").matches("application/json.*")


@case("7.2, 5.2.15", "receiverInfo becomes metadata", feature=FEATURE, needs=NEEDS, profile="full")
async def receiver_info(broker: Subject) -> None:
    server = await broker.mqtt()
    seen = await told(broker, server, receiverInfo=[{"key": "X-Purpose", "value": "drill"}])
    seen.metadata.has({"X-Purpose": "drill"})


@case("7.2", "MQTT 5.0 is spoken by default", feature=FEATURE, needs=NEEDS, profile="full")
async def default_version(broker: Subject) -> None:
    server = await broker.mqtt()
    seen = await told(broker, server)
    seen.json.holds("mqtt5.0" in server.versions, "comes by mqtt5.0", str(server.versions))


@case("7.2", "MQTT-Version mqtt3.1.1 is spoken when asked for", feature=FEATURE, needs=NEEDS, profile="full")
async def older_version(broker: Subject) -> None:
    server = await broker.mqtt()
    seen = await told(broker, server, **info("MQTT-Version", "mqtt3.1.1"))
    seen.json.holds("mqtt3.1.1" in server.versions, "comes by mqtt3.1.1", str(server.versions))


@case("7.2", "MQTT-QoS decides on the quality of service", feature=FEATURE, needs=NEEDS, profile="full")
async def quality(broker: Subject) -> None:
    server = await broker.mqtt()
    seen = await told(broker, server, **info("MQTT-QoS", "2"))
    seen.json.holds(seen.qos == 2, "comes with QoS 2", f"QoS {seen.qos}")


@case("7.2", "an unknown MQTT-QoS is refused", feature=FEATURE, needs=NEEDS, profile="full")
async def unknown_quality(broker: Subject) -> None:
    server = await broker.mqtt()
    body = {
        "id": broker.id("Subscription"),
        "type": "Subscription",
        "entities": [{"type": broker.type("Vehicle")}],
        "notification": {"endpoint": {"uri": server.url("yabu"), **info("MQTT-QoS", "3")}},
    }
    (await broker.post("/subscriptions", body)).refused(400, "BadRequestData")
