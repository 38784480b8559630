"""The connector to マイキープラットフォーム over HTTP. (personal-data.md 2.5; personal/rules/mykey.py)

How the platform is really called is not public; this is how its simulator in tests speaks.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from base import clock
from base.errors import BadGateway
from personal.rules.certificate_status import Status
from personal.rules.mykey import Asked, Shown
from personal.rules.validity import Validity

_LONGEST: Final = 16 << 10
_SECONDS: Final = 5.0


class HttpMyKey:
    """The platform over HTTP, as its simulator in tests speaks: JSON, an access token for this system."""

    def __init__(self, url: str, token: str, web: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._web = web

    async def begin(self, back: str, state: str, *, pin: bool) -> Asked:
        """Have the platform read a card and send the browser back with the state and a code that is good once."""
        body = {"back": back, "state": state, "type": "pin" if pin else "contactless"}
        told = await self._ask("/readings", body)
        try:
            name, screen = str(told["id"]), str(told["screen"])
        except (KeyError, TypeError):
            raise _failed() from None
        if not 16 <= len(name) <= 200 or urlsplit(screen).netloc != urlsplit(self._url).netloc:
            raise _failed()
        return Asked(name, screen)

    async def outcome(self, name: str, code: str) -> Shown | None:
        """Say what came of a reading, once, for the code that came back; None if nothing did, or for another code."""
        told = await self._ask(f"/readings/{quote(name, safe='')}/outcome", {"code": code})
        try:
            if told["state"] != "read":
                return None
            known = told["validity"]
            validity = Validity(
                Status(known["status"]), "mykey", str(known.get("reason", ""))[:100], clock.parse(known["at"])
            )
            ppid, pin = told["ppid"], told["type"] == "pin"
        except (KeyError, TypeError, ValueError):
            raise _failed() from None
        if not isinstance(ppid, str) or not 16 <= len(ppid) <= 200 or not ppid.isascii():
            raise _failed()
        return Shown(ppid, pin, validity)

    async def _ask(self, path: str, body: Mapping[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        limit = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with self._web.post(
                self._url + path, json=body, headers=headers, allow_redirects=False, timeout=limit
            ) as reply:
                raw = await reply.content.read(_LONGEST + 1)
                if reply.status not in (200, 201) or len(raw) > _LONGEST:
                    raise _failed()
                return orjson.loads(raw)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            raise _failed() from None


def _failed() -> BadGateway:
    return BadGateway(
        "マイキープラットフォーム does not answer as it should: try again later, or log in another way."
    )
