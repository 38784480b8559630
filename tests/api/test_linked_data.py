"""Entities as Turtle, N-Triples and expanded JSON-LD: an extension. (JSON-LD 1.1 API 5.1, 8.1; RDF 1.1)"""

from typing import Any

import orjson
import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyld import jsonld
from rdflib.compare import isomorphic

from base.errors import BadRequestData
from base.jsonld import core_of
from broker.operations import linked_data
from schemas import core_contexts
from tests.live import Live

TURTLE, N_TRIPLES = "text/turtle", "application/n-triples"
EXPANDED = 'application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded"'
NGSI = rdflib.Namespace("https://uri.etsi.org/ngsi-ld/")
CORE = core_of(core_contexts.document()["@context"]).table
CITY = {"City": "https://x.example/City", "level": "https://x.example/level", "ex": "https://x.example/"}


async def fetch(live: Live, path: str, accept: str, **more: Any) -> tuple[int, str, bytes]:
    async with live.session.get(
        f"{live.url}/ngsi-ld/v1{path}", headers={"Accept": accept, **more.pop("headers", {})}, params=more
    ) as reply:
        return reply.status, reply.headers["Content-Type"], await reply.read()


def graph(raw: bytes, form: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=raw.decode(), format=form)


def graph_of(expanded: bytes) -> rdflib.Graph:
    """The same triples on a way that is not the broker's own."""
    text = jsonld.to_rdf(orjson.loads(expanded), {"format": "application/n-quads"})
    return rdflib.Graph().parse(data=text, format="nt")


async def test_gives_an_entity_as_turtle(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    status, kind, raw = await fetch(live, "/entities/urn:ngsi-ld:Shelter:1", TURTLE)
    assert (status, kind) == (200, "text/turtle; charset=utf-8")
    found = graph(raw, "turtle")
    entity = rdflib.URIRef("urn:ngsi-ld:Shelter:1")
    (city,) = found.objects(found.value(entity, NGSI["default-context/operatedBy"]), NGSI.hasObject)
    assert str(city) == "urn:ngsi-ld:City:Engawa"
    assert b"@prefix ngsi-ld: <https://uri.etsi.org/ngsi-ld/>" in raw
    (location,) = found.objects(entity, NGSI.location)
    (point,) = found.objects(location, NGSI.hasValue)
    (list_,) = found.objects(point, rdflib.URIRef("https://purl.org/geojson/vocab#coordinates"))
    assert [float(str(one)) for one in found.items(list_)] == [134.7676, 35.4046]


async def test_all_forms_say_the_same(live: Live, shelter: dict[str, Any]) -> None:
    await live.post("/entities", shelter)
    await live.post("/entities", {**shelter, "id": "urn:ngsi-ld:Shelter:2"})
    for path in ("/entities?type=Shelter&options=sysAttrs", "/entities/urn:ngsi-ld:Shelter:2"):
        turtle, triples, expanded = [
            (await fetch(live, path, kind))[2] for kind in (TURTLE, N_TRIPLES, EXPANDED)
        ]
        known = graph_of(expanded)
        assert len(known) > 20
        assert isomorphic(graph(turtle, "turtle"), known) and isomorphic(graph(triples, "nt"), known)


async def test_names_are_those_of_the_context(live: Live) -> None:
    made = await live.post("/jsonldContexts", {"@context": CITY})
    link = f'<{live.url}{made.headers["Location"]}>; rel="http://www.w3.org/ns/json-ld#context"'
    entity = {
        "@context": CITY,
        "id": "urn:x:1",
        "type": "City",
        "level": 1.123456789,
        "ex:high": {"a": [1, 2]},
    }
    assert (await live.post("/entities", entity)).status == 201
    for headers in ({}, {"Link": link}):
        wanted = "City" if headers else CITY["City"]
        status, _, raw = await fetch(live, "/entities", TURTLE, type=wanted, headers=headers)
        found = graph(raw, "turtle")
        assert status == 200
        values = set(found.objects(None, NGSI.hasValue))
        assert rdflib.Literal("1.123456789E0", datatype=rdflib.XSD.double) in values
    assert b"ex:high" in raw


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("text/*, application/json;q=0.1", "application/json"),
        ("application/*", "application/json"),
        ("application/ld+json", "application/ld+json"),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"', "application/ld+json"),
        (EXPANDED, EXPANDED),
        ("application/ld+json; profile=http://www.w3.org/ns/json-ld#expanded", EXPANDED),
        ("text/turtle, application/json;q=0.9", "text/turtle; charset=utf-8"),
        ("text/turtle;q=0.5, application/json;q=0.9", "application/json"),
        ("application/n-triples;q=0.5, text/html", "application/n-triples; charset=utf-8"),
        ("text/turtle, application/json", "application/json"),
    ],
)
async def test_only_who_names_it_gets_rdf(
    live: Live, shelter: dict[str, Any], accept: str, kind: str
) -> None:
    await live.post("/entities", shelter)
    for _ in range(2):
        assert (await fetch(live, "/entities/urn:ngsi-ld:Shelter:1", accept))[:2] == (200, kind)


