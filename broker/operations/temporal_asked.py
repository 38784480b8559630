"""What a consumer of Temporal Evolutions asks for: temporal query, form, aggregation. (5.7.3.3, 5.7.4.3, 6.3.12)"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from base.errors import BadRequestData, InvalidRequest
from base.jsonld import TermTable
from broker.language import aggregation, timerel
from broker.language.aggregation import Aggregation
from broker.language.selection import Selection, Window
from broker.language.span import Span
from broker.language.timerel import TemporalQuery
from broker.model.document import SCOPE
from broker.model.projection import Projection
from broker.model.temporal_form import TemporalForm, TemporalFormat
from broker.operations import asked, asked_body
from broker.operations.asked import Limits, Wanted
from broker.operations.call import Params
from broker.store.evolution import Asked

FORMATS: Final[dict[str, TemporalFormat]] = {
    "temporalValues": "temporalValues",
    "aggregatedValues": "aggregatedValues",
    "normalized": "normalized",
    "concise": "concise",
}
OPTIONS: Final = frozenset({*FORMATS, "sysAttrs"})
_TEMPORAL: Final = timerel.PARAMETERS | aggregation.PARAMETERS | {"format", "options"}


@dataclass(frozen=True, slots=True)
class TemporalWanted:
    """A request for Temporal Evolutions understood."""

    wanted: Wanted
    query: TemporalQuery
    form: TemporalForm
    aggregation: Aggregation | None = None

    @property
    def selection(self) -> Selection:
        """Say which entities are wanted."""
        return self.wanted.selection

    @property
    def window(self) -> Window:
        """Say which part of them is wanted."""
        return self.wanted.window

    def instances(self, most: int | None, span: Span | None = None) -> Asked:
        """Say which instances of an entity are wanted, in the temporal query's span or a part of it. (5.7.4.4)"""
        shape = self.form.shape
        return Asked(
            attrs=self.attrs,
            span=span or self.query.span,
            last=self.query.last_n,
            dataset_ids=shape.dataset_ids or None,
            most=most,
        )

    @property
    def attrs(self) -> frozenset[str] | None:
        """Name the attributes that the answer may hold, scope among them; None: all. (4.21)"""
        shape = self.form.shape
        if shape.attrs is not None:
            return shape.attrs
        return None if shape.pick is None else _picked(shape.pick)


def _picked(pick: Projection) -> frozenset[str]:
    return frozenset(SCOPE if name == "scope" else name for name in pick.names())


@lru_cache(1024)
def from_params(params: Params, table: TermTable, limits: Limits) -> TemporalWanted:
    """Understand a request whose parameters all stand in the URL. (6.18.3.2, 6.19.3.1)"""
    return _understood(params, params, asked.from_params(_plain(params), table, False, limits))


def from_query(body: Any, params: Params, table: TermTable, limits: Limits) -> TemporalWanted:
    """Understand a Query with temporalQ and aggregation parameters; paging and form stand in the URL. (5.2.23)"""
    plain, texts = body, {}
    if isinstance(body, dict):
        plain = {name: held for name, held in body.items() if name not in _OBJECTS}
        for name, members in _OBJECTS.items():
            if name in body:
                texts.update(timerel.texts(body[name], members, name))
    return _understood(params, texts, asked_body.from_query(plain, _plain(params), table, False, limits))


_OBJECTS: Final = {
    "temporalQ": timerel.PARAMETERS | aggregation.PARAMETERS,
    "aggrParams": aggregation.PARAMETERS,
}


def _plain(params: Params) -> Params:
    """Give the parameters that a query of the current state has too."""
    plain = {name: text for name, text in params.items() if name not in _TEMPORAL}
    if "sysAttrs" in params.get("options", "").split(","):
        plain["options"] = "sysAttrs"
    return Params(plain)


def _understood(params: Params, temporal: Mapping[str, str], wanted: Wanted) -> TemporalWanted:
    _check_order(wanted)
    chosen = _format(params, "aggrMethods" in temporal)
    query = timerel.parse(temporal)
    return TemporalWanted(
        wanted,
        query,
        TemporalForm(chosen, wanted.representation, query.span.property if query.span else "observedAt"),
        aggregation.parse(temporal) if chosen == "aggregatedValues" else None,
    )


def _format(params: Params, aggregated: bool) -> TemporalFormat:
    """Choose the form; aggregation methods alone ask for aggregated values. (6.3.12)"""
    if "format" in params:
        if params["format"] not in FORMATS:
            raise InvalidRequest(f"format must be one of {', '.join(FORMATS)}.")
        return FORMATS[params["format"]]
    named = [option for option in params.get("options", "").split(",") if option in FORMATS]
    if len(named) > 1:
        raise InvalidRequest("options may name one form only; better give it as format.")
    if named:
        return FORMATS[named[0]]
    return "aggregatedValues" if aggregated else "normalized"


def _check_order(wanted: Wanted) -> None:
    """Temporal Evolutions are ordered by id only. (5.7.4.4)"""
    ordering = wanted.window.ordering
    for term in ordering.terms if ordering else ():
        if term.path.names or term.path.member != "id":
            raise BadRequestData("Temporal Evolutions can be ordered by id only.")
