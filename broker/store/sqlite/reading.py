"""Reading many documents in few steps, whole or only the parts that a query looks at.

One step for many, instead of one for each: a step lets other threads of Python run, and then waits for them. Taking
out the parts is SQLite's work, during which others run too.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from base.database import Connection
from broker.model.document import Document

Found = tuple[int, int, int | None, Document]
"""Key, version, expiry and document of an entity."""

MOST_PARTS: Final = 6
_MEMBERS: Final = ("type", "createdAt", "modifiedAt", "scope", "expiresAt")
_NAMEABLE: Final = re.compile(r"[^\"\\\x00-\x1f]+\Z")
_HEAD: Final = "'[' || key || ',' || version || ',' || coalesce(expires, 'null') || ','"
_PARTS: Final = "json_quote(id) || ',' || json_extract(doc, " + ", ".join(f"'$.{name}'" for name in _MEMBERS)


def parts_of(names: frozenset[str]) -> tuple[str, ...] | None:
    """Give the attributes as parts of documents to read; None if whole documents are to be read."""
    readable = len(names) <= MOST_PARTS and all(map(_NAMEABLE.match, names))
    return tuple(sorted(names)) if readable else None


def read_together(
    connection: Connection, rows: str, bindings: Sequence[Any], parts: tuple[str, ...] | None = None
) -> tuple[list[Found], int]:
    """Read several entities, with these attributes or all; give them by key, and how many bytes they were."""
    paths = [f'$.attrs."{name}"' for name in parts or ()]
    body = "doc" if parts is None else f"{_PARTS}{', ?' * len(paths)})"
    text: Any = connection.execute(
        f"SELECT CAST(group_concat({_HEAD} || {body} || ']', ',') AS BLOB) "  # noqa: S608  # own text, bound values
        f"FROM (SELECT e.key, e.id, e.version, e.expires, e.doc FROM {rows})",
        (*paths, *bindings),
    ).get
    if text is None:
        return [], 0
    read = orjson.loads(b"[" + text + b"]")
    found: list[Found] = read if parts is None else [_built(row, parts) for row in read]
    found.sort(key=lambda row: row[0])
    return found, len(text)


def _built(row: Sequence[Any], parts: tuple[str, ...]) -> Found:
    """Make the document that would have only these attributes."""
    key, version, expires, id, (types, created, modified, scope, expires_at, *values) = row
    attrs = {name: value for name, value in zip(parts, values, strict=True) if value is not None}
    document: Document = {
        "id": id,
        "type": types,
        "createdAt": created,
        "modifiedAt": modified,
        "attrs": attrs,
    }
    if scope is not None:
        document["scope"] = scope
    if expires_at is not None:
        document["expiresAt"] = expires_at
    return key, version, expires, document