async def test_other_resources_do_not_offer_it(live: Live) -> None:
    assert (await fetch(live, "/types", TURTLE))[0] == 406
    assert (await fetch(live, "/types", EXPANDED))[:2] == (200, "application/ld+json")
    assert (await fetch(live, "/entities/urn:x:none", TURTLE))[:2] == (404, "application/json")


async def test_pages_and_posted_queries_work_as_ever(live: Live, shelter: dict[str, Any]) -> None:
    for number in range(3):
        await live.post("/entities", {**shelter, "id": f"urn:ngsi-ld:Shelter:{number}"})
    url = f"{live.url}/ngsi-ld/v1/entities?type=Shelter&limit=2&count=true"
    async with live.session.get(url, headers={"Accept": TURTLE}) as reply:
        assert reply.headers["NGSILD-Results-Count"] == "3"
        assert 'rel="next"; type="text/turtle"' in reply.headers["Link"]
        assert "json-ld#context" not in reply.headers["Link"]
    query = {"type": "Query", "entities": [{"type": "Shelter"}], "pick": ["id", "type", "name"]}
    async with live.session.post(
        f"{live.url}/ngsi-ld/v1/entityOperations/query", json=query, headers={"Accept": N_TRIPLES}
    ) as reply:
        found = graph(await reply.read(), "nt")
    assert len(set(found.subjects(rdflib.RDF.type, NGSI["default-context/Shelter"]))) == 3


async def test_a_temporal_evolution_is_rdf_as_well(live: Live) -> None:
    await live.post("/entities", {"id": "urn:x:1", "type": "T", "level": 1})
    for value in (2, 3):
        await live.ask("PATCH", "/entities/urn:x:1/attrs", {"level": {"type": "Property", "value": value}})
    for path in (
        "/temporal/entities/urn:x:1",
        "/temporal/entities?type=T&timerel=after&timeAt=2020-01-01T00:00:00Z&timeproperty=modifiedAt",
    ):
        status, _, turtle = await fetch(live, path, TURTLE)
        _, _, expanded = await fetch(live, path, EXPANDED)
        found = graph(turtle, "turtle")
        assert status == 200 and isomorphic(found, graph_of(expanded))
        values = {int(str(value)) for value in found.objects(None, NGSI.hasValue)}
        assert values == {1, 2, 3}
    assert (await fetch(live, path, TURTLE, format="temporalValues"))[0] == 400


