"""Several brokers in this process, and registrations of one with another."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.live import Live, live_broker


@contextlib.asynccontextmanager
async def towns(folder: Path, number: int, **settings: Any) -> AsyncIterator[list[Live]]:
    """Run some brokers until the block ends."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(live_broker(folder / str(at), **settings)) for at in range(number)
        ]


def registration(source: Live | str, *entities: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Write a registration; `attributes` names what the source has, other members stand beside `information`."""
    information: dict[str, Any] = {}
    if entities:
        information["entities"] = list(entities)
    if "attributes" in members:
        information["attributeNames"] = members.pop("attributes")
    return {
        "type": "ContextSourceRegistration",
        "endpoint": source if isinstance(source, str) else source.url,
        "information": [information],
        **members,
    }


async def register(asker: Live, source: Live | str, *entities: dict[str, Any], **members: Any) -> str:
    """Register a source, and give the id of the registration."""
    made = await asker.post("/csourceRegistrations", registration(source, *entities, **members))
    assert made.status == 201, made.json
    return str(made.headers["Location"].rpartition("/")[2])
