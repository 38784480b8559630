"""A Temporal Evolution as several brokers tell it, read and made one. Pure. (4.5.5.3, 4.5.6, 5.7.3.4, 5.7.4.4)"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from base.jsonld import TermTable
from broker.federation import joining, reading
from broker.language.selection import EntitySelector
from broker.language.sources import Match, Source
from broker.language.span import Span
from broker.language.visibility import Visibility
from broker.model import temporal, told
from broker.model.document import SCOPE, Document, Instance, dataset_of
from broker.model.temporal import is_deletion, moment
from broker.store.evolution import Asked, History, Series

Instances = dict[str, list[Instance]]


@dataclass(frozen=True, slots=True)
class Evolving:
    """What one broker tells of an entity's evolution, or all of them together; no source: what is held here."""

    history: History
    instances: Instances
    source: Source | None = None

    @property
    def document(self) -> Document:
        """Give it in the form of an entity whose attributes have instances of several times."""
        attributes = {iri: held for iri, held in self.instances.items() if iri != SCOPE}
        return {"id": self.history.id, "type": list(self.history.types), "attrs": attributes}


# --- reading -----------------------------------------------------------------------------------------------------


def read(
    body: Any,
    names: TermTable,
    match: Match,
    selectors: Sequence[EntitySelector],
    span: Span | None,
    now: int,
) -> Evolving | None:
    """Read what a source tells, no more of it than was registered; Problem if it is invalid or was not asked for."""
    given = temporal.entity({name: held for name, held in body.items() if held != []}, names, joining.UNKNOWN)
    _take_times(given.instances, body, names, now)
    assert given.id is not None
    attributes = {iri: held for iri, held in given.instances.items() if iri != SCOPE}
    document = {"id": given.id, "type": given.types, "attrs": attributes}
    covered = reading.asked_for(document, match, selectors)
    if covered is None:
        return None
    instances: Instances = dict(covered["attrs"])
    if SCOPE in given.instances:
        instances[SCOPE] = given.instances[SCOPE]
    if span is not None:
        instances = chosen(instances, Asked(span=within(match.source, span)), scopes=True)
    times: dict[str, int] = {}
    told.take_times(times, body)
    created = times.get("createdAt", now)
    history = History(
        given.id, tuple(covered["type"]), created, times.get("modifiedAt", created), times.get("deletedAt")
    )
    return Evolving(history, instances, match.source)


def _take_times(instances: Instances, body: dict[str, Any], names: TermTable, now: int) -> None:
    """Give instances the times and ids told of them; without times, that of their observation counts."""
    told.take_times_of_attributes(instances, body, names)
    for name, given in body.items():
        several = given if isinstance(given, list) else [given]
        for instance, one in zip(instances.get(names.iri(name), ()), several, strict=False):
            if isinstance(one, dict) and isinstance(one.get("instanceId"), str):
                instance["instanceId"] = one["instanceId"]
    for held in instances.values():
        for instance in held:
            at = moment(instance, "observedAt") or now
            for member in ("createdAt", "modifiedAt"):
                if instance.get(member) == joining.UNKNOWN:
                    instance[member] = at


def within(source: Source, span: Span) -> Span:
    """Narrow a span to the time for which a source is registered. (5.2.9, 4.3.6.1)"""
    interval = source.observed if span.property == "observedAt" else source.managed
    if interval is None:
        return span
    start = interval.start if span.start is None else max(span.start, interval.start)
    ends = [end for end in (span.end, interval.end and interval.end + 1) if end is not None]
    return replace(span, start=start, end=min(ends, default=None))


# --- joining -----------------------------------------------------------------------------------------------------


def join(several: Iterable[Evolving], proxied: Sequence[Match]) -> Evolving | None:
    """Make one evolution of several; of one moment and dataset, the instance changed last counts. (4.5.5.3)"""
    left = [one for given in several if (one := _unclaimed(given, proxied)) is not None]
    if len(left) < 2:
        return left[0] if left else None
    histories = [one.history for one in left]
    deleted = [history.deleted for history in histories]
    types = dict.fromkeys(name for history in histories for name in history.types)
    history = History(
        histories[0].id,
        tuple(types),
        min(one.created for one in histories),
        max(one.modified for one in histories),
        None if None in deleted else max(at for at in deleted if at is not None),
    )
    names = dict.fromkeys(iri for one in left for iri in one.instances)
    return Evolving(
        history, {iri: _united(one.instances[iri] for one in left if iri in one.instances) for iri in names}
    )


