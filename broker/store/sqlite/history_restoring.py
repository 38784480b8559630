"""Putting histories back as they were, in the writer's transaction. (broker/store/transfer.py)"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from base.database import Connection
from base.errors import Conflict
from broker.model.document import Instance
from broker.store.evolution import no_history
from broker.store.sqlite.history_recording import DEFAULT, INSTANCE, Recorder
from broker.store.sqlite.history_rows import moment
from broker.store.transfer import Past

_THERE: Final = (
    "SELECT EXISTS (SELECT 1 FROM instance "
    "WHERE history = ? AND attr = ? AND dataset = ? AND at = ? AND id = ?)"
)


class Restorer:
    """Puts back what was taken out; what waits in the log is settled before."""

    def __init__(self, connection: Connection, recorder: Recorder) -> None:
        self._connection = connection
        self._recorder = recorder
        self._names = recorder.names

    def adopt(self, begin: str) -> bool:
        """Let instanceIds begin so from now on; False if there are instances with others."""
        self._recorder.settle()
        if begin == self._recorder.origin:
            return True
        number = begin.removeprefix(INSTANCE).removesuffix("-")
        if self._connection.execute("SELECT EXISTS (SELECT 1 FROM instance)").get:
            return False
        self._connection.execute("UPDATE sequence SET value = ? WHERE name = 'origin'", (int(number, 16),))
        self._recorder.origin = begin
        return True

    def restore_past(self, past: Past) -> None:
        """Put a history back, without its instances; one that is there goes with all it has."""
        self._recorder.settle()
        key = self._recorder.key_of(past.id)
        if key is None:
            found: Any = self._connection.execute("SELECT key FROM entity WHERE id = ?", (past.id,)).get
            key = int(found or self._recorder.next_key())
        else:
            self._recorder.drop(key)
        self._connection.execute(
            "INSERT INTO history VALUES (?, ?, ?, ?, ?)",
            (key, past.id, past.created, past.modified, past.deleted),
        )
        self._recorder.add_types(key, past.types)
        self._connection.executemany(
            "INSERT INTO life VALUES (?, ?, ?, ?)",
            [
                (key, one.until, one.created, None if one.types is None else orjson.dumps(one.types).decode())
                for one in past.lives
            ],
        )

    def restore(self, id: str, several: Sequence[tuple[str, Instance]], *, write: bool) -> bool:
        """Put instances of a history back under their instanceIds; say whether any of them is new."""
        self._recorder.settle()
        key = self._recorder.key_of(id)
        if key is None and write:
            raise no_history()
        if any(not one["instanceId"].startswith(self._recorder.origin) for _, one in several):
            raise Conflict("This tenant has instances of its own; import histories into a new tenant.")
        if key is None:
            return True
        names, new = self._names, False
        number = names.number if write else lambda iri: names.find(iri) or -1
        for iri, one in several:
            last = int(one["instanceId"].removeprefix(self._recorder.origin))
            place = (key, number(iri), number(one["datasetId"]) if "datasetId" in one else DEFAULT)
            at, _ = moment(one, one["modifiedAt"])
            if self._connection.execute(_THERE, (*place, at, last)).get:
                continue
            new = True
            if write:
                self._recorder.put(place, last, one, one["modifiedAt"])
                self._recorder.reach(last)
        self._recorder.write_rows()
        return new
