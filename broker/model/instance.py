"""From what a client wrote for one attribute to instances of the internal form. (4.5.1-4.5.5, 5.2.5-5.2.8)

In merges and partial updates an instance may lack its "type": then "given" holds the value as written and "value" the
same with expanded names; what it means is decided by the attribute it meets (merge.settle)."""

from typing import Any, Final

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.model import geojson, validate
from broker.model.document import DEFAULT_DATASET, NGSI_LD, NULL, VALUE_MEMBER, Instance
from broker.model.member import (
    KIND_OF,
    MEMBER,
    METADATA,
    NOT_REIFIED,
    NOT_REIFIED_IRIS,
    NULL_MAP,
    PROOF,
    VALUE,
    VALUE_MEMBERS,
    WRAPPERS,
    is_proof,
)
from broker.model.member import value as value_member
from broker.model.validate import shown

_KINDS: Final = tuple(VALUE_MEMBER)  # looked through by ==: what a client wrote need not be hashable
PLACES: Final = frozenset(NGSI_LD + name for name in ("location", "observationSpace", "operationSpace"))


class Reader:
    """Reads the attributes of one request body; holds what is the same for all of them."""

    __slots__ = ("inner", "iri", "lang", "merge", "now", "nulls", "partial", "simplified", "value")

    def __init__(
        self,
        table: TermTable,
        now: int,
        *,
        nulls: bool = False,
        merge: bool = False,
        partial: bool = False,
        simplified: bool = False,
        lang: str | None = None,
    ) -> None:
        self.iri = table.iri
        self.value = table.value
        self.now = now
        self.nulls = nulls
        self.merge = merge
        self.partial = partial
        self.simplified = simplified
        self.lang = lang
        # a partial update replaces sub-attributes as a whole, a merge goes into them (5.5.8, 5.5.12)
        self.inner = self if merge or not partial else Reader(table, now, nulls=nulls)

    def attributes(self, body: dict[str, Any], skip: frozenset[str]) -> dict[str, list[Instance]]:
        """Read every member that is not to be skipped as an attribute. (5.2.4)"""
        attributes: dict[str, list[Instance]] = {}
        for name, given in body.items():
            if name not in skip:
                iri = self.name(name)
                if iri in attributes:
                    raise BadRequestData(
                        f"Attribute '{shown(name)}' is given twice under different names (5.5.7)"
                    )
                attributes[iri] = self.attribute(name, given)
                if iri in PLACES:
                    check_place(name, attributes[iri])
        return attributes

    def name(self, name: str) -> str:
        """Expand the name of an attribute. (4.6.2, 5.5.7)"""
        if name in NOT_REIFIED or not validate.is_name(name):
            self._refuse_name(name)
        iri = self.iri(name)
        if iri in NOT_REIFIED_IRIS or iri[0] == "@":
            self._refuse_name(name)
        return iri

    def _refuse_name(self, name: str) -> None:
        if name in NOT_REIFIED or validate.is_name(name):
            raise BadRequestData(
                f"'{shown(name)}' cannot be an attribute: the core @context gives this name a meaning (4.5.1)"
            )
        validate.name(name, "The attribute name")

    def attribute(self, name: str, given: Any) -> list[Instance]:
        """Read one attribute, of one instance or several. (4.5.5.1)"""
        kind = type(given)
        if kind is dict:
            if self.simplified:
                return self._simplified(name, given)
            return [self.instance(name, given)]
        if kind is list and not self.simplified and _holds_instances(given):
            return self._several(name, given)
        return [self.bare(name, given)]

    def _several(self, name: str, given: list[Any]) -> list[Instance]:
        instances = [self.instance(name, one) if type(one) is dict else self.bare(name, one) for one in given]
        if len({one.get("datasetId") for one in instances}) < len(instances):
            raise BadRequestData(
                f"Attribute '{shown(name)}' has two instances of one datasetId; give each its own, "
                "and at most one default instance without datasetId (4.5.5.1)"
            )
        return instances

    def _simplified(self, name: str, given: dict[str, Any]) -> list[Instance]:
        """Read the simplified representation: wrappers and datasets, else a bare value. (4.5.4)"""
        if len(given) == 1:
            ((member, inner),) = given.items()
            if member in WRAPPERS:
                return [self.instance(name, given)]
            if member == "dataset" and type(inner) is dict:
                return [self._of_dataset(name, dataset, one) for dataset, one in inner.items()]
        return [self.bare(name, given)]

    def _of_dataset(self, name: str, dataset: str, given: Any) -> Instance:
        wrapped = type(given) is dict and len(given) == 1 and not WRAPPERS.isdisjoint(given)
        instance = self.instance(name, given) if wrapped else self.bare(name, given)
        if dataset != DEFAULT_DATASET:
            instance["datasetId"] = validate.uri(dataset, "datasetId", name)
        return instance

    def instance(self, name: str, body: dict[str, Any]) -> Instance:
        """Read one instance, normalized or concise. (4.5.2.2, 4.5.2.3)"""
        if "type" in body:
            kind = body["type"]
            if type(kind) is not str or kind not in VALUE_MEMBER:
                return self._of_other_type(name, body)
        elif body.get("@type") in _KINDS:
            return self.instance(name, {"type" if key == "@type" else key: one for key, one in body.items()})
        else:
            kind = self._infer(name, body)
            if kind is None:
                return self._untyped(name, body)
        member = VALUE_MEMBER[kind]
        instance: Instance = {"type": kind}
        if member in body:
            instance[member] = VALUE[kind](self, name, body[member])
        elif not self.partial:
            raise BadRequestData(f"Attribute '{shown(name)}' is a {kind} without '{member}' (4.5.2, 4.5.3)")
        if len(body) == len(instance) and "type" in body:
            instance["createdAt"] = instance["modifiedAt"] = self.now
        else:
            self._members(name, body, kind, member, instance)
        if is_proof(name):
            _check_proof(instance)
        return instance

    def _of_other_type(self, name: str, body: dict[str, Any]) -> Instance:
        if geojson.looks_like_geometry(body):
            return self.bare(name, body)
        raise BadRequestData(
            f"Attribute '{shown(name)}' has a type that is none of {', '.join(VALUE_MEMBER)}; "
            'a Property whose value has a "type" is written {"type": "Property", "value": …} (4.5.2.3)'
        )

    def _infer(self, name: str, body: dict[str, Any]) -> str | None:
        """Tell the kind from the value member; None: it is left to the attribute it meets, or bare. (4.5.2.3)"""
        if "value" in body:
            if self.partial:
                return None
            return "GeoProperty" if geojson.looks_like_geometry(body["value"]) else "Property"
        for member, kind in KIND_OF.items():
            if member in body:
                return kind
        return None

    def _untyped(self, name: str, body: dict[str, Any]) -> Instance:
        if not self.partial or (self.merge and not _is_fragment(body)):
            return self.bare(name, body)
        instance: Instance = {}
        if body.get("value") == NULL:
            instance["type"] = "Property"
            instance["value"] = self.null(name)
        elif "value" in body:
            instance["given"] = body["value"]
            instance["value"] = value_member(self, name, body["value"])
        self._members(name, body, "", "value", instance)
        return instance

    def bare(self, name: str, given: Any) -> Instance:
        """Read a value that stands without its attribute around it. (4.5.2.3, 4.7.3)"""
        if given == NULL:
            self.null(name)
            return {"type": "Property", "value": NULL, "createdAt": self.now, "modifiedAt": self.now}
        if self.partial:
            instance = {"given": given, "value": value_member(self, name, given), "bare": True}
            texts = given if type(given) is list else [given]
            if all(type(text) is str for text in texts):
                instance["vocab"] = [self.iri(t) for t in given] if type(given) is list else self.iri(given)
        elif geojson.looks_like_geometry(given):
            instance = {"type": "GeoProperty", "value": geojson.check(given, name)}
        elif is_proof(name):
            raise BadRequestData(f"Attribute '{PROOF}' needs a value that is an object (4.5.2.2)")
        else:
            instance = {"type": "Property", "value": value_member(self, name, given)}
        instance["createdAt"] = instance["modifiedAt"] = self.now
        return instance

    def _members(self, name: str, body: dict[str, Any], kind: str, member: str, instance: Instance) -> None:
        """Read everything beside type and value: metadata and sub-attributes. (4.5.2.2)"""
        attributes = None
        for key, given in body.items():
            if key == "type" or key == member:
                continue
            read = MEMBER.get(key)
            if read is not None:
                read(self, name, key, given, kind, instance)
            else:
                if attributes is None:
                    instance["attrs"] = attributes = {}
                iri = self.name(key)
                if iri in attributes:
                    raise BadRequestData(
                        f"Attribute '{shown(key)}' is given twice under different names (5.5.7)"
                    )
                attributes[iri] = self.inner.attribute(key, given)
        instance["createdAt"] = instance["modifiedAt"] = self.now

    def null(self, name: str) -> str:
        """Take NGSI-LD Null where it means something. (5.5.4)"""
        if not self.nulls:
            raise BadRequestData(
                f"Attribute '{shown(name)}' is NGSI-LD Null, which is allowed in updates and merges only (5.5.4)"
            )
        return NULL


