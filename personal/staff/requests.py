"""Pages about what was done with one resident's data, and what they ask for on paper."""

from typing import Any, Final

from aiohttp import web

from personal.pages.visitor import Visitor
from personal.staff.resident import ONE, ResidentsPage
from personal.staff.rights import RIGHTS

MOST: Final = 50


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
        return self._render(visitor, "requests.html", rights=RIGHTS, labels=await self._desk.labels(visitor))

    async def take(self, visitor: Visitor) -> web.Response:
        """Take a request down."""
        body: dict[str, Any] = visitor.chosen("right", "text", "evidence")
        if visitor.given("items"):
            body["items"] = visitor.given("items").split()
        return await self._do(visitor, "/rights", "right_taken", "/requests", **body)
