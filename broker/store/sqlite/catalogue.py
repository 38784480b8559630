"""The tenants of a broker: a database each, named by a hash, listed in one catalogue. (DESIGN 2.7)"""

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import apsw

from base import clock, database, files
from base.errors import BadRequestData, NonexistentTenant, NotPermitted, ResourceNotFound, ServiceUnavailable
from broker.model import tenancy
from broker.settings import BrokerSettings
from broker.store.sqlite import schema
from broker.store.sqlite.tenant import SqliteTenantStore

DEFAULT: Final = ""
CACHE_BYTES: Final = 96 << 20
READER_THREADS: Final = 2
FILES_EACH: Final = 5  # that an open database takes
FILES_SHARE: Final = 0.5  # of the files that may be open; the others are for connections


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
        return [DEFAULT, *(n for n in self._files if n != DEFAULT and not tenancy.is_snapshot(n))]

    def databases(self) -> list[str]:
        """Name the databases of all tenants and of all their snapshots."""
        return list(self._files)

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
            if tenancy.is_snapshot(tenant):
                raise ResourceNotFound("The snapshot does not exist any more.")
            if not self._settings.implicit_tenants:
                raise NonexistentTenant("The tenant does not exist, and this broker makes none by itself.")
            if len(self.names()) > self._settings.tenants:
                raise NotPermitted(
                    f"The broker keeps at most {self._settings.tenants} tenants; its operator can delete one "
                    "that is not needed (engawa tenants delete) or allow more (the setting 'tenants')."
                )
            self.check_room()
            self._make(tenant)
        return self.open(tenant)

    def check_room(self) -> None:
        """Raise NotPermitted if there are as many databases as this process can have open."""
        most = int(files.allowed() * FILES_SHARE / FILES_EACH)
        if len(self._files) >= most:
            raise NotPermitted(
                f"The broker can have {most} tenants and snapshots open; delete one, or raise its limit of open files."
            )

    async def make_snapshot(self, name: str) -> SqliteTenantStore:
        """Give the empty store of a snapshot; what was there under the name is dropped. (5.16.1)"""
        if name in self._files:
            await self.drop(name)
        self._make(name)
        return self.open(name)

    async def copy(self, origin: str, name: str) -> None:
        """Make the database of a snapshot from that of another, entities and histories only. (5.16.2)"""
        if name in self._files:
            await self.drop(name)
        source, file = self._folder / self._files[origin], _file(name)
        target = self._folder / file

        def work() -> None:
            database.remove(target)
            database.duplicate(source, target)
            connection = database.connect(target)
            with database.transaction(connection):
                for table in schema.NOT_COPIED:
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names
            connection.close()

        await asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._list(name, file)

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
        file = _file(tenant)
        path = self._folder / file
        database.remove(path)
        connection = database.connect(path)
        database.migrate(connection, schema.TENANT)
        connection.close()
        self._list(tenant, file)

    def _list(self, tenant: str, file: str) -> None:
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


def _file(tenant: str) -> str:
    return hashlib.sha256(f"{clock.now()} {tenant}".encode()).hexdigest()[:32] + ".db"
