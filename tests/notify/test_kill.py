"""A broker killed between a change and its delivery: the notification comes after the restart. (DESIGN 2.6)"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.notify.mosquitto import listening, mosquitto, needed
from tests.notify.receiver import receiving
from tests.ports import free_port

RUN = """
import sys, uvloop
from pathlib import Path
from broker import server
from broker.settings import BrokerSettings
uvloop.run(server.run(BrokerSettings(data=Path(sys.argv[1]), port=int(sys.argv[2]), notify_backoff=60.0)))
"""


@contextlib.asynccontextmanager
async def process(folder: Path, session: aiohttp.ClientSession) -> AsyncIterator[str]:
    """Run a broker as a process of its own; it is killed at the end of the block."""
    port = free_port()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, str(folder), str(port), stderr=asyncio.subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(120):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with session.get(f"{url}/health/live"):
                        break
                await asyncio.sleep(0.05)
        yield url + "/ngsi-ld/v1"
    finally:
        running.kill()
        await running.wait()


@pytest.mark.kill
async def test_a_killed_broker_delivers_after_its_restart_with_the_same_id(tmp_path: Path) -> None:
    shelter = {"id": "urn:x:1", "type": "Shelter", "occupancy": {"type": "Property", "value": 5}}
    async with aiohttp.ClientSession() as session, receiving(hold=asyncio.Event()) as receiver:
        subscription = {
            "type": "Subscription",
            "entities": [{"type": "Shelter"}],
            "notification": {"endpoint": {"uri": receiver.url}},
        }
        async with process(tmp_path, session) as url:
            async with session.post(f"{url}/subscriptions", json=subscription) as reply:
                assert reply.status == 201
            async with session.post(f"{url}/entities", json=shelter) as reply:
                assert reply.status == 201
            (first,) = await receiver.wait()
        assert receiver.hold is not None
        receiver.hold.set()
        async with process(tmp_path, session):
            _, second = await receiver.wait(2)
            assert second.json == first.json
            assert await receiver.quiet() == 2


@needed
@pytest.mark.kill
async def test_a_killed_broker_delivers_over_mqtt_after_its_restart(tmp_path: Path) -> None:
    """Many changes, the MQTT broker there for some of them: each is told at least once. (7.2)"""
    data, told = tmp_path / "data", 30
    async with aiohttp.ClientSession() as session, mosquitto(tmp_path) as server:
        endpoint = {
            "uri": f"mqtt://{server.place}/x",
            "notifierInfo": [{"key": "MQTT-QoS", "value": "1"}],
        }
        subscription = {
            "type": "Subscription",
            "entities": [{"type": "Shelter"}],
            "notification": {"endpoint": endpoint},
        }
        async with process(data, session) as url, listening(server, "x") as listener:
            async with session.post(f"{url}/subscriptions", json=subscription) as reply:
                assert reply.status == 201
            for number in range(told):
                if number == told // 2:
                    await listener.wait(told // 2)  # what is on its way dies with the server
                    server.kill()
                shelter = {"id": f"urn:x:{number}", "type": "Shelter", "occupancy": number}
                async with session.post(f"{url}/entities", json=shelter) as reply:
                    assert reply.status == 201
        await server.start()
        async with listening(server, "x") as later, process(data, session):
            async with asyncio.timeout(120):
                while True:
                    messages = [*listener.read(), *later.read()]
                    if {one["body"]["data"][0]["occupancy"]["value"] for one in messages} == set(range(told)):
                        break
                    await asyncio.sleep(0.05)
