"""Documents and selections for the tests of the store: few names and values, so that they meet often."""

from typing import Any

from hypothesis import strategies as st

from broker.language.geo import GeoQuery
from broker.language.q import Query
from broker.language.scope import ScopePattern, ScopeQuery
from broker.language.selection import EntitySelector, Selection
from broker.language.spatial import Relation
from broker.language.tree import And, Hop, Kind, Literal, Op, Or, Path, Pattern, Range, Term, Values
from broker.language.types import TypeSelection
from broker.model.document import LOCATION, Document

NOW = 1_790_000_000_000_000
PAST = "2020-01-01T00:00:00Z"
FUTURE = "2099-01-01T00:00:00Z"
VOCAB = "https://example.org/"
TYPES = [VOCAB + "Shelter", VOCAB + "Sensor", VOCAB + "Hall"]
NAMES = [VOCAB + "a", VOCAB + "b", VOCAB + "c"]
SCOPES = ["/Yabu", "/Yabu/Oya", "/Yabu/Oya/Kami", "/Toyooka", "/Yabu0", "Asago"]
IDS = [f"urn:ngsi-ld:Thing:{n}" for n in range(6)]
TEXTS = ["x", "é", "10", "2024-05-01", "2024-05-01T10:00:00Z", "10:00:00Z", "z" * 500, "\U0001f3e0", *IDS[:3]]
NUMBERS: list[int | float] = [0, 1, 1.0, -2.5, 10, 10.5, 2**53 + 1, 2**63, -(2**63), 1e19]


def entity(
    id: str, *types: str, scope: list[str] | None = None, expires: str = "", **values: Any
) -> Document:
    """Make a document with Properties."""
    document: Document = {
        "id": id,
        "type": list(types or TYPES[:1]),
        "createdAt": NOW,
        "modifiedAt": NOW,
        "attrs": {VOCAB + name: [prop(value)] for name, value in values.items()},
    }
    if scope:
        document["scope"] = scope
    if expires:
        document["expiresAt"] = expires
    return document


def prop(value: Any, **members: Any) -> dict[str, Any]:
    """Make an instance of a Property."""
    return {"type": "Property", "value": value, "createdAt": NOW, "modifiedAt": NOW, **members}


def place(longitude: float, latitude: float) -> dict[str, Any]:
    """Make an instance of a GeoProperty."""
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [longitude, latitude]}}


scalars = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.booleans())
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.fixed_dictionaries({VOCAB + "k": scalars}),
    st.fixed_dictionaries({"@type": st.just("x"), "@value": scalars}),
)
texts = st.sampled_from(TEXTS)
uris = st.sampled_from(IDS)
numbers = st.sampled_from([-180.0, -179.9, -10.0, 0.0, 0.1, 10.0, 134.7676, 179.95, 180.0])
latitudes = st.sampled_from([-90.0, -45.0, 0.0, 0.05, 35.4046, 89.9, 90.0])
positions = st.tuples(numbers, latitudes).map(list)


def _polygon(corner: list[float]) -> list[list[list[float]]]:
    x, y = min(corner[0], 170.0), min(corner[1], 80.0)
    return [[[x, y], [x + 9, y], [x + 9, y + 9], [x, y + 9], [x, y]]]


geometries = st.one_of(
    positions.map(lambda p: {"type": "Point", "coordinates": p}),
    st.lists(positions, min_size=1, max_size=3).map(lambda ps: {"type": "MultiPoint", "coordinates": ps}),
    st.lists(positions, min_size=2, max_size=3, unique_by=tuple).map(
        lambda ps: {"type": "LineString", "coordinates": ps}
    ),
    positions.map(lambda p: {"type": "Polygon", "coordinates": _polygon(p)}),
)

_instances = st.one_of(
    values.map(prop),
    st.one_of(uris, st.lists(uris, min_size=1, max_size=2)).map(
        lambda o: {"type": "Relationship", "object": o}
    ),
    st.lists(uris, max_size=2).map(lambda o: {"type": "ListRelationship", "objectList": o}),
    st.dictionaries(st.sampled_from(["ja", "en", "@none"]), texts, min_size=1).map(
        lambda m: {"type": "LanguageProperty", "languageMap": m}
    ),
    st.one_of(texts, st.lists(texts, min_size=1, max_size=2)).map(
        lambda v: {"type": "VocabProperty", "vocab": v}
    ),
    values.map(lambda v: {"type": "JsonProperty", "json": v}),
    st.lists(scalars, max_size=3).map(lambda v: {"type": "ListProperty", "valueList": v}),
)


@st.composite
def _dressed(draw: st.DrawFn) -> dict[str, Any]:
    instance = dict(draw(_instances))
    if draw(st.integers(0, 4)) == 0:
        instance["expiresAt"] = draw(st.sampled_from([PAST, FUTURE]))
    if draw(st.integers(0, 4)) == 0:
        instance["observedAt"] = "2024-05-01T10:00:00Z"
    if draw(st.integers(0, 4)) == 0:
        instance["attrs"] = {draw(st.sampled_from(NAMES)): [prop(draw(scalars))]}
    return instance


