"""Selections as SQL conditions: what can be said exactly, and what at least narrows. (5.7.2.4)"""

import re
from dataclasses import replace
from typing import Any, Final

import orjson

from base.database import Connection
from broker.language.geo import GeoQuery
from broker.language.patterns import searcher
from broker.language.scope import ScopePattern, ScopeQuery
from broker.language.selection import EntitySelector, Selection
from broker.language.types import TypeSelection
from broker.language.visibility import Grant, Visibility
from broker.store.sqlite.conditions import KEY, MOST_PARTS, NOTHING, Condition, both, either, loosened
from broker.store.sqlite.names import Names
from broker.store.sqlite.terms import TermTranslator

MOST_COUNTED: Final = 2_000
MANY: Final = 1 << 40
FUNCTION: Final = "id_matches"
LAST_CHARACTER: Final = "\U0010ffff"
_LITERAL_PREFIX: Final = re.compile(r"\^([\w:/-]*)(?![\w:/?*{-])", re.ASCII)


def prepare(connection: Connection) -> Connection:
    """Make a connection able to run translated conditions."""
    connection.create_scalar_function(FUNCTION, _matches, 2, deterministic=True)
    return connection


def _matches(*given: Any) -> bool:
    pattern, id = given
    return searcher(pattern)(id)


