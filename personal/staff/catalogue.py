"""Pages about services and what two members of staff decide together."""

from typing import Any, Final

import orjson
from aiohttp import web

from base.errors import BadRequestData
from personal.pages.desk import STAFF, Desk
from personal.pages.differences import told_of
from personal.pages.typed import json_of
from personal.pages.visitor import Visitor
from personal.staff.proposed import rows_of

SERVICES: Final = STAFF + "/services"
PROPOSALS: Final = STAFF + "/proposals"
DECISIONS: Final = ("approve", "refuse", "withdraw")


class CataloguePages:
    """Services, the form to propose one, proposals with what they change."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(SERVICES, self.list_services),
            desk.shown(SERVICES + "/{id}", self.show_service),
            desk.sent(SERVICES + "/{id}/state", self.set_active, page=self.show_service),
            desk.sent(SERVICES + "/{id}/keys", self.propose_keys, page=self.show_service),
            desk.shown(SERVICES + "/{id}/change", self.change_service),
            desk.shown(PROPOSALS, self.list_proposals),
            desk.sent(PROPOSALS, self.propose, page=self.list_services),
            desk.shown(PROPOSALS + "/{id}", self.show_proposal),
            desk.sent(PROPOSALS + "/{id}", self.decide, page=self.show_proposal),
        ]

    async def list_services(self, visitor: Visitor) -> web.Response:
        """Show all services, and the form to propose a description."""
        found = (await self._desk.ask(visitor, "GET", "/catalogue/services"))["services"]
        return self._desk.render(visitor, "services.html", services=found)

    async def show_service(self, visitor: Visitor) -> web.Response:
        """Show one service with its versions."""
        within = {"id": visitor.request.match_info["id"]}
        service = await self._desk.ask(visitor, "GET", "/catalogue/services/{id}", within=within)
        labels = await self._desk.labels(visitor)
        return self._desk.render(visitor, "service.html", service=service, labels=labels)

    async def change_service(self, visitor: Visitor) -> web.Response:
        """Show the form to propose another description of a service, with the one in force in it."""
        within = {"id": visitor.request.match_info["id"]}
        service = await self._desk.ask(visitor, "GET", "/catalogue/services/{id}", within=within)
        raw = orjson.dumps(service["versions"][-1]["description"], option=orjson.OPT_INDENT_2).decode()
        return self._desk.render(visitor, "service_change.html", service=service, raw=raw)

    async def propose_keys(self, visitor: Visitor) -> web.Response:
        """Propose other keys of a service."""
        body: dict[str, Any] = {
            "service": visitor.request.match_info["id"],
            "keys": json_of(visitor.given("keys")),
        }
        if visitor.given("certificate"):
            body["certificate"] = visitor.given("certificate")
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": "service-keys", "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")

    async def set_active(self, visitor: Visitor) -> web.Response:
        """Suspend a service, or let it go on."""
        id, active = visitor.request.match_info["id"], visitor.given("active") == "yes"
        path = "/catalogue/services/{id}/state"
        await self._desk.ask(visitor, "POST", path, {"active": active}, within={"id": id})
        return self._desk.back(visitor, f"{SERVICES}/{id}", "resumed" if active else "suspended")

    async def list_proposals(self, visitor: Visitor) -> web.Response:
        """Show what waits for a decision, or what was decided."""
        state = visitor.request.query.get("state", "open")
        found = (await self._desk.ask(visitor, "GET", "/proposals", params={"state": state}))["proposals"]
        return self._desk.render(visitor, "proposals.html", proposals=found, state=state)

    async def show_proposal(self, visitor: Visitor) -> web.Response:
        """Show a proposal and what would be different."""
        within = {"id": visitor.request.match_info["id"]}
        found = await self._desk.ask(visitor, "GET", "/proposals/{id}", within=within)
        labels = await self._desk.labels(visitor)
        more = {
            "proposal": found,
            "raw": orjson.dumps(found["body"], option=orjson.OPT_INDENT_2).decode(),
            "rows": rows_of(found["body"], self._desk.words, visitor.language),
            "differences": told_of(found.get("differences", ()), labels, visitor.language),
            "own": found["proposer"] == visitor.actor.id,
            "labels": labels,
        }
        return self._desk.render(visitor, "proposal.html", **more)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose a service, or another description of one."""
        body: dict[str, Any] = {
            "service": visitor.given("service"),
            "description": json_of(visitor.given("description")),
        }
        if visitor.given("keys"):
            body["keys"] = json_of(visitor.given("keys"))
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": "service", "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")

    async def decide(self, visitor: Visitor) -> web.Response:
        """Approve, refuse or take back."""
        id, verb = visitor.request.match_info["id"], visitor.given("do")
        if verb not in DECISIONS:
            raise BadRequestData(f"The decisions are {', '.join(DECISIONS)}.")
        body = visitor.chosen("reason") if verb == "refuse" else None
        await self._desk.ask(visitor, "POST", f"/proposals/{{id}}/{verb}", body, within={"id": id})
        return self._desk.back(visitor, f"{PROPOSALS}/{id}", f"decided_{verb}")
