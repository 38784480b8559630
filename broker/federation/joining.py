"""One entity made of what several brokers and sources told of it. Pure. (4.3.6.2, 4.3.6.3, 4.5.5.2, 4.5.5.3)"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import orjson

from base import clock
from broker.federation import narrowing
from broker.language.sources import Match, Source
from broker.language.visibility import Visibility, visible
from broker.model.document import Document, Instance
from broker.model.expiry import living

UNKNOWN: Final = 0
"""createdAt or modifiedAt that a source did not tell."""

_Attributes = dict[str, list[Instance]]


@dataclass(frozen=True, slots=True)
class Version:
    """What one source told of an entity; no source: what is held here."""

    document: Document
    source: Source | None = None

    @property
    def mode(self) -> str:
        """Name the mode under which it was told; what is held here counts as inclusive. (4.3.6.2)"""
        return "inclusive" if self.source is None else self.source.mode


def join(
    versions: Iterable[Version], proxied: Sequence[Match], now: int, seen: Visibility | None = None
) -> Document | None:
    """Give an entity as all that is told of it makes it; None if nothing of it is left. (5.7.1.4, 5.7.2.4)

    What is hidden where it is (`seen`) is not joined: the types of another part could bring it into sight."""
    equals: list[Document] = []
    further: list[Document] = []
    for version in versions:
        document = living(version.document, now)
        if document is not None and proxied:
            document = unclaimed(document, version.mode, proxied)
        if document is not None:
            document = visible(document, seen)
        if document is not None:
            (further if version.mode == "auxiliary" else equals).append(document)
    if not equals:
        return united(further) if further else None
    main = united(equals)
    return filled(main, united(further)) if further else main


def unclaimed(document: Document, mode: str, proxied: Iterable[Match]) -> Document | None:
    """Take from an entity what another, proxied registration claims for its source alone. (4.3.6.3)"""
    above = {"exclusive": (), "redirect": ("exclusive",)}.get(mode, ("exclusive", "redirect"))
    attributes = document["attrs"]
    for match in proxied:
        if match.source.mode not in above:
            continue
        whole, names = narrowing.claimed(match.information, document)
        if whole:
            return None
        attributes = {iri: held for iri, held in attributes.items() if iri not in names}
    return document if len(attributes) == len(document["attrs"]) else {**document, "attrs": attributes}


def united(documents: Sequence[Document]) -> Document:
    """Unite versions of one entity that count alike. Their order does not matter. (4.5.5.2, 4.5.5.3)"""
    if len(documents) == 1:
        return documents[0]
    expiries = {document.get("expiresAt") for document in documents}
    if len(expiries) > 1:
        documents = [_hastened(document) for document in documents]
    result: Document = {"id": documents[0]["id"], "type": _union(one["type"] for one in documents)}
    scopes = [one["scope"] for one in documents if "scope" in one]
    if scopes:
        result["scope"] = _union(scopes)
    if None not in expiries:
        result["expiresAt"] = max((text for text in expiries if text is not None), key=_moment)
    result["createdAt"] = min(
        (one["createdAt"] for one in documents if one["createdAt"] != UNKNOWN), default=UNKNOWN
    )
    result["modifiedAt"] = max(one["modifiedAt"] for one in documents)
    result["attrs"] = _attributes([one["attrs"] for one in documents])
    return result


def filled(main: Document, further: Document) -> Document:
    """Fill the gaps of an entity with attributes that auxiliary sources told of. (4.3.6.2)"""
    added = {iri: held for iri, held in further["attrs"].items() if iri not in main["attrs"]}
    result = {**main, "type": _union([main["type"], further["type"]])}
    if "scope" in further and "scope" not in main:
        result["scope"] = further["scope"]
    if added:
        if "expiresAt" in further:
            added = _hastened({**further, "attrs": added})["attrs"]
        result["attrs"] = {**main["attrs"], **added}
    return result


def dated(document: Document, now: int) -> Document:
    """Give times that no source told as those of now, so that they can be shown."""
    return {**_dated(document, now), "attrs": _dated_attributes(document["attrs"], now)}


def _dated(part: dict[str, Any], now: int) -> dict[str, Any]:
    missing = {name: now for name in ("createdAt", "modifiedAt") if part[name] == UNKNOWN}
    return {**part, **missing} if missing else part


def _dated_attributes(attributes: _Attributes, now: int) -> _Attributes:
    return {iri: [_dated_instance(one, now) for one in held] for iri, held in attributes.items()}


def _dated_instance(instance: Instance, now: int) -> Instance:
    instance = _dated(instance, now)
    if "attrs" not in instance:
        return instance
    return {**instance, "attrs": _dated_attributes(instance["attrs"], now)}


def _union(several: Iterable[list[str]]) -> list[str]:
    """Unite names; where all name the same in the same order, it stays."""
    lists = list(several)
    return (
        lists[0] if all(one == lists[0] for one in lists) else sorted({name for one in lists for name in one})
    )


def _moment(text: str) -> tuple[int, str]:
    return clock.parse(text), text


def _hastened(document: Document) -> Document:
    """Let no attribute of an entity outlive it: other versions of the entity may. (4.5.5.2)"""
    end = document.get("expiresAt")
    if end is None:
        return document
    attributes = {
        iri: [
            one
            if "expiresAt" in one and _moment(one["expiresAt"]) <= _moment(end)
            else {**one, "expiresAt": end}
            for one in held
        ]
        for iri, held in document["attrs"].items()
    }
    return {**document, "attrs": attributes}


def _attributes(several: Sequence[_Attributes]) -> _Attributes:
    names = dict.fromkeys(iri for attributes in several for iri in attributes)
    return {iri: _instances([one[iri] for one in several if iri in one]) for iri in names}


def _instances(several: Sequence[list[Instance]]) -> list[Instance]:
    """Keep of each dataset the most recent instance; the default dataset comes first. (4.5.5.3)"""
    if all(one == several[0] for one in several):
        return several[0]
    best: dict[str, Instance] = {}
    for instances in several:
        for instance in instances:
            name = instance.get("datasetId", "")
            held = best.get(name)
            best[name] = instance if held is None else _newer(held, instance)
    return [best[name] for name in sorted(best)]


def _newer(one: Instance, other: Instance) -> Instance:
    if one == other:
        return one
    return max(one, other, key=_recency)


def _recency(instance: Instance) -> tuple[bool, int, int, bytes, float]:
    """Order instances by observedAt, then modifiedAt; what is equal in both, always in the same way. (4.5.5.3)"""
    observed, end = instance.get("observedAt"), instance.get("expiresAt")
    lasting = {name: held for name, held in instance.items() if name != "expiresAt"}
    return (
        observed is not None,
        clock.parse(observed) if observed is not None else 0,
        instance["modifiedAt"],
        orjson.dumps(lasting, option=orjson.OPT_SORT_KEYS),
        clock.parse(end) if end is not None else inf,
    )
