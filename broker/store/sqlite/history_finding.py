"""Finding histories: candidates by id and type from the tables, the rest by evaluation. (5.7.4.4)"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

import orjson

from broker.language import evaluation, scope
from broker.language.selection import EntitySelector, Selection, Window
from broker.language.span import TIME_PROPERTIES, Span
from broker.language.visibility import EVERY_ATTRIBUTE, Attributes, Visibility, reduced
from broker.model.document import SCOPE, Document, Instance
from broker.store.evolution import Asked, Axis, Histories
from broker.store.sqlite.history_reading import TYPES, Reader, types_in
from broker.store.sqlite.names import Names
from broker.store.sqlite.search import Budget, Unfinished

MOST_EXAMINED: Final = 50_000
"""Instances of one entity, different but for their times, that q or a geoquery may look at."""

Frame = tuple[int, Document]


class Finder:
    """Looks through the histories of a tenant within a budget."""

    def __init__(self, reader: Reader, names: Names, budget: Budget) -> None:
        self._reader = reader
        self._names = names
        self._budget = budget

    def find(self, selection: Selection, span: Span | None, window: Window) -> Histories:
        """Give a page of the histories that a temporal query selects. (5.7.4.4)"""

        def meets(key: int, frame: Document) -> Document | None:
            allowed = allowed_of(self._reader, frame["id"], selection.visibility)
            if allowed is None or not self._meets(key, frame, selection, span, allowed):
                return None
            return reduced(frame, allowed)

        return self._page(selection, window, meets)

    def find_as_of(self, selection: Selection, window: Window, at: int, by: Axis) -> Histories:
        """Give a page of the entities that a selection would have found at a time."""

        visibility, wanted = selection.visibility, replace(selection, visibility=None)

        def resolve(id: str) -> Document | None:
            return visible_as_of(self._reader, id, at, by, visibility)

        def meets(_: int, frame: Document) -> Document | None:
            document = resolve(frame["id"])
            found = document is not None and evaluation.matches(wanted, document, resolve)
            return document if found else None

        return self._page(selection, window, meets)

    def _page(
        self, selection: Selection, window: Window, meets: Callable[[int, Document], Document | None]
    ) -> Histories:
        """Give a page of what meets a selection, in the order asked for or a stable one. (5.5.9, 4.23)"""
        ids: list[str] = []
        hits = 0
        enough = window.offset + window.limit
        for document in self._ordered(self._hits(selection, meets), window):
            hits += 1
            if window.offset < hits <= enough:
                ids.append(document["id"])
            elif hits > enough and not window.count:
                break
        return Histories(ids, hits if window.count else None, hits > enough)

    def _hits(
        self, selection: Selection, meets: Callable[[int, Document], Document | None]
    ) -> Iterator[Document]:
        for key, frame in self._candidates(selection):
            self._budget.scan()
            document = meets(key, frame)
            if document is not None:
                yield document

    @staticmethod
    def _ordered(hits: Iterator[Document], window: Window) -> Iterable[Document]:
        if window.ordering is None:
            return hits
        found = list(hits)
        keys = window.ordering.keys(found)
        return [found[at] for at in sorted(range(len(found)), key=keys.__getitem__)]

    def _candidates(self, selection: Selection) -> Iterator[Frame]:
        """Give the frames of all histories that the selectors may mean, in a stable order."""
        conditions = [self._condition(selector) for selector in selection.selectors]
        where = " OR ".join(f"({text})" for text, _ in conditions) or "1"
        bindings = [one for _, several in conditions for one in several]
        rows = self._reader.connection.execute(
            f"SELECT h.key, h.id, h.created, h.modified, {TYPES} "  # noqa: S608  # own text
            f"FROM history h LEFT JOIN entity e ON e.key = h.key WHERE {where} ORDER BY h.key",
            bindings,
        )
        found: Any
        for found in rows:
            key, id, created, modified, types = found
            yield (
                key,
                {
                    "id": id,
                    "type": types_in(types),
                    "createdAt": created,
                    "modifiedAt": modified,
                    "attrs": {},
                },
            )

    def _condition(self, selector: EntitySelector) -> tuple[str, list[Any]]:
        """Say in SQL which histories a selector may mean; the pattern is left to the evaluation."""
        texts, bindings = ["1"], []
        if selector.ids:
            texts.append("h.id IN (SELECT value FROM json_each(?))")
            bindings.append(orjson.dumps(selector.ids).decode())
        if selector.types is not None and not selector.types.everything:
            numbers = [number for number in map(self._names.find, selector.types.types) if number is not None]
            listed = ", ".join(map(str, numbers))
            texts.append(
                f"h.key IN (SELECT entity FROM entity_type WHERE type IN ({listed}) "  # noqa: S608  # numbers
                f"UNION SELECT history FROM history_type WHERE type IN ({listed}))"
            )
        return " AND ".join(texts), bindings

    def _meets(
        self, key: int, frame: Document, selection: Selection, span: Span | None, allowed: Attributes
    ) -> bool:
        if selection.selectors and not any(evaluation.chosen(one, frame) for one in selection.selectors):
            return False
        attrs = self._looked_at(key, selection.attrs, allowed)
        if not self._reader.holds(key, attrs, span, selection.dataset_ids or None):
            return False
        if selection.q or selection.geo:
            wanted = set(selection.q.attributes) if selection.q else set()
            if selection.geo:
                wanted.add(selection.geo.geoproperty)
            timed = selection.q and any(path.member in TIME_PROPERTIES for path in selection.q.paths)
            read = self._instances if timed else self._different
            frame = {**frame, "attrs": read(key, frozenset(iri for iri in wanted if iri in allowed), span)}
            narrowed = replace(selection, selectors=(), attrs=frozenset(), scope=None, visibility=None)
            if not evaluation.matches(narrowed, frame, _nothing):
                return False
        return selection.scope is None or any(
            scope.matches(selection.scope, scopes) for scopes in self._scopes(key, span)
        )

    def _looked_at(self, key: int, wanted: frozenset[str], allowed: Attributes) -> frozenset[str] | None:
        """Name the attributes of which one must have an instance; None: any."""
        if allowed.every:
            return wanted or None
        named = wanted or map(self._reader.iri, self._reader.attributes(key))
        return frozenset(iri for iri in named if iri in allowed or iri == SCOPE)

    def _instances(self, key: int, attrs: frozenset[str], span: Span | None) -> dict[str, list[Instance]]:
        found = self._reader.evolution(key, Asked(attrs, span, most=MOST_EXAMINED))
        if found.cut is not None:
            raise Unfinished
        return found.instances

    def _different(self, key: int, attrs: frozenset[str], span: Span | None) -> dict[str, list[Instance]]:
        found = self._reader.different(key, attrs, span, MOST_EXAMINED + 1)
        if sum(map(len, found.values())) > MOST_EXAMINED:
            raise Unfinished
        return found

    def _scopes(self, key: int, span: Span | None) -> Iterator[list[str]]:
        """Give the scopes that were valid in a span: the one at its start, and those that came in it. (C.5.16)"""
        attr = next(self._reader.attributes(key, (SCOPE,)), None)
        if attr is None:
            return
        series = (key, attr, 0)
        asked = span or Span()
        if asked.start is not None:
            before = replace(asked, start=None, end=asked.start)
            for row in self._reader.rows(series, before, backwards=True, most=1, every=True):
                yield from _valid(self._reader.made(row))
        for row in self._reader.rows(series, asked, every=True):
            yield from _valid(self._reader.made(row))


def _valid(instance: Instance) -> Iterator[list[str]]:
    if "deletedAt" not in instance:
        held = instance["value"]
        yield held if isinstance(held, list) else [held]


def _nothing(_: str) -> Document | None:
    return None


# --- what is visible ---------------------------------------------------------------------------------------------


def judged(reader: Reader, id: str) -> Document | None:
    """Give what the visibility of a history is judged by: types and scope of the entity now, or when it went."""
    row: Any = reader.connection.execute("SELECT doc FROM entity WHERE id = ?", (id,)).get
    if row is not None:
        document: Document = orjson.loads(row)
        return document
    found = reader.frame(id)
    if found is None:
        return None
    key, history = found
    attr = next(reader.attributes(key, (SCOPE,)), None)
    rows = reader.rows((key, attr, 0), None, backwards=True, most=2) if attr is not None else iter(())
    scopes = (
        held
        for one in map(reader.made, rows)
        if "deletedAt" not in one or one["deletedAt"] != history.deleted
        for held in [[] if "deletedAt" in one else next(_valid(one))]
    )
    return {
        "id": id,
        "type": list(history.types),
        "scope": next(scopes, []),
        "createdAt": history.created,
        "modifiedAt": history.created,
        "attrs": {},
    }


def allowed_of(reader: Reader, id: str, visibility: Visibility | None) -> Attributes | None:
    """Say which attributes of a history are visible; None: it is not visible at all."""
    if visibility is None:
        return EVERY_ATTRIBUTE
    document = judged(reader, id)
    return None if document is None else visibility.attributes(document)


def visible_as_of(
    reader: Reader, id: str, at: int, by: Axis, visibility: Visibility | None
) -> Document | None:
    """Give what is visible of an entity as it was at a time."""
    allowed = allowed_of(reader, id, visibility)
    document = reader.as_of(id, at, by) if allowed is not None else None
    return document if document is None or allowed is None else reduced(document, allowed)
