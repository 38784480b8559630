"""Pages about what residents ask for by law: who waits, until when, what is decided and why."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor
from personal.staff.resident import first_of

PATH: Final = STAFF + "/rights"
RIGHTS: Final = ("disclosure", "correction", "stop")
OUTCOMES: Final = ("granted", "partly-granted", "refused")


class RightsPages:
    """Requests for disclosure, correction and stop of use, with their deadlines."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.list_requests),
            desk.shown(PATH + "/{id}", self.show),
            desk.sent(PATH + "/{id}", self.decide, page=self.show),
            desk.sent(PATH + "/{id}/extension", self.extend, page=self.show),
            desk.sent(PATH + "/{id}/open", self.open, page=self.show),
        ]

    async def list_requests(self, visitor: Visitor) -> web.Response:
        """Show who waits, the most urgent first, or what was decided."""
        state = "decided" if visitor.request.query.get("state") == "decided" else "open"
        found = (await self._desk.ask(visitor, "GET", "/rights", params={"state": state}))["requests"]
        return self._desk.render(visitor, "rights.html", requests=found, state=state)

    async def show(self, visitor: Visitor) -> web.Response:
        """Show one request with what the resident wrote."""
        found = await self._desk.ask(visitor, "GET", "/rights/{id}", within=_within(visitor))
        labels = await self._desk.labels(visitor)
        services = (await self._desk.ask(visitor, "GET", "/services"))["services"]
        more: dict[str, Any] = {"asked": found, "labels": labels, "services": services, "outcomes": OUTCOMES}
        return self._desk.render(visitor, "right.html", **more)

    async def decide(self, visitor: Visitor) -> web.Response:
        """Decide a request."""
        body: dict[str, Any] = visitor.chosen("outcome", "reason")
        for name in ("items", "services"):
            if visitor.given(name):
                body[name] = visitor.given(name).split()
        if visitor.given("erase"):
            body["erase"] = True
        await self._desk.ask(visitor, "POST", "/rights/{id}/decision", body, within=_within(visitor))
        return self._desk.back(visitor, PATH, "right_decided")

    async def open(self, visitor: Visitor) -> web.Response:
        """Open the resident whose request it is."""
        return self._desk.back(visitor, first_of(self._desk, visitor, visitor.given("resident")))

    async def extend(self, visitor: Visitor) -> web.Response:
        """Prolong the time of a request."""
        body, within = visitor.chosen("reason"), _within(visitor)
        await self._desk.ask(visitor, "POST", "/rights/{id}/extension", body, within=within)
        return self._desk.back(visitor, f"{PATH}/{within['id']}", "right_extended")


def _within(visitor: Visitor) -> dict[str, str]:
    return {"id": visitor.request.match_info["id"]}
