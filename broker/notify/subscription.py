"""The normal form of a subscription: members checked one by one, names expanded, nothing unknown kept. (5.2.12)

Kept beside the members of the specification, and never shown as they are:
    "@context"   what jsonldContext names: that URL, or what it was initialised from (any JSON-LD context)
    "qContext"   the @context in which the names in q and csf are read; their text is kept as it was given
    "createdAt", "modifiedAt"   µs
    "madeContext" true if jsonldContext was initialised here and not given (5.8.1.4)
    "about"      REGISTRATIONS for a subscription to registrations of context sources (5.11)
    "request"    how the request came that made it: "via" (brokers before), "origin" (by which URL), "local" (6.3.18)
    "owner"      who made it, where a policy asks (docs/access.md)
    "counters"   what delivery counted: timesSent, timesFailed, lastNotification, lastSuccess, lastFailure (µs), status
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from base import clock
from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.language import timerel, types
from broker.model.checks import boolean, compact, elements, expand, iri, iris, positive, text, texts, uri
from broker.model.document import DEFAULT_DATASET, NULL
from broker.notify import notification_params

Body = dict[str, Any]

TRIGGERS: Final = frozenset(
    {
        "entityCreated",
        "entityUpdated",
        "entityDeleted",
        "attributeCreated",
        "attributeUpdated",
        "attributeDeleted",
    }
)
GEO_JSON: Final = "application/geo+json"
SHORTEST_INTERVAL: Final = 0.1
DEFAULT_TRIGGERS: Final = ("attributeCreated", "attributeUpdated")
ENTITIES: Final = "entities"
REGISTRATIONS: Final = "registrations"
HIDDEN: Final = frozenset(
    {
        "@context",
        "qContext",
        "createdAt",
        "modifiedAt",
        "counters",
        "about",
        "madeContext",
        "request",
        "owner",
    }
)
READ_ONLY: Final = HIDDEN | {"status"}

IGNORED: Final = frozenset({"status", "createdAt", "modifiedAt", "@context"})

_TYPE_NAME = re.compile(r"[^,|;()\s]+")
_EVERY = frozenset({"*"})
_VERSION = re.compile(r"\d+\.\d+\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """In what surroundings a subscription arrives: the names' table, the time, the context they came with."""

    table: TermTable
    now: int
    context: Any
    about: str = ENTITIES


def create(body: Any, id: str, given: Given) -> Body:
    """Give the normal form of a new subscription. (5.8.1.4)"""
    fragment = _fragment(body, given)
    if "type" not in fragment:
        raise BadRequestData('type of a subscription must be "Subscription".')
    if NULL in (value for value in body.values() if isinstance(value, str)):
        raise BadRequestData(
            "NGSI-LD Null removes members in updates; a new subscription has none to remove."
        )
    members = {name: value for name, value in fragment.items() if value is not None}
    result = {"id": id, **members, "createdAt": given.now, "modifiedAt": given.now}
    result["@context"] = members.get("jsonldContext", given.context)
    result |= _query_context(members, given)
    if given.about != ENTITIES:
        result["about"] = given.about
    check_together(result)
    return result


def update(current: Body, body: Any, given: Given) -> Body:
    """Give the subscription with a fragment applied: members replaced as a whole, null removes. (5.8.2.4, 5.5.8)"""
    fragment = _fragment(body, given)
    if unknown := sorted(body.keys() - _MEMBERS.keys() - IGNORED):
        raise BadRequestData(f"A subscription has no member {unknown[0][:60]}; look at its spelling.")
    if fragment.get("id", current["id"]) != current["id"]:
        raise BadRequestData("id of a subscription cannot be changed; create another subscription.")
    result = {name: value for name, value in current.items() if fragment.get(name, value) is not None}
    result |= {name: value for name, value in fragment.items() if value is not None}
    if "jsonldContext" in fragment:
        result["@context"] = fragment["jsonldContext"] or given.context
        result.pop("madeContext", None)
    result |= _query_context(fragment, given)
    if status(current, given.now) == "expired" and "expiresAt" in fragment and "isActive" not in fragment:
        result["isActive"] = True
    result["modifiedAt"] = given.now
    check_together(result)
    return result


