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


async def register(asker: Live, source: Live | str, *entities: dict[str, Any], **members: Any) -> str:
    """Register a source; `attributes` names what it has, other members go into the registration."""
    information: dict[str, Any] = {}
    if entities:
        information["entities"] = list(entities)
    if "attributes" in members:
        information["attributeNames"] = members.pop("attributes")
    body = {
        "type": "ContextSourceRegistration",
        "endpoint": source if isinstance(source, str) else source.url,
        "information": [information],
        **members,
    }
    made = await asker.post("/csourceRegistrations", body)
    assert made.status == 201, made.json
    return str(made.headers["Location"].rpartition("/")[2])