def _unclaimed(given: Evolving, proxied: Sequence[Match]) -> Evolving | None:
    """Leave out what a proxied registration claims for its source alone. (4.3.6.3)"""
    if not proxied:
        return given
    mode = "inclusive" if given.source is None else given.source.mode
    others = [match for match in proxied if match.source is not given.source]
    document = joining.unclaimed(given.document, mode, others)
    if document is None:
        return None
    instances: Instances = {
        iri: held for iri, held in given.instances.items() if iri == SCOPE or iri in document["attrs"]
    }
    return replace(given, instances=instances)


def _united(several: Iterable[Iterable[Instance]]) -> list[Instance]:
    best: dict[tuple[str, int, bool], Instance] = {}
    for instances in several:
        for instance in instances:
            key = dataset_of(instance), moment(instance, "observedAt"), is_deletion(instance)
            held = best.get(key)
            best[key] = instance if held is None else max(held, instance, key=_recency)
    return list(best.values())


def _recency(instance: Instance) -> tuple[int, bytes]:
    """Order instances of one moment by their last change; those equal in it always in the same way."""
    return instance["modifiedAt"], orjson.dumps(instance, option=orjson.OPT_SORT_KEYS)


def visible(found: Evolving, visibility: Visibility | None) -> Evolving | None:
    """Give what a caller may see of an evolution, judged by the types and the scope it has last; None: nothing."""
    if visibility is None:
        return found
    scopes = [one["value"] for one in found.instances.get(SCOPE, ()) if not is_deletion(one)]
    allowed = visibility.attributes({**found.document, "scope": scopes[-1] if scopes else []})
    if allowed is None:
        return None
    instances = {iri: held for iri, held in found.instances.items() if iri == SCOPE or iri in allowed}
    return replace(found, instances=instances)


# --- what is read of it ------------------------------------------------------------------------------------------


def chosen(instances: Mapping[str, Sequence[Instance]], asked: Asked, *, scopes: bool = False) -> Instances:
    """Give the instances that are wanted, in the order of time; `scopes`: all of them, they may have begun before."""
    span, last = asked.span, asked.last
    name = "observedAt" if span is None else span.property
    kept: Instances = {}
    for iri, held in instances.items():
        if asked.attrs is not None and iri not in asked.attrs:
            continue
        some = [
            one
            for one in held
            if (span is None or (scopes and iri == SCOPE) or span.holds(_at(one, span.property)))
            and (asked.dataset_ids is None or dataset_of(one) in asked.dataset_ids)
        ]
        some.sort(key=lambda one: moment(one, name))
        if some:
            kept[iri] = some if last is None else some[-last:]
    return kept


def _at(instance: Instance, timeproperty: str) -> int | None:
    """Give the time of an instance by one Temporal Property; None: it does not have it. (4.8)"""
    if instance.get(timeproperty) is None and timeproperty != "createdAt":
        return None
    return moment(instance, timeproperty)


def series(
    instances: Mapping[str, Sequence[Instance]],
    attrs: frozenset[str] | None,
    span: Span,
    dataset_ids: frozenset[str] | None,
) -> list[Series]:
    """List what has instances in a span, by attribute and dataset."""
    found = []
    for iri, held in sorted(chosen(instances, Asked(attrs, span, dataset_ids=dataset_ids)).items()):
        by_dataset: dict[str, list[Instance]] = {}
        for one in held:
            by_dataset.setdefault(dataset_of(one), []).append(one)
        for name, some in sorted(by_dataset.items()):
            first, last = (moment(one, span.property) for one in (some[0], some[-1]))
            found.append(Series(iri, name, some[-1]["type"], first, last))
    return found
