"""Whole selections (clause 5.7.2.4): selectors, attributes and every filter together."""

import pytest

from base.errors import BadRequestData, TooComplexQuery
from broker.language import evaluation, geo, q, scope, types
from broker.language.selection import EntitySelector, Selection
from tests.language.samples import entity, iri, table

SHELTER = entity(
    type=["Shelter", "Building"],
    scope=["/Yabu/Sekinomiya"],
    occupancy={"type": "Property", "value": 12},
    location={"type": "GeoProperty", "value": {"type": "Point", "coordinates": [134.7676, 35.4046]}},
    managedBy={"type": "Relationship", "object": "urn:ngsi-ld:Office:1"},
)
OFFICE = entity(id="urn:ngsi-ld:Office:1", type="Office", name="本庁")


def matches(selection: Selection) -> bool:
    return evaluation.matches(selection, SHELTER, {OFFICE["id"]: OFFICE}.get)


def test_an_empty_selection_takes_everything() -> None:
    assert matches(Selection())
    assert matches(Selection(selectors=(EntitySelector(),)))


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (EntitySelector(ids=("urn:ngsi-ld:Shelter:1", "urn:ngsi-ld:Shelter:2")), True),
        (EntitySelector(ids=("urn:ngsi-ld:Shelter:2",)), False),
        (EntitySelector(id_pattern="^urn:ngsi-ld:Shelter:"), True),
        (EntitySelector(id_pattern=":1$"), True),
        (EntitySelector(id_pattern=":2$"), False),
        (EntitySelector(types=types.parse("Building", table())), True),
        (EntitySelector(types=types.parse("(Building;Shelter)", table())), True),
        (EntitySelector(types=types.parse("*", table())), True),
        (EntitySelector(types=types.parse("Office", table())), False),
        (EntitySelector(ids=("urn:ngsi-ld:Shelter:1",), types=types.parse("Office", table())), False),
    ],
)
def test_a_selector_takes_what_meets_all_of_it(selector: EntitySelector, expected: bool) -> None:
    assert matches(Selection(selectors=(selector,))) is expected


def test_any_selector_and_every_filter_must_take_the_entity() -> None:
    wrong, right = EntitySelector(id_pattern="Office"), EntitySelector(id_pattern="Shelter")
    filters = Selection(
        selectors=(wrong, right),
        attrs=frozenset({iri("capacity"), iri("occupancy")}),
        q=q.parse('occupancy>10;managedBy{Office:name}=="本庁"', table()),
        geo=geo.parse("near;maxDistance==5000", "Point", [134.77, 35.4], None, table()),
        scope=scope.parse("/Yabu/#"),
    )
    assert matches(filters)
    assert not matches(Selection(selectors=(wrong,)))
    assert not matches(Selection(attrs=frozenset({iri("capacity")})))
    assert not matches(Selection(attrs=filters.attrs, q=q.parse("occupancy>20", table())))
    assert not matches(
        Selection(q=filters.q, geo=geo.parse("disjoint", "Point", [134.7676, 35.4046], None, table()))
    )
    assert not matches(Selection(geo=filters.geo, scope=scope.parse("/Asago/#")))


def test_selections_can_be_kept_as_keys() -> None:
    selection = Selection(
        q=q.parse("occupancy>10", table()), geo=geo.parse("within", "Point", [1, 2], None, table())
    )
    again = Selection(
        q=q.parse("occupancy > 10", table()), geo=geo.parse("within", "Point", [1, 2], None, table())
    )
    assert selection == again
    assert len({selection, again}) == 1


def test_checks_patterns_of_ids() -> None:
    assert q.pattern("^urn:.*$") == "^urn:.*$"
    with pytest.raises(BadRequestData, match="RE2"):
        q.pattern("(?<!x)y")
    with pytest.raises(TooComplexQuery):
        q.pattern("x" * 1_001)
