"""Which registrations may provide what is wanted: the index and the rules against a naive reading of the clause. (5.12)"""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import clock
from base.errors import Problem
from broker.language import places, sources
from broker.language.geo import GeoQuery
from broker.language.selection import EntitySelector
from broker.language.sources import Interval, SourceSelection
from broker.language.span import Span
from broker.language.spatial import Relation
from broker.language.types import TypeSelection
from broker.model import operation_names, registration, registration_presentation
from broker.registry.index import Index
from tests.language.samples import NOW, table

TYPES, ATTRIBUTES = ("urn:t:A", "urn:t:B", "urn:t:C"), ("urn:a:1", "urn:a:2", "urn:a:3")
IDS, PATTERNS, DATASETS = ("urn:e:1", "urn:e:2", "urn:e:11"), ("1$", "2", ":1"), ("@none", "urn:d:1")

some_types = st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True)
entity_infos = st.fixed_dictionaries(
    {"type": some_types}, optional={"id": st.sampled_from(IDS), "idPattern": st.sampled_from(PATTERNS)}
)
names = st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=2, unique=True)
infos = st.fixed_dictionaries(
    {},
    optional={
        "entities": st.lists(entity_infos, min_size=1, max_size=2),
        "propertyNames": names,
        "relationshipNames": names,
    },
).filter(bool)
years = st.integers(1, 9).map(lambda n: f"202{n}-01-01T00:00:00Z")
intervals = st.fixed_dictionaries({"startAt": years}, optional={"endAt": years}).filter(
    lambda one: one.get("endAt", "9") >= one["startAt"]
)
bodies = st.fixed_dictionaries(
    {"information": st.lists(infos, min_size=1, max_size=3)},
    optional={
        "datasetId": st.lists(st.sampled_from(DATASETS), min_size=1, unique=True),
        "scope": st.sampled_from(["/A", "/A/B"]),
        "observationInterval": intervals,
        "managementInterval": intervals,
    },
)
type_selections = st.lists(some_types.map(tuple), min_size=1, max_size=2).map(
    lambda found: TypeSelection(tuple(found))
)
ids = st.lists(st.sampled_from(IDS), max_size=2, unique=True).map(tuple)
selectors = st.builds(
    lambda given, pattern, types: EntitySelector(given, None if given else pattern, types),
    ids,
    st.none() | st.sampled_from(PATTERNS),
    st.none() | type_selections,
)
moments = st.none() | years.map(clock.parse)
spans = st.builds(Span, st.sampled_from(["observedAt", "createdAt"]), moments, moments).filter(
    lambda span: span.start is None or span.end is None or span.start < span.end
)
selections = st.builds(
    SourceSelection,
    selectors=st.lists(selectors, max_size=2).map(tuple),
    attributes=st.frozensets(st.sampled_from(ATTRIBUTES), max_size=2),
    dataset_ids=st.frozensets(st.sampled_from(DATASETS), max_size=1),
    span=st.none() | spans,
)


