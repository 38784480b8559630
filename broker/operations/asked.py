"""What a consumer asks for, from URL parameters or a Query body: selection, page, representation. (5.7.2.3, 5.2.23)"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import orjson

from base.errors import BadRequestData, InvalidRequest, TooManyResults
from base.jsonld import TermTable
from broker.language import geo, patterns, projection, q, scope, types
from broker.language.selection import EntitySelector, Selection, Window
from broker.model import validate
from broker.model.projection import Projection
from broker.model.represent import Format, Representation
from broker.operations.call import Params

FORMATS: Final[dict[str, Format]] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}
ENTITY_MEMBERS: Final = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "expiresAt"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may ask for."""

    page_default: int
    page_most: int
    terms: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query understood."""

    selection: Selection
    window: Window
    representation: Representation
    local: bool = False

    def narrow_enough(self) -> bool:
        """Say whether types, attributes, q, geoQ or the local scope restrict the query. (5.7.2.4)"""
        s = self.selection
        typed = bool(s.selectors) and all(selector.types is not None for selector in s.selectors)
        return self.local or typed or bool(s.attrs) or bool(s.q and s.q.attributes) or s.geo is not None


@lru_cache(4096)
def representation(params: Params, table: TermTable, geojson: bool) -> Representation:
    """Understand the parameters that shape an entity in an answer. (6.3.7, 6.3.11, 6.3.15, 4.21, 4.15)"""
    options = set(filter(None, params.get("options", "").split(",")))
    if "geometryProperty" in params and not geojson:
        raise BadRequestData("geometryProperty goes with Accept: application/geo+json only.")
    if "pick" in params and "attrs" in params:
        raise BadRequestData("pick and attrs exclude each other; use pick.")
    return Representation(
        format=_format(params.get("format"), options),
        geojson=geojson,
        sys_attrs="sysAttrs" in options,
        pick=_projection("pick", params, table),
        omit=_projection("omit", params, table),
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
    selector = _selector(
        ids=tuple(params["id"].split(",")) if "id" in params else (),
        id_pattern=params.get("idPattern"),
        type_text=params.get("type"),
        table=table,
    )
    return Wanted(
        Selection(
            selectors=(selector,) if selector != EntitySelector() else (),
            attrs=(shape.attrs or frozenset()) | _attributes_of(shape.pick),
            q=_query(params, table, limits),
            geo=_geo(params, table),
            scope=scope.parse(params["scopeQ"].replace(" ", "+"), limits.terms)
            if "scopeQ" in params
            else None,
            dataset_ids=shape.dataset_ids,
        ),
        window(params, limits),
        shape,
        flag(params, "local"),
    )


def _selector(
    *, ids: tuple[str, ...], id_pattern: str | None, type_text: str | None, table: TermTable
) -> EntitySelector:
    for one in ids:
        validate.uri(one, "id")
    if id_pattern is not None:
        patterns.check(id_pattern, "idPattern")
    return EntitySelector(ids, id_pattern, types.parse(type_text, table) if type_text is not None else None)


def _attributes_of(pick: Projection | None) -> frozenset[str]:
    """A projection that names attributes selects only entities that have one of them. (5.7.2.4)"""
    if pick is None:
        return frozenset()
    return frozenset(name for name, _ in pick.members if name not in ENTITY_MEMBERS)


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


# --- the same, from the body of POST /entityOperations/query -----------------------------------------------------

_TEXTS = {"q", "scopeQ", "lang", "geometryProperty"}
_LISTS = {"attrs", "pick", "omit", "datasetId", "expandValues", "jsonKeys"}
_GEO = {"georel", "geometry", "geoproperty"}
_MEMBERS = _TEXTS | _LISTS | {"type", "entities", "geoQ", "@context"}


def from_query(body: Any, params: Params, table: TermTable, geojson: bool, limits: Limits) -> Wanted:
    """Understand a query given as a Query body; paging and shape may stand in the URL. (5.2.23, 6.23.3.1)"""
    if not isinstance(body, dict) or body.get("type") != "Query":
        raise BadRequestData('The body must be an object of type "Query".')
    texts = dict(params)
    for name, value in body.items():
        if name not in _MEMBERS:
            raise BadRequestData(f"Query has no member {name[:40]}.")
        if name in _TEXTS:
            texts[name] = _text(name, value)
        elif name in _LISTS:
            texts[name] = ",".join(_texts(name, value))
    texts.update(_geo_texts(body["geoQ"]) if "geoQ" in body else {})
    wanted = from_params(Params(texts), table, geojson, limits)
    if "entities" not in body:
        return wanted
    selectors = tuple(_entity_selector(info, table) for info in _objects("entities", body["entities"]))
    return replace(wanted, selection=replace(wanted.selection, selectors=selectors))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequestData(f"{name} of a Query must be a string.")
    return value


def _texts(name: str, value: Any) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
        raise BadRequestData(f"{name} of a Query must be a string or a list of strings.")
    return values


def _objects(name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        raise BadRequestData(f"{name} of a Query must be a list of objects with at least one element.")
    return value


def _geo_texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not isinstance(value.get("coordinates"), list | str):
        raise BadRequestData("geoQ must be an object with georel, geometry and coordinates.")
    texts = {name: _text(name, value[name]) for name in _GEO if name in value}
    given = value["coordinates"]
    texts["coordinates"] = given if isinstance(given, str) else orjson.dumps(given).decode()
    return texts


def _entity_selector(info: dict[str, Any], table: TermTable) -> EntitySelector:
    unknown = info.keys() - {"id", "idPattern", "type"}
    if unknown:
        raise BadRequestData(f"An element of entities has no member {sorted(unknown)[0][:40]}.")
    return _selector(
        ids=tuple(_texts("id", info["id"])) if "id" in info else (),
        id_pattern=_text("idPattern", info["idPattern"]) if "idPattern" in info else None,
        type_text=_text("type", info["type"]) if "type" in info else None,
        table=table,
    )


def page_links(target: str, at: Window, more: bool, media_type: str) -> list[str]:
    """Write the links to the next and the previous page. (6.3.10)"""
    path, _, query = target.partition("?")
    kept = [p for p in query.split("&") if p and unquote(p.partition("=")[0]) not in ("limit", "offset")]

    def link(rel: str, offset: int) -> str:
        pairs = "&".join([*kept, f"limit={at.limit}", f"offset={offset}"])
        return f'<{path}?{pairs}>; rel="{rel}"; type="{media_type}"'

    links = []
    if at.limit and more:
        links.append(link("next", at.offset + at.limit))
    if at.limit and at.offset > 0:
        links.append(link("prev", max(0, at.offset - at.limit)))
    return links
