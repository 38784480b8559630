"""Pages about looks of one alone: begun for one resident, what it shows while it lasts, what is reviewed."""

from typing import Any, Final

from aiohttp import web

from base.errors import ResourceNotFound
from personal.pages import values
from personal.pages.desk import STAFF
from personal.pages.typed import whole
from personal.pages.visitor import Visitor
from personal.staff.resident import ONE, ResidentsPage

LOOKS: Final = STAFF + "/break-glass"


class BreakGlassPages(ResidentsPage):
    """The form for one resident, the running look, the list."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ONE + "/break-glass", self.begin),
            desk.sent(ONE + "/break-glass", self.break_glass, page=self.begin),
            desk.shown(LOOKS, self.list_looks),
            desk.shown(LOOKS + "/{id}", self.show),
            desk.shown(LOOKS + "/{id}/items/{item}", self.read),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the form to look alone at a resident's data."""
        self._resident(visitor)
        return self._render(visitor, "break_glass.html", labels=await self._desk.labels(visitor))

    async def break_glass(self, visitor: Visitor) -> web.Response:
        """Begin the look."""
        body: dict[str, Any] = {
            **visitor.chosen("basis", "reason"),
            "items": visitor.given("items").split(),
            "minutes": whole(visitor, "minutes"),
        }
        made = await self._ask(visitor, "/break-glass", **body)
        return self._desk.back(visitor, f"{LOOKS}/{made['id']}", "glass_broken")

    async def list_looks(self, visitor: Visitor) -> web.Response:
        """Show all looks, with whether each is reviewed."""
        return self._desk.render(visitor, "looks.html", looks=await self._looks(visitor))

    async def show(self, visitor: Visitor) -> web.Response:
        """Show one look: why, what for, until when, whether it is reviewed."""
        id = visitor.request.match_info["id"]
        look = next((one for one in await self._looks(visitor) if one["id"] == id), None)
        if look is None:
            raise ResourceNotFound("There is no such look, or it is somebody else's.")
        more = {
            "look": look,
            "labels": await self._desk.labels(visitor),
            "own": look["by"] == visitor.actor.id,
        }
        return self._desk.render(visitor, "look.html", **more)

    async def read(self, visitor: Visitor) -> web.Response:
        """Show an item, while the look lasts."""
        id, item = (visitor.request.match_info[name] for name in ("id", "item"))
        found = await self._desk.ask(
            visitor, "POST", "/break-glass/{id}/read", {"item": item}, within={"id": id}
        )
        schema = await self._desk.ask(visitor, "GET", "/items/{item}", within={"item": item})
        rows = values.rows(schema, found["value"], visitor.language)
        more = {"back": f"{LOOKS}/{id}", "label": schema["x-label"][visitor.language], "rows": rows}
        return self._desk.render(visitor, "look_item.html", changed=found["changed"], **more)

    async def _looks(self, visitor: Visitor) -> list[dict[str, Any]]:
        looks: list[dict[str, Any]] = (await self._desk.ask(visitor, "GET", "/break-glass"))["looks"]
        return looks
