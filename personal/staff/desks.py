"""Pages about the desks that read cards: which there are, a new one, one that is taken away."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.typed import json_of
from personal.pages.visitor import Visitor

PATH: Final = STAFF + "/desks"


class DeskPages:
    """Desks."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.show),
            desk.sent(PATH, self.add, page=self.show),
            desk.sent(PATH + "/{id}/remove", self.remove, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the desks that may act, and the form to add one."""
        found = (await self._desk.ask(visitor, "GET", "/desks"))["desks"]
        services = (await self._desk.ask(visitor, "GET", "/services"))["services"]
        return self._desk.render(visitor, "desks.html", desks=found, services=services)

    async def add(self, visitor: Visitor) -> web.Response:
        """Let a device act as a desk."""
        body: dict[str, Any] = {
            **visitor.chosen("id", "name", "place", "service"),
            "keys": json_of(visitor, "keys"),
        }
        await self._desk.ask(visitor, "POST", "/desks", body)
        return self._desk.back(visitor, PATH, "desk_added")

    async def remove(self, visitor: Visitor) -> web.Response:
        """Let a desk act no more."""
        within = {"id": visitor.request.match_info["id"]}
        await self._desk.ask(visitor, "DELETE", "/desks/{id}", within=within)
        return self._desk.back(visitor, PATH, "desk_removed")