def check_place(name: str, instances: list[Instance]) -> None:
    """Refuse a location, observationSpace or operationSpace that is no GeoProperty. (4.7.1, 5.2.4)"""
    if any(one.get("type", "GeoProperty") != "GeoProperty" and not is_null(one) for one in instances):
        raise BadRequestData(f"Attribute '{shown(name)}' must be a GeoProperty (4.7.1)")


def _holds_instances(given: list[Any]) -> bool:
    """Tell an array of instances from an array that is a value. (4.5.5)"""
    for one in given:
        if type(one) is dict:
            kind = one.get("type", one.get("@type"))
            if type(kind) is str and kind in VALUE_MEMBER:
                return True
            if kind is None and not VALUE_MEMBERS.isdisjoint(one):
                return True
    return False


def _is_fragment(body: dict[str, Any]) -> bool:
    """Tell members of an attribute to merge from a bare value that is an object. (4.5.2.3, 5.5.12)"""
    if "value" in body or not METADATA.isdisjoint(body):
        return True
    return any(type(one) is dict and _holds_instances([one]) for one in body.values())


def is_null(instance: Instance) -> bool:
    """Say whether an instance of a fragment means: delete me. (4.5.0)"""
    kind = instance.get("type")
    if kind is None:
        return False
    held = instance.get(VALUE_MEMBER[kind])
    return held == NULL or (kind == "LanguageProperty" and held == NULL_MAP)


def _check_proof(instance: Instance) -> None:
    """A proof is a Property whose value is an object. (4.5.2.2)"""
    held = instance.get("value")
    if instance["type"] != "Property" or not (type(held) is dict or held in (None, NULL)):
        raise BadRequestData(f"Attribute '{PROOF}' must be a Property whose value is an object (4.5.2.2)")
