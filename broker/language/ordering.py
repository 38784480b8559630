"""The NGSI-LD Entity Ordering Language: text to Ordering, Ordering to keys that sort documents. (4.23)"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import orjson

from base.errors import BadRequestData
from broker.language import collation as collations
from broker.language import geometry as geometries
from broker.language.conditions import MICROSECONDS, MISSING, target
from broker.language.geometry import GeometryError
from broker.language.literals import day, instant, time_of_day
from broker.language.names import Vocabulary
from broker.language.tree import Path
from broker.language.types import Names
from broker.model.document import Document, Instance

MOST_TERMS: Final = 20
LONGEST: Final = 2_000
DIRECTIONS: Final = ("asc", "desc", "dist-asc", "dist-desc")
_TERM: Final = re.compile(r"\s*([^\[\],;\s]+)(?:\[([^\[\],;]+)\])?(?:;([a-z-]+))?\s*(?:,|\Z)")
_ENTITY_LISTS: Final = frozenset({"type", "scope"})

_PARAMS: Final = {
    "orderBy": ("orderBy", "a list of strings"),
    "collation": ("collation", "a string"),
    "coordinates": ("orderFrom", "a JSON array"),
    "geometry": ("orderGeometry", "a string"),
}

# the order of data types (4.23.2)
NUMBER, STRING, OBJECT, ARRAY, BOOLEAN, TIME, DATE, INSTANT, NULL, ABSENT = range(10)
Rank = tuple[int, Any]
Key = tuple[Any, ...]
Keys = Callable[[Sequence[Document]], Sequence[Key]]
Distances = Callable[[Sequence[Any]], list[float | None]]


@dataclass(frozen=True, slots=True)
class OrderingTerm:
    """One member to order by; a Path without names is a member of the entity itself. (4.23.3)"""

    path: Path
    descending: bool = False
    by_distance: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """In which order entities are wanted; distances are measured from a geometry. (5.2.43)"""

    terms: tuple[OrderingTerm, ...]
    collation: str = collations.ROOT
    geometry: str = "Point"
    coordinates: tuple[Any, ...] | None = None
    keys: Keys = field(init=False, repr=False, compare=False)
    """Give what sorts each of some documents; equal keys leave documents as they are."""

    def __post_init__(self) -> None:
        rank = partial(_rank, collations.collation(self.collation))
        distances = self._distances() if any(term.by_distance for term in self.terms) else None
        several = [_term_keys(term, rank, distances if term.by_distance else None) for term in self.terms]

        def keys(documents: Sequence[Document]) -> Sequence[Key]:
            return list(zip(*[one(documents) for one in several], strict=True))

        object.__setattr__(self, "keys", several[0] if len(several) == 1 else keys)

    @property
    def attributes(self) -> frozenset[str]:
        """Name the attributes (IRIs) that the order depends on."""
        return frozenset(term.path.names[0] for term in self.terms if term.path.names)

    def _distances(self) -> Distances:
        from broker.language import topology

        assert self.coordinates is not None
        return topology.distances(self.geometry, self.coordinates)


def parse(
    order_by: str | None,
    table: Names,
    *,
    collation: str | None = None,
    order_from: str | None = None,
    order_geometry: str | None = None,
) -> Ordering | None:
    """Read an ordering; BadRequestData says what is wrong, even with parts that no order needs. (5.7.2.4)"""
    if collation is not None:
        collations.collation(collation)
    coordinates = _coordinates(order_from, order_geometry)
    if order_by is None:
        return None
    terms = tuple(read(order_by, table))
    if coordinates is None and any(term.by_distance for term in terms):
        raise BadRequestData("Ordering by distance needs orderFrom, the coordinates to measure from.")
    return Ordering(terms, collation or collations.ROOT, order_geometry or "Point", coordinates)


def texts(params: Any) -> dict[str, str]:
    """Write OrderingParams of a Query body as the URL parameters that say the same. (5.2.43)"""
    if not isinstance(params, dict) or not params.keys() <= _PARAMS.keys():
        raise BadRequestData(f"ordering must be an object with {', '.join(_PARAMS)}.")
    found = {}
    for name, value in params.items():
        if name == "orderBy" and isinstance(value, list):
            value = ",".join(value) if value and all(isinstance(one, str) for one in value) else None
        elif name == "coordinates":
            value = orjson.dumps(value).decode() if isinstance(value, list) else None
        if not isinstance(value, str):
            raise BadRequestData(f"{name} of ordering must be {_PARAMS[name][1]}.")
        found[_PARAMS[name][0]] = value
    return found


def _coordinates(text: str | None, kind: str | None) -> tuple[Any, ...] | None:
    if kind is not None and kind not in geometries.DEPTHS:
        raise BadRequestData(f"orderGeometry must be one of {', '.join(geometries.DEPTHS)}.")
    if text is None:
        return None
    try:
        return geometries.checked(kind or "Point", orjson.loads(text))
    except GeometryError as error:
        raise BadRequestData(f"orderFrom is wrong: {error}.") from None
    except ValueError:
        raise BadRequestData(
            "orderFrom is not JSON; write coordinates as in GeoJSON: [135.1,35.2]."
        ) from None


def read(text: str, table: Names) -> Iterable[OrderingTerm]:
    """Read the terms of an order; BadRequestData says where it is wrong. (4.23.1)"""
    vocabulary = Vocabulary(table, frozenset(), frozenset())
    at = count = 0
    while at < len(text) or not count:
        found = _TERM.match(text, at) if len(text) <= LONGEST else None
        direction = (found[3] or "asc") if found else ""
        count += 1
        if found is None or direction not in DIRECTIONS or count > MOST_TERMS or text.endswith(","):
            raise BadRequestData(
                f"orderBy is wrong at position {at}; give up to {MOST_TERMS} names, each with one of "
                f"{', '.join(';' + one for one in DIRECTIONS)} or nothing after it."
            )
        path = _path(found[1], found[2], vocabulary)
        yield OrderingTerm(path, direction.endswith("desc"), direction.startswith("dist-"))
        at = found.end()


def _path(names: str, trailing: str | None, vocabulary: Vocabulary) -> Path:
    if names in ("type", "@type") and trailing is None:
        return Path((), "type")
    try:
        members = vocabulary.members(trailing, 0) if trailing else ()
        return vocabulary.path(names, 0, members, ())
    except BadRequestData:
        raise BadRequestData(
            f"orderBy cannot use '{names[:60]}'; name id, type, scope, a time of the entity, or attributes "
            "joined by dots, with a member of the value in square brackets."
        ) from None


# --- what sorts a document ---------------------------------------------------------------------------------------


class _Descending:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)


def _term_keys(term: OrderingTerm, rank: Callable[[Any], Rank], distances: Distances | None) -> Keys:
    value_of = _value_of(term.path)

    def ascending(document: Document) -> Rank:
        value = value_of(document)
        return _LAST if value is MISSING else rank(value)

    def descending(document: Document) -> Rank:
        kind, payload = ascending(document)
        return kind, _Descending(payload)

    key = descending if term.descending else ascending
    if distances is None:
        return lambda documents: [key(document) for document in documents]
    instance_of = _instance_of(term.path)

    def place(document: Document) -> Any:
        instance = instance_of(document)
        return instance["value"] if instance is not None and instance["type"] == "GeoProperty" else None

    def remote(documents: Sequence[Document]) -> list[Key]:
        metres = distances([place(document) for document in documents])
        return [
            (1, key(document)) if one is None else (0, -one if term.descending else one)
            for document, one in zip(documents, metres, strict=True)
        ]

    return remote


def _instance_of(path: Path) -> Callable[[Document], Instance | None]:
    """Make the function that walks to the instance meant: the default one, or the first where there is none."""

    def walk(document: Document) -> Instance | None:
        found: Instance | None = document
        for name in path.names:
            instances = found.get("attrs", {}).get(name) if found else None
            if not instances:
                return None
            found = next((one for one in instances if "datasetId" not in one), instances[0])
        return found

    return walk


def _value_of(path: Path) -> Callable[[Document], Any]:
    instance_of, target_of = _instance_of(path), target(path, related=True)
    micros = path.member in MICROSECONDS
    single = path.member in _ENTITY_LISTS and not path.names

    def value_of(document: Document) -> Any:
        instance = instance_of(document)
        value: Any = MISSING if instance is None else target_of(instance)
        if micros and value is not MISSING:
            return _Moment(value)
        if type(value) is tuple or (single and type(value) is list):
            return value[0] if len(value) == 1 else value
        return value

    if path.member or path.trailing or len(path.names) != 1:
        return value_of
    (name,) = path.names

    def value_of_property(document: Document) -> Any:
        """Most orders are by the value of a Property with one instance."""
        instances = document["attrs"].get(name)
        if instances is None:
            return MISSING
        if len(instances) == 1 and instances[0]["type"] == "Property":
            return instances[0]["value"]
        return value_of(document)

    return value_of_property


class _Moment(int):
    """A system time in µs: a DateTime, not a number."""


def _rank(text_key: Callable[[str], bytes], value: Any) -> Rank:
    """Give the data type's place and what orders values of that type. (4.23.2)"""
    kind = type(value)
    if kind is str:
        return _text_rank(text_key, value)
    if kind is int or kind is float:
        return NUMBER, value
    if kind is dict:
        if "@value" in value:
            return _rank(text_key, value["@value"])
        return OBJECT, tuple((name, _rank(text_key, value[name])) for name in sorted(value))
    if kind is list or kind is tuple:
        return ARRAY, tuple(_rank(text_key, one) for one in value)
    return _RARE.get(kind, _null)(value)


def _text_rank(text_key: Callable[[str], bytes], text: str) -> Rank:
    if "0" <= text[:1] <= "9":
        for kind, read in _TIMES:
            moment = read(text)
            if moment is not None:
                return kind, moment
    return STRING, text_key(text)


def _null(_: Any) -> Rank:
    return NULL, 0


_LAST: Final[Rank] = (ABSENT, 0)
_RARE: Final[dict[type, Callable[[Any], Rank]]] = {
    bool: lambda value: (BOOLEAN, value),
    _Moment: lambda value: (INSTANT, value),
}
_TIMES: Final[tuple[tuple[int, Callable[[str], Any]], ...]] = (
    (TIME, time_of_day),
    (DATE, day),
    (INSTANT, instant),
)