@st.composite
def documents(draw: st.DrawFn, id: str = IDS[0]) -> Document:
    """Draw a document with all that a store looks at."""
    document: Document = {
        "id": id,
        "type": draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True)),
        "createdAt": NOW,
        "modifiedAt": NOW,
        "attrs": draw(
            st.dictionaries(st.sampled_from(NAMES), st.lists(_dressed(), min_size=1, max_size=2), max_size=3)
        ),
    }
    if draw(st.booleans()):
        document["attrs"][LOCATION] = [{"type": "GeoProperty", "value": draw(geometries)}]
    if draw(st.booleans()):
        document["scope"] = draw(st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2, unique=True))
    if draw(st.integers(0, 7)) == 0:
        document["expiresAt"] = draw(st.sampled_from([PAST, FUTURE]))
    return document


_literals = st.one_of(
    st.sampled_from(NUMBERS).map(lambda n: Literal(Kind.NUMBER, n)),
    st.sampled_from([t for t in TEXTS if t != "2024-05-01T10:00:00Z"]).map(lambda t: Literal(Kind.TEXT, t)),
    st.booleans().map(lambda b: Literal(Kind.BOOLEAN, b)),
    st.just(Literal(Kind.INSTANT, 1714557600000000)),
    st.just(Literal(Kind.DATE, "2024-05-01")),
    st.just(Literal(Kind.TIME, 36_000_000_000)),
    uris.map(lambda u: Literal(Kind.URI, u)),
)
_ordered = _literals.filter(lambda literal: literal.kind not in (Kind.BOOLEAN, Kind.URI))
_ranges = (
    st.tuples(_ordered, _ordered).filter(lambda pair: pair[0].kind is pair[1].kind).map(lambda p: Range(*p))
)
_lists = st.lists(_literals, min_size=2, max_size=3).map(lambda found: Values(tuple(found)))
_paths = st.one_of(
    *[st.sampled_from(NAMES).map(lambda name: Path((name,)))] * 4,
    st.sampled_from(NAMES).map(lambda name: Path((name,), member="observedAt")),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)).map(lambda names: Path(names)),
    st.sampled_from(NAMES).map(lambda name: Path((name,), trailing=("k",), expanded=(VOCAB + "k",))),
    st.sampled_from(NAMES).map(lambda name: Path((NAMES[0],), hops=(Hop((name,), (TYPES[0],)),))),
)
_terms = st.one_of(
    st.tuples(_paths, st.sampled_from([Op.EXISTS, Op.ABSENT])).map(lambda t: Term(*t)),
    st.tuples(_paths, st.sampled_from([Op.EQUAL, Op.UNEQUAL]), st.one_of(_literals, _ranges, _lists)).map(
        lambda t: Term(*t)
    ),
    st.tuples(_paths, st.sampled_from([Op.GREATER, Op.GREATER_EQ, Op.LESS, Op.LESS_EQ]), _ordered).map(
        lambda t: Term(*t)
    ),
    st.tuples(_paths, st.sampled_from([Op.PATTERN, Op.NOT_PATTERN]), st.just(Pattern("^[x1]"))).map(
        lambda t: Term(*t)
    ),
)
trees = st.recursive(
    _terms,
    lambda inner: st.one_of(
        st.lists(inner.filter(lambda n: not isinstance(n, And)), min_size=2, max_size=3).map(
            lambda p: And(tuple(p))
        ),
        st.lists(inner.filter(lambda n: not isinstance(n, Or)), min_size=2, max_size=3).map(
            lambda p: Or(tuple(p))
        ),
    ),
    max_leaves=4,
)

geo_queries = st.one_of(
    st.tuples(positions, st.sampled_from([1_000.0, 20_000.0, 1e6, 2e7]), st.booleans()).map(
        lambda t: GeoQuery(
            Relation.NEAR,
            "Point",
            tuple(t[0]),
            LOCATION,
            max_distance=t[1] if t[2] else None,
            min_distance=None if t[2] else t[1],
        )
    ),
    st.tuples(positions, st.sampled_from([r for r in Relation if r is not Relation.NEAR])).map(
        lambda t: GeoQuery(t[1], "Polygon", _tuples(_polygon(t[0])))
    ),
)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


_conjunctions = st.lists(st.sampled_from(TYPES), min_size=1, max_size=2).map(tuple)
type_selections = st.lists(_conjunctions, max_size=2).map(lambda found: TypeSelection(tuple(found)))
_scope_patterns = st.sampled_from(
    [
        ScopePattern(("Yabu",)),
        ScopePattern(("Yabu",), below=True),
        ScopePattern(("Yabu", "+")),
        ScopePattern(("+", "Oya"), below=True),
        ScopePattern(("+",)),
        ScopePattern((), below=True),
        ScopePattern(("Asago",)),
    ]
)
scope_queries = st.lists(
    st.lists(_scope_patterns, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2
).map(lambda found: ScopeQuery(tuple(found)))
selectors = st.builds(
    EntitySelector,
    ids=st.one_of(st.just(()), st.lists(st.sampled_from(IDS), min_size=1, max_size=3).map(tuple)),
    id_pattern=st.one_of(
        st.none(),
        st.sampled_from(["^urn:ngsi-ld:Thing:[1-4]", "Thing:2$", "^urn:x?|7", "^urn:ngsi-ld:T", "[35]"]),
    ),
    types=st.one_of(st.none(), type_selections),
)
selections = st.builds(
    Selection,
    selectors=st.lists(selectors, max_size=2).map(tuple),
    attrs=st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(NAMES), min_size=1, max_size=2)),
    q=st.one_of(st.none(), trees.map(Query)),
    geo=st.one_of(st.none(), geo_queries),
    scope=st.one_of(st.none(), scope_queries),
)
