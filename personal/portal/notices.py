"""News for the resident, and where they are told that there is some."""

from typing import Final

from aiohttp import web

from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section

NOTICES: Final = "/me/notices"


class NoticePages(Section):
    """Notices to the resident."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        if not self._desk.inside.knows("GET", NOTICES):
            return []
        return [
            self._shown("/notices", self.show),
            self._sent("/notices/{id}/read", self.mark, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the notices, newest first."""
        found = await self._ask(visitor, "GET", NOTICES)
        return self._render(visitor, "my_notices.html", found=found["notices"], **await self._names(visitor))

    async def mark(self, visitor: Visitor) -> web.Response:
        """Mark a notice as read."""
        within = {"id": visitor.request.match_info["id"]}
        await self._ask(visitor, "POST", NOTICES + "/{id}/read", within=within)
        return self._desk.back(visitor, ME + "/notices")
