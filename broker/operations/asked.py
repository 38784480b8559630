"""What a consumer asks for, from URL parameters: selection, page, representation. (5.7.2.3, 6.4.3.2)"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from base.errors import BadRequestData, InvalidRequest, TooManyResults
from base.jsonld import TermTable
from broker.language import geo, ordering, patterns, projection, q, scope, sources, types
from broker.language.selection import EntitySelector, Selection, Window
from broker.model import duration, validate
from broker.model.document import NGSI_LD
from broker.model.projection import Projection
from broker.model.represent import Format, Representation
from broker.operations.call import Params

DEEPEST_JOIN: Final = 10
FORMATS: Final[dict[str, Format]] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}
SYSTEM_ATTRIBUTES: Final = frozenset(
    NGSI_LD + n for n in ("createdAt", "modifiedAt", "deletedAt", "expiresAt")
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may ask for."""

    page_default: int
    page_most: int
    terms: int


@dataclass(frozen=True, slots=True)
class Links:
    """How far Relationships are followed, and which entities the reader knows already. (4.5.23)"""

    inline: bool
    level: int
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query understood."""

    selection: Selection
    window: Window
    representation: Representation
    links: Links | None = None
    local: bool = False
    entity_map: bool = False
    entity_map_lifetime: str | None = None
    csf: sources.SourceFilter | None = None
    split: bool | None = None  # None: as the setting says
    texts: Params = field(default_factory=Params)  # the parameters, as given

    def narrow_enough(self) -> bool:
        """Say whether types, attributes, q, geoQ or the local scope restrict the query. (5.7.2.4)"""
        s = self.selection
        typed = bool(s.selectors) and all(selector.types is not None for selector in s.selectors)
        return (
            self.local
            or typed
            or not s.attrs <= SYSTEM_ATTRIBUTES
            or bool(s.q and s.q.attributes)
            or s.geo is not None
        )


@lru_cache(4096)
def representation(params: Params, table: TermTable, geojson: bool) -> Representation:
    """Understand the parameters that shape an entity in an answer. (6.3.7, 6.3.11, 6.3.15, 4.21, 4.15)"""
    options = set(filter(None, params.get("options", "").split(",")))
    if "geometryProperty" in params and not geojson:
        raise BadRequestData("geometryProperty goes with Accept: application/geo+json only.")
    if "attrs" in params and not params.keys().isdisjoint({"pick", "omit"}):
        raise BadRequestData("attrs and pick or omit exclude each other; use pick and omit.")
    pick, omit = _projection("pick", params, table), _projection("omit", params, table)
    if pick and omit and not pick.names().isdisjoint(omit.names()):
        raise BadRequestData("pick and omit name the same member; name it in one of them.")
    return Representation(
        format=_format(params.get("format"), options),
        geojson=geojson,
        sys_attrs="sysAttrs" in options,
        pick=pick,
        omit=omit,
        attrs=names(params["attrs"], table) if "attrs" in params else None,
        lang=params.get("lang") or None,
        dataset_ids=frozenset(_datasets(params.get("datasetId"))),
        geometry_property=table.iri(params.get("geometryProperty") or "location"),
    )


def _format(given: str | None, options: set[str]) -> Format:
    asked = given or next((option for option in FORMATS if option in options), "normalized")
    if asked not in FORMATS:
        raise InvalidRequest("format must be one of normalized, concise, simplified, keyValues.")
    return FORMATS[asked]


def _projection(name: str, params: Params, table: TermTable) -> Projection | None:
    return projection.parse(params[name], table) if name in params else None


def names(text: str | None, table: TermTable) -> frozenset[str]:
    """Expand a list of attribute names."""
    if text is None:
        return frozenset()
    parts = text.split(",")
    for part in parts:
        validate.name(part, "attribute")
        if part in ("id", "type", "@id", "@type"):
            raise BadRequestData(f"{part} is no attribute; attrs, keep and drop take names of attributes.")
    return frozenset(table.iri(part) for part in parts)


def _datasets(text: str | None) -> Iterable[str]:
    if text is None:
        return
    for part in text.split(","):
        if part != "@none":
            validate.uri(part, "datasetId")
        yield part


@lru_cache(4096)
def from_params(params: Params, table: TermTable, geojson: bool, limits: Limits) -> Wanted:
    """Understand a query given as URL parameters. (6.4.3.2)"""
    shape = representation(params, table, geojson)
    query = _query(params, table, limits)
    given = selector(
        ids=tuple(params["id"].split(",")) if "id" in params else (),
        id_pattern=params.get("idPattern"),
        type_text=params.get("type"),
        table=table,
    )
    return Wanted(
        Selection(
            selectors=(given,) if given != EntitySelector() else (),
            attrs=attributes_of(shape),
            q=query,
            geo=_geo(params, table),
            scope=scope.parse(params["scopeQ"].replace(" ", "+"), limits.terms)
            if "scopeQ" in params
            else None,
            dataset_ids=shape.dataset_ids,
        ),
        replace(window(params, limits), ordering=_ordering(params, table)),
        shape,
        links(params, shape, query.depth if query else 0),
        _local(params),
        flag(params, "entityMap"),
        _lifetime(params),
        sources.filter_of_sources(params["csf"], table, limits.terms) if "csf" in params else None,
        flag(params, "splitEntities") if "splitEntities" in params else None,
        params,
    )


def _lifetime(params: Params) -> str | None:
    text = params.get("entityMapLifetime")
    if text is not None:
        duration.parse(text, "entityMapLifetime")
    return text


def _local(params: Params) -> bool:
    if params.get("type") == "*" and params.get("local") == "false":
        raise BadRequestData("type=* asks for the entities held here; leave out local=false.")
    return flag(params, "local") or params.get("type") == "*"


@lru_cache(4096)
def links(params: Params, shape: Representation, query_depth: int = 0) -> Links | None:
    """Understand join, joinLevel and containedBy; refuse what reaches deeper than they do. (4.5.23, 5.7.2.4)"""
    if not params and not query_depth:
        return None
    kind = params.get("join", "@none")
    if kind not in ("inline", "flat", "@none"):
        raise BadRequestData("join must be flat, inline or @none.")
    level = number(params, "joinLevel", 1) if kind != "@none" else 0
    if kind != "@none" and not 1 <= level <= DEEPEST_JOIN:
        raise BadRequestData(f"joinLevel must be a whole number from 1 to {DEEPEST_JOIN}.")
    known = frozenset(
        validate.uri(one, "containedBy") for one in filter(None, params.get("containedBy", "").split(","))
    )
    deepest = max([query_depth, *(projection.depth(p) for p in (shape.pick, shape.omit) if p)])
    if deepest > level:
        raise BadRequestData(
            f"The request follows Relationships {deepest} deep; give join=inline or flat and joinLevel={deepest}."
        )
    return Links(kind == "inline", level, known) if kind != "@none" else None


def selector(
    *, ids: tuple[str, ...], id_pattern: str | None, type_text: str | None, table: TermTable
) -> EntitySelector:
    """Understand ids, idPattern and types of entities that go together. (5.2.33)"""
    for one in ids:
        validate.uri(one, "id")
    if ids:
        id_pattern = None  # id takes precedence (5.2.33)
    if id_pattern is not None:
        patterns.check(id_pattern, "idPattern")
    wanted = types.parse(type_text, table) if type_text is not None else None
    return EntitySelector(ids, id_pattern, None if wanted and wanted.everything else wanted)


def attributes_of(shape: Representation) -> frozenset[str]:
    """Name the attributes asked for; a projection to attributes alone asks for those who have one. (5.7.2.4)"""
    named = frozenset() if shape.pick is None else shape.pick.names()
    picked = named if named.isdisjoint(projection.CORE_MEMBERS) else frozenset()
    return (shape.attrs or frozenset()) | picked


def types_of(params: Params, table: TermTable) -> types.TypeSelection | None:
    """Understand the types asked for; every type: none. (4.17)"""
    wanted = types.parse(params["type"], table) if "type" in params else None
    return None if wanted is None or wanted.everything else wanted


def _query(params: Params, table: TermTable, limits: Limits) -> q.Query | None:
    if "q" not in params:
        return None
    return q.parse(
        params["q"],
        table,
        expand_values=frozenset(filter(None, params.get("expandValues", "").split(","))),
        json_keys=frozenset(filter(None, params.get("jsonKeys", "").split(","))),
        most_terms=limits.terms,
    )


def _geo(params: Params, table: TermTable) -> geo.GeoQuery | None:
    given = [name for name in ("georel", "geometry", "coordinates") if name in params]
    if not given:
        if "geoproperty" in params:
            raise BadRequestData("geoproperty goes with georel, geometry and coordinates.")
        return None
    if len(given) < 3:
        raise BadRequestData("A geo-query needs georel, geometry and coordinates together.")
    return geo.parse(
        params["georel"],
        params["geometry"],
        params["coordinates"],
        params.get("geoproperty", "location"),
        table,
    )


def _ordering(params: Params, table: TermTable) -> ordering.Ordering | None:
    """Understand orderBy, collation, orderFrom and orderGeometry. (4.23.3)"""
    return ordering.parse(
        params.get("orderBy"),
        table,
        collation=params.get("collation"),
        order_from=params.get("orderFrom"),
        order_geometry=params.get("orderGeometry"),
    )


def window(params: Params, limits: Limits) -> Window:
    """Understand limit, offset and count. (6.3.10, 6.3.13)"""
    count = flag(params, "count")
    limit = number(params, "limit", limits.page_default)
    if limit == 0 and not count:
        raise BadRequestData("limit=0 goes with count=true only.")
    if limit > limits.page_most:
        raise TooManyResults(f"limit may be at most {limits.page_most} here; ask for the next pages instead.")
    return Window(limit, number(params, "offset", 0), count)


def number(params: Params, name: str, default: int) -> int:
    """Read a whole number that is not negative."""
    text = params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequestData(f"{name} must be a whole number from 0.")
    return int(text)


def flag(params: Params, name: str) -> bool:
    """Read true or false."""
    text = params.get(name, "false")
    if text not in ("true", "false"):
        raise BadRequestData(f"{name} must be true or false.")
    return text == "true"