def status(body: Mapping[str, Any], now: int) -> str:
    """Say whether a subscription is active, paused or expired. (5.2.12)"""
    if "expiresAt" in body and clock.parse(body["expiresAt"]) <= now:
        return "expired"
    return "active" if body.get("isActive", True) else "paused"


def check_together(body: Body) -> None:
    """Check what members demand of one another. (5.2.12)"""
    if "notification" not in body:
        raise BadRequestData("A subscription needs the member notification.")
    local = body.get("localOnly") is True
    if "entities" not in body and "watchedAttributes" not in body and not local:
        raise BadRequestData("A subscription needs entities or watchedAttributes, unless localOnly is true.")
    if "timeInterval" in body:
        for other in ("watchedAttributes", "throttling"):
            if other in body:
                raise BadRequestData(f"timeInterval and {other} exclude each other.")
        if "entities" not in body and not local:
            raise BadRequestData("timeInterval goes with entities, unless localOnly is true.")
    if body.get("localOnly") is False and any(e["type"] == "*" for e in body.get("entities", ())):
        raise BadRequestData('type "*" implies the local scope; leave localOnly out or make it true.')

    if body.get("about") == REGISTRATIONS and body["notification"]["endpoint"].get("accept") == GEO_JSON:
        raise BadRequestData("Registrations are told as JSON or JSON-LD; accept must be one of them.")


def _query_context(fragment: Mapping[str, Any], given: Given) -> Body:
    return {"qContext": given.context} if fragment.keys() & {"q", "csf"} else {}


def _fragment(body: Any, given: Given) -> Body:
    """Check and expand each member that is there; None stands for a member to remove."""
    if not isinstance(body, dict):
        raise BadRequestData("A subscription must be a JSON object.")
    result: Body = {}
    for name, value in body.items():
        if name in READ_ONLY or name not in _MEMBERS or (name == "temporalQ" and given.about == ENTITIES):
            continue
        if value is None or value == NULL:
            if name in ("id", "type", "notification"):
                raise BadRequestData(f"{name} of a subscription cannot be removed.")
            result[name] = None
        else:
            result[name] = _MEMBERS[name](value, given)
    return result


def _type(value: Any, _: Given) -> str:
    if value != "Subscription":
        raise BadRequestData('type of a subscription must be "Subscription".')
    return "Subscription"


def _entities(value: Any, given: Given) -> list[Body]:
    return [_entity(one, given) for one in elements(value, "entities")]


def _entity(value: Any, given: Given) -> Body:
    """Check an EntitySelector. (5.2.33)"""
    if not isinstance(value, dict):
        raise BadRequestData(
            "An element of entities must be an object with type, and id or idPattern if wanted."
        )
    result: Body = {}
    if "id" in value:
        ids = value["id"] if isinstance(value["id"], list) else [value["id"]]
        for id in elements(ids, "id of entities"):
            uri(id, "id of entities")
        result["id"] = value["id"]
    if "idPattern" in value:
        result["idPattern"] = text(value["idPattern"], "idPattern")
    if "type" not in value:
        raise BadRequestData('An element of entities needs a type; "*" stands for every type.')
    selection = text(value["type"], "type of entities")
    types.parse(selection, given.table)
    result["type"] = expand(_TYPE_NAME, selection, _EVERY, given.table)
    return result


def compact_types(selection: str, table: TermTable) -> str:
    """Shorten the names in a type selection. (4.17)"""
    return compact(_TYPE_NAME, selection, _EVERY, table)


def _watched(value: Any, given: Given) -> list[str]:
    return iris(value, "watchedAttributes", given.table)


