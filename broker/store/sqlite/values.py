"""Values of attributes that queries ask for, indexed on demand. (DESIGN 2.3)"""

from base.database import Connection
from broker.model.document import Document
from broker.store.sqlite.names import Names


class ValueIndexes:
    """The attributes whose values are indexed, kept up to date with every change."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    def write(self, key: int, before: Document | None, after: Document | None) -> None:
        """Write the value rows of a change."""
