"""Comparing the histories of a database with themselves and with the current state. (engawa doctor)"""

from collections.abc import Iterator
from typing import Any, Final

from base.database import Connection
from broker.store.sqlite.history_rows import OBSERVED_DELETION

# what is wrong, and a query that counts the rows it is wrong with
_FAULTS: Final = (
    (
        "histories have another id than their entity",
        "FROM history h JOIN entity e USING (key) WHERE h.id <> e.id",
    ),
    (
        "entities have their history under another key",
        "FROM history h JOIN entity e USING (id) WHERE h.key <> e.key",
    ),
    (
        "histories say that their entity was deleted, which is there",
        "FROM history JOIN entity USING (key) WHERE deleted NOT NULL",
    ),
    (
        "histories have no entity, no type and no instance",
        (
            "FROM history h WHERE key NOT IN (SELECT key FROM entity) "
            "AND key NOT IN (SELECT history FROM history_type) "
            "AND NOT EXISTS (SELECT 1 FROM instance WHERE history = h.key)"
        ),
    ),
    ("types belong to no history", "FROM history_type WHERE history NOT IN (SELECT key FROM history)"),
    ("types of histories have no name", "FROM history_type WHERE type NOT IN (SELECT id FROM name)"),
    ("past lives belong to no history", "FROM life WHERE history NOT IN (SELECT key FROM history)"),
    ("past lives have no list of types", "FROM life WHERE types NOT NULL AND NOT json_valid(types)"),
    (
        "changes in the log belong to nothing",
        ("FROM history_log WHERE history NOT IN (SELECT key FROM entity UNION SELECT key FROM history)"),
    ),
    (
        "changes in the log cannot be read",
        (
            "FROM history_log WHERE NOT json_valid(CAST(body AS TEXT)) "
            "OR json_type(CAST(body AS TEXT), '$.attrs') IS NOT 'object'"
        ),
    ),
    ("shapes cannot be read", "FROM shape WHERE NOT json_valid(CAST(body AS TEXT))"),
)
# one pass over all instances, since there may be many
_INSTANCES: Final = (
    ("belong to no history", "history NOT IN (SELECT key FROM history)"),
    ("have an attribute without a name", "attr NOT IN (SELECT id FROM name)"),
    ("have a dataset without a name", "dataset <> 0 AND dataset NOT IN (SELECT id FROM name)"),
    ("have a shape that is not there", "shape <> 0 AND shape NOT IN (SELECT id FROM shape)"),
    ("cannot be read", "shape = 0 AND (body IS NULL OR NOT json_valid(CAST(body AS TEXT)))"),
    ("are of no known form", f"form NOT BETWEEN 0 AND {OBSERVED_DELETION}"),
    ("have a number that was never given out", "id > (SELECT value FROM sequence WHERE name = 'instance')"),
)


def faults(connection: Connection) -> Iterator[str]:
    """Name every fault in the histories."""
    for what, rows in _FAULTS:
        count = connection.execute(f"SELECT count(*) {rows}").get
        if count:
            yield f"{count} {what}."
    sums = ", ".join(f"sum({condition})" for _, condition in _INSTANCES)
    counts: Any = connection.execute(f"SELECT {sums} FROM instance").fetchone()  # noqa: S608  # own text
    for (what, _), count in zip(_INSTANCES, counts, strict=True):
        if count:
            yield f"{count} instances of histories {what}."
