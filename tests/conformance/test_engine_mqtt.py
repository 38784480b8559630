"""The MQTT server of the conformance tool. (7.2)"""

import shutil

import paho.mqtt.publish as publish
import pytest

from conformance.exchange import Exchange
from conformance.servers.mqtt import mqtt_broker

pytestmark = pytest.mark.skipif(
    not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")),
    reason="mosquitto is not installed",
)


async def test_takes_what_is_published_and_names_the_protocol() -> None:
    shown: list[Exchange] = []
    async with mqtt_broker("127.0.0.1", "127.0.0.1", 5.0, shown.append) as server:
        assert server.url("a/b") == f"mqtt://127.0.0.1:{server.port}/a/b"
        publish.single("a/b", b'{"metadata": {"Link": "x"}, "body": {"data": []}}', qos=1, port=server.port)
        message = await server.next()
        assert (message.topic, message.qos, server.versions) == ("a/b", 1, ["mqtt3.1.1"])
        message.metadata.has(Link="x")
        message.body.at("data").counts(0)
        await server.none(within=0.05)
    assert [e.method for e in shown] == ["PUBLISH"]


async def test_lets_in_only_who_knows_the_password() -> None:
    async with mqtt_broker(
        "127.0.0.1", "127.0.0.1", 5.0, lambda e: None, user="u", password="p@:/"
    ) as server:
        assert server.url("t") == f"mqtt://u:p%40%3A%2F@127.0.0.1:{server.port}/t"
        publish.single("t", b"{}", qos=1, port=server.port, auth={"username": "u", "password": "p@:/"})
        (await server.next()).json.equals({})
