"""What a tenant demands of its entities, kept in its file and asked for in every change."""

from collections.abc import Mapping
from typing import Any, Final

from base.database import Connection, Writer
from broker.store.sqlite import records
from broker.store.sqlite.entities import Changes

KIND: Final = "setting"
NAME: Final = "schemas"


class SqliteDemands:
    """The demands of one tenant; none cost nothing."""

    def __init__(self, connection: Connection, writer: Writer, changes: Changes) -> None:
        self._connection = connection
        self._writer = writer
        self._changes = changes
        self.schemas: dict[str, str] = {}
        self._apply(records.find(connection, KIND, NAME) or {})

    async def set(self, schemas: Mapping[str, str]) -> None:
        """Demand this and nothing else from now on: IRI of a type → name of a schema."""
        body = dict(schemas)

        def work() -> None:
            there = records.find(self._connection, KIND, NAME) is not None
            if not body:
                records.drop(self._connection, KIND, NAME)
            else:
                (records.replace if there else records.add)(self._connection, KIND, NAME, body, None)

        await self._writer.run(work, after=lambda _: self._apply(body))

    def _apply(self, schemas: Mapping[str, Any]) -> None:
        check = None
        if schemas:
            from broker.model.demand import Demands  # validators are loaded where something is demanded

            check = Demands(schemas).check
        self.schemas = dict(schemas)
        self._changes.check = check
