"""Pages about services: what each is and was, the form to describe one, its keys, stopping it."""

from typing import Any, Final

import orjson
from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.typed import json_of
from personal.pages.visitor import Visitor
from personal.staff import describing
from personal.staff.describing import Draft
from personal.staff.permitted import demand
from personal.staff.proposals import PROPOSALS

SERVICES: Final = STAFF + "/services"
NEW: Final = SERVICES + "/_new"
"""No service is called like that: ids begin with a letter."""


class CataloguePages:
    """Services and the form to propose one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(SERVICES, self.list_services),
            desk.shown(NEW, self.describe),
            desk.sent(NEW, self.propose_new, page=self.describe),
            desk.shown(SERVICES + "/{id}", self.show_service),
            desk.sent(SERVICES + "/{id}/state", self.set_active, page=self.show_service),
            desk.sent(SERVICES + "/{id}/keys", self.propose_keys, page=self.show_service),
            desk.shown(SERVICES + "/{id}/change", self.change_service),
            desk.sent(SERVICES + "/{id}/change", self.propose_change, page=self.change_service),
        ]

    async def list_services(self, visitor: Visitor) -> web.Response:
        """Show all services."""
        found = (await self._desk.ask(visitor, "GET", "/catalogue/services"))["services"]
        return self._desk.render(visitor, "services.html", services=found)

    async def show_service(self, visitor: Visitor) -> web.Response:
        """Show one service with its versions."""
        service = await self._service(visitor)
        labels = await self._desk.labels(visitor)
        return self._desk.render(visitor, "service.html", service=service, labels=labels)

    async def describe(self, visitor: Visitor) -> web.Response:
        """Show the form to describe a new service."""
        demand(self._desk, visitor, "GET", "/catalogue/services")
        draft = describing.typed(visitor.form) if visitor.form else describing.BLANK
        return await self._form(visitor, draft, None)

    async def change_service(self, visitor: Visitor) -> web.Response:
        """Show the form to propose another description of a service, with the one in force in it."""
        service = await self._service(visitor)
        draft = describing.draft_of(service["versions"][-1]["description"])
        return await self._form(visitor, describing.typed(visitor.form) if visitor.form else draft, service)

    async def propose_new(self, visitor: Visitor) -> web.Response:
        """Propose a new service; or show the form with a row more or less."""
        draft = describing.typed(visitor.form)
        if (again := _rearranged(visitor, draft)) is not None:
            return await self._form(visitor, again, None)
        body: dict[str, Any] = {
            "service": visitor.given("service"),
            "keys": json_of(visitor, "keys", '{"keys": []}'),
            **visitor.chosen("certificate"),
        }
        return await self._propose(visitor, draft, body)

    async def propose_change(self, visitor: Visitor) -> web.Response:
        """Propose another description of a service; or show the form with a row more or less."""
        draft = describing.typed(visitor.form)
        if (again := _rearranged(visitor, draft)) is not None:
            return await self._form(visitor, again, await self._service(visitor))
        return await self._propose(visitor, draft, {"service": visitor.request.match_info["id"]})

    async def propose_keys(self, visitor: Visitor) -> web.Response:
        """Propose other keys of a service."""
        body: dict[str, Any] = {
            "service": visitor.request.match_info["id"],
            "keys": json_of(visitor, "keys"),
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

    async def _service(self, visitor: Visitor) -> dict[str, Any]:
        within = {"id": visitor.request.match_info["id"]}
        found: dict[str, Any] = await self._desk.ask(
            visitor, "GET", "/catalogue/services/{id}", within=within
        )
        return found

    async def _propose(self, visitor: Visitor, draft: Draft, body: dict[str, Any]) -> web.Response:
        body["description"] = describing.description_of(draft)
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": "service", "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")

    async def _form(self, visitor: Visitor, draft: Draft, service: dict[str, Any] | None) -> web.Response:
        raw = service["versions"][-1]["description"] if service else {}
        more: dict[str, Any] = {
            "draft": draft,
            "service": service,
            "raw": orjson.dumps(raw, option=orjson.OPT_INDENT_2).decode() if service else "",
            "labels": await self._desk.labels(visitor),
            "classes": describing.CLASSES,
            "needs": describing.NEEDS,
            "form": {name: visitor.given(name) for name in ("service", "keys", "certificate")},
            "action": visitor.request.path,
            "focus": visitor.given("add") or visitor.given("drop"),
        }
        return self._desk.render(visitor, "service_form.html", **more)


def _rearranged(visitor: Visitor, draft: Draft) -> Draft | None:
    """Give the form with a row more or less, if that is what was asked for."""
    if visitor.given("add"):
        return describing.grown(draft, visitor.given("add"))
    if visitor.given("drop"):
        return describing.shrunk(draft, visitor.given("drop"))
    return None
