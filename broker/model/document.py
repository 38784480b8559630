"""The one form an entity has inside the broker: expanded names, instances always in lists. (4.5.1, DESIGN 2.3)

    {"id": "urn:…", "type": ["https://…/Shelter", …], "scope": ["/Yabu"], "expiresAt": "…Z",
     "createdAt": 1790000000000000, "modifiedAt": 1790000000000000,
     "attrs": {"https://…/name": [instance, …], …}}

    instance: {"type": "Property", "value": …,                 one value member, by kind (VALUE_MEMBER)
               "datasetId": "urn:…", "observedAt": "…Z", "unitCode": …, "valueType": iri, "objectType": [iri, …],
               "expiresAt": "…Z", "createdAt": µs, "modifiedAt": µs,
               "attrs": {iri: [instance, …]}}                  sub-attributes, the same form

- `scope`, `expiresAt`, `datasetId`, `observedAt`, … are absent when not given; an instance's "attrs" too; "attrs" of an
  entity is always there. The default instance has no "datasetId".
- createdAt and modifiedAt are integers in µs; observedAt and expiresAt are the caller's text (comma made a point).
- Names of attributes, entity types, VocabProperty values, valueType and objectType are IRIs; so are the member names of
  JSON objects inside `value` of a Property and `valueList`. `json`, `languageMap` and geometries are as given.
- Relationship: "object" is a URI or a list of URIs. ListRelationship: "objectList" is a list of URIs.
- In an update fragment a member deleted by NGSI-LD Null holds the text NULL; a deleted attribute is an instance whose
  value member is NULL (LanguageProperty: {"@none": NULL}). Stored documents never hold NULL.
- Documents are immutable once stored or handed on: a rule that changes one builds a new one (shared parts are welcome).
"""

from typing import Any, Final

Document = dict[str, Any]
Instance = dict[str, Any]

NULL: Final = "urn:ngsi-ld:null"

VALUE_MEMBER: Final = {
    "Property": "value",
    "Relationship": "object",
    "GeoProperty": "value",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}

PREVIOUS_MEMBER: Final = {
    "Property": "previousValue",
    "Relationship": "previousObject",
    "GeoProperty": "previousValue",
    "LanguageProperty": "previousLanguageMap",
    "VocabProperty": "previousVocab",
    "JsonProperty": "previousJson",
    "ListProperty": "previousValueList",
    "ListRelationship": "previousObjectList",
}

DEFAULT_DATASET: Final = "@none"

NGSI_LD: Final = "https://uri.etsi.org/ngsi-ld/"
LOCATION: Final = NGSI_LD + "location"
SCOPE: Final = NGSI_LD + "scope"
"""The scope where it evolves like an attribute. (4.5.6)"""
DEFAULT_VOCAB: Final = NGSI_LD + "default-context/"


def value_of(instance: Instance) -> Any:
    """Give what the instance holds, whatever its kind."""
    return instance[VALUE_MEMBER[instance["type"]]]


def dataset_of(instance: Instance) -> str:
    """Name the dataset of an instance, the default one as @none. (4.5.5.1)"""
    name: str = instance.get("datasetId", DEFAULT_DATASET)
    return name
