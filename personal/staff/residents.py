"""Pages at the counter: finding and registering residents, how one is registered, what happened to them."""

from typing import Any, Final

from aiohttp import web

from personal.pages.visitor import Visitor
from personal.staff.permitted import demand
from personal.staff.resident import ONE, PATH, ResidentsPage, first_of

EVENTS: Final = ("moved", "died", "returned")


class ResidentPages(ResidentsPage):
    """Search, registration, and how one resident is registered."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.begin),
            desk.sent(PATH + "/search", self.search, page=self.begin, shows=True),
            desk.sent(PATH + "/register", self.register, page=self.begin),
            desk.sent(PATH + "/open", self.open, page=self.begin),
            desk.shown(ONE, self.show),
            desk.sent(ONE + "/event", self.note, page=self.show),
            desk.sent(ONE + "/link", self.link, page=self.show),
            desk.sent(ONE + "/unlink", self.unlink, page=self.show),
            desk.sent(ONE + "/protection", self.protect, page=self.show),
            desk.sent(ONE + "/checked", self.check, page=self.show),
            desk.sent(ONE + "/districts", self.settle, page=self.show),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the forms to search and to register."""
        demand(self._desk, visitor, "POST", "/residents/search")
        return self._desk.render(visitor, "residents.html", found=None, asked={})

    async def search(self, visitor: Visitor) -> web.Response:
        """Show who fits; nothing that was typed in gets into an address."""
        body: dict[str, Any] = visitor.chosen("nameKana", "birthDate", "municipalId")
        if visitor.given("serial"):
            body["card"] = visitor.chosen("issuer", "serial")
        found = (await self._desk.ask(visitor, "POST", "/residents/search", body))["residents"]
        return self._desk.render(visitor, "residents.html", found=found, asked=body)

    async def register(self, visitor: Visitor) -> web.Response:
        """Register a resident and open them."""
        body: dict[str, Any] = visitor.chosen("nameKana", "birthDate", "municipalId", "login")
        if visitor.given("serial"):
            body["cards"] = [visitor.chosen("issuer", "serial")]
        made = await self._desk.ask(visitor, "POST", "/residents", body)
        done = "registered_similar" if made["similar"] else "registered"
        return self._desk.back(visitor, first_of(self._desk, visitor, made["resident"]), done)

    async def open(self, visitor: Visitor) -> web.Response:
        """Open a resident who was found."""
        return self._desk.back(visitor, first_of(self._desk, visitor, visitor.given("resident")))

    async def show(self, visitor: Visitor) -> web.Response:
        """Show how a resident is registered."""
        standing = await self._ask(visitor, "/residents/read")
        more = {"events": EVENTS, "city_cards": self._desk.module.settings.city_cards}
        return self._render(visitor, "resident.html", standing=standing, **more)

    async def note(self, visitor: Visitor) -> web.Response:
        """Note what happened to a resident."""
        return await self._do(visitor, "/residents/events", "noted", event=visitor.given("event"))

    async def link(self, visitor: Visitor) -> web.Response:
        """Link a card, a municipal id or a login."""
        kind = visitor.given("kind")
        text = visitor.given("serial")
        linked = (
            {"card": {"issuer": visitor.given("issuer"), "serial": text}} if kind == "card" else {kind: text}
        )
        return await self._do(visitor, "/residents/identifiers", "linked", **linked)

    async def unlink(self, visitor: Visitor) -> web.Response:
        """End a card or another identifier."""
        ended = visitor.given("identifier")
        return await self._do(visitor, "/residents/identifiers/end", "unlinked", identifier=ended)

    async def check(self, visitor: Visitor) -> web.Response:
        """Note that papers show who a resident is who registered themselves."""
        return await self._do(visitor, "/residents/checked", "checked")

    async def protect(self, visitor: Visitor) -> web.Response:
        """Protect a resident, or lift it."""
        wanted = visitor.given("protected") == "yes"
        done = "protected" if wanted else "unprotected"
        return await self._do(visitor, "/residents/protection", done, protected=wanted)

    async def settle(self, visitor: Visitor) -> web.Response:
        """Write down in which districts a resident lives."""
        codes = visitor.given("districts").split()
        return await self._do(visitor, "/residents/districts", "settled", districts=codes)
