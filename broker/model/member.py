"""The members of one attribute instance: its value, by kind, and what stands beside it. (4.5.2-4.5.5, 4.5.18-4.5.24)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson

from base.errors import BadRequestData
from broker.model import geojson, validate
from broker.model.document import DEFAULT_DATASET, NGSI_LD, NULL, PREVIOUS_MEMBER, Instance
from broker.model.validate import place, shown


class Reading(Protocol):
    """What reading a member asks of the reader of the whole body."""

    @property
    def iri(self) -> Callable[[str], str]:
        """Expand a name. (5.5.7)"""

    @property
    def value(self) -> Callable[[Any], Any]:
        """Expand the member names within a value. (5.5.7)"""

    @property
    def nulls(self) -> bool:
        """Say whether NGSI-LD Null means something here. (5.5.4)"""

    @property
    def merge(self) -> bool:
        """Say whether the body is merged into what is there. (5.5.12)"""

    @property
    def lang(self) -> str | None:
        """Name the language of texts in a simplified body. (5.6.17)"""

    def null(self, name: str) -> str:
        """Take NGSI-LD Null where it means something. (5.5.4)"""


PROOF: Final = "ngsildproof"
PROOF_IRI: Final = NGSI_LD + PROOF
NULL_MAP: Final = {DEFAULT_DATASET: NULL}

KIND_OF: Final = {
    "object": "Relationship",
    "languageMap": "LanguageProperty",
    "vocab": "VocabProperty",
    "json": "JsonProperty",
    "valueList": "ListProperty",
    "objectList": "ListRelationship",
}
VALUE_MEMBERS: Final = frozenset({"value", *KIND_OF})
_RELATIONSHIPS: Final = frozenset({"Relationship", "ListRelationship"})
_WITH_UNIT: Final = frozenset({"Property", "GeoProperty", "ListProperty"})
WRAPPERS: Final = frozenset({"languageMap", "json", "vocab"})
_LANG_STRING: Final = "langString"

# members of the core @context that describe attributes and cannot be attributes themselves (4.5.1)
_SYSTEM: Final = frozenset({"createdAt", "modifiedAt", "deletedAt", "instanceId"})
METADATA: Final = frozenset({"observedAt", "expiresAt", "unitCode", "datasetId", "valueType", "objectType"})
_OUTPUT: Final = frozenset({*PREVIOUS_MEMBER.values(), "entity", "entityList", "lang"})
_SEALED: Final = frozenset({"entityIdSealed", "entityTypeSealed"})
NOT_REIFIED: Final = _SYSTEM | METADATA | _OUTPUT | _SEALED | VALUE_MEMBERS | {"id", "type", "scope"}
NOT_REIFIED_IRIS: Final = frozenset(
    {
        *(NGSI_LD + member for member in _SYSTEM | METADATA | _OUTPUT | _SEALED | {"scope", "hasJSON"}),
        *(f"{NGSI_LD}has{member[0].upper()}{member[1:]}" for member in VALUE_MEMBERS | _OUTPUT),
        *(f"{NGSI_LD}has{member}" for member in ("ValueType", "ObjectType")),
    }
)


def is_proof(name: str) -> bool:
    """Say whether an attribute holds a proof, whose value nobody may touch: a signature covers it. (4.5.2.2)"""
    return name in (PROOF, PROOF_IRI) or name == f"ngsi-ld:{PROOF}"


def value(reader: Reading, name: str, given: Any) -> Any:
    """Any JSON value but null. (4.5.2.2)"""
    kind = type(given)
    if kind is dict or kind is list:
        validate.no_nulls(given, name, nulls=reader.merge)
        return given if is_proof(name) else reader.value(given)
    if given == NULL:
        return reader.null(name)
    if given is None:
        raise BadRequestData(
            f"Attribute '{shown(name)}' has a JSON null as value; NGSI-LD knows none (4.5.0)"
        )
    return given


def _geometry(reader: Reading, name: str, given: Any) -> Any:
    """A GeoJSON geometry, or one encoded as text. (4.7.2)"""
    if type(given) is str:
        if given == NULL:
            return reader.null(name)
        try:
            given = orjson.loads(given)
        except ValueError:
            given = None
    return geojson.check(given, name)


def _object(reader: Reading, name: str, given: Any) -> Any:
    """A URI or an array of URIs. (4.5.3.2)"""
    if type(given) is list and given:
        return [validate.uri(one, "object", name) for one in given]
    if given == NULL:
        return reader.null(name)
    return validate.uri(given, "object", name)


def _language_map(reader: Reading, name: str, given: Any) -> Any:
    """Language tags with texts. (4.5.18.2, 4.6.5)"""
    if given in (NULL, NULL_MAP):
        reader.null(name)
        return dict(NULL_MAP)
    if type(given) is str and reader.lang is not None:
        return {reader.lang: given}
    return validate.language_map(given, name, nulls=reader.merge)


def _vocab(reader: Reading, name: str, given: Any) -> Any:
    """A term or an array of terms, which become IRIs. (4.5.20.2)"""
    if given == NULL:
        return reader.null(name)
    if type(given) is list and given and all(type(one) is str and one for one in given) and NULL not in given:
        return [reader.iri(one) for one in given]
    if type(given) is not str or not given:
        raise BadRequestData(f"{place('vocab', name)} must be text or a non-empty array of texts (4.5.20)")
    return reader.iri(given)


def _json(reader: Reading, name: str, given: Any) -> Any:
    """A raw JSON object or array; its names are never expanded. (4.5.24.2)"""
    if given == NULL:
        return reader.null(name)
    if type(given) is not dict and type(given) is not list:
        raise BadRequestData(f"{place('json', name)} must be an object or an array (4.5.24)")
    validate.no_nulls(given, name, nulls=reader.merge, json_nulls=True)
    return given


def _value_list(reader: Reading, name: str, given: Any) -> Any:
    """An ordered array of values. (4.5.21.2)"""
    if given in (NULL, [NULL]):
        return reader.null(name)
    if type(given) is not list:
        raise BadRequestData(f"{place('valueList', name)} must be an array (4.5.21)")
    validate.no_nulls(given, name, nulls=False)
    return reader.value(given)


def _object_list(reader: Reading, name: str, given: Any) -> Any:
    """An ordered array of URIs, each perhaps as {"object": URI}. (4.5.22)"""
    if given in (NULL, [NULL], [{"object": NULL}]):
        return reader.null(name)
    if type(given) is not list:
        raise BadRequestData(f"{place('objectList', name)} must be an array (4.5.22)")
    return [
        validate.uri(
            one["object"] if type(one) is dict and one.keys() == {"object"} else one, "objectList", name
        )
        for one in given
    ]


VALUE: Final[dict[str, Callable[[Reading, str, Any], Any]]] = {
    "Property": value,
    "GeoProperty": _geometry,
    "Relationship": _object,
    "LanguageProperty": _language_map,
    "VocabProperty": _vocab,
    "JsonProperty": _json,
    "ListProperty": _value_list,
    "ListRelationship": _object_list,
}


def _date_time(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    instance[key] = NULL if given == NULL and reader.nulls else validate.date_time(given, key, name)


def _unit_code(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    if kind and kind not in _WITH_UNIT:
        _refuse(name, key, kind)
    if type(given) is not str or not given or (given == NULL and not reader.nulls):
        raise BadRequestData(f"{place(key, name)} must be a UN/CEFACT Common Code such as CEL (4.5.2.2)")
    instance[key] = given


def _dataset_id(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    if given == NULL:
        raise BadRequestData(f"{place(key, name)} is NGSI-LD Null; a datasetId cannot be deleted (5.5.8)")
    if given != DEFAULT_DATASET:
        if type(given) is not str or not validate.is_dataset(given):
            validate.uri(given, key, name)
        instance[key] = given


def _value_type(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    if kind in _RELATIONSHIPS:
        _refuse(name, key, kind)
    if given == NULL and reader.nulls:
        instance[key] = NULL
        return
    iri = reader.iri(validate.name(given, f"The {key} of attribute '{shown(name)}'"))
    if kind == "LanguageProperty" and not iri.endswith(_LANG_STRING):
        raise BadRequestData(
            f"{place(key, name)} must be {_LANG_STRING}, as it is a LanguageProperty (5.2.32)"
        )
    instance[key] = iri


def _object_type(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    if kind and kind not in _RELATIONSHIPS:
        _refuse(name, key, kind)
    if given == NULL and reader.nulls:
        instance[key] = NULL
        return
    names = given if type(given) is list and given else [given]
    what = f"The {key} of attribute '{shown(name)}'"
    instance[key] = list(dict.fromkeys(reader.iri(validate.name(one, what)) for one in names))


def _ignored(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    """Members that only the broker makes. (5.2.2, 5.2.5)"""


def _output_only(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    """Ignored where they belong to the kind, refused elsewhere. (4.5.2.2, 5.2.5, 5.2.6)"""
    owner = {"entity": "Relationship", "entityList": "ListRelationship"}.get(key)
    if kind and key != PREVIOUS_MEMBER[kind] and kind != owner:
        _refuse(name, key, kind)


def _sealed(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    """What a proof says of the entity it belongs to. (4.5.2.2, C.11)"""
    if not is_proof(name):
        raise BadRequestData(f"{place(key, name)} is allowed in '{PROOF}' only (4.5.2.2)")
    texts = given if type(given) is list and given and key == "entityTypeSealed" else [given]
    if not all(type(text) is str and text for text in texts):
        raise BadRequestData(f"{place(key, name)} must be text (4.5.2.2)")
    if key == "entityTypeSealed":
        instance[key] = [reader.iri(text) for text in given] if type(given) is list else reader.iri(given)
    else:
        instance[key] = given


def _foreign(reader: Reading, name: str, key: str, given: Any, kind: str, instance: Instance) -> None:
    _refuse(name, key, kind)


def _refuse(name: str, key: str, kind: str) -> None:
    raise BadRequestData(f"{place(key, name)} is not allowed{f' in a {kind}' if kind else ''} (4.5.2, 4.5.3)")


_Member = Callable[["Reading", str, str, Any, str, Instance], None]
MEMBER: Final[dict[str, _Member]] = {
    "observedAt": _date_time,
    "expiresAt": _date_time,
    "unitCode": _unit_code,
    "datasetId": _dataset_id,
    "valueType": _value_type,
    "objectType": _object_type,
    **dict.fromkeys(_SYSTEM | {"lang"}, _ignored),
    **dict.fromkeys(_OUTPUT - {"lang"}, _output_only),
    **dict.fromkeys(_SEALED, _sealed),
    **dict.fromkeys(VALUE_MEMBERS | {"@context", "type", "id", "scope"}, _foreign),
}
