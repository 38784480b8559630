"""Which registrations a consumer asks for, from URL parameters. (5.10.2.3, 6.8.3.2)"""

from functools import lru_cache

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.language import sources, timerel
from broker.language.sources import SourceSelection
from broker.language.span import Span
from broker.operations import asked
from broker.operations.asked import Limits
from broker.operations.call import Params


@lru_cache(1024)
def from_params(params: Params, table: TermTable, limits: Limits) -> SourceSelection:
    """Understand a query of registrations: names in q and in the geoquery count as attributes. (5.10.2.4)"""
    shape = Params((name, value) for name, value in params.items() if name in _ENTITY_PARAMS)
    selection = asked.from_params(shape, table, False, limits).selection
    attributes = selection.attrs | (selection.q.attributes if selection.q else frozenset())
    typed = params.get("type") == "*" or any(one.types is not None for one in selection.selectors)
    if not (attributes or selection.geo or typed):
        raise BadRequestData(
            "The query is too wide; give at least one of type, attrs, q and georel with geometry and coordinates."
        )
    if selection.geo and "geoproperty" in params:
        attributes |= {selection.geo.geoproperty}
    return SourceSelection(
        selectors=selection.selectors,
        attributes=attributes,
        csf=sources.filter_of_sources(params["csf"], table, limits.terms) if "csf" in params else None,
        geo=selection.geo,
        scope=selection.scope,
        span=_span(params),
    )


def _span(params: Params) -> Span | None:
    """Understand the temporal query; timeproperty alone is none. (4.11)"""
    temporal = timerel.parse(params)
    return temporal.span if temporal.timerel is not None else None


_ENTITY_PARAMS = frozenset(
    {
        *("id", "idPattern", "type", "attrs", "pick", "omit", "q", "scopeQ", "lang"),
        *("georel", "geometry", "coordinates", "geoproperty", "limit", "offset", "count"),
    }
)
