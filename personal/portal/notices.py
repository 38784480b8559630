"""News for the resident, and where else they hear that there is some."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section

NOTICES: Final = "/me/notices"
CONTACT: Final = "/me/contact"
PAGES: Final = {"consents": "services", "contact": "notices/contact"}
"""Where the page of a notice is called otherwise here."""


class NoticePages(Section):
    """Notices to the resident."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/notices", self.show),
            self._sent("/notices/{id}/read", self.mark, page=self.show),
            self._shown("/notices/contact", self.show_contact),
            self._sent("/notices/contact", self.put, page=self.show_contact),
            self._sent("/notices/contact/confirm", self.confirm, page=self.show_contact),
            self._sent("/notices/contact/choices", self.choose, page=self.show_contact),
            self._sent("/notices/contact/end", self.remove, page=self.show_contact),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the notices, newest first."""
        offset = visitor.request.query.get("offset", "")
        start = int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 7 else 0
        found = await self._ask(visitor, "GET", NOTICES, params={"offset": str(start)})
        told = [{**one, "page": PAGES.get(one["page"], one["page"])} for one in found["notices"]]
        older = str(start + len(told)) if found["more"] else ""
        return self._render(visitor, "my_notices.html", found=told, older=older)

    async def mark(self, visitor: Visitor) -> web.Response:
        """Mark a notice as read."""
        within = {"id": visitor.request.match_info["id"]}
        await self._ask(visitor, "POST", NOTICES + "/{id}/read", within=within)
        return self._desk.back(visitor, ME + "/notices")

    async def show_contact(self, visitor: Visitor) -> web.Response:
        """Show where one hears of news besides this page."""
        return self._render(visitor, "my_contact.html", found=await self._ask(visitor, "GET", CONTACT))

    async def put(self, visitor: Visitor) -> web.Response:
        """Name an address; a code is sent there."""
        await self._ask(visitor, "PUT", CONTACT, visitor.chosen("channel", "address"))
        return self._desk.back(visitor, ME + "/notices/contact", "my_code_sent")

    async def confirm(self, visitor: Visitor) -> web.Response:
        """Enter the code that came."""
        await self._ask(visitor, "POST", CONTACT + "/confirm", visitor.chosen("channel", "code"))
        return self._desk.back(visitor, ME + "/notices/contact", "my_contact_set")

    async def choose(self, visitor: Visitor) -> web.Response:
        """Choose where one hears of a topic."""
        body: dict[str, Any] = {
            **visitor.chosen("topic"),
            "channels": sorted(set(visitor.given("channels").split())),
        }
        await self._ask(visitor, "PUT", CONTACT + "/choices", body)
        return self._desk.back(visitor, ME + "/notices/contact", "my_contact_chosen")

    async def remove(self, visitor: Visitor) -> web.Response:
        """Hear of news on this page only."""
        within = {"channel": visitor.given("channel")}
        await self._ask(visitor, "DELETE", CONTACT + "/{channel}", within=within)
        return self._desk.back(visitor, ME + "/notices/contact", "my_contact_ended")
