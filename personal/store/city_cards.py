"""Cards of the city: until when, their passcodes (hashed and sealed), tries that are left. Whose: store/identifiers."""

from dataclasses import dataclass, field

from base.database import Connection
from personal.store.town import one


@dataclass(frozen=True, slots=True)
class CityCard:
    """One card, by the keyed hash of its number; until in µs."""

    hash: bytes = field(repr=False)
    until: int
    passcode: bytes | None = field(repr=False)
    tries: int


def keep(connection: Connection, card: CityCard, now: int) -> None:
    """Write a new card; those that have expired or were ended go."""
    connection.execute(
        """
DELETE FROM city_card WHERE until <= ? OR NOT EXISTS (
  SELECT 1 FROM identifier WHERE kind = 'city-card' AND identifier.hash = city_card.hash AND ended IS NULL)""",
        (now,),
    )
    connection.execute(
        "INSERT INTO city_card VALUES (?, ?, ?, ?)", (card.hash, card.until, card.passcode, card.tries)
    )


def find(connection: Connection, hash: bytes) -> CityCard | None:
    """Find a card by the keyed hash of its number."""
    row = one(connection, "SELECT hash, until, passcode, tries FROM city_card WHERE hash = ?", hash)
    return None if row is None else CityCard(*row)


def living(connection: Connection, person: str) -> list[bytes]:
    """List the cards of a resident that have not ended, by the keyed hashes of their numbers."""
    sql = "SELECT hash FROM identifier WHERE person = ? AND kind = 'city-card' AND ended IS NULL ORDER BY number"
    return [hash for (hash,) in connection.execute(sql, (person,))]


def set_passcode(connection: Connection, hash: bytes, passcode: bytes, tries: int) -> None:
    """Give a card another passcode, with all its tries."""
    connection.execute("UPDATE city_card SET passcode = ?, tries = ? WHERE hash = ?", (passcode, tries, hash))


def set_tries(connection: Connection, hash: bytes, tries: int) -> None:
    """Write down how many tries are left."""
    connection.execute("UPDATE city_card SET tries = ? WHERE hash = ?", (tries, hash))


def remove(connection: Connection, hash: bytes) -> None:
    """Forget a card."""
    connection.execute("DELETE FROM city_card WHERE hash = ?", (hash,))