class Translator:
    """Turns a selection into a condition, with estimates from the database it will run on.

    What the tables know of attributes that are not visible of every entity narrows nothing: it is left to evaluation.
    """

    def __init__(self, connection: Connection, names: Names, visibility: Visibility | None = None) -> None:
        self._connection = connection
        self._names = names
        self._visibility = visibility
        self._terms = TermTranslator(connection, names, self._counted, visibility)

    def selection(self, wanted: Selection) -> Condition | None:
        """Translate everything that is wanted; None: SQL can say nothing about it."""
        parts: list[Condition | None] = []
        if self._visibility and not self._visibility.everywhere:
            parts.append(self._grants(self._visibility))
        if wanted.selectors:
            parts.append(self._selectors(wanted.selectors))
        if wanted.scope:
            parts.append(self._scope(wanted.scope))
        if wanted.geo:
            parts.append(self._geo(wanted.geo))
        if wanted.attrs:
            parts.append(either([self._terms.present(iri) for iri in wanted.attrs]))
        if wanted.q:
            parts.append(self._terms.node(wanted.q.tree))
        return both(parts)

    def _grants(self, visibility: Visibility) -> Condition | None:
        """Say which entities are visible; None where that is left to evaluation."""
        if not visibility.grants:
            return NOTHING
        return either([self._grant(grant) for grant in visibility.grants])

    def _grant(self, grant: Grant) -> Condition | None:
        parts: list[Condition | None] = []
        if grant.types is not None:
            parts.append(either([self._type(iri) for iri in sorted(grant.types)]) or NOTHING)
        if grant.scope is not None:
            parts.append(self._scope(grant.scope))
        return both(parts)

    def _selectors(self, selectors: tuple[EntitySelector, ...]) -> Condition | None:
        if len(selectors) <= MOST_PARTS:
            found = either([self._selector(selector) for selector in selectors])
            if found:
                return found
        if all(selector.ids for selector in selectors):
            return loosened(_ids(tuple(id for selector in selectors for id in selector.ids)))
        return None

    def _selector(self, selector: EntitySelector) -> Condition | None:
        parts: list[Condition | None] = []
        if selector.ids:
            parts.append(_ids(selector.ids))
        if selector.id_pattern is not None:
            parts.append(self._id_pattern(selector.id_pattern))
        if selector.types and not selector.types.everything:
            parts.append(self._types(selector.types))
        return both(parts)

    def _id_pattern(self, pattern: str) -> Condition:
        prefix = _prefix(pattern)
        clause = f"{FUNCTION}(?, id) AND id >= ? AND id < ?"
        bindings = pattern, prefix, prefix + LAST_CHARACTER
        count = self._connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM entity WHERE id >= ? AND id < ? LIMIT {MOST_COUNTED})",  # noqa: S608  # own text
            bindings[1:],
        ).get
        return _of_id(clause, bindings, _estimate(count))

    def _types(self, selection: TypeSelection) -> Condition | None:
        return either([both([self._type(iri) for iri in names]) for names in selection.alternatives])

    def _type(self, iri: str) -> Condition:
        number = self._names.find(iri)
        count = None
        if number is not None:
            count = self._connection.execute(
                "SELECT entities FROM tally WHERE type = ? AND attr = 0 AND kind = ''", (number,)
            ).get
        if not count:
            return NOTHING
        return Condition(
            "SELECT entity FROM entity_type WHERE type = ?",
            f"EXISTS (SELECT 1 FROM entity_type WHERE type = ? AND entity = {KEY})",  # noqa: S608  # own text
            (number,),
            int(count),
            type=number,
            of_type=int(count),
        )

    def _scope(self, query: ScopeQuery) -> Condition | None:
        return either([both([self._pattern(p) for p in patterns]) for patterns in query.alternatives])

    def _pattern(self, pattern: ScopePattern) -> Condition:
        literal = ScopePattern(pattern.levels[: _plain(pattern)]).path
        if pattern.literal and not pattern.below:
            return self._counted("entity_scope", "scope = ?", (literal or "/",))
        if not literal:
            found = self._counted("entity_scope", "scope >= ?", ("",))
        else:
            clause = "(scope = ? OR (scope > ? AND scope < ?))"
            # '0' follows '/' in the order of characters
            found = self._counted("entity_scope", clause, (literal, literal + "/", literal + "0"))
        return found if pattern.literal else loosened(found)

    def _geo(self, query: GeoQuery) -> Condition | None:
        boxes = query.box()
        if self._visibility and not self._visibility.always(query.geoproperty):
            return None
        number = self._names.find(query.geoproperty)
        if number is None:
            return NOTHING
        if boxes is None:
            return None
        clause = "attr = ? AND west <= ? AND east >= ? AND south <= ? AND north >= ?"
        parts = [
            self._counted("place", clause, (number, east, west, north, south))
            for west, south, east, north in boxes
        ]
        found = either(parts) or NOTHING
        # an R*Tree finds boxes, not entities: it is searched once, not once for every entity
        return replace(found, test=f"{KEY} IN ({found.keys})", exact=False, at_once=True)

    def _counted(self, table: str, clause: str, bindings: tuple[object, ...]) -> Condition:
        """Make a condition on a side table, estimated by counting its first rows."""
        rows = f"FROM {table} WHERE {clause}"
        count = self._connection.execute(
            f"SELECT count(*) FROM (SELECT 1 {rows} LIMIT {MOST_COUNTED})",  # noqa: S608  # own text, bound values
            bindings,
        ).get
        return Condition(
            f"SELECT entity {rows}",
            f"EXISTS (SELECT 1 {rows} AND entity = {KEY})",
            bindings,
            _estimate(count),
        )


def _estimate(counted: Any) -> int:
    return int(counted) if counted < MOST_COUNTED else MANY


def _prefix(pattern: str) -> str:
    """Give the text that every match begins with, as far as that is plain to see."""
    found = _LITERAL_PREFIX.match(pattern)
    return found[1] if found and "|" not in pattern else ""


def _plain(pattern: ScopePattern) -> int:
    return pattern.levels.index("+") if not pattern.literal else len(pattern.levels)


def _ids(ids: tuple[str, ...]) -> Condition:
    return _of_id("id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),), len(ids))


def _of_id(clause: str, bindings: tuple[str, ...], estimate: int) -> Condition:
    keys = f"SELECT key FROM entity WHERE {clause}"  # noqa: S608  # own text, bound values
    test = f"EXISTS (SELECT 1 FROM entity WHERE key = {KEY} AND {clause})"  # noqa: S608  # own text, bound values
    return Condition(keys, test, bindings, estimate)
