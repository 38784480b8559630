"""Pages about emergencies: declaring one by two persons, prolonging it, ending it."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.typed import whole
from personal.pages.visitor import Visitor

PATH: Final = STAFF + "/emergencies"


class EmergencyPages:
    """Emergencies, declared, running and over."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.show),
            desk.sent(PATH, self.propose, page=self.show),
            desk.sent(PATH + "/{id}/end", self.end, page=self.show),
            desk.sent(PATH + "/{id}/extension", self.prolong, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show all emergencies, and the form to declare one."""
        found = (await self._desk.ask(visitor, "GET", "/emergencies/all"))["emergencies"]
        more = {
            "emergencies": found,
            "services": (await self._desk.ask(visitor, "GET", "/services"))["services"],
            "items": (await self._desk.ask(visitor, "GET", "/items"))["items"],
        }
        return self._desk.render(visitor, "emergencies.html", **more)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose an emergency."""
        body: dict[str, Any] = {
            "name": {"ja": visitor.given("ja"), "en": visitor.given("en")},
            "basis": visitor.given("basis"),
            "services": visitor.given("services").split(),
            "items": visitor.given("items").split(),
            "hours": whole(visitor, "hours"),
        }
        if visitor.given("districts"):
            body["districts"] = visitor.given("districts").split()
        made = await self._desk.ask(visitor, "POST", "/emergencies", body)
        return self._desk.back(visitor, f"{STAFF}/proposals/{made['id']}", "proposed")

    async def end(self, visitor: Visitor) -> web.Response:
        """End an emergency before its time."""
        within = {"id": visitor.request.match_info["id"]}
        await self._desk.ask(visitor, "POST", "/emergencies/{id}/end", within=within)
        return self._desk.back(visitor, PATH, "emergency_ended")

    async def prolong(self, visitor: Visitor) -> web.Response:
        """Propose that an emergency runs longer."""
        within = {"id": visitor.request.match_info["id"]}
        body = {"hours": whole(visitor, "hours")}
        made = await self._desk.ask(visitor, "POST", "/emergencies/{id}/extension", body, within=within)
        return self._desk.back(visitor, f"{STAFF}/proposals/{made['id']}", "proposed")
