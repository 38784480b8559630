"""What the tests of the model share: term tables, and strategies for what clients send."""

from typing import Any

from hypothesis import strategies as st

from base.jsonld import core_of, table_of
from broker.model import expand
from broker.model.document import Document
from schemas import core_contexts

NOW = 1_790_000_000_000_000
LATER = NOW + 5_000_000
VOCAB = core_contexts.DEFAULT_VOCAB
CORE = core_of(core_contexts.document()["@context"])
TABLE = table_of(
    CORE,
    [
        {
            "ex": "https://example.org/",
            "Shelter": "ex:Shelter",
            "capacity": "ex:capacity",
            "避難所名": "ex:label",
            "open": "ex:open",
        }
    ],
)

NAMES = [
    "capacity",
    "避難所名",
    "open",
    "speed",
    "p9_x",
    "ex:floor",
    "https://other.example/level#x",
    "title",
]
DATASETS = ["urn:ngsi-ld:Dataset:a", "urn:ngsi-ld:Dataset:b", "@none"]
KINDS: dict[str, dict[str, Any]] = {
    "Property": {"type": "Property", "value": 12},
    "GeoProperty": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.77, 35.4]}},
    "Relationship": {"type": "Relationship", "object": "urn:ngsi-ld:City:yabu"},
    "LanguageProperty": {"type": "LanguageProperty", "languageMap": {"ja": "体育館", "en": "gym"}},
    "VocabProperty": {"type": "VocabProperty", "vocab": "open"},
    "JsonProperty": {"type": "JsonProperty", "json": {"type": "raw", "open": None}},
    "ListProperty": {"type": "ListProperty", "valueList": [1, "two", {"open": True}]},
    "ListRelationship": {
        "type": "ListRelationship",
        "objectList": [{"object": "urn:a:1"}, {"object": "urn:a:2"}],
    },
}


def document(**attributes: Any) -> Document:
    """Make the internal form of a shelter with these attributes."""
    return expand.entity({"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", **attributes}, TABLE, NOW)


def held(document: Document, name: str) -> list[dict[str, Any]]:
    """Give the instances of an attribute by its short name."""
    found: list[dict[str, Any]] = document["attrs"][TABLE.iri(name)]
    return found


members = st.sampled_from(
    ["open", "capacity", "city", "a b", "type", "value", "coordinates", "object", "json", "observedAt", "x"]
)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["<b>\"q\" = 'x'; (y)</b>", "2026-04-01T09:00:00Z", "urn:x:y"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(members, inner, max_size=3)),
    max_leaves=4,
)
json_objects = st.dictionaries(members, st.one_of(st.none(), values), max_size=3)
uris = st.sampled_from(["urn:ngsi-ld:Shelter:1", "https://example.org/a?b=c#d", "urn:x:市役所"])
positions = st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(list)
geometries = st.one_of(
    positions.map(lambda p: {"type": "Point", "coordinates": p}),
    st.lists(positions, min_size=2, max_size=4).map(lambda p: {"type": "LineString", "coordinates": p}),
    st.lists(positions, min_size=3, max_size=4).map(
        lambda p: {"type": "Polygon", "coordinates": [[*p, p[0]]]}
    ),
)
languages = st.dictionaries(
    st.sampled_from(["ja", "en", "en-US", "@none"]),
    st.one_of(st.text(max_size=4), st.lists(st.text(max_size=3), min_size=1, max_size=2)),
    min_size=1,
    max_size=3,
)
date_times = st.sampled_from(
    ["2026-04-01T09:00:00Z", "2024-02-29T23:59:59.123456Z", "2026-04-01T09:00:00.5Z"]
)
names = st.sampled_from(NAMES)

_held: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "Property": ("value", values),
    "GeoProperty": ("value", geometries),
    "Relationship": ("object", st.one_of(uris, st.lists(uris, min_size=1, max_size=3))),
    "LanguageProperty": ("languageMap", languages),
    "VocabProperty": ("vocab", st.one_of(names, st.lists(names, min_size=1, max_size=3))),
    "JsonProperty": ("json", st.one_of(json_objects, st.lists(json_objects, max_size=2))),
    "ListProperty": ("valueList", st.lists(values, max_size=3)),
    "ListRelationship": ("objectList", st.lists(uris.map(lambda uri: {"object": uri}), max_size=3)),
}


@st.composite
def instances(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """Write one normalized instance of any kind."""
    kind = draw(st.sampled_from(list(_held)))
    member, strategy = _held[kind]
    body: dict[str, Any] = {"type": kind, member: draw(strategy)}
    for key in draw(st.sets(st.sampled_from(["observedAt", "expiresAt"]))):
        body[key] = draw(date_times)
    if kind in ("Property", "ListProperty") and draw(st.booleans()):
        body["unitCode"] = "CEL"
    if kind in ("Property", "JsonProperty") and draw(st.booleans()):
        body["valueType"] = draw(st.sampled_from(["DateTime", "xsd:double", "ex:Kind"]))
    if kind.endswith("Relationship") and draw(st.booleans()):
        body["objectType"] = draw(st.one_of(names, st.lists(names, min_size=2, max_size=3, unique=True)))
    if depth and draw(st.booleans()):
        body.update(draw(attributes(depth=depth - 1, most=2)))
    return body


@st.composite
def attributes(draw: st.DrawFn, depth: int = 1, most: int = 3) -> dict[str, Any]:
    """Write attributes of one instance or several."""
    body: dict[str, Any] = {}
    for name in draw(st.sets(names, max_size=most)):
        several = []
        for dataset in draw(st.lists(st.sampled_from(DATASETS), min_size=1, max_size=3, unique=True)):
            one = draw(instances(depth=depth))
            several.append(one if dataset == "@none" else {**one, "datasetId": dataset})
        body[name] = several[0] if len(several) == 1 else several
    return body


@st.composite
def entities(draw: st.DrawFn) -> dict[str, Any]:
    """Write a normalized entity."""
    body: dict[str, Any] = {
        "id": draw(uris),
        "type": draw(st.sampled_from(["Shelter", ["Shelter", "Place"]])),
    }
    if draw(st.booleans()):
        body["scope"] = draw(st.sampled_from(["/Yabu", ["/Yabu/Oya", "Kansai"]]))
    if draw(st.booleans()):
        body["expiresAt"] = draw(date_times)
    return body | draw(attributes())


documents = entities().map(lambda body: expand.entity(body, TABLE, NOW))
