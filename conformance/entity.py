"""Entities as cases write them: `vehicle(speed=55, owner=rel("urn:…"))`."""

from typing import Any
from urllib.parse import quote

NULL = "urn:ngsi-ld:null"
_MARKS = frozenset({"type", "value", "object", "languageMap", "vocab", "json", "valueList", "objectList"})


class Entity(dict[str, Any]):
    """An entity as JSON, with its place in the broker."""

    @property
    def id(self) -> str:
        """Give the identifier."""
        return str(self["id"])

    @property
    def type(self) -> str:
        """Give the (first) type."""
        kind = self["type"]
        return str(kind[0] if isinstance(kind, list) else kind)

    @property
    def path(self) -> str:
        """Give the path of the entity."""
        return f"/entities/{quote(self.id, safe=':')}"

    @property
    def temporal(self) -> str:
        """Give the path of its temporal evolution."""
        return f"/temporal{self.path}"

    def of(self, **members: Any) -> "Entity":
        """Copy it with members set; None takes one away."""
        merged = {**self, **_members(members)}
        return Entity({name: value for name, value in merged.items() if value is not None})


def entity(kind: str | list[str], /, **members: Any) -> Entity:
    """Make an entity without identifier; `Subject.have` gives it one, and makes its type names unique."""
    return Entity(type=kind, **_members(members))


def vehicle(**members: Any) -> Entity:
    """Make a Vehicle."""
    return entity("Vehicle", **members)


def building(**members: Any) -> Entity:
    """Make a Building."""
    return entity("Building", **members)


def attribute(value: Any) -> Any:
    """Make a Property of a plain value; leave what is an attribute (or scope, None) as it is."""
    if value is None or (isinstance(value, dict) and _MARKS & value.keys()):
        return value
    if isinstance(value, list) and value and all(isinstance(x, dict) and _MARKS & x.keys() for x in value):
        return value
    return prop(value)


def prop(value: Any, **members: Any) -> dict[str, Any]:
    """Make a Property. (4.5.2)"""
    return {"type": "Property", "value": value, **_sub(members)}


def rel(target: str | list[str] | Entity, **members: Any) -> dict[str, Any]:
    """Make a Relationship. (4.5.3)"""
    return {
        "type": "Relationship",
        "object": target.id if isinstance(target, Entity) else target,
        **_sub(members),
    }


def geo(kind: str, coordinates: Any, **members: Any) -> dict[str, Any]:
    """Make a GeoProperty. (4.7)"""
    return {"type": "GeoProperty", "value": {"type": kind, "coordinates": coordinates}, **_sub(members)}


def point(longitude: float, latitude: float, **members: Any) -> dict[str, Any]:
    """Make a GeoProperty with a Point."""
    return geo("Point", [longitude, latitude], **members)


def lang(words: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Make a LanguageProperty. (4.5.18)"""
    return {"type": "LanguageProperty", "languageMap": words, **_sub(members)}


def vocab(term: str | list[str], **members: Any) -> dict[str, Any]:
    """Make a VocabProperty. (4.5.20)"""
    return {"type": "VocabProperty", "vocab": term, **_sub(members)}


def json_property(value: Any, **members: Any) -> dict[str, Any]:
    """Make a JsonProperty. (4.5.24)"""
    return {"type": "JsonProperty", "json": value, **_sub(members)}


def list_property(values: list[Any], **members: Any) -> dict[str, Any]:
    """Make a ListProperty. (4.5.21)"""
    return {"type": "ListProperty", "valueList": values, **_sub(members)}


def list_rel(targets: list[str], **members: Any) -> dict[str, Any]:
    """Make a ListRelationship. (4.5.22)"""
    return {"type": "ListRelationship", "objectList": targets, **_sub(members)}


def _members(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name in _OWN else attribute(value) for name, value in members.items()}


_OWN = frozenset({"id", "type", "scope", "expiresAt"})
_PLAIN = frozenset(
    {"unitCode", "observedAt", "datasetId", "expiresAt", "valueType", "objectType", "instanceId", "entity"}
)


def _sub(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name in _PLAIN else attribute(value) for name, value in members.items()}
