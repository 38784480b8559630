"""An MQTT server of ours: mosquitto, where the machine has it."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable

from conformance.case import NotApplicable
from conformance.exchange import Exchange
from conformance.surroundings import Asked


class MqttBroker:
    """An MQTT server that listens on a free port."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    def url(self, topic: str) -> str:
        """Give the endpoint of a topic."""
        return f"mqtt://{self.host}:{self.port}/{topic}"


@contextlib.asynccontextmanager
async def mqtt_broker(asked: Asked, record: Callable[[Exchange], None]) -> AsyncIterator[MqttBroker]:
    """Run mosquitto until the block ends."""
    if shutil.which("mosquitto") is None:
        raise NotApplicable("mosquitto is not installed on this machine")
    raise NotApplicable("MQTT is not driven yet")
    yield MqttBroker("", 0)