async def test_short_forms_and_long_answers_are_refused(
    live: Live, shelter: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await live.post("/entities", shelter)
    path = "/entities/urn:ngsi-ld:Shelter:1"
    assert (await fetch(live, path, TURTLE, format="simplified"))[0] == 400
    assert (await fetch(live, path, TURTLE, options="keyValues"))[0] == 400
    assert (await fetch(live, path, TURTLE, options="sysAttrs", format="normalized"))[0] == 200
    monkeypatch.setattr(linked_data, "MOST_BYTES", 100)
    assert (await fetch(live, path, TURTLE))[0] == 403


async def test_what_json_ld_cannot_read_is_a_refusal(live: Live) -> None:
    entity = {"id": "urn:x:1", "type": "T", "a": {"type": "Property", "value": {"@id": 5}}}
    assert (await live.post("/entities", entity)).status == 201
    status, kind, _ = await fetch(live, "/entities/urn:x:1", TURTLE)
    assert (status, kind) == (400, "application/json")


NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
PLAIN = st.booleans() | NUMBERS | TEXTS
NAMES = st.sampled_from(["level", "ex:high", "名称", "plain", "City"])
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)
PLACES = st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(
    lambda at: {"type": "Point", "coordinates": list(at)}
)
ATTRIBUTES = (
    VALUES.map(lambda value: {"type": "Property", "value": value})
    | PLACES.map(lambda value: {"type": "GeoProperty", "value": value})
    | st.lists(
        st.sampled_from(["urn:x:2", "https://x.example/3#a"]), min_size=1, max_size=2, unique=True
    ).map(lambda ids: {"type": "Relationship", "object": ids})
    | st.dictionaries(st.sampled_from(["ja", "en-GB", "@none"]), TEXTS, min_size=1).map(
        lambda texts: {"type": "LanguageProperty", "languageMap": texts}
    )
    | st.dictionaries(TEXTS, PLAIN, max_size=2).map(lambda json: {"type": "JsonProperty", "json": json})
    | st.lists(VALUES, max_size=3).map(lambda values: {"type": "ListProperty", "valueList": values})
    | st.sampled_from(["City", "ex:high"]).map(lambda term: {"type": "VocabProperty", "vocab": term})
)
ENTITIES = st.dictionaries(NAMES, ATTRIBUTES, max_size=4).map(
    lambda attributes: {**attributes, "@context": CITY, "id": "urn:x:1", "type": "City"}
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(entity=ENTITIES)
async def test_turtle_holds_the_graph_of_the_expanded_document(live: Live, entity: dict[str, Any]) -> None:
    made = await live.post("/entityOperations/upsert", [entity])
    if made.status == 207:
        return  # what is no NGSI-LD is no RDF either
    turtle, triples, expanded = [
        await fetch(live, "/entities/urn:x:1", kind) for kind in (TURTLE, N_TRIPLES, EXPANDED)
    ]
    assert {turtle[0], triples[0], expanded[0]} == {200}
    known = graph_of(expanded[2])
    assert isomorphic(graph(turtle[2], "turtle"), known)
    assert isomorphic(graph(triples[2], "nt"), known)


ODD_NAMES = st.sampled_from(
    [
        "@id",
        "@type",
        "@value",
        "@list",
        "@set",
        "@graph",
        "@language",
        "@json",
        "@context",
        "@foo",
        "@reverse",
        "@nest",
    ]
    + [
        "@included",
        "@index",
        "type",
        "id",
        "",
        ":",
        "a b",
        "_:b",
        "http://[",
        "x:y",
        "languageMap",
        "json",
        "value",
    ]
    + ["coordinates", "object", "objectList", "geometry", "ngsildproof", "<>", "\n", "名"]
)
ODD_VALUES = st.recursive(
    st.none() | PLAIN | ODD_NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(value=ODD_VALUES, kind=st.sampled_from([TURTLE, N_TRIPLES, EXPANDED]))
def test_no_value_whatever_makes_it_fail(value: Any, kind: str) -> None:
    entity = {
        "id": "urn:x:1",
        "type": "T",
        "a": {"type": "Property", "value": value, "ex:b": {"type": "JsonProperty", "json": value}},
    }
    try:
        raw = linked_data.convert(orjson.dumps([entity]), CORE, kind)
    except BadRequestData:
        return
    if kind != EXPANDED:
        graph(raw, "turtle" if kind == TURTLE else "nt")
