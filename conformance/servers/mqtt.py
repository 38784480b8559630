"""An MQTT server of ours: mosquitto, where the machine has it. (7)"""

import asyncio
import base64
import contextlib
import getpass
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from conformance.demand import Seen
from conformance.exchange import Exchange
from conformance.servers.inbox import Inbox
from conformance.servers.ports import free_port
from conformance.verdict import Failure, NotApplicable

_LISTENER: Final = "engawa-conformance"
_JOINED: Final = re.compile(r"New client connected from \S+ as (\S+) \(p(\d)")
_VERSIONS: Final = {"2": "mqtt3.1.1", "5": "mqtt5.0"}


class MqttMessage:
    """A notification that came by MQTT, and the demands on it."""

    def __init__(self, topic: str, qos: int, exchange: Exchange) -> None:
        self.topic = topic
        self.qos = qos
        self.exchange = exchange

    @property
    def json(self) -> Seen:
        """Look at the whole message, demanding that it is JSON."""
        try:
            value = orjson.loads(self.exchange.request_body)
        except orjson.JSONDecodeError:
            raise Failure("an MQTT message in JSON", "it is none", self.exchange) from None
        return Seen(value, "the MQTT message", self.exchange)

    @property
    def metadata(self) -> Seen:
        """Look at what HTTP would send as headers."""
        return self.json.at("metadata")

    @property
    def body(self) -> Seen:
        """Look at the notification."""
        return self.json.at("body")


class MqttBroker(Inbox[MqttMessage]):
    """An MQTT server; everything published at it comes into the inbox."""

    def __init__(self, host: str, port: int, user: str, password: str, log: Path, patience: float) -> None:
        super().__init__("an MQTT message", patience)
        self.host = host
        self.port = port
        self._user = user
        self._password = password
        self._log = log

    def url(self, topic: str, *, credentials: bool = True) -> str:
        """Give the endpoint of a topic, with user and password if the server wants them."""
        user = f"{quote(self._user, safe='')}:{quote(self._password, safe='')}@"
        return f"mqtt://{user if self._user and credentials else ''}{self.host}:{self.port}/{topic}"

    @property
    def versions(self) -> list[str]:
        """Name the protocol versions of the clients that came, as notifierInfo names them."""
        joined = _JOINED.findall(self._log.read_text(encoding="utf-8", errors="replace"))
        return [_VERSIONS.get(version, version) for client, version in joined if client != _LISTENER]


@contextlib.asynccontextmanager
async def mqtt_broker(
    bind: str,
    host: str,
    patience: float,
    record: Callable[[Exchange], None],
    *,
    user: str = "",
    password: str = "",
) -> AsyncIterator[MqttBroker]:
    """Run mosquitto and listen to all topics until the block ends."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise NotApplicable("mosquitto is not installed on this machine")
    with tempfile.TemporaryDirectory(prefix="engawa-") as name:
        folder, port = Path(name), free_port(bind)
        (folder / "log").touch()
        config = _configure(folder, bind, port, user, password)
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(config), stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await _answers(bind, port, process)
            server = MqttBroker(host, port, user, password, folder / "log", patience)
            async with _listening(server, bind, record, user, password):
                yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _configure(folder: Path, bind: str, port: int, user: str, password: str) -> Path:
    lines = [f"listener {port} {bind}", "persistence false", f"user {getpass.getuser()}"]
    lines += [f"log_dest file {folder / 'log'}", "log_type all"]
    if user:
        (folder / "passwords").write_text(f"{user}:{_hashed(password)}\n", encoding="utf-8")
        lines += ["allow_anonymous false", f"password_file {folder / 'passwords'}"]
    else:
        lines.append("allow_anonymous true")
    config = folder / "mosquitto.conf"
    config.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return config


def _hashed(password: str) -> str:
    """Hash a password as mosquitto keeps it: PBKDF2 with SHA-512."""
    salt, rounds = secrets.token_bytes(12), 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


async def _answers(bind: str, port: int, process: asyncio.subprocess.Process) -> None:
    for _ in range(1_000):
        if process.returncode is not None:
            break
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(_here(bind), port)
            writer.close()
            return
        await asyncio.sleep(0.03)
    raise NotApplicable("mosquitto does not start on this machine")


@contextlib.asynccontextmanager
async def _listening(
    server: MqttBroker, bind: str, record: Callable[[Exchange], None], user: str, password: str
) -> AsyncIterator[None]:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=_LISTENER)
    if user:
        client.username_pw_set(user, password)

    async def take(topic: str, qos: int, payload: bytes) -> None:
        url = f"mqtt://{server.host}:{server.port}/{topic}"
        exchange = Exchange("PUBLISH", url, (("QoS", str(qos)),), payload, 200, note="received")
        record(exchange)
        await server.add(MqttMessage(topic, qos, exchange))

    def on_message(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        # called on paho's own thread
        asyncio.run_coroutine_threadsafe(take(message.topic, message.qos, bytes(message.payload)), loop)

    def on_connect(*_: Any) -> None:
        client.subscribe("#", qos=2)

    def on_subscribe(*_: Any) -> None:
        loop.call_soon_threadsafe(ready.set)

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect(_here(bind), server.port)
    client.loop_start()
    try:
        try:
            async with asyncio.timeout(30):
                await ready.wait()
        except TimeoutError:
            raise NotApplicable("mosquitto does not let us listen on this machine") from None
        yield
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


def _here(bind: str) -> str:
    return "127.0.0.1" if bind == "0.0.0.0" else bind  # noqa: S104 - the tester chose to listen on all
