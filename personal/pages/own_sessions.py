"""The page of staff about the logins they have open; residents have one in the portal."""

from typing import Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor

PATH: Final = STAFF + "/sessions"
_ASKED: Final = "/me/sessions"


class SessionPages:
    """Open logins, each of which can be ended."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.show),
            desk.sent(PATH + "/end-others", self.end_others, page=self.show),
            desk.sent(PATH + "/{id}/end", self.end, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the logins that are open."""
        found = (await self._desk.ask(visitor, "GET", _ASKED))["sessions"]
        return self._desk.render(visitor, "sessions.html", found=found)

    async def end(self, visitor: Visitor) -> web.Response:
        """End one login."""
        within = {"id": visitor.request.match_info["id"]}
        await self._desk.ask(visitor, "DELETE", _ASKED + "/{id}", within=within)
        return self._desk.back(visitor, PATH, "session_over")

    async def end_others(self, visitor: Visitor) -> web.Response:
        """End all logins but this one."""
        await self._desk.ask(visitor, "DELETE", _ASKED)
        return self._desk.back(visitor, PATH, "sessions_over")
