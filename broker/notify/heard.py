"""What the maker of a subscription hears of what a source tells: changes of what is visible only. (docs/access.md)

A source knows nothing of our policy: it tells of every change. What changed is told by the times of attributes and by
what was before, for which it is asked. Of a source that tells no times, what it told before is remembered.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

import orjson

from base.recent import Recent
from broker.language.visibility import Attributes, Visibility, reduced
from broker.model.difference import Differences
from broker.model.document import NULL, PREVIOUS_MEMBER, Document, Instance, value_of
from broker.model.member import NULL_MAP
from broker.notify.interest import Interest
from broker.notify.match import triggered
from broker.store.contract import Change

_REMEMBERED: Final = 65_536
_MILLISECOND: Final = 1_000
"""As exact as the times of other brokers are taken to be."""
_UNSAID: Final = frozenset({"createdAt", "modifiedAt", *PREVIOUS_MEMBER.values()})


class Heard:
    """Says what is due of what sources tell; remembers of those that tell no times what they told last."""

    def __init__(self) -> None:
        self._last: Recent[tuple[str, str, str], bytes] = Recent(_REMEMBERED)

    def due(self, tenant: str, interest: Interest, seen: Visibility, told: Document, now: int) -> bool:
        """Say whether what a source tells of an entity is of a change that is visible; `now`: when it was read."""
        allowed = seen.attributes(told)
        if allowed is None:
            return False
        if allowed.every:
            return True
        shown = reduced(told, allowed)
        if "deletedAt" in told:
            return _gone_is_due(interest, allowed, told, shown, now)
        if _timeless(told, now):
            return self._differs(tenant, interest, shown)
        differences = _differences(told, shown)
        before = None if differences.entity == "created" else shown
        return triggered(interest, Change(told["id"], before, shown, now), differences, shown)

    def _differs(self, tenant: str, interest: Interest, shown: Document) -> bool:
        """Say whether what is visible is other than what was told last; what is told first is."""
        watched = interest.watched
        said = {
            iri: [{name: one[name] for name in one.keys() - _UNSAID} for one in held]
            for iri, held in shown["attrs"].items()
            if watched is None or iri in watched
        }
        if not said and watched is not None:
            return False
        key = tenant, interest.id, shown["id"]
        digest = hashlib.blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
        same = self._last.get(key) == digest
        self._last[key] = digest
        return not same


def _is_gone(instance: Instance) -> bool:
    return value_of(instance) in (NULL, NULL_MAP)


def _timeless(told: Document, now: int) -> bool:
    """Say whether a source did not tell when an attribute changed: it is read as changed just now."""
    every = [one for held in told["attrs"].values() for one in held]
    return any(one.get("deletedAt" if _is_gone(one) else "modifiedAt", now) >= now for one in every)


def _at(instance: Instance) -> int:
    at: int = instance["deletedAt" if _is_gone(instance) else "modifiedAt"]
    return at // _MILLISECOND


def _differences(told: Document, shown: Document) -> Differences:
    """Tell what the change did to what is visible, by its times and by what was before. (4.8, 5.2.14)"""
    created_at = told["createdAt"] // _MILLISECOND
    newest = max((_at(one) for held in told["attrs"].values() for one in held), default=created_at)
    every = _kinds(told["attrs"], newest)
    visible = {kind: names & shown["attrs"].keys() for kind, names in every.items()}
    updated = visible["updated"]
    if not any(every[kind] for kind in ("created", "deleted", "updated")):
        updated = visible["written"]  # a source that does not tell what was before
    return Differences(
        "created" if created_at >= newest else "updated", visible["created"], updated, visible["deleted"]
    )


def _kinds(attributes: Mapping[str, Iterable[Instance]], newest: int) -> dict[str, frozenset[str]]:
    """Sort attributes by what was done to them; `written`: perhaps with the same value as before."""
    kinds: dict[str, set[str]] = {"created": set(), "updated": set(), "deleted": set(), "written": set()}
    for iri, held in attributes.items():
        for one in held:
            if _at(one) == newest:
                kinds[_kind(one, newest)].add(iri)
    return {kind: frozenset(names) for kind, names in kinds.items()}


def _kind(instance: Instance, newest: int) -> str:
    if _is_gone(instance):
        return "deleted"
    if PREVIOUS_MEMBER[instance["type"]] in instance:
        return "updated"
    return "created" if instance["createdAt"] // _MILLISECOND == newest else "written"


def _gone_is_due(interest: Interest, allowed: Attributes, told: Document, shown: Document, now: int) -> bool:
    """Say whether the end of an entity is due; its attributes are told only by a source that tells what was before."""
    watched = interest.watched
    if not told["attrs"]:
        return watched is None or all(iri in allowed for iri in watched)
    differences = Differences("deleted", deleted=frozenset(shown["attrs"]))
    return triggered(interest, Change(told["id"], shown, None, now), differences, shown)


def unsaid(interest: Interest, document: Document) -> Document:
    """Leave out what was asked of a source to judge by, but is not what the subscriber wants to be told. (5.2.14)"""
    if interest.form.show_changes:
        return document
    attributes = document["attrs"]
    if "deletedAt" in document:
        told = frozenset() if "entityDeleted" in interest.triggers else interest.watched
        attributes = (
            attributes if told is None else {iri: attributes[iri] for iri in attributes if iri in told}
        )
    plain = {iri: [_without_previous(one) for one in held] for iri, held in attributes.items()}
    return {**document, "attrs": plain}


def _without_previous(instance: Instance) -> Instance:
    previous = PREVIOUS_MEMBER[instance["type"]]
    return {name: one for name, one in instance.items() if name != previous}
