"""The tenants of a broker: a database each, named by a hash, listed in one catalogue. (DESIGN 2.7)"""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import apsw

from base import clock, database
from base.errors import BadRequestData, NonexistentTenant, NotPermitted, ServiceUnavailable
from broker.settings import BrokerSettings
from broker.store.sqlite import schema
from broker.store.sqlite.tenant import SqliteTenantStore

DEFAULT: Final = ""
CACHE_BYTES: Final = 96 << 20
READER_THREADS: Final = 2


class SqliteCatalogue:
    """All tenants in one data folder, which belongs to one process at a time."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        apsw.soft_heap_limit(CACHE_BYTES)
        self._lock = database.lock_folder(settings.data)
        self._folder = settings.data / "tenants"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._connection = database.connect(settings.data / "catalogue.db", cache_kib=256)
        database.migrate(self._connection, schema.CATALOGUE)
        self._threads = ThreadPoolExecutor(READER_THREADS, "reader")
        self._stores: dict[str, SqliteTenantStore] = {}
        rows = self._connection.execute("SELECT name, file FROM tenant ORDER BY created, name")
        self._files: dict[str, str] = {str(name): str(file) for name, file in rows}
        self._sweep()
        if DEFAULT not in self._files:
            self._make(DEFAULT)

    def names(self) -> list[str]:
        """Name the tenants, the default one first."""
        return [DEFAULT, *(name for name in self._files if name != DEFAULT)]

    def exists(self, tenant: str) -> bool:
        """Say whether the tenant is there."""
        return tenant in self._files

    def open(self, tenant: str) -> SqliteTenantStore:
        """Give the store of a tenant; NonexistentTenant if there is none."""
        store = self._stores.get(tenant)
        if store is None:
            if tenant not in self._files:
                raise NonexistentTenant("The tenant does not exist; create it first.")
            path = self._folder / self._files[tenant]
            if not path.exists():
                raise ServiceUnavailable(f"The database {path} is missing; restore it from a back-up.")
            store = self._stores[tenant] = SqliteTenantStore(tenant, path, self._settings, self._threads)
        return store

    async def create(self, tenant: str) -> SqliteTenantStore:
        """Give the store of a tenant, made if absent; refuses beyond the number allowed, or when creation is off."""
        if tenant not in self._files:
            if not self._settings.implicit_tenants:
                raise NonexistentTenant("The tenant does not exist, and this broker makes none by itself.")
            if len(self._files) > self._settings.tenants:
                raise NotPermitted(
                    f"The broker keeps at most {self._settings.tenants} tenants; drop one that is not needed."
                )
            self._make(tenant)
        return self.open(tenant)

    async def drop(self, tenant: str) -> None:
        """Delete a tenant and its file; the default tenant cannot be dropped."""
        if tenant == DEFAULT:
            raise BadRequestData("The default tenant cannot be dropped; delete its entities instead.")
        if tenant not in self._files:
            raise NonexistentTenant("The tenant does not exist.")
        # the row goes first: a file without a row is swept at the next start, a row without a file would be a fault
        with database.transaction(self._connection):
            self._connection.execute("DELETE FROM tenant WHERE name = ?", (tenant,))
        file = self._files.pop(tenant)
        store = self._stores.pop(tenant, None)
        if store:
            await store.close()
        database.remove(self._folder / file)

    async def close(self) -> None:
        """Close all stores."""
        for store in self._stores.values():
            await store.close()
        self._threads.shutdown()
        self._connection.close()
        os.close(self._lock)

    def _make(self, tenant: str) -> None:
        # another name each time: a drop still closing its file must not take that of the tenant made anew
        file = hashlib.sha256(f"{clock.now()} {tenant}".encode()).hexdigest()[:32] + ".db"
        path = self._folder / file
        database.remove(path)
        connection = database.connect(path)
        database.migrate(connection, schema.TENANT)
        connection.close()
        with database.transaction(self._connection):
            self._connection.execute("INSERT INTO tenant VALUES (?, ?, ?)", (tenant, file, clock.now()))
        self._files[tenant] = file

    def _sweep(self) -> None:
        """Delete what an interrupted creation or drop left behind."""
        listed = set(self._files.values())
        for path in self._folder.glob("*.db*"):
            if path.name.partition(".db")[0] + ".db" not in listed:
                Path.unlink(path)
        database.sync_folder(self._folder)
