"""A data folder and its catalogue for each test."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.settings import BrokerSettings
from broker.store.sqlite.catalogue import SqliteCatalogue
from broker.store.sqlite.tenant import SqliteTenantStore


@pytest.fixture
def settings(tmp_path: Path) -> BrokerSettings:
    return replace(BrokerSettings(), data=tmp_path / "data")


@pytest.fixture
async def catalogue(settings: BrokerSettings) -> AsyncIterator[SqliteCatalogue]:
    catalogue = SqliteCatalogue(settings)
    yield catalogue
    await catalogue.close()


@pytest.fixture
async def store(catalogue: SqliteCatalogue) -> SqliteTenantStore:
    return catalogue.open("")