def numbered(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": f"urn:r:{n}", "type": registration.TYPE, **body} for n, body in enumerate(found)]


def naive(body: dict[str, Any], wanted: SourceSelection) -> list[int]:
    """Say which elements of information are wanted, reading clause 5.12 word by word."""
    if wanted.dataset_ids and "datasetId" in body and not wanted.dataset_ids & set(body["datasetId"]):
        return []
    if not in_time(body, wanted.span):
        return []
    return [
        number
        for number, info in enumerate(body["information"])
        if entities_match(info, wanted) and attributes_match(info, wanted)
    ]


def in_time(body: dict[str, Any], span: Span | None) -> bool:
    if span is None:
        return "observationInterval" not in body and "managementInterval" not in body
    name = "observationInterval" if span.property == "observedAt" else "managementInterval"
    if name not in body:
        return False
    start = clock.parse(body[name]["startAt"])
    end = clock.parse(body[name]["endAt"]) if "endAt" in body[name] else 1 << 62
    asked = (
        span.start if span.start is not None else -1 << 62,
        span.end if span.end is not None else 1 << 62,
    )
    return start < asked[1] and asked[0] <= end


def attributes_match(info: dict[str, Any], wanted: SourceSelection) -> bool:
    registered = {*info.get("propertyNames", ()), *info.get("relationshipNames", ())}
    return not wanted.attributes or not registered or bool(wanted.attributes & registered)


def entities_match(info: dict[str, Any], wanted: SourceSelection) -> bool:
    if "entities" not in info or not wanted.selectors:
        return True
    return any(entity_matches(s, entity) for s in wanted.selectors for entity in info["entities"])


def entity_matches(selector: EntitySelector, entity: dict[str, Any]) -> bool:
    if selector.types and not any(set(names) <= set(entity["type"]) for names in selector.types.alternatives):
        return False
    if not selector.ids and selector.id_pattern is None:
        return True
    if "id" in entity:
        if selector.ids:
            return entity["id"] in selector.ids
        return bool(re.search(str(selector.id_pattern), entity["id"]))
    if "idPattern" in entity and selector.ids:
        return any(re.search(entity["idPattern"], id) for id in selector.ids)
    return True


@given(st.lists(bodies, max_size=6), selections)
def test_matching_is_what_the_clause_says(found: list[dict[str, Any]], wanted: SourceSelection) -> None:
    for body in numbered(found):
        match = sources.matching(sources.prepare(body), wanted)
        elements = [body["information"].index(info.body) for info in match.information] if match else []
        expected = [body["information"].index(body["information"][n]) for n in naive(body, wanted)]
        assert elements == expected


@given(st.lists(bodies, max_size=8), st.lists(st.integers(0, 7), max_size=4), selections)
def test_the_index_leaves_out_nothing_that_is_wanted_and_keeps_the_order(
    found: list[dict[str, Any]], changed: list[int], wanted: SourceSelection
) -> None:
    index = Index()
    kept = {body["id"]: body for body in numbered(found)}
    for body in kept.values():
        index.put(sources.prepare(body))
    for number in changed:
        id = f"urn:r:{number}"
        if id in kept and number % 2:
            kept.pop(id)
            index.drop(id)
        elif id in kept:
            kept[id] = {**kept[id], "information": numbered(found)[-1]["information"]}
            index.put(sources.prepare(kept[id]))
    asked = [one.id for one in index.candidates(wanted) if sources.matching(one, wanted)]
    assert asked == [id for id, body in kept.items() if naive(body, wanted)]
    assert len(index) == len(kept)


@given(intervals, spans)
def test_an_interval_meets_what_it_shares_a_moment_with(interval: dict[str, str], span: Span) -> None:
    start = clock.parse(interval["startAt"])
    end = clock.parse(interval["endAt"]) if "endAt" in interval else None
    moments = {start, span.start, end if end is not None else 1 << 62} - {None}
    shared = any(
        span.holds(at) and start <= at and (end is None or at <= end) for at in moments if at is not None
    )
    assert Interval(start, end).meets(span) is shared


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]}
BIG = (((-1.0, -1.0), (5.0, -1.0), (5.0, 5.0), (-1.0, 5.0), (-1.0, -1.0)),)
BESIDE = (((3.0, 3.0), (5.0, 3.0), (5.0, 5.0), (3.0, 5.0), (3.0, 3.0)),)
ACROSS = (((1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0), (1.0, 1.0)),)
INSIDE = (((0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0), (0.5, 0.5)),)


@pytest.mark.parametrize(
    ("relation", "wanted"),
    [
        (Relation.WITHIN, {"BIG", "ACROSS", "INSIDE"}),
        (Relation.INTERSECTS, {"BIG", "ACROSS", "INSIDE"}),
        (Relation.CONTAINS, {"INSIDE"}),
        (Relation.EQUALS, {"INSIDE"}),
        (Relation.DISJOINT, {"BESIDE", "ACROSS", "INSIDE"}),
        (Relation.OVERLAPS, {"BIG", "ACROSS", "INSIDE"}),
    ],
)
def test_a_place_matches_if_a_location_in_it_may(relation: Relation, wanted: set[str]) -> None:
    references = {"BIG": BIG, "BESIDE": BESIDE, "ACROSS": ACROSS, "INSIDE": INSIDE}
    met = {
        name
        for name, ring in references.items()
        if places.may_meet(GeoQuery(relation, "Polygon", ring), SQUARE)
    }
    assert met == wanted


