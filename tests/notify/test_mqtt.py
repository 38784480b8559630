"""Notifications over MQTT, to a real mosquitto. (7.2, 5.2.15)"""

import asyncio
import logging
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from base.egress import AddressPolicy
from base.errors import BadRequestData
from broker.notify.client import Undelivered
from broker.notify.endpoint import check, mqtt_target, without_credentials
from broker.notify.mqtt import Publisher
from tests.live import Live, live_broker
from tests.notify.mosquitto import listening, mosquitto, needed
from tests.notify.receiver import Receiver
from tests.notify.test_delivery import counters, until
from tests.notify.test_notifications import CORE, create, shelter, subscribe, value

PASSWORD = "se:cr@t"  # made up
QUOTED = "se%3Acr%40t"


def at(uri: str, **info: str) -> dict[str, Any]:
    """Give NotificationParams for an MQTT endpoint."""
    pairs = [{"key": f"MQTT-{key}", "value": value} for key, value in info.items()]
    return {"endpoint": {"uri": uri, **({"notifierInfo": pairs} if pairs else {})}}


async def notified(live: Live, receiver: Receiver, notification: Any, **members: Any) -> str:
    await create(live)
    id = await subscribe(live, receiver, notification, **members)
    await value(live, 6)
    return id


@needed
@pytest.mark.parametrize("version", ["mqtt3.1.1", "mqtt5.0", None])
@pytest.mark.parametrize("qos", ["0", "1", "2", None])
async def test_publishes_metadata_and_body(
    live: Live, receiver: Receiver, tmp_path: Path, version: str | None, qos: str | None
) -> None:
    info = {key: given for key, given in (("Version", version), ("QoS", qos)) if given is not None}
    async with mosquitto(tmp_path) as server, listening(server, "city/shelters") as listener:
        id = await notified(live, receiver, at(f"mqtt://{server.place}/city/shelters", **info))
        (message,) = await listener.wait()
        assert message.keys() == {"metadata", "body"}
        assert message["metadata"] == {
            "Content-Type": "application/json",
            "Link": f'<{CORE}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"',
        }
        assert message["body"]["subscriptionId"] == id
        assert message["body"]["data"] == [shelter(occupancy={"type": "Property", "value": 6})]
        assert listener.messages[0].qos == int(qos or "0") and not listener.messages[0].retain

        async def counted() -> bool:
            return (await counters(live, id)).get("status") == "ok"

        await until(counted)


