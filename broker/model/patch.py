"""What a fragment does to one attribute instance: replace, patch partially, merge. (5.5.8, 5.5.12)"""

from collections.abc import Callable
from typing import Any, Final

from base.errors import BadRequestData
from broker.model import geojson, validate
from broker.model.document import NULL, VALUE_MEMBER, Instance, dataset_of
from broker.model.instance import is_null

_OBJECTS: Final = frozenset({"Property", "LanguageProperty", "JsonProperty"})


def settle(instance: Instance, kind: str | None, lang: str | None = None) -> Instance:
    """Give an untyped instance of a fragment the kind of the attribute it meets, or the one its value implies."""
    if "type" in instance:
        return instance
    settled = {key: held for key, held in instance.items() if key not in ("given", "bare", "value", "vocab")}
    if "given" not in instance:
        if kind is None:
            raise BadRequestData("A new attribute has no value; give one (5.2.5)")
        return {"type": kind, **settled}
    given = instance["given"]
    if kind is None or (VALUE_MEMBER[kind] != "value" and "bare" not in instance):
        kind = "GeoProperty" if geojson.looks_like_geometry(given) else "Property"
    return {"type": kind, VALUE_MEMBER[kind]: _as_kind(kind, instance, lang), **settled}


def _as_kind(kind: str, instance: Instance, lang: str | None) -> Any:
    """Read a value as the kind wants it. (5.6.17.4)"""
    given = instance["given"]
    if kind == "LanguageProperty":
        if type(given) is str and lang is not None:
            return {lang: given}
        return validate.language_map(given, "of the fragment", nulls=True)
    if kind == "VocabProperty":
        held = instance.get("vocab")
    elif type(given) is list or kind not in _OF_LISTS:
        held = _FITTED[kind](instance)
    else:
        held = None
    if held is None:
        raise BadRequestData(f"A value of the fragment does not fit the {kind} it is for (5.6.17)")
    return held


def _uris(instance: Instance) -> list[str]:
    return [validate.uri(one, "object", "of the fragment") for one in instance["given"]]


def _object(instance: Instance) -> Any:
    given = instance["given"]
    return (
        _uris(instance) if type(given) is list and given else validate.uri(given, "object", "of the fragment")
    )


def _json(instance: Instance) -> Any:
    given = instance["given"]
    return given if type(given) is dict or type(given) is list else None


_OF_LISTS: Final = frozenset({"ListProperty", "ListRelationship"})
_FITTED: Final[dict[str, Callable[[Instance], Any]]] = {
    "Property": lambda instance: instance["value"],
    "GeoProperty": lambda instance: geojson.check(instance["given"], "of the fragment"),
    "Relationship": _object,
    "JsonProperty": _json,
    "ListProperty": lambda instance: instance["value"],
    "ListRelationship": _uris,
}


def cleaned(instance: Instance) -> Instance:
    """Drop what is NGSI-LD Null from an instance that is to be stored. (4.5.0)"""
    member = VALUE_MEMBER[instance["type"]]
    if member not in instance:
        raise BadRequestData(f"A new {instance['type']} has no '{member}'; give it (4.5.2)")
    kept = dict(instance)
    if NULL in instance.values():
        kept = {key: held for key, held in instance.items() if held != NULL}
    if type(kept[member]) is dict and instance["type"] in _OBJECTS:
        kept[member] = patched({}, kept[member])
    if "attrs" in kept:
        attributes = {
            iri: [cleaned(settle(one, None)) for one in instances if not is_null(one)]
            for iri, instances in kept["attrs"].items()
        }
        _keep_attributes(kept, {iri: instances for iri, instances in attributes.items() if instances})
    return kept


def patched(target: Any, patch: Any) -> Any:
    """Apply a JSON Merge Patch in which NGSI-LD Null stands for null. (5.5.12, RFC 7396)"""
    if type(patch) is not dict:
        return patch
    result = dict(target) if type(target) is dict else {}
    for name, one in patch.items():
        if one == NULL:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), one)
    return result


