"""The body of a notification: its envelope, and the entities as the subscription wants them. (5.3.1, 5.8.6)"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from base import clock, ids
from broker.model import difference, linked, represent
from broker.model.difference import Differences
from broker.model.document import (
    NULL,
    PREVIOUS_MEMBER,
    VALUE_MEMBER,
    Document,
    Instance,
    dataset_of,
    value_of,
)
from broker.model.linked import Join
from broker.model.member import NULL_MAP
from broker.model.represent import Representation
from broker.notify.interest import Form, Interest
from broker.store.contract import Change, Message

Read = Callable[[str], Document | None]

_date_time = lru_cache(maxsize=64)(clock.show)


class Writer:
    """Writes the notifications that one change causes; subscriptions with the same form share the bytes."""

    def __init__(self, change: Change, differences: Differences, read: Read) -> None:
        self._change = change
        self._differences = differences
        self._read = read
        self._written: dict[Any, bytes] = {}

    def message(self, interest: Interest) -> Message:
        """Write the notification for one subscription."""
        change, form = self._change, interest.form
        deleted = _told_as_deleted(interest, change)
        key = form, deleted
        data = self._written.get(key)
        if data is None:
            if change.after is None:
                document = _gone(change, form, deleted)
            else:
                document = _living(change, self._differences, form)
            data = self._written[key] = _data([document], form, self._read)
        return _message(interest, data, change.at)


def periodic(interest: Interest, documents: Sequence[Document], read: Read, now: int) -> Message:
    """Write the notification of all entities that match when an interval ends. (5.8.6)"""
    return _message(interest, _data(documents, interest.form, read), now)


def _message(interest: Interest, data: bytes, at: int) -> Message:
    id = ids.urn("Notification")
    context = interest.form.context
    tail = b"}" if context is None else b',"@context":' + orjson.dumps(context) + b"}"
    head = (
        f'{{"id":"{id}","type":"Notification","subscriptionId":"{interest.id}",'
        f'"notifiedAt":"{_date_time(at)}","data":'
    )
    return Message(id, interest.id, interest.endpoint.uri, head.encode() + data + tail, interest.headers, at)


def _data(documents: Sequence[Document], form: Form, read: Read) -> bytes:
    """Write the entities, or a FeatureCollection of them. (5.3.1)"""
    shown = [_shown(document, how, form, read) for document, how in _told(documents, form, read)]
    context = {} if form.context is None else {"@context": form.context}
    if form.representation.geojson:
        return orjson.dumps({"type": "FeatureCollection", "features": shown, **context})
    return orjson.dumps([{**entity, **context} for entity in shown] if context else shown)


def _told(documents: Sequence[Document], form: Form, read: Read) -> Iterable[tuple[Document, Representation]]:
    """Give what is told and in which shape, with linked entities beside if wanted. (4.5.23.3)"""
    if form.join == "flat":
        return linked.flat(documents, form.representation, form.join_level, Join(read, form.table))
    return [(document, form.representation) for document in documents]


def _shown(document: Document, how: Representation, form: Form, read: Read) -> dict[str, Any]:
    """Show one entity, with linked entities inside if wanted. (4.5.23.2)"""
    shown = (represent.feature if how.geojson else represent.show)(document, form.table, how)
    if form.join == "inline":
        inner = replace(how, geojson=False)
        properties = shown["properties"] if how.geojson else shown
        linked.inline(properties, document, inner, form.join_level, Join(read, form.table))
    return shown


def _told_as_deleted(interest: Interest, change: Change) -> frozenset[str]:
    """Name the attributes that a notification of a deleted entity tells as deleted. (5.8.6)

    With showChanges all have something to tell; else they are told when it was their deletion that was asked for."""
    if change.after is not None or change.before is None:
        return frozenset()
    attributes = frozenset(change.before["attrs"])
    if interest.form.show_changes:
        return attributes
    if "entityDeleted" in interest.triggers:
        return frozenset()
    return attributes if interest.watched is None else attributes & interest.watched


def _gone(change: Change, form: Form, told: Collection[str]) -> Document:
    """Make what is told of a deleted entity. (5.8.6)"""
    before = change.before
    assert before is not None
    attributes = {
        iri: _deleted(instances, change.at, form, whole=True)
        for iri, instances in before["attrs"].items()
        if iri in told
    }
    kept = {name: before[name] for name in ("id", "type", "createdAt", "modifiedAt")}
    return {**kept, "deletedAt": change.at, "attrs": attributes}


def _living(change: Change, differences: Differences, form: Form) -> Document:
    """Make what is told of an entity that is there: what was deleted of it, and what was before if wanted. (5.8.6)"""
    before, after = change.before, change.after
    assert after is not None
    if before is None:
        return after
    attributes: dict[str, list[Instance]] = {}
    for iri in differences.attributes:
        old, new = before["attrs"].get(iri, ()), after["attrs"].get(iri, ())
        kept = {dataset_of(one) for one in new}
        gone = [one for one in old if dataset_of(one) not in kept]
        told = _with_previous(new, old) if form.show_changes else list(new)
        if gone:
            told += _deleted(gone, change.at, form, whole=not new)
        attributes[iri] = told
    return {**after, "attrs": {**after["attrs"], **attributes}}


def _with_previous(new: Sequence[Instance], old: Sequence[Instance]) -> list[Instance]:
    """Put the value before beside the value of each instance that changed. (5.2.14, showChanges)"""
    by_dataset = {dataset_of(one): one for one in old}
    told = []
    for one in new:
        previous = by_dataset.get(dataset_of(one))
        if previous is not None and not difference.same(previous, one):
            one = {**one, PREVIOUS_MEMBER[previous["type"]]: value_of(previous)}
        told.append(one)
    return told


def _deleted(instances: Sequence[Instance], at: int, form: Form, *, whole: bool) -> list[Instance]:
    """Make the deleted instances: null, with what was before if wanted. Of a whole attribute one is enough. (5.8.6)"""
    if whole and len(instances) > 1 and not form.show_changes and not form.representation.dataset_ids:
        instances = [{name: value for name, value in instances[0].items() if name != "datasetId"}]
    told = []
    for one in instances:
        kind = one["type"]
        null: Any = NULL_MAP if kind == "LanguageProperty" else NULL
        made = {"type": kind, VALUE_MEMBER[kind]: null, "deletedAt": at}
        made |= {name: one[name] for name in ("datasetId", "createdAt", "modifiedAt") if name in one}
        if form.show_changes:
            made[PREVIOUS_MEMBER[kind]] = value_of(one)
        told.append(made)
    return told
