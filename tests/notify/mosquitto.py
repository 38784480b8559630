"""A real MQTT broker on a free port, and a listener at it."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.ports import free_port

MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
needed = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@dataclass
class Mosquitto:
    """One broker: it can be killed and started again on the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    lines: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        assert MOSQUITTO is not None
        lines = ("persistence false", "user root", "log_dest none", *self.lines)
        if not any(line.startswith(("password_file", "allow_anonymous")) for line in lines):
            lines = (*lines, "allow_anonymous true")
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join((f"listener {self.port} 127.0.0.1", *lines, "")))
        self.process = subprocess.Popen(  # noqa: ASYNC220  # starting takes no time
            [MOSQUITTO, "-c", str(config)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(60):
            while not self._answers():  # noqa: ASYNC110  # it looks from outside
                await asyncio.sleep(0.02)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None


@contextlib.asynccontextmanager
async def mosquitto(folder: Path, *lines: str) -> AsyncIterator[Mosquitto]:
    """Run a broker until the block ends; `lines` are added to its configuration."""
    broker = Mosquitto(folder, lines=lines)
    await broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@dataclass
class Listener:
    """Keeps what arrives under a topic."""

    messages: list[paho.MQTTMessage] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    async def wait(self, count: int = 1, seconds: float = 30.0) -> list[Any]:
        """Wait until so many messages came; give them as JSON."""

        def come() -> bool:
            with self.arrived:
                return self.arrived.wait_for(lambda: len(self.messages) >= count, seconds)

        assert await asyncio.to_thread(come), f"{len(self.messages)} of {count} messages came"
        return self.read()

    def read(self) -> list[Any]:
        return [json.loads(message.payload) for message in self.messages]


@contextlib.asynccontextmanager
async def listening(
    broker: Mosquitto,
    topic: str,
    *,
    user: str | None = None,
    password: str | None = None,
    ca: str | None = None,
) -> AsyncIterator[Listener]:
    """Listen to a topic until the block ends, also across restarts of the broker."""
    listener = Listener()
    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.reconnect_delay_set(0.05, 0.2)
    if user is not None:
        client.username_pw_set(user, password)
    if ca is not None:
        client.tls_set(ca)

    def on_connect(*_: Any) -> None:
        client.subscribe(topic, qos=2)

    def on_message(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        with listener.arrived:
            listener.messages.append(message)
            listener.arrived.notify_all()

    client.on_connect = on_connect
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert await asyncio.to_thread(subscribed.wait, 30)
        yield listener
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
