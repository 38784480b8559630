"""What brings notifications to MQTT brokers: one kept connection for each broker and credentials. (7.2)

paho-mqtt serves a connection in a thread of its own; all decisions are made in the event loop. A connection that ends
is not mended here: the outbox tries again, and the next attempt connects anew.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import orjson
from paho.mqtt.client import MQTT_ERR_SUCCESS, ConnectFlags, DisconnectFlags
from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from base import ids
from base.egress import AddressPolicy
from broker.notify.client import Undelivered
from broker.notify.endpoint import MQTT_5, MqttBroker, MqttTarget

CONNECT_SECONDS: Final = 5.0
KEEPALIVE_SECONDS: Final = 15
IDLE_SECONDS: Final = 300.0
MOST_CONNECTIONS: Final = 200
MOST_UNANSWERED: Final = 20
MOST_IN_FLIGHT: Final = 20
MOST_BYTES: Final = 268_435_455  # what the protocol allows
FRAME_BYTES: Final = 16
MOST_ANSWER: Final = 65_536  # bytes an MQTT broker may answer a packet with
THREADS: Final = 8


class Publisher:
    """Publishes over kept connections, to addresses the policy allows."""

    def __init__(
        self, policy: AddressPolicy, authorities: Path | None = None, *, idle: float = IDLE_SECONDS
    ) -> None:
        """`authorities`: certificates to trust besides the system's; `idle`: how long an unused connection stays."""
        self._policy = policy
        self._idle = idle
        self._authorities = authorities
        self._links: dict[MqttBroker, Link] = {}
        self._threads = ThreadPoolExecutor(THREADS, "mqtt")

    async def publish(self, to: MqttTarget, headers: Mapping[str, str], body: bytes, seconds: float) -> None:
        """Deliver one body with its metadata; Undelivered says why it could not be. (7.2)"""
        message = b'{"metadata":' + orjson.dumps(dict(headers)) + b',"body":' + body + b"}"
        link = self._links.get(to.broker)
        if link is None:
            self._make_room()
            link = self._links[to.broker] = Link(to.broker, self._connect, self._drop, self._idle)
        try:
            async with asyncio.timeout(seconds):
                await link.publish(to.topic, message, to.qos)
        except TimeoutError as error:
            raise Undelivered(f"no answer within {seconds:g} s") from error
        except (OSError, ValueError) as error:
            raise Undelivered((str(error) or type(error).__name__)[:200]) from error

    def close(self) -> None:
        """End all connections."""
        for link in list(self._links.values()):
            link.end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _make_room(self) -> None:
        if len(self._links) < MOST_CONNECTIONS:
            return
        resting = [link for link in self._links.values() if not link.waiting]
        if not resting:
            raise Undelivered(f"{MOST_CONNECTIONS} connections to MQTT brokers are open; none is free")
        min(resting, key=lambda link: link.used).end()

    def _drop(self, link: "Link") -> None:
        if self._links.get(link.broker) is link:
            del self._links[link.broker]

    async def _connect(self, broker: MqttBroker, paho: Paho) -> None:
        """Connect to the first address that answers; each is checked just before. (base.egress)"""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
        trusted = None
        if broker.secure:
            trusted = await loop.run_in_executor(self._threads, self._trust, broker.host)
            paho.tls_set_context(trusted)
        problem: OSError = OSError("the host has no address")
        for *_, where in found:
            address = str(where[0])
            try:
                if self._policy.names(broker.host):
                    self._policy.permit(address)
                self._policy.check_address(address)
                await loop.run_in_executor(
                    self._threads, paho.connect, address, broker.port, KEEPALIVE_SECONDS
                )
            except OSError as error:
                problem = error
                if trusted is not None:
                    trusted.close_last()
            else:
                return
        raise problem

    def _trust(self, host: str) -> "_Named":
        """Trust the system's authorities and those of the setting, for this host only."""
        trusted = _Named(ssl.PROTOCOL_TLS_CLIENT)
        trusted.host = host
        trusted.minimum_version = ssl.TLSVersion.TLSv1_2
        trusted.load_default_certs()
        if self._authorities is not None:
            trusted.load_verify_locations(self._authorities)
        return trusted


class _Named(ssl.SSLContext):
    """Verifies the host of the URL, though the connection goes to an address that was checked."""

    host = ""
    last: ssl.SSLSocket | None = None

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        """Begin TLS under the host's name."""
        self.last = super().wrap_socket(sock, *args, **{**options, "server_hostname": self.host})
        return self.last

    def close_last(self) -> None:
        """Close the socket whose handshake failed: the library leaves it open."""
        if self.last is not None:
            self.last.close()


class _Bounded(Paho):
    """Gives up on an MQTT broker that announces an answer far longer than any there is: it would be kept in memory.

    This relies on a private method of the library, whose version is pinned; a test holds it to that.
    """

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MOST_ANSWER:
            raise ConnectionError("the MQTT broker announced too long an answer")
        received: bytes = super()._sock_recv(bufsize)
        return received


