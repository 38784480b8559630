"""What a consumer asks for with a Query body: as with parameters of a URL, and several kinds of entities. (5.2.23)"""

from dataclasses import replace
from typing import Any

import orjson

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.language import ordering
from broker.language.selection import EntitySelector
from broker.operations.asked import Limits, Wanted, from_params, selector
from broker.operations.call import Params

_TEXTS = {"q", "scopeQ", "csf", "lang", "geometryProperty", "join", "entityMapLifetime"}
_FLAGS = {"entityMap", "splitEntities"}
_LISTS = {"attrs", "pick", "omit", "datasetId", "expandValues", "jsonKeys", "containedBy"}
_GEO = {"georel", "geometry", "geoproperty"}
_MEMBERS = _TEXTS | _LISTS | _FLAGS | {"type", "entities", "geoQ", "joinLevel", "ordering", "@context"}


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
        elif name in _FLAGS:
            texts[name] = _boolean(name, value)
    if "joinLevel" in body:
        texts["joinLevel"] = str(body["joinLevel"])
    texts.update(_geo_texts(body["geoQ"]) if "geoQ" in body else {})
    texts.update(ordering.texts(body["ordering"]) if "ordering" in body else {})
    wanted = from_params(Params(texts), table, geojson, limits)
    if "entities" not in body:
        return wanted
    selectors = tuple(_entity_selector(info, table) for info in _objects("entities", body["entities"]))
    return replace(wanted, selection=replace(wanted.selection, selectors=selectors))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequestData(f"{name} of a Query must be a string.")
    return value


def _boolean(name: str, value: Any) -> str:
    if not isinstance(value, bool):
        raise BadRequestData(f"{name} of a Query must be true or false.")
    return "true" if value else "false"


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
    return selector(
        ids=tuple(_texts("id", info["id"])) if "id" in info else (),
        id_pattern=_text("idPattern", info["idPattern"]) if "idPattern" in info else None,
        type_text=_text("type", info.get("type")),
        table=table,
    )