def _triggers(value: Any, _: Given) -> list[str]:
    names = texts(value, "notificationTrigger")
    for name in names:
        if name not in TRIGGERS:
            raise BadRequestData(f"notificationTrigger must hold some of {', '.join(sorted(TRIGGERS))}.")
    return names


def _geo(value: Any, given: Given) -> Body:
    """Check the shape of a GeoQuery; its geometry is checked where it is compiled. (5.2.13)"""
    if not isinstance(value, dict) or not isinstance(value.get("coordinates"), list | str):
        raise BadRequestData("geoQ must be an object with georel, geometry and coordinates.")
    result = {name: text(value.get(name), f"geoQ.{name}") for name in ("georel", "geometry")}
    result["coordinates"] = value["coordinates"]
    if "geoproperty" in value:
        result["geoproperty"] = iri(value["geoproperty"], "geoQ.geoproperty", given.table)
    return result


def _datasets(value: Any, _: Given) -> list[str]:
    names = texts(value, "datasetId")
    for name in names:
        if name != DEFAULT_DATASET:
            uri(name, "Each datasetId")
    return names


def _expires(value: Any, given: Given) -> str:
    moment = text(value, "expiresAt")
    try:
        when = clock.parse(moment)
    except ValueError as error:
        raise BadRequestData(f"expiresAt of a subscription is no DateTime: {error}") from error
    if when <= given.now:
        raise BadRequestData("expiresAt of a subscription must lie in the future.")
    return moment.replace(",", ".")


def _attribute_list(name: str) -> Callable[[Any, Given], str]:
    def check(value: Any, given: Given) -> str:
        parts = text(value, name).split(",")
        return ",".join(iris(parts, name, given.table))

    return check


def _interval(value: Any, _: Given) -> int | float:
    seconds = positive(value, "timeInterval")
    if seconds < SHORTEST_INTERVAL:
        raise BadRequestData(f"timeInterval must be at least {SHORTEST_INTERVAL} seconds here.")
    return seconds


def _version(value: Any, _: Given) -> str:
    if not isinstance(value, str) or not _VERSION.match(value):
        raise BadRequestData('ngsildConformance must be a version such as "1.8".')
    return value


def _jsonld_context(value: Any, _: Given) -> str:
    url = uri(value, "jsonldContext")
    if not url.startswith(("http://", "https://")) or not url.isascii():
        raise BadRequestData("jsonldContext must be the URL of a JSON-LD @context.")
    return url


def _temporal(value: Any, _: Given) -> Body:
    """Check a TemporalQuery. (5.2.21)"""
    if timerel.parse_object(value).timerel is None:
        raise BadRequestData("temporalQ needs the member timerel.")
    return dict(value)


def _plain(check: Callable[[Any, str], Any], name: str) -> Callable[[Any, Given], Any]:
    return lambda value, _: check(value, name)


_MEMBERS: Final[Mapping[str, Callable[[Any, Given], Any]]] = {
    "id": _plain(uri, "id of a subscription"),
    "type": _type,
    "subscriptionName": _plain(text, "subscriptionName"),
    "description": _plain(text, "description"),
    "entities": _entities,
    "watchedAttributes": _watched,
    "notificationTrigger": _triggers,
    "timeInterval": _interval,
    "q": _plain(text, "q"),
    "geoQ": _geo,
    "csf": _plain(text, "csf"),
    "scopeQ": _plain(text, "scopeQ"),
    "temporalQ": _temporal,
    "isActive": _plain(boolean, "isActive"),
    "notification": lambda value, given: notification_params.check(value, given.table),
    "expiresAt": _expires,
    "throttling": _plain(positive, "throttling"),
    "lang": _plain(text, "lang"),
    "datasetId": _datasets,
    "jsonldContext": _jsonld_context,
    "expandValues": _attribute_list("expandValues"),
    "jsonKeys": _attribute_list("jsonKeys"),
    "ngsildConformance": _version,
    "localOnly": _plain(boolean, "localOnly"),
    "splitEntities": _plain(boolean, "splitEntities"),
}