class Link:
    """One connection to an MQTT broker, opened by the first message that needs it."""

    def __init__(
        self,
        broker: MqttBroker,
        connect: Callable[[MqttBroker, Paho], Awaitable[None]],
        ended: Callable[["Link"], None],
        idle: float,
    ) -> None:
        self.broker = broker
        self.waiting: dict[int, asyncio.Future[None]] = {}
        self.used = 0.0
        self._connect = connect
        self._ended = ended
        self._idle = idle
        self._open = True
        self._loop = asyncio.get_running_loop()
        self._paho = self._client()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._opening = self._loop.create_task(self._begin())
        for outcome in (self._accepted, self._opening):
            outcome.add_done_callback(_seen)
        self._unanswered = 0
        self._most_bytes = MOST_BYTES
        self._most_qos = 2
        self._slots = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._rest = self._loop.call_later(idle, self._look)

    def _client(self) -> Paho:
        version = (
            MQTTProtocolVersion.MQTTv5 if self.broker.version == MQTT_5 else MQTTProtocolVersion.MQTTv311
        )
        paho = _Bounded(
            CallbackAPIVersion.VERSION2,
            client_id=f"engawa-{ids.request()}"[:23],
            protocol=version,
            reconnect_on_failure=False,
        )
        paho.connect_timeout = CONNECT_SECONDS
        if self.broker.user is not None or self.broker.password is not None:
            paho.username_pw_set(self.broker.user or "", self.broker.password)
        paho.on_connect = self._on_connect
        paho.on_disconnect = self._on_disconnect
        paho.on_publish = self._on_publish
        return paho

    async def publish(self, topic: str, message: bytes, qos: int) -> None:
        """Publish, and wait for what the quality of service promises: sent (0), acknowledged (1), completed (2)."""
        self.used = self._loop.time()
        await asyncio.shield(self._opening)
        if len(topic.encode()) + len(message) + FRAME_BYTES > self._most_bytes:
            raise ValueError(f"the MQTT broker takes at most {self._most_bytes} bytes")
        async with self._slots if qos else nullcontext():
            await self._sent(topic, message, min(qos, self._most_qos))

    async def _sent(self, topic: str, message: bytes, qos: int) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        info = self._paho.publish(topic, message, qos) if self._open else None
        if info is None or info.rc != MQTT_ERR_SUCCESS:
            raise ConnectionError("the connection to the MQTT broker was lost")
        self.waiting[info.mid] = done
        try:
            await done
        except asyncio.CancelledError:
            self._unanswered += 1
            if self._unanswered >= MOST_UNANSWERED:
                self.end()
            raise
        finally:
            self.waiting.pop(info.mid, None)

    def end(self, reason: str = "the connection to the MQTT broker was closed") -> None:
        """Let go of the connection; who waits for it learns why."""
        if not self._open:
            return
        self._open = False
        self._rest.cancel()
        self._ended(self)
        self._paho.disconnect()
        for future in (self._accepted, *self.waiting.values()):
            if not future.done():
                future.set_exception(ConnectionError(reason))

    async def _begin(self) -> None:
        try:
            await self._connect(self.broker, self._paho)
            self._paho.loop_start()
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._accepted
        except TimeoutError:
            self.end("the MQTT broker did not accept the connection in time")
            raise
        except Exception as error:
            self.end(str(error))
            raise

    def _look(self) -> None:
        """Close a connection that nobody has used for long."""
        rest = self.used + self._idle - self._loop.time()
        if rest <= 0 and not self.waiting:
            self.end()
        else:
            self._rest = self._loop.call_later(max(rest, 1.0), self._look)

    def _tell(self, what: Callable[..., None], *told: Any) -> None:
        with suppress(RuntimeError):  # the event loop may have ended before the connection
            self._loop.call_soon_threadsafe(what, *told)

    def _on_connect(
        self, _: Paho, __: Any, ___: ConnectFlags, reason: ReasonCode, limits: Properties | None
    ) -> None:
        self._most_bytes = getattr(limits, "MaximumPacketSize", MOST_BYTES)
        self._most_qos = getattr(limits, "MaximumQoS", 2)
        self._slots = asyncio.Semaphore(
            min(MOST_IN_FLIGHT, getattr(limits, "ReceiveMaximum", MOST_IN_FLIGHT))
        )
        self._tell(self._connected, _refusal(reason))

    def _on_disconnect(
        self, _: Paho, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self._tell(self.end, f"the connection to the MQTT broker ended: {reason}")

    def _on_publish(self, _: Paho, __: Any, mid: int, reason: ReasonCode, ___: Properties | None) -> None:
        self._tell(self._published, mid, _refusal(reason))

    def _connected(self, refusal: str) -> None:
        if refusal:
            self.end(refusal)
        elif not self._accepted.done():
            self._accepted.set_result(None)

    def _published(self, mid: int, refusal: str) -> None:
        self._unanswered = 0
        done = self.waiting.get(mid)
        if done is None or done.done():
            return
        if refusal:
            done.set_exception(ConnectionError(refusal))
        else:
            done.set_result(None)


def _refusal(reason: ReasonCode) -> str:
    return f"the MQTT broker refused: {reason}" if reason.is_failure else ""


def _seen(outcome: "asyncio.Future[None]") -> None:
    """Look at an outcome nobody may have waited for."""
    if not outcome.cancelled():
        outcome.exception()
