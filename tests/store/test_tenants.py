"""Tenants: a database each, hidden from one another, limited in number, dropped without a trace. (DESIGN 2.7)"""

from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from base.errors import BadRequestData, NonexistentTenant, NotPermitted, ServiceUnavailable
from broker.settings import BrokerSettings
from broker.store.contract import EntityChange
from broker.store.sqlite.catalogue import SqliteCatalogue
from tests.store.examples import NOW, entity

A = "urn:ngsi-ld:Thing:A"


async def test_has_the_default_tenant_from_the_start(catalogue: SqliteCatalogue) -> None:
    assert catalogue.names() == [""]
    assert catalogue.exists("")
    assert catalogue.open("").document(A, NOW) is None


async def test_keeps_tenants_apart_and_over_a_restart(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(settings)
    for name in ("yabu", "asago"):
        store = await catalogue.create(name)
        made = entity(A, tenant=name)
        await store.change([EntityChange(A, lambda _, made=made: made)], NOW)
    await catalogue.close()
    catalogue = SqliteCatalogue(settings)
    assert catalogue.names() == ["", "yabu", "asago"]
    for name in ("yabu", "asago"):
        found = catalogue.open(name).document(A, NOW)
        assert found and found.document == entity(A, tenant=name)
    assert catalogue.open("").document(A, NOW) is None
    await catalogue.close()


async def test_does_not_know_a_tenant_that_nobody_made(catalogue: SqliteCatalogue) -> None:
    assert not catalogue.exists("yabu")
    with pytest.raises(NonexistentTenant):
        catalogue.open("yabu")
    with pytest.raises(NonexistentTenant):
        await catalogue.drop("yabu")


async def test_makes_no_tenant_when_creation_is_off(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(replace(settings, implicit_tenants=False))
    with pytest.raises(NonexistentTenant):
        await catalogue.create("yabu")
    await catalogue.create("")
    await catalogue.close()


async def test_makes_no_more_tenants_than_allowed(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(replace(settings, tenants=2))
    await catalogue.create("one")
    await catalogue.create("two")
    await catalogue.create("two")
    with pytest.raises(NotPermitted):
        await catalogue.create("three")
    await catalogue.drop("one")
    await catalogue.create("three")
    await catalogue.close()


async def test_leaves_nothing_of_a_dropped_tenant(
    catalogue: SqliteCatalogue, settings: BrokerSettings
) -> None:
    store = await catalogue.create("yabu")
    await store.change([EntityChange(A, lambda _: entity(A))], NOW)
    files = set((settings.data / "tenants").iterdir())
    await catalogue.drop("yabu")
    assert not catalogue.exists("yabu")
    assert len(set((settings.data / "tenants").iterdir())) < len(files)
    assert (await catalogue.create("yabu")).document(A, NOW) is None
    with pytest.raises(BadRequestData):
        await catalogue.drop("")


async def test_finishes_a_drop_that_was_interrupted(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(settings)
    store = await catalogue.create("yabu")
    await store.change([EntityChange(A, lambda _: entity(A))], NOW)
    await catalogue.close()
    connection = apsw.Connection(str(settings.data / "catalogue.db"))
    connection.execute("DELETE FROM tenant WHERE name = 'yabu'")
    connection.close()
    before = len(list((settings.data / "tenants").glob("*.db")))
    catalogue = SqliteCatalogue(settings)
    assert len(list((settings.data / "tenants").glob("*.db"))) == before - 1
    assert (await catalogue.create("yabu")).document(A, NOW) is None
    await catalogue.close()


async def test_says_when_a_tenant_s_file_is_missing(settings: BrokerSettings) -> None:
    catalogue = SqliteCatalogue(settings)
    await catalogue.create("yabu")
    await catalogue.close()
    catalogue = SqliteCatalogue(settings)
    for file in (settings.data / "tenants").glob("*.db"):
        file.unlink()
    with pytest.raises(ServiceUnavailable, match="back-up"):
        catalogue.open("yabu")
    await catalogue.close()


async def test_shares_its_folder_with_no_other_broker(
    catalogue: SqliteCatalogue, settings: BrokerSettings
) -> None:
    with pytest.raises(ServiceUnavailable, match="in use"):
        SqliteCatalogue(settings)


async def test_lets_only_its_owner_read(catalogue: SqliteCatalogue, settings: BrokerSettings) -> None:
    store = await catalogue.create("yabu")
    await store.change([EntityChange(A, lambda _: entity(A))], NOW)
    assert _mode(settings.data / "tenants") == 0o700
    files = [*(settings.data / "tenants").iterdir(), *settings.data.glob("catalogue.db*")]
    assert any(file.name.endswith("-wal") for file in files)
    assert {_mode(file) for file in files} == {0o600}


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
