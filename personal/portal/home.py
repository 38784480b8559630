"""The first page: what waits, what was done, the sections."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.accesses import by_visit
from personal.portal.section import Section
from personal.portal.standing import waiting

NEWEST: Final = {"limit": "20", "by": "others"}
SHOWN: Final = 3
SECTIONS: Final = (
    ("data", "/me/items"),
    ("services", "/me/consents"),
    ("requests", "/me/consents"),
    ("accesses", "/me/accesses"),
    ("notices", "/me/notices"),
    ("family", "/me/represented"),
    ("rights", "/me/rights"),
    ("code", "/me/pseudonyms"),
    ("cards", "/me/credentials"),
    ("sessions", "/me/sessions"),
    ("connections", "/me/connections"),
    ("emergencies", "/me/emergencies"),
    ("links", "/me/exchange/links"),
)
"""The sections: their names below /me, and the operation without which there is no such section."""
FOR_OTHERS: Final = frozenset(
    {"data", "services", "requests", "accesses", "notices", "rights", "code", "emergencies"}
)
"""The sections that are about the one for whom a guardian acts; the others are about the guardian's own login."""


class HomePages(Section):
    """The first page, and the way out."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._shown("", self.show), self._sent("/logout", self.log_out)]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show what waits for a decision, the newest accesses by others, and where everything is."""
        consents = await self._seen(visitor, "/me/consents")
        accesses = await self._seen(visitor, "/me/accesses", params=NEWEST)
        notices = await self._seen(visitor, "/me/notices")
        unread = 0 if notices is None else notices["unread"]
        more: dict[str, Any] = {
            "waiting": None if consents is None else waiting(consents, visitor.language),
            "accesses": None if accesses is None else by_visit(accesses["accesses"])[:SHOWN],
            "unread": unread,
            **await self._names(visitor),
        }
        return self._render(visitor, "my_home.html", **more)

    async def log_out(self, visitor: Visitor) -> web.Response:
        """End the login."""
        return await self._desk.leave(visitor, ME + "/login")
