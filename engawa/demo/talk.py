"""Speaking to the demonstration's personal-data module as its made-up staff and residents."""

from typing import Any

import aiohttp

from base.console import Failure


class Talk:
    """Speaks to the module as whomever it is told."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._tokens: dict[str, str] = {}

    async def login(self, kind: str, name: str) -> str | None:
        """Log somebody in; None if there is nobody of this name."""
        body = {kind: name}
        async with self._session.post("/personal/v1/demo/sessions", json=body) as reply:
            return None if reply.status == 401 else str((await _checked(reply))["token"])

    async def staff(self, login: str, method: str, path: str, body: Any = None) -> Any:
        """Do an operation as a member of staff."""
        if login not in self._tokens:
            self._tokens[login] = await self.login("staff", login) or ""
        headers = {"Authorization": f"Bearer {self._tokens[login]}"}
        async with self._session.request(method, f"/personal/v1{path}", json=body, headers=headers) as reply:
            return await _checked(reply)


async def _checked(reply: aiohttp.ClientResponse) -> Any:
    body = await reply.json(content_type=None) if reply.status != 204 else None
    if reply.status >= 400:
        detail = body.get("detail", reply.status) if isinstance(body, dict) else reply.status
        raise Failure(f"the personal-data module refused a part of the demonstration: {detail}")
    return body
