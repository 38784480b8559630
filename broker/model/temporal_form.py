"""From a Temporal Evolution to what a reader asked for: normalized, concise, pairs of value and time. (4.5.6-4.5.9)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from base.jsonld import TermTable
from broker.model import represent
from broker.model.document import DEFAULT_DATASET, NULL, SCOPE, VALUE_MEMBER, Document, Instance, dataset_of
from broker.model.member import NOT_REIFIED, NULL_MAP, PROOF_IRI, WRAPPERS
from broker.model.represent import Representation, Writer
from broker.model.temporal import SERIES_MEMBER, is_deletion

TemporalFormat = Literal["normalized", "concise", "temporalValues", "aggregatedValues"]
Instances = Mapping[str, Sequence[Instance]]


@dataclass(frozen=True, slots=True)
class TemporalForm:
    """How a reader wants Temporal Evolutions. `shape` says which members, languages and datasets. (6.3.12)"""

    format: TemporalFormat
    shape: Representation
    timeproperty: str = "observedAt"


def show(frame: Document, instances: Instances, table: TermTable, how: TemporalForm) -> dict[str, Any]:
    """Show a Temporal Evolution, without @context; `frame` holds id, type and the entity's own times. (4.5.6, 4.5.9)"""
    writer = _TemporalWriter(table, how)
    return framed(
        frame,
        {iri: writer.evolution(iri, held) for iri, held in instances.items() if iri != SCOPE},
        writer.scope(instances[SCOPE]) if SCOPE in instances else None,
        table,
        how,
    )


def framed(
    frame: Document, attributes: Mapping[str, Any], scope: Any, table: TermTable, how: TemporalForm
) -> dict[str, Any]:
    """Put finished attributes (by IRI) into the entity, and leave what was not asked for. (4.21)"""
    shown: dict[str, Any] = {"id": frame["id"], "type": represent.one_or_all(frame["type"], table.term)}
    if scope is not None:
        shown["scope"] = scope
    for member in ("createdAt", "modifiedAt", "deletedAt") if how.shape.sys_attrs else ():
        if frame.get(member) is not None:
            shown[member] = represent.date_time(frame[member])
    kept = dict(attributes)
    shown, kept = represent.project(shown, kept, how.shape)
    for iri, held in kept.items():
        name = table.term(iri)
        shown[iri if name in shown or name in NOT_REIFIED else name] = held
    return shown


def nothing_left(frame: Document, instances: Instances, how: Representation) -> bool:
    """Say whether a projection asks for members of which this Temporal Evolution has none. (5.7.3.4)"""
    document = {**frame, "attrs": {iri: held for iri, held in instances.items() if iri != SCOPE}}
    if SCOPE in instances:
        document["scope"] = instances[SCOPE]
    return represent.nothing_left(document, how)


def time_of(instance: Instance, timeproperty: str) -> str:
    """Give the time of an instance as text: the Temporal Property asked for, or the nearest there is. (4.5.9)"""
    for member in (timeproperty, "observedAt", "deletedAt", "modifiedAt"):
        at = instance.get(member)
        if at is not None:
            return at if type(at) is str else represent.date_time(at)
    return ""


class _TemporalWriter(Writer):
    """Writes the instances of attributes; holds what is the same for all of them."""

    __slots__ = ("concise", "pairs", "timeproperty")

    def __init__(self, table: TermTable, how: TemporalForm) -> None:
        super().__init__(table, how.shape)
        self.timeproperty = how.timeproperty
        self.pairs = how.format == "temporalValues"
        self.concise = how.format == "concise"

    def evolution(self, iri: str, instances: Sequence[Instance]) -> Any:
        """Write all instances of an attribute; values of proofs stay as they came. (4.5.7-4.5.9, 4.5.2.2)"""
        compact = self.compact
        if iri == PROOF_IRI:
            self.compact = _untouched
        shown = self._paired(instances) if self.pairs else [self._dated(one) for one in instances]
        self.compact = compact
        return shown

    def _dated(self, instance: Instance) -> Any:
        """Write an instance; a deletion says when, for nothing else in it does. (4.5.7)"""
        shown = self.shortened(instance) if self.concise else self.whole(instance)
        if "deletedAt" in instance:
            shown["deletedAt"] = represent.date_time(instance["deletedAt"])
        return shown

    def _paired(self, instances: Sequence[Instance]) -> Any:
        """Write pairs of value and time, by dataset and kind; a list where there are several of these. (4.5.9)"""
        series: dict[tuple[str, str], list[Any]] = {}
        for instance in instances:
            kind, value = self._valued(instance)
            pair = [value, time_of(instance, self.timeproperty)]
            series.setdefault((dataset_of(instance), kind), []).append(pair)
        shown = [_series(kind, dataset, pairs) for (dataset, kind), pairs in series.items()]
        return shown[0] if len(shown) == 1 else shown

    def _valued(self, instance: Instance) -> tuple[str, Any]:
        """Give the value of an instance, and the kind of attribute it makes. (4.5.9)"""
        kind = instance["type"]
        member = VALUE_MEMBER[kind]
        if is_deletion(instance):
            if member in WRAPPERS:
                return kind, {member: NULL_MAP if kind == "LanguageProperty" else NULL}
            return kind, [NULL] if kind in ("ListProperty", "ListRelationship") else NULL
        value = self.only_value(instance)
        if kind == "LanguageProperty" and self.languages is not None and type(value) is not dict:
            kind = "Property"
        return kind, value

    def scope(self, instances: Sequence[Instance]) -> Any:
        """Write the scopes there were; none at all is an empty list. (4.5.6)"""
        values = [[] if is_deletion(one) else represent.one_or_all(one["value"]) for one in instances]
        if self.pairs:
            times = [time_of(one, self.timeproperty) for one in instances]
            return _series(
                "Property", DEFAULT_DATASET, [list(pair) for pair in zip(values, times, strict=True)]
            )
        shown = [self._dated(one) for one in instances]
        for one, value in zip(shown, values, strict=True):
            one["value"] = value
        return shown


def _untouched(json: Any) -> Any:
    return json


def _series(kind: str, dataset: str, pairs: list[Any]) -> dict[str, Any]:
    named = {} if dataset == DEFAULT_DATASET else {"datasetId": dataset}
    return {"type": kind, **named, SERIES_MEMBER[kind]: pairs}


def empty(kind: str, dataset: str, how: TemporalForm) -> Any:
    """Write an attribute whose instances lie on other pages. (6.3.10)"""
    return _series(kind, dataset, []) if how.format == "temporalValues" else []
