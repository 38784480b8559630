"""Pages about two residents: who acts for whom, within which limits, and doubles that are one person."""

from typing import Any, Final

from aiohttp import web

from personal.pages.visitor import Visitor
from personal.staff.resident import ONE, ResidentsPage

ACTS: Final = ("see", "consent", "write", "rights")
RELATIONS: Final = ("parent", "minor-guardian", "adult-guardian", "curator", "assistant", "proxy")
BELOW: Final = "/relations"


class RelationPages(ResidentsPage):
    """Forms on a resident's page that name another resident by the number under which they are open."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ONE + BELOW, self.show),
            desk.sent(ONE + BELOW + "/grant", self.grant, page=self.show),
            desk.sent(ONE + BELOW + "/{id}/change", self.change, page=self.show),
            desk.sent(ONE + BELOW + "/end", self.end, page=self.show),
            desk.sent(ONE + BELOW + "/merge", self.merge, page=self.show),
            desk.sent(ONE + BELOW + "/part", self.part, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show who acts for a resident, for whom they act, and the forms."""
        standing = await self._ask(visitor, "/residents/read")
        found = await self._ask(visitor, "/delegations/find")
        more = {
            "standing": standing,
            "labels": await self._desk.labels(visitor),
            "services": (await self._desk.ask(visitor, "GET", "/services"))["services"],
            **found,
        }
        return self._render(visitor, "relations.html", acts=ACTS, relations=RELATIONS, **more)

    async def grant(self, visitor: Visitor) -> web.Response:
        """Let another resident act for this one."""
        body = {
            "guardian": self._resident(visitor, visitor.given("number")),
            **visitor.chosen("relation", "birthDate"),
            **_scope(visitor),
        }
        return await self._do(visitor, "/delegations", "granted", BELOW, **body)

    async def change(self, visitor: Visitor) -> web.Response:
        """Change for what somebody acts for another, and until when."""
        within = {"id": visitor.request.match_info["id"]}
        made = await self._desk.ask(visitor, "PATCH", "/delegations/{id}", _scope(visitor), within=within)
        done = "granted_later" if "proposal" in made else "granted"
        return self._desk.back(visitor, self._path(visitor, BELOW), done)

    async def end(self, visitor: Visitor) -> web.Response:
        """End that somebody acts for this resident, or this resident for somebody."""
        within = {"id": visitor.given("delegation")}
        await self._desk.ask(visitor, "DELETE", "/delegations/{id}", within=within)
        return self._desk.back(visitor, self._path(visitor, BELOW), "delegation_ended")

    async def merge(self, visitor: Visitor) -> web.Response:
        """Merge a double into this resident."""
        double = self._resident(visitor, visitor.given("number"))
        return await self._do(visitor, "/residents/merge", "merged", BELOW, double=double)

    async def part(self, visitor: Visitor) -> web.Response:
        """Part the double again that was merged last."""
        return await self._do(visitor, "/residents/part", "parted", BELOW, **visitor.chosen("sinceGoesTo"))


def _scope(visitor: Visitor) -> dict[str, Any]:
    """Read for what somebody may act; no service or item named: for all of them."""
    body: dict[str, Any] = {"acts": visitor.given("acts").split(), **visitor.chosen("evidence")}
    for name in ("services", "items"):
        if visitor.given(name):
            body[name] = visitor.given(name).split()
    if visitor.given("until"):
        body["until"] = f"{visitor.given('until')}T00:00:00Z"
    return body
