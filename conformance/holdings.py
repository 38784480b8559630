"""What a broker holds in a tenant, as its own lists tell."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from conformance.answer import Answer
from conformance.asking import Asking
from conformance.verdict import Failure

ROUNDS: Final = 50
_EVER: Final = {"timerel": "after", "timeAt": "1970-01-01T00:00:00Z"}
OF_TENANT: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    ("/subscriptions", {}),
    ("/csourceSubscriptions", {}),
    ("/csourceRegistrations", {"type": "*"}),
    ("/entities", {"local": True}),
    ("/temporal/entities", {"local": True, **_EVER}),
    ("/temporal/entities", {"local": True, **_EVER, "timeproperty": "createdAt"}),
)
COLLECTIONS: Final = (*OF_TENANT, ("/entityMaps", {}), ("/jsonldContexts", {"kind": "Hosted"}))


async def listed(
    broker: Asking, path: str, params: Mapping[str, Any], tenant: str | None = None
) -> AsyncIterator[str]:
    """Name what a collection holds, page after page, until nothing new is there."""
    seen: set[str] = set()
    for _ in range(ROUNDS):
        names = [name for name in await _page(broker, path, params, tenant) if name not in seen]
        if not names:
            return
        seen.update(names)
        for name in names:
            yield name


async def is_empty(broker: Asking, tenant: str) -> bool:
    """Say whether no list of a tenant names anything."""
    for path, params in OF_TENANT:
        if await _page(broker, path, params, tenant):
            return False
    return True


async def _page(broker: Asking, path: str, params: Mapping[str, Any], tenant: str | None) -> list[str]:
    try:
        found = await broker.send("GET", path, params={"limit": 100, **params}, tenant=tenant, record=False)
        if found.code == 400:
            found = await broker.send("GET", path, params=params, tenant=tenant, record=False)
        return _names(found)
    except Failure:
        return []


def _names(answer: Answer) -> list[str]:
    if answer.code not in (200, 206) or not isinstance(rows := answer.json, list):
        return []
    found = [row.get("id") or row.get("URL") if isinstance(row, dict) else row for row in rows]
    return [name.rpartition("/jsonldContexts/")[2] for name in found if isinstance(name, str)]