@needed
async def test_adds_receiver_info_to_the_metadata(live: Live, receiver: Receiver, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server, listening(server, "a/#") as listener:
        endpoint = {
            "uri": f"mqtt://{server.place}/a/b%20c",
            "accept": "application/ld+json",
            "receiverInfo": [{"key": "ward", "value": "北区"}, {"key": "with space", "value": "yes"}],
        }
        await notified(live, receiver, {"endpoint": endpoint})
        (message,) = await listener.wait()
        assert listener.messages[0].topic == "a/b c"
        assert message["metadata"] == {
            "Content-Type": "application/ld+json",
            "ward": "北区",
            "with space": "yes",
        }
        assert message["body"]["@context"] == CORE


@needed
async def test_names_the_tenant_in_the_metadata(live: Live, tmp_path: Path) -> None:
    tenant = {"NGSILD-Tenant": "harbour"}
    async with mosquitto(tmp_path) as server, listening(server, "t") as listener:
        body = {"type": "Subscription", "entities": [{"type": "Shelter"}]}
        body["notification"] = at(f"mqtt://{server.place}/t")  # type: ignore[assignment]  # grows into a document
        assert (await live.post("/subscriptions", body, headers=tenant)).status == 201
        assert (await live.post("/entities", shelter(), headers=tenant)).status == 201
        (message,) = await listener.wait()
        assert message["metadata"]["NGSILD-Tenant"] == "harbour"


@needed
async def test_uses_one_connection_for_all_messages_to_a_broker(
    live: Live, receiver: Receiver, tmp_path: Path
) -> None:
    async with mosquitto(tmp_path) as server, listening(server, "$SYS/broker/clients/total"):
        await create(live)
        async with listening(server, "x/#") as listener:
            for number in range(3):
                await subscribe(live, receiver, at(f"mqtt://{server.place}/x/{number}", QoS="1"))
            for number in range(6, 16):
                await value(live, number)
            await listener.wait(30)
        publisher = live.broker.notifier._delivery._publisher
        assert len(publisher._links) == 1


@needed
async def test_keeps_the_order_of_one_entity(live: Live, receiver: Receiver, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server, listening(server, "x") as listener:
        await create(live)
        await subscribe(live, receiver, at(f"mqtt://{server.place}/x", QoS="1"))
        for number in range(100, 130):
            await value(live, number)
        came = await listener.wait(30)
        told = [one["body"]["data"][0]["occupancy"]["value"] for one in came]
        assert told == list(range(100, 130))


@needed
@pytest.mark.parametrize("version", ["mqtt3.1.1", "mqtt5.0"])
async def test_logs_in_with_the_credentials_of_the_address(
    tmp_path: Path, receiver: Receiver, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "city", PASSWORD], check=True, timeout=60)  # noqa: ASYNC221  # takes no time
    async with (
        mosquitto(tmp_path, f"password_file {passwords}") as server,
        listening(server, "x", user="city", password=PASSWORD) as listener,
        live_broker(tmp_path / "data", notify_attempts=1) as live,
    ):
        await notified(live, receiver, at(f"mqtt://city:{QUOTED}@{server.place}/x", Version=version))
        await listener.wait()
        id = await subscribe(live, receiver, at(f"mqtt://city:wro%40ng@{server.place}/x", Version=version))
        await value(live, 7)

        async def dead() -> bool:
            return bool(live.broker.catalogue.open("").dead_letters(10))

        await until(dead)
        (letter,) = live.broker.catalogue.open("").dead_letters(10)
        assert "uthori" in letter.error or "bad user name" in letter.error.lower()
        assert (await counters(live, id))["status"] == "failed"
        for secret in (PASSWORD, QUOTED, "wro"):
            assert secret not in letter.error and secret not in caplog.text


@needed
async def test_encrypts_and_verifies_the_certificate(tmp_path: Path, receiver: Receiver) -> None:
    authority, certificate = trustme.CA(), tmp_path / "server.pem"
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    lines = (f"certfile {certificate}", f"keyfile {certificate}")
    ca = str(tmp_path / "ca.pem")
    async with mosquitto(tmp_path, *lines) as server, listening(server, "x", ca=ca) as listener:
        async with live_broker(tmp_path / "1", notify_authorities=Path(ca)) as live:
            await notified(live, receiver, at(f"mqtts://localhost:{server.port}/x", QoS="1"))
            await listener.wait()
        async with live_broker(tmp_path / "2", notify_attempts=1) as live:
            id = await notified(live, receiver, at(f"mqtts://localhost:{server.port}/x", QoS="1"))

            async def failed() -> bool:
                return (await counters(live, id)).get("status") == "failed"

            await until(failed)
            assert len(listener.messages) == 1


@needed
async def test_refuses_a_certificate_of_another_host(tmp_path: Path) -> None:
    authority, certificate = trustme.CA(), tmp_path / "server.pem"
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("elsewhere.example").private_key_and_cert_chain_pem.write_to_path(certificate)
    async with mosquitto(tmp_path, f"certfile {certificate}", f"keyfile {certificate}") as server:
        publisher = Publisher(AddressPolicy((), loopback=True), tmp_path / "ca.pem")
        with pytest.raises(Undelivered, match="ertificate"):
            await publisher.publish(mqtt_target({"uri": f"mqtts://localhost:{server.port}/x"}), {}, b"{}", 30)
        publisher.close()


@needed
async def test_loses_nothing_when_the_mqtt_broker_is_killed(
    live: Live, receiver: Receiver, tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"

    def allow(*users: str) -> None:
        passwords.unlink(missing_ok=True)
        passwords.touch(0o600)
        for user in users:
            subprocess.run(["mosquitto_passwd", "-b", passwords, user, PASSWORD], check=True, timeout=60)

    def told(messages: list[Any]) -> list[int]:
        return [one["body"]["data"][0]["occupancy"]["value"] for one in messages]

    allow("city", "reader")
    async with mosquitto(tmp_path, f"password_file {passwords}") as server:
        async with listening(server, "x", user="reader", password=PASSWORD) as listener:
            await create(live)
            await subscribe(live, receiver, at(f"mqtt://city:{QUOTED}@{server.place}/x", QoS="1"))
            for number in range(10, 20):
                await value(live, number)
            await listener.wait(10)
            for number in range(20, 30):
                await value(live, number)
            server.kill()
        for number in range(30, 40):
            await value(live, number)
        allow("reader")  # so that it listens before anything is sent again
        await server.start()
        async with listening(server, "x", user="reader", password=PASSWORD) as later:
            await value(live, 40)
            allow("reader", "city")
            server.reload()

            async def delivered() -> bool:
                return not live.broker.catalogue.open("").waiting(None, 0, 1)

            await until(delivered, 20)
            late = told(await later.wait())
        assert set(told(listener.read()) + late) == set(range(10, 41))
        assert late == sorted(late)


@needed
async def test_delivers_after_a_restart_of_this_broker(tmp_path: Path, receiver: Receiver) -> None:
    async with mosquitto(tmp_path) as server:
        server.kill()
        async with live_broker(tmp_path / "data", notify_backoff=0.1) as live:
            await notified(live, receiver, at(f"mqtt://{server.place}/x", QoS="2"))
        await server.start()
        async with listening(server, "x") as listener, live_broker(tmp_path / "data"):
            (message,) = await listener.wait()
            assert message["body"]["data"][0]["occupancy"]["value"] == 6


@needed
async def test_tells_a_refusal_of_the_mqtt_broker(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic read #\n")
    async with mosquitto(tmp_path, f"acl_file {rules}") as server:
        publisher = Publisher(AddressPolicy((), loopback=True))
        uri = f"mqtt://{server.place}/x"
        info = [{"key": "MQTT-QoS", "value": "1"}]
        with pytest.raises(Undelivered, match="refused: Not authorized"):
            await publisher.publish(mqtt_target({"uri": uri, "notifierInfo": info}), {}, b"{}", 30)
        publisher.close()


@needed
async def test_heeds_the_limits_of_the_mqtt_broker(tmp_path: Path) -> None:
    lines = ("max_packet_size 1000", "max_qos 1", "max_inflight_messages 2")
    async with mosquitto(tmp_path, *lines) as server, listening(server, "x") as listener:
        publisher = Publisher(AddressPolicy((), loopback=True))
        info = [{"key": "MQTT-QoS", "value": "2"}]
        target = mqtt_target({"uri": f"mqtt://{server.place}/x", "notifierInfo": info})
        await asyncio.gather(*(publisher.publish(target, {}, b"{}", 30) for _ in range(30)))
        await listener.wait(30)
        assert listener.messages[0].qos == 1
        with pytest.raises(Undelivered, match="at most 1000 bytes"):
            await publisher.publish(target, {}, b'"' + b"x" * 1000 + b'"', 30)
        await publisher.publish(target, {}, b"{}", 30)
        publisher.close()


@needed
async def test_connects_to_allowed_addresses_only(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server, listening(server, "x") as listener:
        target = mqtt_target({"uri": f"mqtt://{server.place}/x"})
        guarded = Publisher(AddressPolicy((), loopback=False))
        with pytest.raises(Undelivered, match="loopback address"):
            await guarded.publish(target, {}, b"{}", 30)
        named = Publisher(AddressPolicy(("localhost",), loopback=False))
        await named.publish(mqtt_target({"uri": f"mqtt://localhost:{server.port}/x"}), {}, b"{}", 30)
        await listener.wait()
        guarded.close()
        named.close()


async def test_gives_up_in_time_on_a_broker_that_does_not_answer() -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    publisher = Publisher(AddressPolicy((), loopback=True))
    with pytest.raises(Undelivered, match=r"no answer within 0\.2 s"):
        await publisher.publish(mqtt_target({"uri": f"mqtt://127.0.0.1:{port}/x"}), {}, b"{}", 0.2)
    publisher.close()
    await asyncio.wait_for(left.wait(), 30)
    server.close()
    await server.wait_closed()


async def test_keeps_no_endless_answer_in_memory() -> None:
    left = asyncio.Event()

    async def boundless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        with suppress(ConnectionError):
            writer.write(b"\x20\xff\xff\xff\x7f" + b"x" * 100)  # 256 MB will follow
            await reader.read()
        writer.close()
        left.set()

    server = await asyncio.start_server(boundless, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    publisher = Publisher(AddressPolicy((), loopback=True))
    with pytest.raises(Undelivered, match="ended"):
        await publisher.publish(mqtt_target({"uri": f"mqtt://127.0.0.1:{port}/x"}), {}, b"{}", 30)
    await asyncio.wait_for(left.wait(), 30)
    publisher.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    "endpoint",
    [
        {"uri": "mqtt://host"},
        {"uri": "mqtt://host/"},
        {"uri": "mqtt://host/a/%23"},
        {"uri": "mqtt://host/a/+/b"},
        {"uri": "mqtt://host/a?b"},
        {"uri": "mqtt://host/a#b"},
        {"uri": "mqtt://host:0/a"},
        {"uri": "mqtt://host:99999/a"},
        {"uri": "mqtt://city:s3cret/a"},
        {"uri": "mqtt:///a"},
        {"uri": f"mqtt://city:s3cret{'x' * 65_530}@host/a"},
        {"uri": f"mqtt://{'x' * 65_536}@host/a"},
        {"uri": "mqtt://host/%ff"},
        {"uri": "amqp://host/a"},
        {"uri": "mqtt://host/a", "notifierInfo": [{"key": "MQTT-QoS", "value": "3"}]},
        {"uri": "mqtt://host/a", "notifierInfo": [{"key": "MQTT-QoS", "value": 1}]},
        {"uri": "mqtt://host/a", "notifierInfo": [{"key": "MQTT-Version", "value": "mqtt4"}]},
        {"uri": "https://city:s3cret@host/a"},
    ],
)
async def test_refuses_what_cannot_be_served(live: Live, endpoint: Any) -> None:
    body = {
        "type": "Subscription",
        "entities": [{"type": "Shelter"}],
        "notification": {"endpoint": endpoint},
    }
    reply = await live.post("/subscriptions", body)
    assert reply.status == 400
    assert b"s3cret" not in reply.raw


def test_reads_defaults_of_an_address() -> None:
    plain = mqtt_target(check({"uri": "mqtt://host/a"}))
    assert (plain.broker.port, plain.broker.version, plain.qos) == (1883, "mqtt5.0", 0)
    secure = mqtt_target(check({"uri": "mqtts://u@host/a/b"}))
    assert (secure.broker.port, secure.broker.user, secure.broker.password) == (8883, "u", None)
    assert "pw" not in repr(mqtt_target({"uri": "mqtt://u:pw@host/a"}))


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mqtt://u:p@host:1/a/b", "mqtt://host:1/a/b"),
        ("mqtts://host/a@b", "mqtts://host/a@b"),
        ("https://host", "https://host"),
    ],
)
def test_shows_addresses_without_credentials(uri: str, shown: str) -> None:
    assert without_credentials(uri) == shown


words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
topics = words.filter(lambda text: not set("+#\0") & set(text))


@given(words, words, topics)
def test_reads_back_any_credentials_and_topic(user: str, password: str, topic: str) -> None:
    uri = f"mqtt://{quote(user, safe='')}:{quote(password, safe='')}@host/{quote(topic, safe='')}"
    target = mqtt_target(check({"uri": uri}))
    assert (target.broker.user, target.broker.password, target.topic) == (user, password, topic)
    assert without_credentials(uri) == f"mqtt://host/{quote(topic, safe='')}"


@given(st.text(st.sampled_from("s3cret:/@%?#[]1 "), max_size=20))
def test_takes_or_refuses_any_address_without_repeating_it(rest: str) -> None:
    try:
        target = mqtt_target(check({"uri": f"mqtt://{rest}"}))
    except BadRequestData as refusal:
        assert "s3cret" not in refusal.detail
    else:
        assert target.broker.host and target.topic and 0 < target.broker.port < 65_536


@needed
async def test_leaves_nothing_open_behind(tmp_path: Path) -> None:
    publisher = Publisher(AddressPolicy((), loopback=True))
    async with mosquitto(tmp_path) as server:
        target = mqtt_target({"uri": f"mqtt://{server.place}/x"})
        for _ in range(3):
            await publisher.publish(target, {}, b"{}", 30)
            server.kill()
            for _ in range(20):
                with suppress(Undelivered):
                    await publisher.publish(target, {}, b"{}", 30)
            await server.start()
        await publisher.publish(target, {}, b"{}", 30)
        assert len(publisher._links) == 1
        publisher.close()

        async def quiet() -> bool:
            return not any(thread.name.startswith("paho") for thread in threading.enumerate())

        await until(quiet)


@needed
async def test_closes_a_connection_nobody_uses(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as server, listening(server, "x") as listener:
        publisher = Publisher(AddressPolicy((), loopback=True), idle=0.1)
        target = mqtt_target({"uri": f"mqtt://{server.place}/x"})

        async def closed() -> bool:
            return not publisher._links

        for count in (1, 2):
            await publisher.publish(target, {}, b"{}", 30)
            await until(closed)
            await listener.wait(count)
        publisher.close()
