"""Names of types and attributes as small numbers."""

from typing import Final

from base.database import Connection

ANY: Final = 0
MOST_REMEMBERED: Final = 20_000


class Names:
    """The numbers of names, remembered while they are few."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = {}
        self._highest = 0

    def refresh(self) -> None:
        """Forget numbers that an undone transaction gave."""
        highest = self._connection.execute("SELECT max(id) FROM name").get or 0
        if highest < self._highest:
            self._numbers.clear()
            self._highest = highest

    def find(self, iri: str) -> int | None:
        """Give the number of a name; None if nothing has that name."""
        number = self._numbers.get(iri)
        if number is None:
            row = self._connection.execute("SELECT id FROM name WHERE iri = ?", (iri,)).fetchone()
            if row is not None:
                number = self._remember(iri, row[0])
        return number

    def number(self, iri: str) -> int:
        """Give the number of a name, a new one if it is new."""
        number = self._numbers.get(iri)
        if number is None:
            number = self.find(iri)
        if number is None:
            self._connection.execute("INSERT INTO name (iri) VALUES (?)", (iri,))
            number = self._remember(iri, self._connection.last_insert_rowid())
        return number

    def _remember(self, iri: str, number: int) -> int:
        if len(self._numbers) >= MOST_REMEMBERED:
            self._numbers.clear()
        self._numbers[iri] = number
        self._highest = max(self._highest, number)
        return number
