"""The locations that a municipality has by its settings."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from personal.locations.contract import Location
from personal.locations.local import Local
from personal.settings import PersonalSettings
from personal.store.records import LOCAL
from personal.store.town import TownStore
from personal.vault.keys import KeyStore


@contextlib.asynccontextmanager
async def opened(
    settings: PersonalSettings, municipality: str, store: TownStore, keys: KeyStore
) -> AsyncIterator[Mapping[str, Location]]:
    """Open every location while the block runs, by its name."""
    yield {LOCAL: Local(store)}
