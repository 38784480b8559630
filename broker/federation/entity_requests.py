"""The requests by which sources are asked for entities. Pure. (5.7.1, 5.7.2, 6.4.3.2, 6.5.3.1, 6.23.3.1)"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import orjson

from base.jsonld import TermTable
from broker.federation.asking import Request
from broker.federation.narrowing import Part
from broker.language.types import TypeSelection

FILTERS: Final = frozenset(
    {"q", "scopeQ", "georel", "geometry", "coordinates", "geoproperty", "expandValues", "jsonKeys"}
)
"""Parameters by which a source may filter what it answers. (5.7.2.4)"""
IN_ORDER: Final = "order=id"
"""The preference for entities in the order of their ids; who does not know it ignores it. (RFC 7240)"""
MAP: Final = "NGSILD-EntityMap"
_PREFER: Final[Mapping[str, str]] = {"Prefer": IN_ORDER}
_GEO: Final = ("georel", "geometry", "coordinates", "geoproperty")
_LISTS: Final = ("expandValues", "jsonKeys")


def retrieving(part: Part, table: TermTable, kinds: str | None = None, by_map: str | None = None) -> Request:
    """Ask for the one entity of a part; `kinds`: the type selection its reader gave. (6.5.3.1)

    `by_map`: the id of the map that the source made. (5.7.1.4)
    """
    params = shaped(part, table)
    if kinds is not None:
        params["type"] = kinds
    headers = {} if by_map is None else named(by_map)
    return Request("GET", f"/entities/{quote(part.selector.ids[0], safe=':')}", params, headers=headers)


def named(map: str) -> Mapping[str, str]:
    """Name a map in a header. (5.5.14, 6.3.21)"""
    return {MAP: f"/ngsi-ld/v1/entityMaps/{quote(map, safe=':')}"}


def querying(
    part: Part,
    table: TermTable,
    filters: Mapping[str, str],
    limit: int,
    offset: int,
    *,
    batch: bool = False,
    by_map: str | None = None,
) -> Request:
    """Ask for entities of a part, some of them at a time, with GET or with a Query body. (6.4.3.2, 6.23.3.1)

    `by_map`: the id of the map that the source made of them. (5.5.14)
    """
    paging = {"limit": str(limit), "options": "sysAttrs"} | ({"offset": str(offset)} if offset else {})
    headers = _PREFER if by_map is None else named(by_map)
    if batch:
        body = _body(part, table, filters)
        return Request("POST", "/entityOperations/query", paging, body, headers=headers)
    params = {**selected(part, table), **shaped(part, table), **filters, **paging}
    return Request("GET", "/entities", params, headers=headers)


def counting(request: Request) -> Request:
    """Ask for no more of the entities than their ids and types. (4.21)"""
    return replace(request, params={**request.params, "pick": "id,type"})


def mapping(
    part: Part,
    table: TermTable,
    filters: Mapping[str, str],
    lifetime: str | None,
    path: str = "/entityMaps",
) -> Request:
    """Ask for a map of the entities of a part, or at another path of their histories. (6.34.3.1, 6.35.3.1)"""
    params = {**selected(part, table), **shaped(part, table), **filters}
    del params["options"]
    if lifetime is not None:
        params["entityMapLifetime"] = lifetime
    return Request("GET", path, params)


def selected(part: Part, table: TermTable) -> dict[str, str]:
    """Write which entities are asked for. (5.2.33)"""
    selector, params = part.selector, dict[str, str]()
    if selector.types is not None:
        params["type"] = written(selector.types, table)
    if selector.ids:
        params["id"] = ",".join(selector.ids)
    elif selector.id_pattern is not None:
        params["idPattern"] = selector.id_pattern
    return params


def shaped(part: Part, table: TermTable) -> dict[str, str]:
    """Write what of them is asked for, with the times by which it is joined. (4.5.5.3)"""
    params = {"options": "sysAttrs"}
    if part.attributes:
        params["attrs"] = ",".join(sorted(map(table.term, part.attributes)))
    if part.dataset_ids:
        params["datasetId"] = ",".join(sorted(part.dataset_ids))
    return params


def _body(part: Part, table: TermTable, filters: Mapping[str, str]) -> dict[str, Any]:
    """Write a Query. (5.2.23)"""
    chosen = selected(part, table)
    shape = shaped(part, table)
    body: dict[str, Any] = {"type": "Query"}
    if chosen:
        body["entities"] = [{**chosen, **({"id": _one_or_all(part.selector.ids)} if "id" in chosen else {})}]
    body |= {name: shape[name].split(",") for name in ("attrs", "datasetId") if name in shape}
    body |= {name: filters[name] for name in ("q", "scopeQ") if name in filters}
    body |= {name: filters[name].split(",") for name in _LISTS if name in filters}
    geo = {name: filters[name] for name in _GEO if name in filters}
    if geo:
        body["geoQ"] = {**geo, "coordinates": orjson.loads(geo["coordinates"])}
    return body


def _one_or_all(ids: tuple[str, ...]) -> str | list[str]:
    return ids[0] if len(ids) == 1 else list(ids)


def written(selection: TypeSelection, table: TermTable) -> str:
    """Write a type selection. (4.17)"""
    return "|".join(
        table.term(names[0]) if len(names) == 1 else f"({';'.join(map(table.term, names))})"
        for names in selection.alternatives
    )
