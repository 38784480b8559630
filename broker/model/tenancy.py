"""Whose data a database holds: a tenant's, or that of one of its snapshots. (4.14, 5.5.15)"""

import hashlib
from collections.abc import Iterable
from typing import Final

_MARK: Final = "/"  # no tenant's name holds it


def database(tenant: str, snapshot: str) -> str:
    """Name the database of a snapshot."""
    return f"{tenant}{_MARK}{snapshot}"


def is_snapshot(database: str) -> bool:
    """Say whether a database is that of a snapshot."""
    return _MARK in database


def parted(database: str) -> tuple[str, str]:
    """Give the tenant a database belongs to, and the snapshot it is; '' if it is none."""
    tenant, _, snapshot = database.partition(_MARK)
    return tenant, snapshot


def belonging(tenant: str, databases: Iterable[str]) -> list[str]:
    """Name the databases that go with a tenant: its own first, then those of its snapshots."""
    return [tenant, *(name for name in databases if name.startswith(tenant + _MARK))]


def headers(database: str) -> dict[str, str]:
    """Name tenant and snapshot as HTTP headers do. (6.3.14, 6.3.22)"""
    tenant, snapshot = parted(database)
    return {name: text for name, text in (("NGSILD-Tenant", tenant), ("NGSILD-Snapshot", snapshot)) if text}


def alias_of(own: str, tenant: str) -> str:
    """Name a tenant as a context source of its own, without telling what it is called. (5.2.40)"""
    return f"{own}.{hashlib.sha256(tenant.encode()).hexdigest()[:12]}" if tenant else own
