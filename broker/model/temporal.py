"""From an EntityTemporal as a client wrote it to instances of the internal form. (4.5.6-4.5.9, 5.2.20, 5.6.11)"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from base import clock
from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.model import expand, validate
from broker.model.document import NULL, SCOPE, VALUE_MEMBER, Instance
from broker.model.instance import PLACES, Reader, check_place, is_null
from broker.model.member import NULL_MAP, WRAPPERS
from broker.model.validate import place, shown

SERIES_MEMBER: Final = {kind: member + "s" for kind, member in VALUE_MEMBER.items()}
"""The member that holds the pairs of value and time in the simplified temporal representation, by kind. (4.5.9)"""

_KINDS: Final = tuple(VALUE_MEMBER)
_INSTANCE_MEMBERS: Final = frozenset(VALUE_MEMBER.values())
_PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Given:
    """What was given for a Temporal Evolution: id and types if named, and instances by attribute, scope among them."""

    id: str | None
    types: list[str]
    instances: dict[str, list[Instance]]


def entity(body: Any, table: TermTable, now: int) -> Given:
    """Read an EntityTemporal to create or to add to. (5.6.11)"""
    given = fragment(body, table, now)
    if given.id is None or not given.types:
        missing = "id" if given.id is None else "type"
        raise BadRequestData(f"The entity has no '{missing}'; every entity needs it (4.5.1)")
    return given


def fragment(body: Any, table: TermTable, now: int) -> Given:
    """Read a fragment of an EntityTemporal: attributes to add. (5.6.12)"""
    frame = expand.frame(body, table)
    if "expiresAt" in body:
        validate.date_time(body["expiresAt"], "expiresAt")
    reader = _TemporalReader(table, now)
    instances: dict[str, list[Instance]] = {}
    try:
        for name, given in body.items():
            if name not in expand.NOT_ATTRIBUTES:
                iri = reader.name(name)
                if iri in instances:
                    raise BadRequestData(
                        f"Attribute '{shown(name)}' is given twice under different names (5.5.7)"
                    )
                instances[iri] = reader.evolution(name, given)
                if iri in PLACES:
                    check_place(name, instances[iri])
    except RecursionError:
        raise BadRequestData("The entity is nested too deeply") from None
    if "scope" in body:
        instances[SCOPE] = reader.scopes(body["scope"])
    return Given(frame.get("id"), frame.get("type", []), instances)


def instance(name: str, body: Any, table: TermTable, now: int) -> Instance:
    """Read the one instance that is to replace another. (5.6.14)"""
    if type(body) is list:
        if len(body) != 1:
            raise BadRequestData(
                "The fragment must be one attribute instance, or an array of exactly one (5.6.14)"
            )
        body = body[0]
    if type(body) is dict:
        body = {member: given for member, given in body.items() if member != "@context"}
        if body.keys() == {name}:  # the fragment of an EntityTemporal
            return instance(name, body[name], table, now)
    if not body and type(body) in (dict, list):
        raise BadRequestData(f"The fragment for attribute '{shown(name)}' is empty (5.6.14)")
    reader = _TemporalReader(table, now)
    read = reader.scopes(body) if name == "scope" else reader.evolution(name, body)
    if len(read) != 1:
        raise BadRequestData(
            "The fragment must be one attribute instance, or an array of exactly one (5.6.14)"
        )
    if name != "scope" and table.iri(name) in PLACES:
        check_place(name, read)
    return read[0]


def attribute_name(name: str, table: TermTable) -> str:
    """Expand the name of an attribute as a path gives it; scope evolves like one. (4.5.6, 5.5.7)"""
    return SCOPE if name == "scope" else expand.attribute_name(name, table)


class _TemporalReader(Reader):
    """Reads attributes whose instances differ in time; deletions are among them. (4.5.7, 4.5.8)"""

    __slots__ = ()

    def __init__(self, table: TermTable, now: int) -> None:
        super().__init__(table, now)
        self.inner = Reader(table, now)

    def null(self, name: str) -> str:
        """Take NGSI-LD Null as the value of a deletion. (4.5.7, 5.5.4)"""
        return NULL

    def evolution(self, name: str, given: Any) -> list[Instance]:
        """Read an attribute: one instance, an array of them, or the simplified form. (4.5.7-4.5.9)"""
        several = given if _holds_instances(given) else [given]
        read = []
        for one in several:
            kind = _simplified(one)
            read += self.pairs(name, kind, one) if kind else [self.dated(name, one)]
        return read

    def dated(self, name: str, given: Any) -> Instance:
        """Read one instance, and when it was deleted if it tells of a deletion. (4.5.7)"""
        instance = self.instance(name, given) if type(given) is dict else self.bare(name, given)
        if is_null(instance):
            self.delete(name, given if type(given) is dict else {}, instance)
        return instance

    def delete(self, name: str, given: dict[str, Any], instance: Instance) -> None:
        """Say when it was deleted: as given, else when that was observed, else now. (4.5.7)"""
        at = given.get("deletedAt", instance.get("observedAt"))
        instance["deletedAt"] = self.now if at is None else _moment(at, "deletedAt", name)

    def pairs(self, name: str, kind: str, body: dict[str, Any]) -> list[Instance]:
        """Read the simplified temporal representation of an attribute: pairs of value and time. (4.5.9)"""
        member = SERIES_MEMBER[kind]
        foreign = body.keys() - {"type", "datasetId", member}
        pairs = body[member]
        if foreign or type(pairs) is not list:
            raise BadRequestData(
                f"Attribute '{shown(name)}' must hold a type and an array of pairs in '{member}' only (4.5.9)"
            )
        read = []
        for pair in pairs:
            if type(pair) is not list or len(pair) != _PAIR:
                raise BadRequestData(
                    f"{place(member, name)} must hold pairs of a value and a DateTime (4.5.9)"
                )
            value, at = pair
            inner = VALUE_MEMBER[kind]
            if inner in WRAPPERS and type(value) is dict and value.keys() == {inner}:
                value = value[inner]
            one = {"type": kind, inner: value, "observedAt": at}
            if "datasetId" in body:
                one["datasetId"] = body["datasetId"]
            read.append(self.dated(name, one))
        return read

    def scopes(self, given: Any) -> list[Instance]:
        """Read the scope: as a Property that evolves, or as it stands in the current state. (4.5.6)"""
        several = given if _holds_instances(given) else [given]
        read = []
        for one in several:
            if type(one) is not dict:
                read.append(self.scope({"value": one, "observedAt": clock.show(self.now)}))
            elif "values" in one:
                pairs = self.pairs("scope", "Property", one)
                read += [self.scope({"value": p["value"], "observedAt": p["observedAt"]}) for p in pairs]
            else:
                read.append(self.scope(one))
        return read

    def scope(self, given: dict[str, Any]) -> Instance:
        """Read one instance of the scope, which has no members but its times. (4.5.6)"""
        times = {"createdAt", "modifiedAt", "deletedAt", "observedAt"}
        if given.get("type", "Property") != "Property" or given.keys() - times - {
            "type",
            "value",
            "instanceId",
        }:
            raise BadRequestData(
                "The scope evolves as a Property with no sub-attributes but its times (4.5.6)"
            )
        value = given.get("value")
        instance: Instance = {"type": "Property", "createdAt": self.now, "modifiedAt": self.now}
        if "observedAt" in given:
            instance["observedAt"] = validate.date_time(given["observedAt"], "observedAt", "scope")
        if value in (NULL, [], [NULL]):
            instance["value"] = NULL
            self.delete("scope", given, instance)
        else:
            instance["value"] = validate.scopes(value)
        return instance


def is_deletion(instance: Instance) -> bool:
    """Say whether an instance tells of a deletion. (4.5.7, 4.5.8)"""
    held = instance[VALUE_MEMBER[instance["type"]]]
    return bool(held == NULL or (instance["type"] == "LanguageProperty" and held == NULL_MAP))


def moment(instance: Instance, timeproperty: str) -> int:
    """Give the time of an instance in µs: the Temporal Property asked for, or the nearest there is. (4.8)"""
    for member in (timeproperty, "deletedAt", "observedAt", "modifiedAt"):
        at = instance.get(member)
        if at is not None:
            return _instant(at) if type(at) is str else at
    return 0


_instant = lru_cache(65_536)(clock.parse)  # an instance is looked at more than once


def _moment(text: Any, member: str, name: str) -> int:
    return clock.parse(validate.date_time(text, member, name))


def _holds_instances(given: Any) -> bool:
    """Tell an array of instances from an array that is a value. (4.5.2.3, 4.5.7)"""
    return type(given) is list and any(
        type(one) is dict and (one.get("type") in _KINDS or not _INSTANCE_MEMBERS.isdisjoint(one))
        for one in given
    )


def _simplified(given: Any) -> str:
    """Name the kind of an attribute in the simplified temporal representation; '' for any other form. (4.5.9)"""
    kind = given.get("type") if type(given) is dict else None
    if type(kind) is not str or kind not in SERIES_MEMBER or VALUE_MEMBER[kind] in given:
        return ""
    return kind if SERIES_MEMBER[kind] in given else ""