def test_distances_count_to_the_nearest_or_farthest_location_in_a_place() -> None:
    def near(**distance: float) -> bool:
        return places.may_meet(GeoQuery(Relation.NEAR, "Point", (1.0, 1.0), **distance), SQUARE)

    assert near(max_distance=1.0) and near(min_distance=150_000.0) and not near(min_distance=160_000.0)
    point = {"type": "Point", "coordinates": [1, 1]}
    assert not places.may_meet(GeoQuery(Relation.NEAR, "Point", (1.0, 1.0), min_distance=1.0), point)


def test_operations_are_single_ones_and_groups_of_them() -> None:
    assert len(operation_names.OPERATIONS) == 43
    for group in operation_names.GROUPS.values():
        assert group <= operation_names.OPERATIONS
    body = {"operations": ["updateOps", "createEntity"]}
    assert registration.operations(body) == operation_names.GROUPS["updateOps"] | {"createEntity"}
    assert registration.operations({}) == operation_names.GROUPS["federationOps"]


written = st.fixed_dictionaries(
    {
        "type": st.just(registration.TYPE),
        "endpoint": st.just("https://a.example"),
        "information": st.lists(
            st.fixed_dictionaries(
                {
                    "entities": st.lists(
                        st.fixed_dictionaries({"type": st.sampled_from(["A", "Shelter"])}), min_size=1
                    )
                },
                optional={"propertyNames": st.just(["temperature", "b"])},
            ),
            min_size=1,
        ),
    },
    optional={
        "description": st.text(min_size=1).filter(lambda text: text != "urn:ngsi-ld:null"),
        "scope": st.sampled_from(["/A", ["/A", "/B"]]),
        "operations": st.just(["retrieveOps"]),
        "own": st.sampled_from([1, "x", {"a": [True]}]),
    },
)


@given(written)
def test_a_registration_is_shown_as_it_was_written(body: dict[str, Any]) -> None:
    kept = registration.create(body, "urn:r:1", registration.Given(table(), NOW))
    assert registration_presentation.show(kept, table()) == {"id": "urn:r:1", **body}


@given(written, written)
def test_an_update_gives_what_the_merged_fragment_would(
    body: dict[str, Any], fragment: dict[str, Any]
) -> None:
    given_ = registration.Given(table(), NOW)
    updated = registration.update(registration.create(body, "urn:r:1", given_), fragment, given_)
    assert updated == registration.create({**body, **fragment}, "urn:r:1", given_)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "urn:ngsi-ld:null",
            "http://[::1",
            "http://a:99999",
            "2026-01-01T00:00:00Z",
            "P1D",
            "",
            "(",
            "urn:x:1",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "coordinates", "startAt", "endAt", "key", "value", "id", "idPattern", "entities"]
            )
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(registration.MEMBERS)) | st.text(max_size=5), json_values)
def test_whatever_a_member_holds_it_is_taken_or_refused(name: str, value: Any) -> None:
    body = {
        "type": registration.TYPE,
        "endpoint": "https://a.example",
        "information": [{"entities": [{"type": "A"}]}],
        name: value,
    }
    given_ = registration.Given(table(), NOW)
    try:
        kept = registration.create(body, "urn:r:1", given_)
        source = sources.prepare(kept)
    except Problem:
        return
    registration_presentation.show(source.body, table())
    wanted = SourceSelection(csf=sources.filter_of_sources("!mode|location|scope==5", table()))
    assert sources.matching(source, wanted) is None or source.living(NOW)


@given(json_values)
def test_whatever_an_update_holds_it_is_taken_or_refused(value: Any) -> None:
    given_ = registration.Given(table(), NOW)
    body = {
        "type": registration.TYPE,
        "endpoint": "https://a.example",
        "information": [{"propertyNames": ["a"]}],
    }
    try:
        sources.prepare(registration.update(registration.create(body, "urn:r:1", given_), value, given_))
    except Problem:
        return
