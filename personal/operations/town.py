"""A municipality as operations see it."""

import asyncio
from dataclasses import dataclass, field

from personal.locations.records import Records
from personal.store.town import TownStore
from personal.vault.keys import KeyStore
from personal.vault.signing import Signer


@dataclass(frozen=True, slots=True)
class Town:
    """One municipality: database, keys, residents' records. `id`: its name in requests; `code`: that of 総務省.

    office, address: what a list written by an older version says of the office that takes requests; offices.of
    knows the one that is named now.
    """

    id: str
    name: str
    code: str
    store: TownStore
    keys: KeyStore
    signer: Signer
    records: Records
    office: str = ""
    address: str = ""
    told: asyncio.Event = field(default_factory=asyncio.Event)  # a message is to go out now
