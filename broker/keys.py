"""What `engawa keys` has the running broker do, through its admin socket. (docs/security.md)"""

from collections.abc import Mapping
from typing import Any

from base import clock
from base.access.doors import Doors
from base.access.keys import Keys
from base.admin import Handler
from base.errors import OperationNotSupported


def handlers(doors: Doors) -> Mapping[str, Handler]:
    """Name what the admin socket offers for API keys."""

    def keys() -> Keys:
        if doors.keys is None:
            raise OperationNotSupported("this server has no API keys")
        return doors.keys

    def note(event: str, name: str) -> None:
        if doors.audit is not None:
            doors.audit.note({"time": clock.show(clock.now()), "event": event, "key": name})

    async def add(asked: Mapping[str, Any]) -> Any:
        text, key = await keys().add(asked["name"], asked["roles"], asked["expires"], clock.now())
        note("key added", key.name)
        return {**key.shown(), "key": text}

    async def listed(_: Mapping[str, Any]) -> Any:
        return [key.shown() for key in keys().listed()]

    async def remove(asked: Mapping[str, Any]) -> Any:
        key = await keys().remove(asked["name"])
        note("key removed", key.name)
        return key.shown()

    return {"keys.add": add, "keys.list": listed, "keys.remove": remove}
