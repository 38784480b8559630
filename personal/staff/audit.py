"""Pages about the audit log."""

from typing import Any, Final

import orjson
from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor

PATH: Final = STAFF + "/audit"
ENTRIES: Final = 50


class AuditPages:
    """The log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._desk.shown(PATH, self.audit)]

    async def audit(self, visitor: Visitor) -> web.Response:
        """Show the log, newest page first."""
        head = await self._desk.ask(visitor, "GET", "/audit/head")
        size = int(head["size"])
        asked = visitor.request.query.get("from", "")
        last = max(0, size - ENTRIES)
        start = min(int(asked), last) if asked.isascii() and asked.isdigit() and len(asked) < 15 else last
        params = {"from": str(start), "limit": str(ENTRIES)}
        found = (await self._desk.ask(visitor, "GET", "/audit/entries", params=params))["entries"]
        entries = [{**one, "kind": orjson.loads(one["entry"])["kind"]} for one in reversed(found)]
        more: dict[str, Any] = {"older": max(0, start - ENTRIES) if start else None, "start": start}
        return self._desk.render(visitor, "audit.html", head=head, entries=entries, size=size, **more)