def renewed(old: Instance, new: Instance) -> Instance:
    """Replace an instance; it and those of its sub-attributes that stay keep their createdAt. (5.6.2.4, 4.8)"""
    fresh = cleaned(new)
    fresh["createdAt"] = old["createdAt"]
    if "attrs" in fresh and "attrs" in old:
        held = old["attrs"]
        fresh["attrs"] = {
            iri: [_kept(held.get(iri, ()), one) for one in instances]
            for iri, instances in fresh["attrs"].items()
        }
    return fresh


def _kept(held: Any, new: Instance) -> Instance:
    old = find(held, dataset_of(new))
    return new if old is None else renewed(old, new)


def find(instances: Any, dataset: str) -> Instance | None:
    """Find the instance of a dataset. (4.5.5.1)"""
    for instance in instances:
        if dataset_of(instance) == dataset:
            found: Instance = instance
            return found
    return None


def updated_partially(old: Instance, new: Instance, now: int) -> Instance:
    """Overwrite the members that the fragment has, keep the others. (5.5.8, 5.6.4)"""
    result = {**old, "modifiedAt": now}
    for key, held in new.items():
        if key == "attrs":
            attributes = dict(result.get("attrs", {}))
            for iri, instances in held.items():
                attributes[iri] = put(attributes.get(iri, []), instances)
            _keep_attributes(result, {iri: one for iri, one in attributes.items() if one})
        elif held == NULL:
            result.pop(key, None)
        elif key != "createdAt" and key != "modifiedAt":
            result[key] = held
    return result


def put(held: list[Instance], given: list[Instance]) -> list[Instance]:
    """Replace, add or (NGSI-LD Null) delete instances of an attribute, each by its datasetId. (5.5.8)"""
    result = list(held)
    for new in given:
        place = _place(result, new.get("datasetId"))
        if place is None:
            if not is_null(new):
                result.append(cleaned(new))
        elif is_null(new):
            del result[place]
        else:
            result[place] = renewed(result[place], new)
    return result


def _place(instances: list[Instance], dataset: str | None) -> int | None:
    for place, instance in enumerate(instances):
        if instance.get("datasetId") == dataset:
            return place
    return None


def merged(old: Instance, new: Instance, now: int, observed_at: str | None) -> Instance:
    """Merge an instance into the one that is there, to any depth. (5.5.12)"""
    if new["type"] != old["type"]:
        return renewed(old, new)
    result = {**old, "modifiedAt": now}
    if observed_at is not None and "observedAt" in old:
        result["observedAt"] = observed_at
    member = VALUE_MEMBER[old["type"]]
    for key, held in new.items():
        if key == "attrs":
            _keep_attributes(result, merged_attributes(result.get("attrs", {}), held, now))
        elif held == NULL:
            result.pop(key, None)
        elif key == member:
            result[key] = patched(old[member], held) if old["type"] in _OBJECTS else held
        elif key != "createdAt" and key != "modifiedAt":
            result[key] = held
    return result


def merged_attributes(
    held: dict[str, list[Instance]],
    given: dict[str, list[Instance]],
    now: int,
    observed_at: str | None = None,
    lang: str | None = None,
) -> dict[str, list[Instance]]:
    """Merge attributes into those that are there. (5.6.17.4)"""
    result = dict(held)
    for iri, instances in given.items():
        several = result.get(iri, [])
        for new in instances:
            several = _merged_into(several, new, now, observed_at, lang)
        if several:
            result[iri] = several
        else:
            result.pop(iri, None)
    return result


def _merged_into(
    held: list[Instance], new: Instance, now: int, observed_at: str | None, lang: str | None
) -> list[Instance]:
    old = find(held, dataset_of(new))
    if is_null(new):
        return [one for one in held if one is not old]
    like = old or (held[0] if held else None)
    new = settle(new, like["type"] if like else None, lang)
    if old is None:
        return [*held, cleaned(new)]
    return [merged(one, new, now, observed_at) if one is old else one for one in held]


def _keep_attributes(instance: Instance, attributes: dict[str, list[Instance]]) -> None:
    if attributes:
        instance["attrs"] = attributes
    else:
        instance.pop("attrs", None)
