"""The page about the municipality's own office: which takes requests about personal data, and where that is."""

from typing import Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor
from personal.staff.permitted import demand

PATH: Final = STAFF + "/office"


class OfficePages:
    """The office that letters and the register name."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._desk.shown(PATH, self.show),
            self._desk.sent(PATH, self.describe, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the office as residents read it, and the form to name another."""
        demand(self._desk, visitor, "PUT", "/office")
        found = await self._desk.ask(visitor, "GET", "/office")
        return self._desk.render(visitor, "office.html", office=found)

    async def describe(self, visitor: Visitor) -> web.Response:
        """Name another office."""
        body = {name: visitor.given(name) for name in ("office", "address")}
        await self._desk.ask(visitor, "PUT", "/office", body)
        return self._desk.back(visitor, PATH, "office_named")
