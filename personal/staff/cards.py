"""Pages about cards at the counter: who stands there, by their card; whom nobody knows yet; cards of the city."""

import base64
from typing import Any, Final

from aiohttp import web

from personal.login.cards import Wants
from personal.login.first_registration import katakana
from personal.pages.visitor import Visitor
from personal.staff.permitted import demand
from personal.staff.resident import ONE, PATH, ResidentsPage, first_of
from personal.staff.residents import ResidentPages

CARD: Final = PATH + "/card"
BASIC: Final = "basic-four"
KEPT: Final = ("name", "address", "birthDate", "sex", "nameKana")


class CardPages(ResidentsPage):
    """Identifying by card, registering and linking whom a card belongs to, issuing cards of the city."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, resident = self._desk, ResidentPages(self._desk)
        return [
            desk.sent(CARD + "/begin", self.begin, page=resident.begin, shows=True),
            desk.shown(CARD, self.come_back),
            desk.sent(CARD + "/match", self.match, page=self.again, shows=True),
            desk.sent(CARD + "/register", self.register, page=self.again),
            desk.sent(CARD + "/link", self.link, page=self.again),
            desk.sent(ONE + "/city-card", self.issue, page=resident.show, shows=True),
            desk.sent(ONE + "/city-card/passcode", self.set_passcode, page=resident.show),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Send the browser to the desk, to read a card."""
        wants = Wants.CONTACTLESS if visitor.given("wants") == Wants.CONTACTLESS else Wants.PIN
        made = await self._desk.ask(visitor, "POST", "/residents/identify/begin", {"wants": wants.value})
        label = self._desk.pages.say(visitor.language, "card_reader")
        address = f"{made['address']}&lang={visitor.language}"
        return self._desk.render(visitor, "login_leave.html", address=address, label=label)

    async def come_back(self, visitor: Visitor) -> web.Response:
        """Open whose card the desk read, or show what to do with one that nobody has."""
        query = visitor.request.query
        if not query.get("transaction"):
            return self._desk.back(visitor, PATH)
        body = {"transaction": query["transaction"][:100], "code": query.get("code", "")[:100]}
        found = await self._desk.ask(visitor, "POST", "/residents/identify", body)
        if found["state"] == "known":
            path = first_of(self._desk, visitor, found["resident"])
            return self._desk.back(visitor, path, "identified")
        if found["state"] == "refused":
            return self._desk.render(visitor, "card_refused.html", **found)
        return self._unknown(visitor, found["identified"], found["basics"])

    async def again(self, visitor: Visitor) -> web.Response:
        """Show again what to do with a card that nobody has."""
        demand(self._desk, visitor, "POST", "/residents/identify")
        return self._unknown(visitor, visitor.given("identified"), visitor.chosen(*KEPT))

    async def match(self, visitor: Visitor) -> web.Response:
        """Show who is registered with the same reading and birth date."""
        body = visitor.chosen("nameKana", "birthDate")
        found = (await self._desk.ask(visitor, "POST", "/residents/search", body))["residents"]
        return self._unknown(visitor, visitor.given("identified"), visitor.chosen(*KEPT), found)

    async def register(self, visitor: Visitor) -> web.Response:
        """Register whom the card belongs to; with what the card tells, if that is wished."""
        body = visitor.chosen("nameKana", "birthDate", "municipalId", "identified")
        made = await self._desk.ask(visitor, "POST", "/residents", body)
        if visitor.given("keep"):
            value = {**visitor.chosen(*KEPT), "nameKana": katakana(visitor.given("nameKana"))}
            record = {"resident": made["resident"], "item": BASIC, "value": value, "expectedVersion": 0}
            await self._desk.ask(visitor, "POST", "/records/write", record)
        done = "registered_similar" if made["similar"] else "registered"
        return self._desk.back(visitor, first_of(self._desk, visitor, made["resident"]), done)

    async def link(self, visitor: Visitor) -> web.Response:
        """Link the card to a resident who was found."""
        body = visitor.chosen("resident", "identified")
        await self._desk.ask(visitor, "POST", "/residents/identifiers", body)
        return self._desk.back(visitor, first_of(self._desk, visitor, body["resident"]), "linked")

    async def issue(self, visitor: Visitor) -> web.Response:
        """Issue a card of the city and show it to be printed, this once."""
        made = await self._ask(visitor, "/city-cards", **visitor.chosen("passcode"))
        picture = base64.b64encode(made["picture"].encode()).decode()
        return self._render(visitor, "city_card.html", until=made["until"], picture=picture)

    async def set_passcode(self, visitor: Visitor) -> web.Response:
        """Give the card of the city another passcode."""
        return await self._do(visitor, "/city-cards/passcode", "passcode_set", **visitor.chosen("passcode"))

    def _unknown(
        self, visitor: Visitor, card: str, basics: dict[str, str], found: list[dict[str, Any]] | None = None
    ) -> web.Response:
        more: dict[str, Any] = {"identified": card, "basics": basics, "found": found}
        return self._desk.render(visitor, "card_unknown.html", **more)
