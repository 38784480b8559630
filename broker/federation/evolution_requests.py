"""The requests by which sources are asked for Temporal Evolutions. Pure. (5.7.3, 5.7.4, 6.18.3.2, 6.19.3.1)"""

from collections.abc import Mapping
from urllib.parse import quote

from base import clock
from base.jsonld import TermTable
from broker.federation.asking import Request
from broker.federation.entity_requests import MAP, written
from broker.federation.evolving import within
from broker.federation.narrowing import Part
from broker.language.span import Span


def retrieving(part: Part, table: TermTable, span: Span | None, last: int | None) -> Request:
    """Ask for the Temporal Evolution of the one entity of a part. (6.19.3.1)"""
    path = f"/temporal/entities/{quote(part.selector.ids[0], safe=':')}"
    return Request("GET", path, {**_shape(part, table), **_time(part, span, last)})


def querying(
    part: Part,
    table: TermTable,
    span: Span | None,
    last: int | None,
    filters: Mapping[str, str],
    page: Mapping[str, str],
    by_map: str | None = None,
) -> Request:
    """Ask for the Temporal Evolutions of entities of a part, some of them at a time. (6.18.3.2)

    `by_map`: the id of the map that the source made of them. (5.5.14)
    """
    shape = {**_selected(part, table), **_shape(part, table)}
    params = {**shape, **filters, **_time(part, span, last), **page}
    headers = {} if by_map is None else {MAP: f"/ngsi-ld/v1/entityMaps/{quote(by_map, safe=':')}"}
    return Request("GET", "/temporal/entities", params, headers=headers)


def mapping(
    part: Part, table: TermTable, span: Span | None, filters: Mapping[str, str], lifetime: str | None
) -> Request:
    """Ask for a map of the entities of a part. (6.35.3.1)"""
    params = {**_selected(part, table), **_shape(part, table), **filters, **_time(part, span, None)}
    del params["options"]
    if lifetime is not None:
        params["entityMapLifetime"] = lifetime
    return Request("GET", "/temporal/entityMaps", params)


def _selected(part: Part, table: TermTable) -> dict[str, str]:
    selector, params = part.selector, dict[str, str]()
    if selector.types is not None:
        params["type"] = written(selector.types, table)
    if selector.ids:
        params["id"] = ",".join(selector.ids)
    elif selector.id_pattern is not None:
        params["idPattern"] = selector.id_pattern
    return params


def _shape(part: Part, table: TermTable) -> dict[str, str]:
    params = {"options": "sysAttrs"}
    if part.attributes:
        params["attrs"] = ",".join(sorted(map(table.term, part.attributes)))
    if part.dataset_ids:
        params["datasetId"] = ",".join(sorted(part.dataset_ids))
    return params


def _time(part: Part, span: Span | None, last: int | None) -> dict[str, str]:
    """Write a temporal query, within the time for which the source is registered. (4.11, 5.2.9)"""
    params = {} if last is None else {"lastN": str(last)}
    if span is None:
        return params
    span = within(part.source, span)
    if span.property != "observedAt" or (span.start is None and span.end is None):
        params["timeproperty"] = span.property
    if span.start is not None:
        params |= {"timerel": "after" if span.end is None else "between", "timeAt": _text(span.start)}
        return params if span.end is None else params | {"endTimeAt": _text(span.end)}
    return params if span.end is None else params | {"timerel": "before", "timeAt": _text(span.end)}


def _text(micros: int) -> str:
    return clock.show(micros).replace(".000Z", "Z")
