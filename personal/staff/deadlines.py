"""Pages about deadlines: within how many days what has to be done, by which law; days set by the municipality."""

from typing import Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.typed import whole
from personal.pages.visitor import Visitor
from personal.staff.proposals import PROPOSALS

PATH: Final = STAFF + "/deadlines"


class DeadlinePages:
    """Deadlines."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._desk.shown(PATH, self.show),
            self._desk.sent(PATH, self.propose, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show all deadlines, and the form for the one that the municipality sets."""
        found = (await self._desk.ask(visitor, "GET", "/deadlines"))["deadlines"]
        return self._desk.render(visitor, "deadlines.html", deadlines=found)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose within how many days services erase."""
        body = {"name": visitor.given("name"), "days": whole(visitor, "days")}
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": "deadline", "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")
