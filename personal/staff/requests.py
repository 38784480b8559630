"""Pages about what was done with one resident's data, and what they ask for on paper."""

import re
from typing import Any, Final

from aiohttp import web

from personal.pages.visitor import Visitor, see
from personal.staff.resident import ONE, ResidentsPage
from personal.staff.rights import RIGHTS

MOST: Final = 50
_NUMBER: Final = re.compile(r"w_[A-Za-z0-9_-]{1,60}\Z")


class RequestPages(ResidentsPage):
    """Who looked at a resident's data; requests they bring on paper."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ONE + "/accesses", self.show_accesses),
            desk.shown(ONE + "/requests", self.show_requests),
            desk.sent(ONE + "/requests", self.take, page=self.show_requests),
        ]

    async def show_accesses(self, visitor: Visitor) -> web.Response:
        """Show what was done with a resident's data, newest first."""
        before = visitor.request.query.get("before", "")
        body: dict[str, Any] = {"limit": MOST}
        if before.isascii() and before.isdigit() and len(before) < 15:
            body["before"] = int(before)
        found = await self._ask(visitor, "/accesses/find", **body)
        labels = await self._desk.labels(visitor)
        return self._render(visitor, "accesses.html", labels=labels, **found)

    async def show_requests(self, visitor: Visitor) -> web.Response:
        """Show the form for what a resident asks for by law, on paper."""
        self._resident(visitor)
        made, days = visitor.request.query.get("made", ""), int(self._desk.module.settings.rights_days)
        more = {"rights": RIGHTS, "made": made if _NUMBER.match(made) else "", "days": days}
        return self._render(visitor, "requests.html", labels=await self._desk.labels(visitor), **more)

    async def take(self, visitor: Visitor) -> web.Response:
        """Take a request down."""
        body: dict[str, Any] = visitor.chosen("right", "text", "evidence")
        if visitor.given("items"):
            body["items"] = visitor.given("items").split()
        made = await self._ask(visitor, "/rights", **body)
        return see(visitor.link(self._path(visitor, "/requests"), done="right_taken", made=made["id"]))
