"""Values of attributes that queries ask for, as rows kept up to date with every change. (DESIGN 2.3)

A row says of an entity that an instance of the attribute holds a value of a kind; one row PRESENT says that the
attribute is there. Elements of arrays and objects of relationships have kinds of their own, since they can be equal
to something but have no order. What a row cannot say exactly is ODD: entities with such a row are always looked at.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from base.database import Connection
from broker.language.literals import KEYS, plain
from broker.language.tree import Kind
from broker.model.document import Document, Instance, value_of
from broker.store.sqlite.names import Names
from broker.store.sqlite.reading import parts_of, read_together

ValueRow = tuple[int, Any]

ODD: Final = 0
PRESENT: Final = 1
KINDS: Final = {
    Kind.NUMBER: 2,
    Kind.TEXT: 3,
    Kind.URI: 3,
    Kind.BOOLEAN: 4,
    Kind.INSTANT: 5,
    Kind.DATE: 6,
    Kind.TIME: 7,
}
IN_LIST: Final = 10
DROPPING: Final = -1

_FROM_TEXT: Final = (Kind.INSTANT, Kind.DATE, Kind.TIME)
_RELATIONS: Final = ("Relationship", "ListRelationship")
_LARGEST: Final = 1 << 63
_LONGEST: Final = 400


def rows(instances: Iterable[Instance]) -> set[ValueRow]:
    """Make the value rows of one attribute of one entity."""
    found: set[ValueRow] = set()
    for instance in instances:
        found.add((PRESENT, 0))
        found.update(_instance_rows(instance))
    return found


def sayable(value: Any) -> bool:
    """Say whether a row or a comparison can hold the value exactly."""
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return isinstance(value, float) or -_LARGEST <= value < _LARGEST


def _instance_rows(instance: Instance) -> Iterator[ValueRow]:
    if instance["type"] == "LanguageProperty":
        for texts in instance["languageMap"].values():
            for text in texts if isinstance(texts, list) else [texts]:
                yield from _scalar_rows(plain(text), 0)
        return
    value = value_of(instance)
    if isinstance(value, list):
        for element in value:
            yield from _scalar_rows(plain(element), IN_LIST)
    else:
        yield from _scalar_rows(plain(value), IN_LIST if instance["type"] in _RELATIONS else 0)


def _scalar_rows(value: Any, place: int) -> Iterator[ValueRow]:
    if isinstance(value, bool):
        yield KINDS[Kind.BOOLEAN] + place, int(value)
    elif isinstance(value, str | int | float):
        if not sayable(value):
            yield ODD, 0
        elif isinstance(value, str):
            yield from _text_rows(value, place)
        else:
            yield KINDS[Kind.NUMBER] + place, value


def _text_rows(text: str, place: int) -> Iterator[ValueRow]:
    yield KINDS[Kind.TEXT] + place, text
    if text[:1].isdigit():
        for kind in _FROM_TEXT:
            key = KEYS[kind](text)
            if key is not None:
                yield KINDS[kind] + place, key


class ValueIndexes:
    """The attributes whose values are indexed, on the writer's side."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self.tracked: dict[str, int] = {}
        self.reload()

    def reload(self) -> None:
        """Read which attributes are indexed; to be called when that has changed on disk."""
        found = self._connection.execute(
            "SELECT n.iri, i.attr FROM value_index i JOIN name n ON n.id = i.attr WHERE i.reached IS NOT ?",
            (DROPPING,),
        )
        self.tracked = {str(iri): int(attr) for iri, attr in found}

    def write(self, key: int, before: Document | None, after: Document | None) -> None:
        """Write the value rows of a change."""
        for iri, attr in self.tracked.items():
            old = before["attrs"].get(iri, ()) if before else ()
            new = after["attrs"].get(iri, ()) if after else ()
            if old is not new:
                self._replace(attr, key, rows(old), rows(new))

    def begin(self, iri: str, used: int) -> None:
        """Begin to index an attribute; from now on changes are followed, older entities are taken in by chunks."""
        self._connection.execute(
            "INSERT INTO value_index VALUES (?, 0, ?) ON CONFLICT DO NOTHING", (self._names.number(iri), used)
        )

    def take_in(self, iri: str, chunk: int) -> bool:
        """Take the next entities into an index; say whether that was all."""
        attr = self._names.number(iri)
        reached = self._connection.execute("SELECT reached FROM value_index WHERE attr = ?", (attr,)).get
        if reached is None or reached == DROPPING:
            return True
        found, _ = read_together(
            self._connection,
            "entity e WHERE key > ? ORDER BY key LIMIT ?",
            (reached, chunk),
            parts_of(frozenset({iri})),
        )
        for key, _, _, document in found:
            self._replace(attr, key, set(), rows(document["attrs"].get(iri, ())))
        reached = found[-1][0] if len(found) == chunk else None
        self._connection.execute("UPDATE value_index SET reached = ? WHERE attr = ?", (reached, attr))
        return reached is None

    def drop(self, iri: str) -> None:
        """Stop indexing an attribute; its rows are cleared by chunks."""
        self._connection.execute(
            "UPDATE value_index SET reached = ? WHERE attr = ?", (DROPPING, self._names.number(iri))
        )

    def clear(self, attr: int, chunk: int) -> bool:
        """Delete some rows of a dropped index; say whether that was all."""
        last = self._connection.execute(
            "SELECT entity FROM value WHERE attr = ? ORDER BY entity LIMIT 1 OFFSET ?", (attr, chunk)
        ).get
        if last is None:
            self._connection.execute("DELETE FROM value WHERE attr = ?", (attr,))
            self._connection.execute("DELETE FROM value_index WHERE attr = ?", (attr,))
            return True
        self._connection.execute("DELETE FROM value WHERE attr = ? AND entity <= ?", (attr, last))
        return False

    def _replace(self, attr: int, key: int, old: set[ValueRow], new: set[ValueRow]) -> None:
        for kind, value in old - new:
            self._connection.execute(
                "DELETE FROM value WHERE attr = ? AND entity = ? AND kind = ? AND value = ?",
                (attr, key, kind, value),
            )
        for kind, value in new - old:
            self._connection.execute(
                "INSERT OR IGNORE INTO value VALUES (?, ?, ?, ?)", (attr, key, kind, value)
            )
