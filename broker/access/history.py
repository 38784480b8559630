"""The histories of a tenant as a caller may see and change them. (docs/access.md)

A history is judged by the entity as it is now: who may see that, may see how it came to be, of the same attributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from base.access import Caller
from base.errors import AlreadyExists
from broker.access.changes import check_attributes, check_move, reached
from broker.access.rights import TYPE, Rights, refused
from broker.language.selection import Selection, Window
from broker.language.span import Span
from broker.language.visibility import EVERY_ATTRIBUTE, Attributes, reduced
from broker.model.document import SCOPE, Document
from broker.model.retention import Policy
from broker.store.contract import TenantStore
from broker.store.evolution import (
    Asked,
    Axis,
    Evolution,
    Histories,
    History,
    HistoryStore,
    InstanceRule,
    Instances,
    Period,
    Permit,
    Series,
    no_history,
)


@dataclass(frozen=True, slots=True)
class VisibleHistory:
    """What a caller may see and change of a tenant's histories, in the form of their store."""

    store: TenantStore
    rights: Rights
    caller: Caller

    @property
    def _history(self) -> HistoryStore:
        return self.store.history

    @property
    def policy(self) -> Policy:
        """Give what is written and kept."""
        return self._history.policy

    async def set_policy(self, body: Mapping[str, Any] | None) -> Policy:
        """Change what is written and kept from now on."""
        return await self._history.set_policy(body)

    async def tidy(self, now: int) -> int:
        """Thin and drop by the rules of the policy."""
        return await self._history.tidy(now)

    # reading

    def judged(self, id: str) -> Document | None:
        """Give what a history's visibility is judged by, if it is visible."""
        document = self._history.judged(id)
        return document if document is not None and self._allowed(document) is not None else None

    def _allowed(self, document: Document) -> Attributes | None:
        reading = self.rights.reading
        return EVERY_ATTRIBUTE if reading is None else reading.attributes(document)

    def _seen(self, id: str) -> Attributes | None:
        document = self._history.judged(id)
        return None if document is None else self._allowed(document)

    def history(self, id: str) -> History | None:
        """Give the frame of a history that is visible."""
        document = self._history.judged(id)
        allowed = None if document is None else self._allowed(document)
        found = self._history.history(id)
        if document is None or allowed is None or found is None:
            return None
        if allowed.every:
            return found
        return replace(found, modified=max(found.created, reduced(document, allowed)["modifiedAt"]))

    async def evolution(self, id: str, asked: Asked) -> Evolution:
        """Give the instances of an entity that are visible."""
        allowed = self._seen(id)
        if allowed is None:
            return Evolution({})
        if allowed.every:
            return await self._history.evolution(id, asked)
        named = asked.attrs
        if named is None:
            # by name, so that what is hidden does not count where instances are many
            named = frozenset(one.attr for one in await self._history.series(id, None, asked.span or Span()))
        attrs = _narrowed(named, allowed)
        return await self._history.evolution(id, replace(asked, attrs=attrs)) if attrs else Evolution({})

    async def sums(
        self,
        id: str,
        attr: str,
        periods: Sequence[tuple[int, int]],
        *,
        span: Span,
        dataset_ids: frozenset[str] | None = None,
        extra: frozenset[str] = frozenset(),
    ) -> list[Period]:
        """Measure the numbers of an attribute that is visible."""
        allowed = self._seen(id)
        if allowed is None or attr not in allowed:
            return [Period(start, end) for start, end in periods]
        return await self._history.sums(id, attr, periods, span=span, dataset_ids=dataset_ids, extra=extra)

    async def series(
        self, id: str, attrs: frozenset[str] | None, span: Span, *, dataset_ids: frozenset[str] | None = None
    ) -> list[Series]:
        """List the series that are visible."""
        allowed = self._seen(id)
        if allowed is None:
            return []
        found = await self._history.series(id, attrs, span, dataset_ids=dataset_ids)
        return [one for one in found if one.attr in allowed or one.attr == SCOPE]

    async def find(self, selection: Selection, span: Span | None, window: Window) -> Histories:
        """Find what a temporal query selects of what is visible."""
        return await self._history.find(replace(selection, visibility=self.rights.reading), span, window)

    async def as_of(self, id: str, at: int, by: Axis = "observedAt") -> Document | None:
        """Give what is visible of an entity as it was at a time."""
        allowed = self._seen(id)
        document = None if allowed is None else await self._history.as_of(id, at, by)
        return document if document is None or allowed is None else reduced(document, allowed)

    async def find_as_of(
        self, selection: Selection, window: Window, at: int, by: Axis = "observedAt"
    ) -> Histories:
        """Find what a selection would have found at a time of what is visible."""
        wanted = replace(selection, visibility=self.rights.reading)
        return await self._history.find_as_of(wanted, window, at, by)

    # writing

    async def add(
        self,
        id: str,
        types: Sequence[str],
        instances: Instances,
        now: int,
        *,
        new: bool = True,
        permit: Permit | None = None,
    ) -> bool:
        """Add instances and types to a history, as far as both may be written."""
        may = self._permit(permit, lambda there: self._check_addition(there, id, types, instances, new))
        return await self._history.add(id, types, instances, now, new=new, permit=may)

    def _permit(self, given: Permit | None, own: Permit) -> Permit | None:
        """Give what is asked within the transaction of a change, so that rights are those of its moment."""
        if self.rights.writing is None:
            return given

        def permit(there: Document | None) -> None:
            own(there)
            if given is not None:
                given(there)

        return permit

    def _check_addition(
        self, there: Document | None, id: str, types: Sequence[str], instances: Instances, new: bool
    ) -> None:
        """Refuse what may not be written: neither of what is there, nor of what it becomes."""
        hidden = there is not None and self._unknown(there)
        before = None if hidden else there
        if before is None and not new:
            raise no_history()
        scopes = [] if before is None else [before.get("scope")]
        for instance in instances.get(SCOPE, ()):
            scopes.append(instance.get("value"))
        held = [] if before is None else before["type"]
        allowed = EVERY_ATTRIBUTE
        for held_scope in scopes or [None]:
            document: Document = {"id": id, "type": [*held, *types], "scope": held_scope or [], "attrs": {}}
            allowed = allowed.shared(self._covered(document))
            if before is not None:
                check_move(before, document, self.rights, self.caller)
        written = set(instances)
        if before is not None and not set(types) <= set(held):
            written.add(TYPE)
        if before is None:
            written.discard(SCOPE)
        check_attributes(written, allowed, self.caller)
        if hidden:
            raise AlreadyExists("A Temporal Evolution of an entity with this id exists; choose another id")

    def _unknown(self, document: Document) -> bool:
        """Say whether a history is neither visible nor to be written."""
        return reached(document, self.rights) is None

    def _covered(self, document: Document) -> Attributes:
        writing = self.rights.writing
        covered = EVERY_ATTRIBUTE if writing is None else writing.covered(document)
        if covered is None:
            raise refused(self.caller, "write the history of an entity of these types in these scopes")
        return covered

    def _change(self, given: Permit | None, attr: str | None) -> Permit | None:
        """Permit to change (no attribute: delete) what may be written; what is hidden is not there."""

        def check(document: Document | None) -> None:
            if document is None or self._unknown(document):
                raise no_history()
            allowed = self._covered(document)
            if attr is not None:
                check_attributes({attr}, allowed, self.caller)
            elif not allowed.every:
                raise refused(self.caller, "delete a history of whose attributes you may not write all")

        return self._permit(given, check)

    async def delete(self, id: str, *, permit: Permit | None = None) -> None:
        """Remove a history that may be written."""
        await self._history.delete(id, permit=self._change(permit, None))

    async def delete_attribute(
        self, id: str, attr: str, dataset_id: str | None = None, *, permit: Permit | None = None
    ) -> None:
        """Remove the instances of an attribute that may be written."""
        await self._history.delete_attribute(id, attr, dataset_id, permit=self._change(permit, attr))

    async def change_instance(
        self,
        id: str,
        attr: str,
        instance_id: str,
        rule: InstanceRule,
        now: int,
        *,
        permit: Permit | None = None,
    ) -> None:
        """Replace one instance of an attribute that may be written."""
        may = self._change(permit, attr)
        await self._history.change_instance(id, attr, instance_id, rule, now, permit=may)

    async def delete_instance(
        self, id: str, attr: str, instance_id: str, *, permit: Permit | None = None
    ) -> None:
        """Remove one instance of an attribute that may be written."""
        await self._history.delete_instance(id, attr, instance_id, permit=self._change(permit, attr))


def _narrowed(named: frozenset[str], allowed: Attributes) -> frozenset[str]:
    return frozenset(iri for iri in named if iri in allowed or iri == SCOPE)
