"""The domain models: JSON Schemas of the simplified representation, the @context of their terms, labels for people."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
CONTEXT_FOLDER: Final = FOLDER / "contexts"
"""A folder of preloaded @contexts: index.json gives the file of each URL."""

CONTEXT_URL: Final = "https://engawa.example/context/city-v1.jsonld"
CORE_TERMS: Final = MappingProxyType(
    {
        "description": "http://purl.org/dc/terms/description",
        "location": "https://uri.etsi.org/ngsi-ld/location",
    }
)


@dataclass(frozen=True, slots=True)
class Labels:
    """What people call a type, an attribute or a value: language → text."""

    types: MappingProxyType[str, dict[str, str]]
    attributes: MappingProxyType[str, dict[str, str]]
    values: MappingProxyType[str, dict[str, dict[str, str]]]


@cache
def context() -> MappingProxyType[str, str]:
    """Give the terms of the city's @context: term → IRI."""
    document = json.loads((CONTEXT_FOLDER / "city-v1.jsonld").read_text(encoding="utf-8"))
    return MappingProxyType(document["@context"])


@cache
def names() -> tuple[str, ...]:
    """List the entity types that have a JSON Schema."""
    return tuple(sorted(file.stem for file in (FOLDER / "models").glob("*.json")))


def schema(name: str) -> dict[str, Any]:
    """Read the JSON Schema of an entity type; KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    document: dict[str, Any] = json.loads((FOLDER / "models" / f"{name}.json").read_text(encoding="utf-8"))
    return document


def iri(term: str) -> str:
    """Expand a term of the city's or the core @context; KeyError if it is neither."""
    return context().get(term) or CORE_TERMS[term]


@cache
def labels() -> Labels:
    """Gather the labels of all models, keyed by IRI."""
    types: dict[str, dict[str, str]] = {}
    attributes: dict[str, dict[str, str]] = {}
    values: dict[str, dict[str, dict[str, str]]] = {}
    for name in names():
        model = schema(name)
        types[iri(name)] = model["x-label"]
        for term, form in model["properties"].items():
            if "x-label" not in form:
                continue
            attributes[iri(term)] = form["x-label"]
            for part, inner in form.get("properties", {}).items():
                if "x-label" in inner:
                    attributes.setdefault(iri(part), inner["x-label"])
            if "x-values" in form:
                values[iri(term)] = form["x-values"]
    return Labels(MappingProxyType(types), MappingProxyType(attributes), MappingProxyType(values))
