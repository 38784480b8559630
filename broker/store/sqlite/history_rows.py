"""One instance of a history as a row, and back: narrow where it is a number like many others. (4.5.7)

A row is (history, attr, dataset, at, id, form, modified, created, value, shape, body):

- `at` is the time of the instance; `form` says which one, and how observedAt was written.
- `created` is NULL where it equals `modified`.
- `value` is the number of a Property; everything else is NULL here and in the body.
- `shape` numbers what many instances have in common (type, unitCode, …); 0: it is in the body.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from base import clock
from base.database import Connection
from broker.model.document import NULL, VALUE_MEMBER, Instance

Row = tuple[int, int, int, int, int, int, int, int | None, Any, int, bytes | None]
COLUMNS: Final = "history, attr, dataset, at, id, form, modified, created, value, shape, body"
INSERT: Final = f"INSERT INTO instance ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # a constant

# 0 to 6: observedAt in UTC with so many digits of a second's fraction
AS_TEXT: Final = 7
"""The body holds the text of observedAt."""
UNOBSERVED: Final = 8
"""There is no observedAt; `at` is modifiedAt."""
DELETION: Final = 9
"""`at` is deletedAt."""
OBSERVED_DELETION: Final = 10
"""`at` is deletedAt and observedAt, whose text is in the body."""

MOST_SHAPES: Final = 4_096
MOST_SHAPE_BYTES: Final = 256
_KEPT_APART: Final = frozenset(
    {"datasetId", "observedAt", "createdAt", "modifiedAt", "deletedAt", "instanceId", "value"}
)
_OWN: Final = frozenset({"attrs", "expiresAt", "observedAt"})
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # naive UTC, as in base/clock.py
_INTEGERS: Final = range(-(1 << 63), 1 << 63)


class Shapes:
    """The numbers of what instances have in common, few enough to stay in memory."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers: dict[bytes, int] = {}
        self._known: dict[int, Instance] = {}
        self._made = 0

    def refresh(self) -> None:
        """Forget numbers that an undone transaction gave."""
        if self._made:
            highest: Any = self._connection.execute("SELECT max(id) FROM shape").get
            if (highest or 0) < self._made:
                self._numbers.clear()
                self._known.clear()
            self._made = 0

    def number(self, body: bytes) -> int:
        """Give the number of a shape, a new one while there are few; 0 if there are too many."""
        number = self._numbers.get(body)
        if number is not None:
            return number
        found = self._connection.execute("SELECT id FROM shape WHERE body = ?", (body,)).get
        if found is None:
            found = self._make(body)
        if found and len(self._numbers) <= MOST_SHAPES:
            self._numbers[body] = found
        return int(found)

    def _make(self, body: bytes) -> int:
        if self._connection.execute("SELECT count(*) FROM shape").get >= MOST_SHAPES:
            return 0
        self._connection.execute("INSERT INTO shape (body) VALUES (?)", (body,))
        self._made = self._connection.last_insert_rowid()
        return self._made

    def of(self, number: int) -> Instance:
        """Give what a shape stands for; to be copied, not changed."""
        shape = self._known.get(number)
        if shape is None:
            body: Any = self._connection.execute("SELECT body FROM shape WHERE id = ?", (number,)).get
            shape = self._known[number] = orjson.loads(body)
        return shape


def number_in(instance: Instance) -> bool:
    """Say whether the value of an instance is a number that fits its column."""
    if instance["type"] != "Property":
        return False
    kind = type(value := instance["value"])
    return kind is float or (kind is int and value in _INTEGERS)


def row(place: tuple[int, int, int], id: int, instance: Instance, now: int, shapes: Shapes) -> Row:
    """Make the row of an instance at (history, attr, dataset)."""
    modified = instance.get("modifiedAt", now)
    created = instance.get("createdAt", modified)
    at, form = moment(instance, modified)
    numeric = number_in(instance)
    rest = {key: held for key, held in instance.items() if key not in _KEPT_APART}
    if not numeric and "value" in instance:
        rest["value"] = instance["value"]
    if form >= AS_TEXT and "observedAt" in instance:
        rest["observedAt"] = instance["observedAt"]
    body = orjson.dumps(rest)
    common = numeric and form != AS_TEXT and len(body) <= MOST_SHAPE_BYTES
    shape = shapes.number(body) if common and _OWN.isdisjoint(rest) else 0
    return (
        *place,
        at,
        id,
        form,
        modified,
        None if created == modified else created,
        instance["value"] if numeric else None,
        shape,
        None if shape else body,
    )


def moment(instance: Instance, modified: int) -> tuple[int, int]:
    """Give the time of an instance and the form it is kept in."""
    text = instance.get("observedAt")
    if "deletedAt" in instance:
        at = instance["deletedAt"]
        return at, OBSERVED_DELETION if text is not None and clock.parse(text) == at else DELETION
    if text is None:
        return modified, UNOBSERVED
    digits = len(text) - 21
    if text[-1] != "Z" or not -1 <= digits <= 6 or digits == 0:
        return clock.parse(text), AS_TEXT
    return clock.parse(text), max(digits, 0)


def instance(found: Sequence[Any], dataset: str | None, origin: str, shapes: Shapes) -> Instance:
    """Make the instance of a row again."""
    _, _, _, at, id, form, modified, created, value, shape, body = found
    made: Instance = dict(shapes.of(shape)) if shape else orjson.loads(body)
    if value is not None:
        made["value"] = value
    if dataset is not None:
        made["datasetId"] = dataset
    if form < AS_TEXT:
        made["observedAt"] = _observed(at, form)
    elif form >= DELETION:
        made["deletedAt"] = at
    made["createdAt"] = modified if created is None else created
    made["modifiedAt"] = modified
    made["instanceId"] = f"{origin}{id}"
    return made


def _observed(at: int, digits: int) -> str:
    text = (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds")
    return (text[: 20 + digits] if digits else text[:19]) + "Z"


def deletion(gone: Instance, now: int) -> Instance:
    """Make the instance that says that an attribute was deleted. (4.5.7, 4.5.8)"""
    kind = gone["type"]
    made: Instance = {
        "type": kind,
        VALUE_MEMBER[kind]: {"@none": NULL} if kind == "LanguageProperty" else NULL,
        "createdAt": gone.get("createdAt", now),
        "modifiedAt": now,
        "deletedAt": now,
    }
    if "datasetId" in gone:
        made["datasetId"] = gone["datasetId"]
    return made
