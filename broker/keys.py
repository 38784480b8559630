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

    async def add(asked: Mapping[str, Any]) -> Any:
        text, key = await keys().add(asked["name"], asked["roles"], asked["expires"], clock.now())
        return {**key.shown(), "key": text}

    async def listed(_: Mapping[str, Any]) -> Any:
        return [key.shown() for key in keys().listed()]

    async def remove(asked: Mapping[str, Any]) -> Any:
        return (await keys().remove(asked["name"])).shown()

    return {"keys.add": add, "keys.list": listed, "keys.remove": remove}
