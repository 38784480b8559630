"""Pages about the kinds of items: what each is, where it is kept, what still moves; proposals to change that."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.typed import json_of
from personal.pages.visitor import Visitor
from personal.staff.proposals import PROPOSALS

ITEMS: Final = STAFF + "/items"
PLACES: Final = ("local", "cloud", "lgwan")


class ItemPages:
    """Items and places."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ITEMS, self.show),
            desk.sent(ITEMS, self.propose, page=self.show),
            desk.sent(ITEMS + "/place", self.propose_place, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show all items with where the city keeps each, and what moves now."""
        places = await self._desk.ask(visitor, "GET", "/locations")
        chosen = {one["item"]: one for one in places["items"]}
        listed = (await self._desk.ask(visitor, "GET", "/items"))["items"]
        items = [{"location": "local", "offered": [], **one, **chosen.get(one["item"], {})} for one in listed]
        more = {"items": items, "waiting": places["waiting"], "places": PLACES}
        return self._desk.render(visitor, "items.html", there=places["locations"], **more)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose a kind of item, or its next version."""
        return await self._propose(visitor, "item", {"schema": json_of(visitor.given("schema"))})

    async def propose_place(self, visitor: Visitor) -> web.Response:
        """Propose where an item is kept."""
        body: dict[str, Any] = visitor.chosen("item", "location")
        body["offered"] = visitor.given("offered").split()
        return await self._propose(visitor, "item-location", body)

    async def _propose(self, visitor: Visitor, kind: str, body: dict[str, Any]) -> web.Response:
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": kind, "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")
