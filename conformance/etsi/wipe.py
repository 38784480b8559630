"""Emptying a broker through its own interface, so that what one group leaves does not disturb the next."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from conformance.answer import Answer
from conformance.subject import Subject
from conformance.surroundings import Surroundings
from conformance.verdict import Failure

ROUNDS: Final = 50
_EVER: Final = {"timerel": "after", "timeAt": "1970-01-01T00:00:00Z"}
_COLLECTIONS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("/subscriptions", {}),
    ("/csourceSubscriptions", {}),
    ("/csourceRegistrations", {"type": "*"}),
    ("/entities", {"local": True}),
    ("/temporal/entities", {"local": True, **_EVER}),
    ("/entityMaps", {}),
    ("/jsonldContexts", {"kind": "Hosted"}),
)


async def wipe(around: Surroundings) -> int:
    """Delete all that the default tenant lists (some list registrations of named types only); count it."""
    broker = Subject(around)
    count = 0
    for path, params in _COLLECTIONS:
        async for identifier in _listed(broker, path, params):
            with contextlib.suppress(Failure):
                gone = await broker.delete(f"{path}/{quote(identifier, safe=':')}")
                count += gone.code == 204
    return count


async def _listed(broker: Subject, path: str, params: dict[str, Any]) -> AsyncIterator[str]:
    """Name what a collection holds, page after page, until nothing new is there."""
    seen: set[str] = set()
    for _ in range(ROUNDS):
        names = [name for name in await _page(broker, path, params) if name not in seen]
        if not names:
            return
        seen.update(names)
        for name in names:
            yield name


async def _page(broker: Subject, path: str, params: dict[str, Any]) -> list[str]:
    try:
        found = await broker.get(path, limit=100, **params)
        if found.code == 400:
            found = await broker.get(path, **params)
        return _names(found)
    except Failure:
        return []


def _names(answer: Answer) -> list[str]:
    if answer.code not in (200, 206) or not isinstance(rows := answer.json, list):
        return []
    found = [row.get("id") or row.get("URL") if isinstance(row, dict) else row for row in rows]
    return [name.rpartition("/jsonldContexts/")[2] for name in found if isinstance(name, str)]
