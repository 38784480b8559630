"""The members of a context source registration that have a shape of their own. (5.2.8 to 5.2.11, 5.2.22, 5.2.34)"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from base import clock
from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.model import duration as durations
from broker.model import operation_names, validate
from broker.model.checks import boolean, elements, iris, one_of, positive, text, texts, uri
from broker.model.document import DEFAULT_DATASET

Body = dict[str, Any]

MEDIA_TYPES: Final = ("application/json", "application/ld+json")
ATTRIBUTE_NAMES: Final = (
    "propertyNames",
    "relationshipNames",
    "attributeNames",
)  # the last since NGSI-LD 2.0

CERTIFICATE: Final = "urn:engawa:certificate"
"""The key in contextSourceInfo that names the client certificate to show; it becomes no header."""

_MOST_PAIRS: Final = 50
_LONGEST_INFO: Final = 8_000
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_FIELD = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_VERSION = re.compile(r"\d+\.\d+\Z", re.ASCII)


def endpoint(value: Any) -> str:
    """Take the address of a context source. (5.2.9)"""
    address = uri(value, "endpoint")
    try:
        parts = urlsplit(address)
        usable = parts.port is None or parts.port > 0
    except ValueError as error:
        raise BadRequestData(f"endpoint cannot be read: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or not usable or not address.isascii():
        raise BadRequestData("endpoint must be an http or https URL.")
    if "@" in parts.netloc:
        raise BadRequestData("endpoint must hold no credentials; give them in contextSourceInfo as a header.")
    return address


def information(value: Any, table: TermTable) -> list[Body]:
    """Take what a source may provide. (5.2.9)"""
    return [_info(one, table) for one in elements(value, "information")]


def _info(value: Any, table: TermTable) -> Body:
    """Check a RegistrationInfo. (5.2.10)"""
    if not isinstance(value, dict):
        raise BadRequestData("An element of information must be an object.")
    result: Body = {}
    if value.get("entities") is not None:
        result["entities"] = [_entity(one, table) for one in elements(value["entities"], "entities")]
    for name in ATTRIBUTE_NAMES:
        if value.get(name) is not None:
            result[name] = list(dict.fromkeys(iris(value[name], name, table)))
    if not result:
        raise BadRequestData(
            f"An element of information needs entities or one of {', '.join(ATTRIBUTE_NAMES)}."
        )
    return result


def _entity(value: Any, table: TermTable) -> Body:
    """Check an EntityInfo; with an id or a pattern the type may be left open: any. (5.2.8, 4.3.6.3)"""
    if not isinstance(value, dict):
        raise BadRequestData("An element of entities must be an object with type, and id or idPattern.")
    result: Body = {"type": []}
    if value.get("type") is not None:
        result["type"] = [table.iri(name) for name in validate.types(value["type"])]
    elif value.get("id") is None and value.get("idPattern") is None:
        raise BadRequestData("An element of entities of a registration needs a type, an id or an idPattern.")
    if value.get("id") is not None:
        result["id"] = uri(value["id"], "id of entities")
    if value.get("idPattern") is not None:
        result["idPattern"] = text(value["idPattern"], "idPattern")
    return result


def interval(value: Any, name: str) -> Body:
    """Take a TimeInterval. (5.2.11)"""
    if not isinstance(value, dict) or value.get("startAt") is None:
        raise BadRequestData(f"{name} must be an object with startAt, and endAt if it is not open.")
    result = {
        member: moment(value[member], f"{name}.{member}")
        for member in ("startAt", "endAt")
        if value.get(member) is not None
    }
    if "endAt" in result and clock.parse(result["endAt"]) < clock.parse(result["startAt"]):
        raise BadRequestData(f"{name} must not end before it starts.")
    return result


def moment(value: Any, name: str) -> str:
    """Take a DateTime. (4.6.3)"""
    return validate.date_time(value, name)


def duration(value: Any, name: str) -> str:
    """Take a duration of ISO 8601. (5.2.9, 5.2.34)"""
    durations.parse(text(value, name), name)
    return str(value)


def source_info(value: Any) -> list[Body]:
    """Take what is conveyed to a source; four keys have a meaning of their own. (5.2.22, 4.3.6.5, 4.3.6.6)"""
    pairs = [_pair(one) for one in elements(value, "contextSourceInfo")]
    if len(pairs) > _MOST_PAIRS or sum(len(p["key"]) + len(p["value"]) for p in pairs) > _LONGEST_INFO:
        raise BadRequestData(
            f"contextSourceInfo may hold {_MOST_PAIRS} pairs and {_LONGEST_INFO} characters; shorten it."
        )
    return pairs


def _pair(value: Any) -> Body:
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in ("key", "value")):
        raise BadRequestData("contextSourceInfo must be a list of objects with key and value, both strings.")
    key, content = value["key"], value["value"]
    if not (_TOKEN.match(key) or key == CERTIFICATE) or not _FIELD.match(content):
        raise BadRequestData("contextSourceInfo must hold names and values that HTTP headers may have.")
    if key in ("accept", "contentType"):
        one_of(content, f"{key} in contextSourceInfo", MEDIA_TYPES)
    elif key == "jsonldContext":
        if not content.startswith(("http://", "https://")):
            raise BadRequestData("jsonldContext in contextSourceInfo must be the URL of a JSON-LD @context.")
        uri(content, "jsonldContext in contextSourceInfo")
    elif key == "ngsildConformance" and not _VERSION.match(content):
        raise BadRequestData('ngsildConformance in contextSourceInfo must be a version such as "1.8".')
    return {"key": key, "value": content}


def management(value: Any) -> Body:
    """Take a RegistrationManagementInfo. (5.2.34)"""
    if not isinstance(value, dict):
        raise BadRequestData("management must be an object.")
    return {
        name: check(value[name], f"management.{name}")
        for name, check in _MANAGEMENT.items()
        if value.get(name) is not None
    }


_MANAGEMENT: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "cacheDuration": duration,
    "cooldown": positive,
    "timeout": positive,
    "localOnly": boolean,
}


def operations(value: Any) -> list[str]:
    """Take names of operations and of their groups. (4.20)"""
    names = texts(value, "operations")
    for name in names:
        if name not in operation_names.OPERATIONS and name not in operation_names.GROUPS:
            raise BadRequestData(f"operations holds {validate.shown(name)}, which names no operation (4.20).")
    return list(dict.fromkeys(names))


def datasets(value: Any) -> list[str]:
    """Take datasetIds, @none for the default instances. (5.2.9, 4.5.5)"""
    names = texts([value] if isinstance(value, str) else value, "datasetId")
    for name in names:
        if name != DEFAULT_DATASET:
            uri(name, "Each datasetId")
    return names


def alias(value: Any) -> str:
    """Take the pseudonym of a source. (5.2.9, RFC 7230 5.7.1)"""
    if not isinstance(value, str) or not _TOKEN.match(value):
        raise BadRequestData("contextSourceAlias must be a pseudonym: letters, digits and some signs.")
    return value
