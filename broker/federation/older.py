"""Payloads amended so that a source of an earlier version of NGSI-LD understands them. (4.3.6.6, 4.3.6.8)"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from broker.federation.asking import Request
from broker.model.document import PREVIOUS_MEMBER, VALUE_MEMBER
from broker.model.versions import ENTITY_MEMBERS, KINDS, MEMBERS, NEWEST, OLDEST, SEVERAL, Version

_NO_ATTRIBUTES: Final = frozenset({"id", "@id", "@context", *ENTITY_MEMBERS})
_NO_SUBATTRIBUTES: Final = frozenset({"type", *VALUE_MEMBER.values(), *PREVIOUS_MEMBER.values(), *MEMBERS})
_WITHOUT_ENTITIES: Final = ("/subscriptions", "/entityMaps", "/snapshots")


def amended(request: Request, version: Version) -> Request:
    """Amend the payload of a request: newer members go, newer kinds become plain ones. (Table 4.3.6.8-1)"""
    path = request.path
    if (
        version >= NEWEST
        or request.body is None
        or path.startswith(_WITHOUT_ENTITIES)
        or path.endswith("/query")
    ):
        return request
    if "/attrs/" in path and path.rpartition("/attrs/")[2].strip("/"):
        return replace(request, body=_attribute(request.body, version))
    return replace(request, body=_entities(request.body, version, all_instances=path.startswith("/temporal")))


def _entities(body: Any, version: Version, *, all_instances: bool) -> Any:
    if isinstance(body, list):
        return [_entities(one, version, all_instances=all_instances) for one in body]
    if not isinstance(body, dict):
        return body
    made = {}
    for name, value in body.items():
        if version < ENTITY_MEMBERS.get(name, OLDEST):
            continue
        if name in ("type", "@type"):
            value = value[0] if version < SEVERAL and isinstance(value, list) and value else value
        elif name not in _NO_ATTRIBUTES:
            value = _attribute(value, version, all_instances=all_instances)
        made[name] = value
    return made


def _attribute(value: Any, version: Version, *, all_instances: bool = False) -> Any:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        if version < SEVERAL and not all_instances:
            return _instance(_default(value), version)
        return [_instance(one, version) for one in value]
    return _instance(value, version) if isinstance(value, dict) else value


def _default(instances: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Choose the one instance that was there before datasetId. (Note 2)"""
    return next((one for one in instances if "datasetId" not in one), instances[0])


def _instance(given: Mapping[str, Any], version: Version) -> dict[str, Any]:
    made = {
        name: value if name in _NO_SUBATTRIBUTES else _attribute(value, version)
        for name, value in given.items()
        if version >= MEMBERS.get(name, OLDEST)
    }
    for kind, (since, fallback) in KINDS.items():
        if version >= since:
            continue
        if made.get("type") == kind:
            made["type"] = fallback
        if VALUE_MEMBER[kind] in made:
            made[VALUE_MEMBER[fallback]] = made.pop(VALUE_MEMBER[kind])
    return made
