"""The member `notification` of a subscription: what is sent, in which form, and to whom. (5.2.14, 5.2.15, 5.2.22)"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from base.errors import BadRequestData, OperationNotSupported
from base.jsonld import TermTable
from broker.language import projection
from broker.notify.members import boolean, compact, elements, expand, iris, one_of, positive, text, texts, uri

Body = dict[str, Any]

FORMATS: Final = ("normalized", "concise", "simplified", "keyValues")
MEDIA_TYPES: Final = ("application/json", "application/ld+json", "application/geo+json")
ENTITY_MEMBERS: Final = frozenset({"id", "type", "scope"})

_NAME = re.compile(r"[^,|{}\s]+")
_MOST_PAIRS: Final = 50
_LONGEST_INFO: Final = 8_000  # every notification waiting in the outbox holds them
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_FIELD = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"}
)


def check(value: Any, table: TermTable) -> Body:
    """Check NotificationParams and expand the names in them; read-only members are left out. (5.2.14)"""
    if not isinstance(value, dict):
        raise BadRequestData("notification of a subscription must be an object.")
    given = {name: one for name, one in value.items() if name in _MEMBERS and one is not None}
    if "endpoint" not in given:
        raise BadRequestData("notification needs the member endpoint.")
    result = {name: _MEMBERS[name](one, table) for name, one in given.items()}
    for name in ("pick", "omit"):
        if name in result and "attributes" in result:
            raise BadRequestData(f"attributes and {name} exclude each other; use pick and omit.")
    if set(result.get("pick", ())) & set(result.get("omit", ())):
        raise BadRequestData("The same entity member cannot stand in pick and in omit.")
    if result.get("showChanges") and result.get("format") in ("simplified", "keyValues"):
        raise BadRequestData("showChanges goes with the formats normalized and concise only.")
    return result


def expand_names(expression: str, table: TermTable) -> str:
    """Expand the attribute names in an expression of the projection language. (4.21)"""
    return expand(_NAME, expression, projection.CORE_MEMBERS, table)


def compact_names(expression: str, table: TermTable) -> str:
    """Shorten the attribute names in an expression of the projection language. (4.21)"""
    return compact(_NAME, expression, projection.CORE_MEMBERS, table)


def _attributes(value: Any, table: TermTable) -> list[str]:
    for name in elements(value, "notification.attributes"):
        if name in ENTITY_MEMBERS:
            raise BadRequestData(f"notification.attributes cannot hold {name}; use pick.")
    return iris(value, "notification.attributes", table)


def _projection(name: str) -> Callable[[Any, TermTable], list[str]]:
    def check(value: Any, table: TermTable) -> list[str]:
        expressions = texts(value, f"notification.{name}")
        projection.parse(",".join(expressions), table)
        return [expand_names(one, table) for one in expressions]

    return check


def _level(value: Any, _: TermTable) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadRequestData("notification.joinLevel must be a whole number from 1.")
    return value


def _endpoint(value: Any, _: TermTable) -> Body:
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
            result[name] = (
                _short([_pair(one, name) for one in value[name]], name)
                if isinstance(value[name], list)
                else _refuse(name)
            )
    for pair in result.get("receiverInfo", ()):
        _check_header(pair)
    return result


def _uri(value: Any) -> str:
    """Check the address of a receiver; brokers of MQTT are not served yet. (5.2.15, 6.3.8)"""
    address = uri(value, "endpoint.uri")
    try:
        parts = urlsplit(address)
        port_ok = parts.port is None or parts.port > 0
    except ValueError as error:
        raise BadRequestData(f"endpoint.uri cannot be read: {error}.") from error
    if parts.scheme in ("mqtt", "mqtts"):
        raise OperationNotSupported(
            "Notifications over MQTT are not supported yet; give an http or https URL."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok or not address.isascii():
        raise BadRequestData("endpoint.uri must be an http or https URL.")
    if "@" in parts.netloc:
        raise BadRequestData("endpoint.uri must hold no credentials; give them in receiverInfo as a header.")
    return address


def _refuse(name: str) -> Any:
    raise BadRequestData(f"endpoint.{name} must be a list of objects with key and value.")


def _pair(value: Any, name: str) -> Body:
    """Check a KeyValuePair. (5.2.22)"""
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        _refuse(name)
    return {"key": text(value.get("key"), f"key in {name}"), "value": value["value"]}


def _short(pairs: list[Body], name: str) -> list[Body]:
    if (
        len(pairs) > _MOST_PAIRS
        or sum(len(pair["key"]) + len(pair["value"]) for pair in pairs) > _LONGEST_INFO
    ):
        raise BadRequestData(
            f"endpoint.{name} may hold {_MOST_PAIRS} pairs and {_LONGEST_INFO} characters; shorten it."
        )
    return pairs


def _check_header(pair: Mapping[str, str]) -> None:
    """A pair becomes an HTTP header: it must be one, and none that frames the message. (6.3.8)"""
    if not _TOKEN.match(pair["key"]) or not _FIELD.match(pair["value"]):
        raise BadRequestData("receiverInfo must hold names and values that HTTP headers may have.")
    if pair["key"].lower() in _OURS:
        raise BadRequestData(f"receiverInfo cannot set the header {pair['key']}.")


def _plain(check: Callable[[Any, str], Any], name: str) -> Callable[[Any, TermTable], Any]:
    return lambda value, _: check(value, f"notification.{name}")


_MEMBERS: Final[Mapping[str, Callable[[Any, TermTable], Any]]] = {
    "endpoint": _endpoint,
    "attributes": _attributes,
    "pick": _projection("pick"),
    "omit": _projection("omit"),
    "format": lambda value, _: one_of(value, "notification.format", FORMATS),
    "join": lambda value, _: one_of(value, "notification.join", ("flat", "inline", "@none")),
    "joinLevel": _level,
    "showChanges": _plain(boolean, "showChanges"),
    "sysAttrs": _plain(boolean, "sysAttrs"),
}
