"""Where notifications go: the member `endpoint`, checked, and an MQTT address read. (5.2.15, 5.2.22, 7.2)"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from base.errors import BadRequestData
from broker.model.checks import one_of, positive, text, uri
from broker.model.registration_members import CERTIFICATE

Body = dict[str, Any]

RECEIVING: Final = "/ngsi-ld/ex/remote-notify"
"""Where brokers of this kind take notifications of subscriptions they passed on; the identifier in them opens it."""
MEDIA_TYPES: Final = ("application/json", "application/ld+json", "application/geo+json")
SCHEMES: Final = ("http", "https", "mqtt", "mqtts")
MQTT_311: Final = "mqtt3.1.1"
MQTT_5: Final = "mqtt5.0"

_MOST_PAIRS: Final = 50
_LONGEST_INFO: Final = 8_000  # every notification waiting in the outbox holds them
_LONGEST_MQTT: Final = 65_535
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_FIELD = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"}
)
_NOTIFIER: Final[Mapping[str, tuple[str, ...]]] = {
    "mqtt-qos": ("0", "1", "2"),
    "mqtt-version": (MQTT_311, MQTT_5),
}


@dataclass(frozen=True, slots=True)
class MqttBroker:
    """What a connection to an MQTT broker depends on: equal ones share it."""

    secure: bool
    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    version: str = MQTT_5


@dataclass(frozen=True, slots=True)
class MqttTarget:
    """Where and how one subscription is told over MQTT. (7.2)"""

    broker: MqttBroker
    topic: str
    qos: int


def check(value: Any) -> Body:
    """Check an Endpoint. (5.2.15)"""
    if not isinstance(value, dict):
        raise BadRequestData("notification.endpoint must be an object.")
    if "uri" not in value:
        raise BadRequestData("notification.endpoint needs the member uri.")
    result: Body = {"uri": _uri(value["uri"])}
    if value.get("accept") is not None:
        result["accept"] = one_of(value["accept"], "endpoint.accept", MEDIA_TYPES)
    for name in ("cooldown", "timeout"):
        if value.get(name) is not None:
            result[name] = positive(value[name], f"endpoint.{name}")
    for name in ("receiverInfo", "notifierInfo"):
        if value.get(name) is not None:
            result[name] = _pairs(value[name], name)
    _check_binding(result)
    return result


def _check_binding(endpoint: Body) -> None:
    """Check what the protocol demands: headers of HTTP, topic and quality of MQTT. (6.3.8, 7.2)"""
    for pair in endpoint.get("notifierInfo", ()):
        _check_notifier(pair)
    if is_mqtt(endpoint["uri"]):
        mqtt_target(endpoint)
    else:
        for pair in endpoint.get("receiverInfo", ()):
            if pair["key"] != CERTIFICATE:
                _check_header(pair)
            elif not endpoint["uri"].startswith("https://"):
                raise BadRequestData("receiverInfo names a certificate, which needs an endpoint with https.")


def certificate(endpoint: Mapping[str, Any]) -> str | None:
    """Name the client certificate that the receiver is shown, if the subscription says which. (5.2.22)"""
    pairs = endpoint.get("receiverInfo", ())
    return next((pair["value"] for pair in pairs if pair["key"] == CERTIFICATE), None)


def is_mqtt(address: str) -> bool:
    """Say whether notifications to this address go over MQTT. (7.2)"""
    return address.startswith(("mqtt://", "mqtts://"))


def without_credentials(address: str) -> str:
    """Give an address as a person may see it in lists and logs."""
    scheme, mark, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    return scheme + mark + place.rpartition("@")[2] + slash + path


def mqtt_target(endpoint: Mapping[str, Any]) -> MqttTarget:
    """Read mqtt[s]://user:password@host:port/topic and what notifierInfo says of the connection. (7.2)"""
    parts = urlsplit(endpoint["uri"])
    if parts.query or parts.fragment:
        raise BadRequestData("endpoint.uri must hold ? and # of an MQTT topic percent-encoded.")
    secure = parts.scheme == "mqtts"
    info = {pair["key"].lower(): pair["value"] for pair in endpoint.get("notifierInfo", ())}
    user, password = _credential(parts.username), _credential(parts.password)
    broker = MqttBroker(
        secure,
        parts.hostname or "",
        parts.port or (8883 if secure else 1883),
        user,
        password,
        info.get("mqtt-version", MQTT_5),
    )
    return MqttTarget(broker, _topic(parts.path), int(info.get("mqtt-qos", "0")))


def _credential(quoted: str | None) -> str | None:
    if quoted is None:
        return None
    given = _decoded(quoted)
    if len(given.encode()) > _LONGEST_MQTT:
        raise BadRequestData(f"User and password in endpoint.uri have at most {_LONGEST_MQTT} bytes each.")
    return given


def _topic(path: str) -> str:
    topic = _decoded(path[1:])
    if not topic or any(sign in topic for sign in "+#\0") or len(topic.encode()) > _LONGEST_MQTT:
        raise BadRequestData("endpoint.uri must name an MQTT topic after the host, without + and #.")
    return topic


def _decoded(quoted: str) -> str:
    try:
        return unquote(quoted, errors="strict")
    except UnicodeDecodeError:
        raise BadRequestData("endpoint.uri must be percent-encoded UTF-8.") from None


def _uri(value: Any) -> str:
    """Check the address of a receiver, which may hold credentials: no message shows it. (5.2.15, 6.3.8, 7.2)"""
    address = uri(value, "endpoint.uri")
    try:
        parts = urlsplit(address)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        raise BadRequestData("endpoint.uri cannot be read: look at its host and port.") from None
    if parts.scheme not in SCHEMES or not parts.hostname or not port_ok or not address.isascii():
        raise BadRequestData(f"endpoint.uri must be a URL of one of the kinds {', '.join(SCHEMES)}.")
    if "@" in parts.netloc and not is_mqtt(address):
        raise BadRequestData("endpoint.uri must hold no credentials; give them in receiverInfo as a header.")
    return address


def _pairs(value: Any, name: str) -> list[Body]:
    if not isinstance(value, list):
        _refuse(name)
    pairs = [_pair(one, name) for one in value]
    length = sum(len(pair["key"]) + len(pair["value"]) for pair in pairs)
    if len(pairs) > _MOST_PAIRS or length > _LONGEST_INFO:
        raise BadRequestData(
            f"endpoint.{name} may hold {_MOST_PAIRS} pairs and {_LONGEST_INFO} characters; shorten it."
        )
    return pairs


def _refuse(name: str) -> Any:
    raise BadRequestData(f"endpoint.{name} must be a list of objects with key and value.")


def _pair(value: Any, name: str) -> Body:
    """Check a KeyValuePair. (5.2.22)"""
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        _refuse(name)
    return {"key": text(value.get("key"), f"key in {name}"), "value": value["value"]}


def _check_notifier(pair: Mapping[str, str]) -> None:
    """What is known of notifierInfo has known values; the rest is kept for those it means something to. (7.2)"""
    allowed = _NOTIFIER.get(pair["key"].lower())
    if allowed is not None:
        one_of(pair["value"], f"{pair['key']} in endpoint.notifierInfo", allowed)


def _check_header(pair: Mapping[str, str]) -> None:
    """A pair becomes an HTTP header: it must be one, and none that frames the message. (6.3.8)"""
    if not _TOKEN.match(pair["key"]) or not _FIELD.match(pair["value"]):
        raise BadRequestData("receiverInfo must hold names and values that HTTP headers may have.")
    if pair["key"].lower() in _OURS:
        raise BadRequestData(f"receiverInfo cannot set the header {pair['key']}.")
