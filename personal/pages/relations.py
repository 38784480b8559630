"""Pages about two residents: who acts for whom, and doubles that are one person."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import Desk
from personal.pages.residents import ONE, PATH
from personal.pages.visitor import Visitor

ACTS: Final = ("see", "consent", "write", "rights")
RELATIONS: Final = ("parent", "minor-guardian", "adult-guardian", "curator", "assistant", "proxy")


class RelationPages:
    """Forms on a resident's page that name another resident by the number under which they are open."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ONE + "/relations", self.show),
            desk.sent(ONE + "/relations/grant", self.grant),
            desk.sent(ONE + "/relations/end", self.end),
            desk.sent(ONE + "/relations/merge", self.merge),
            desk.sent(ONE + "/relations/part", self.part),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show who acts for a resident, for whom they act, and the forms."""
        resident = {"resident": self._resident(visitor)}
        standing = await self._desk.ask(visitor, "POST", "/residents/read", resident)
        found = await self._desk.ask(visitor, "POST", "/delegations/find", resident)
        number = visitor.request.match_info["number"]
        more = {"standing": standing, "number": number, "path": f"{PATH}/{number}", **found}
        return self._desk.render(visitor, "relations.html", acts=ACTS, relations=RELATIONS, **more)

    async def grant(self, visitor: Visitor) -> web.Response:
        """Let another resident act for this one."""
        body: dict[str, Any] = {
            "guardian": self._resident(visitor, visitor.given("number")),
            "acts": visitor.given("acts").split(),
            **visitor.chosen("relation", "evidence", "birthDate"),
        }
        if visitor.given("until"):
            body["until"] = f"{visitor.given('until')}T00:00:00Z"
        return await self._do(visitor, "/delegations", "granted", **body)

    async def end(self, visitor: Visitor) -> web.Response:
        """End that somebody acts for this resident, or this resident for somebody."""
        within = {"id": visitor.given("delegation")}
        await self._desk.ask(visitor, "DELETE", "/delegations/{id}", within=within)
        return self._back(visitor, "delegation_ended")

    async def merge(self, visitor: Visitor) -> web.Response:
        """Merge a double into this resident."""
        double = self._resident(visitor, visitor.given("number"))
        return await self._do(visitor, "/residents/merge", "merged", double=double)

    async def part(self, visitor: Visitor) -> web.Response:
        """Part the double again that was merged last."""
        return await self._do(visitor, "/residents/part", "parted", **visitor.chosen("sinceGoesTo"))

    async def _do(self, visitor: Visitor, path: str, done: str, **body: Any) -> web.Response:
        await self._desk.ask(visitor, "POST", path, {"resident": self._resident(visitor), **body})
        return self._back(visitor, done)

    def _back(self, visitor: Visitor, done: str) -> web.Response:
        return self._desk.back(visitor, f"{PATH}/{visitor.request.match_info['number']}/relations", done)

    def _resident(self, visitor: Visitor, number: str = "") -> str:
        return self._desk.cases.find(visitor.actor.session, number or visitor.request.match_info["number"])
