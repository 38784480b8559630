"""The requests by which sources are asked for Temporal Evolutions. Pure. (5.7.3, 5.7.4, 6.18.3.2, 6.19.3.1)"""

from collections.abc import Mapping
from urllib.parse import quote

from base import clock
from base.jsonld import TermTable
from broker.federation import entity_requests
from broker.federation.asking import Request
from broker.federation.entity_requests import named, selected, shaped
from broker.federation.evolving import within
from broker.federation.narrowing import Part
from broker.language.span import Span


def retrieving(
    part: Part, table: TermTable, span: Span | None, last: int | None, by_map: str | None = None
) -> Request:
    """Ask for the Temporal Evolution of the one entity of a part. (6.19.3.1)

    `by_map`: the id of the map that the source made. (5.7.3.4)
    """
    path = f"/temporal/entities/{quote(part.selector.ids[0], safe=':')}"
    headers = {} if by_map is None else named(by_map)
    return Request("GET", path, {**shaped(part, table), **_time(part, span, last)}, headers=headers)


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
    shape = {**selected(part, table), **shaped(part, table)}
    params = {**shape, **filters, **_time(part, span, last), **page}
    headers = {} if by_map is None else named(by_map)
    return Request("GET", "/temporal/entities", params, headers=headers)


def mapping(
    part: Part, table: TermTable, span: Span | None, filters: Mapping[str, str], lifetime: str | None
) -> Request:
    """Ask for a map of the entities of a part. (6.35.3.1)"""
    times = _time(part, span, None)
    return entity_requests.mapping(part, table, {**filters, **times}, lifetime, "/temporal/entityMaps")


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
