"""Pages about the names under which others know one resident: services, other municipalities."""

from typing import Any, Final

from aiohttp import web

from personal.pages.visitor import Visitor
from personal.staff.resident import ONE, ResidentsPage

BELOW: Final = "/names"


class NamePages(ResidentsPage):
    """Names to be handed over: shown once, on the page that answers the form."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ONE + BELOW, self.show),
            desk.sent(ONE + BELOW, self.give, page=self.show, shows=True),
            desk.sent(ONE + BELOW + "/rotate", self.rotate, page=self.show),
            desk.sent(ONE + BELOW + "/begin", self.begin, page=self.show, shows=True),
            desk.sent(ONE + BELOW + "/finish", self.finish, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the forms."""
        return await self._page(visitor)

    async def give(self, visitor: Visitor) -> web.Response:
        """Show the name by which a service knows the resident, to hand it over."""
        given = await self._ask(visitor, "/pseudonyms", service=visitor.given("service"))
        return await self._page(visitor, subject=given["subject"])

    async def rotate(self, visitor: Visitor) -> web.Response:
        """Give the resident a new name at a service."""
        return await self._do(
            visitor, "/pseudonyms/rotate", "name_changed", BELOW, **visitor.chosen("service")
        )

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show a code by which the resident is linked with their entry in another municipality."""
        made = await self._ask(visitor, "/exchange/links", **visitor.chosen("peer", "evidence"))
        return await self._page(visitor, code=made)

    async def finish(self, visitor: Visitor) -> web.Response:
        """Link the resident by the code that another municipality gave."""
        told = visitor.chosen("peer", "code", "evidence")
        return await self._do(visitor, "/exchange/links/finish", "peer_linked", BELOW, **told)

    async def _page(self, visitor: Visitor, **given: Any) -> web.Response:
        self._resident(visitor)
        services = (await self._desk.ask(visitor, "GET", "/services"))["services"]
        peers = (await self._desk.ask(visitor, "GET", "/exchange/peers"))["peers"]
        shown = {"subject": "", "code": None, **given}
        return self._render(visitor, "names.html", services=services, peers=peers, **shown)
