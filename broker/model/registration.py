"""The normal form of a context source registration: members checked one by one, names expanded. (5.2.9)

    {"id", "type", "endpoint", "information": [{"entities": [{"type": [iri, …], "id", "idPattern"}, …],
     "propertyNames": [iri, …], "relationshipNames": [iri, …], "attributeNames": [iri, …]}, …],
     …further members of the specification as given}

Kept beside them, and never shown as they are:
    "properties"   what a registrant says beyond the specification, by IRI: Context Source Properties (4.9)
    "createdAt", "modifiedAt"   µs
    "counters"     what distributed operations counted: timesSent, timesFailed, lastSuccess, lastFailure (µs), status
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from base import clock
from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.model import confidential, geojson, operation_names, validate
from broker.model import registration_members as members
from broker.model.checks import one_of, text, uri
from broker.model.document import NULL

Body = dict[str, Any]

TYPE: Final = "ContextSourceRegistration"
MODES: Final = ("inclusive", "exclusive", "redirect", "auxiliary")
COUNTED: Final = frozenset({"lastFailure", "lastSuccess", "status", "timesFailed", "timesSent"})
HIDDEN: Final = frozenset({"properties", "createdAt", "modifiedAt", "counters"})

_MOST_PROPERTIES: Final = 100
_KEPT: Final = ("id", "type", "endpoint", "information")


@dataclass(frozen=True, slots=True)
class Given:
    """In what surroundings a registration arrives: the names' table, the time."""

    table: TermTable
    now: int


def create(body: Any, id: str, given: Given) -> Body:
    """Give the normal form of a new registration. (5.9.2.4)"""
    fragment, properties = _fragment(body, given)
    if NULL in (value for value in body.values() if isinstance(value, str)):
        raise BadRequestData(
            "NGSI-LD Null removes members in updates; a new registration has none to remove."
        )
    for name in ("type", "endpoint", "information"):
        if name not in fragment:
            raise BadRequestData(f"A context source registration needs the member {name}.")
    result = {"id": id, **{name: value for name, value in fragment.items() if value is not None}}
    result = confidential.restored({}, result)
    return _finished(result, {}, properties, given)


def update(current: Body, body: Any, given: Given) -> Body:
    """Give the registration with a fragment applied: members replaced as a whole, null removes. (5.9.3.4, 5.5.8)"""
    fragment, properties = _fragment(body, given)
    if fragment.get("id", current["id"]) != current["id"]:
        raise BadRequestData("id of a registration cannot be changed; register the source anew.")
    result = {name: value for name, value in current.items() if fragment.get(name, value) is not None}
    result |= {name: value for name, value in fragment.items() if value is not None}
    result = confidential.restored(current, result)
    return _finished(result, current.get("properties", {}), properties, given)


def expires(body: Mapping[str, Any]) -> int | None:
    """Say when a registration ends (µs); None: never. (5.2.9)"""
    return clock.parse(body["expiresAt"]) if "expiresAt" in body else None


def operations(body: Mapping[str, Any]) -> frozenset[str]:
    """Name the single operations that the source of a registration offers. (4.20)"""
    auxiliary = body.get("mode") == "auxiliary"
    default = operation_names.DEFAULT_AUXILIARY if auxiliary else operation_names.DEFAULT
    return operation_names.single(body.get("operations", default))


def attributes(info: Mapping[str, Any]) -> frozenset[str]:
    """Name the attributes of a RegistrationInfo, in whichever member they stand; none: any. (5.12)"""
    return frozenset(iri for name in members.ATTRIBUTE_NAMES for iri in info.get(name, ()))


def _finished(result: Body, before: Body, properties: Mapping[str, Any], given: Given) -> Body:
    kept = {name: value for name, value in before.items() if properties.get(name, value) is not None}
    kept |= {name: value for name, value in properties.items() if value is not None}
    if len(kept) > _MOST_PROPERTIES:
        raise BadRequestData(
            f"A registration may have {_MOST_PROPERTIES} properties of its own; remove some."
        )
    result.pop("properties", None)
    if kept:
        result["properties"] = kept
    result.setdefault("createdAt", given.now)
    result["modifiedAt"] = given.now
    _check_together(result)
    return result


def _check_together(body: Body) -> None:
    """Check what a mode demands of the other members. (4.3.6.3, 5.9.2.4)"""
    mode = body.get("mode", "inclusive")
    if mode == "auxiliary" and not set(body.get("operations", ())) <= operation_names.AUXILIARY:
        raise BadRequestData(
            "An auxiliary registration needs operations of retrieveOps, retrieveEntity and queryEntity only."
        )
    if mode == "exclusive":
        _check_exclusive(body["information"])


def _check_exclusive(information: list[Body]) -> None:
    """An exclusive registration is about named attributes of entities, each named by its id. (4.3.6.3)"""
    for info in information:
        if not attributes(info):
            raise BadRequestData(
                "An exclusive registration needs propertyNames, relationshipNames or attributeNames."
            )
        if not all("id" in entity for entity in info.get("entities", ({},))):
            raise BadRequestData(
                "An exclusive registration needs the id of its entity, not a pattern or type."
            )


def _fragment(body: Any, given: Given) -> tuple[Body, Body]:
    """Check and expand each member and property that is there; None stands for what is to be removed."""
    if not isinstance(body, dict):
        raise BadRequestData("A context source registration must be a JSON object.")
    result: Body = {}
    properties: Body = {}
    for name, value in body.items():
        if name in COUNTED or name in _IGNORED:
            continue
        removed = value is None or value == NULL
        if name not in _MEMBERS:
            iri = given.table.iri(validate.name(name, "The member"))
            properties[iri] = None if removed else value
        elif not removed:
            result[name] = _MEMBERS[name](value, given)
        elif name in _KEPT:
            raise BadRequestData(f"{name} of a registration cannot be removed.")
        else:
            result[name] = None
    return result, properties


def _type(value: Any, _: Given) -> str:
    if value != TYPE:
        raise BadRequestData(f'type of a registration must be "{TYPE}".')
    return TYPE


def _expires(value: Any, given: Given) -> str:
    moment = members.moment(value, "expiresAt")
    if clock.parse(moment) <= given.now:
        raise BadRequestData("expiresAt of a registration must lie in the future.")
    return moment


def _scope(value: Any, _: Given) -> str | list[str]:
    scopes = validate.scopes(value)
    return scopes[0] if isinstance(value, str) else scopes


def _named(check: Callable[[Any, str], Any], name: str) -> Callable[[Any, Given], Any]:
    return lambda value, _: check(value, name)


def _alone(check: Callable[[Any], Any]) -> Callable[[Any, Given], Any]:
    return lambda value, _: check(value)


_IGNORED: Final = frozenset({"@context", "createdAt", "modifiedAt"})
_MEMBERS: Final[Mapping[str, Callable[[Any, Given], Any]]] = {
    "id": _named(uri, "id of a registration"),
    "type": _type,
    "endpoint": _alone(members.endpoint),
    "information": lambda value, given: members.information(value, given.table),
    "contextSourceInfo": _alone(members.source_info),
    "contextSourceAlias": _alone(members.alias),
    "description": _named(text, "description"),
    "datasetId": _alone(members.datasets),
    "expiresAt": _expires,
    "location": _named(geojson.check, "location"),
    "management": _alone(members.management),
    "managementInterval": _named(members.interval, "managementInterval"),
    "mode": lambda value, _: one_of(value, "mode", MODES),
    "observationInterval": _named(members.interval, "observationInterval"),
    "observationSpace": _named(geojson.check, "observationSpace"),
    "operations": _alone(members.operations),
    "operationSpace": _named(geojson.check, "operationSpace"),
    "refreshRate": _named(members.duration, "refreshRate"),
    "registrationName": _named(text, "registrationName"),
    "scope": _scope,
    "tenant": _named(text, "tenant"),
}

MEMBERS: Final = frozenset(_MEMBERS)
