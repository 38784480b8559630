"""Pages about emergencies: declaring one step by step and by two persons, prolonging it, ending it, what went out."""

from typing import Any, Final

from aiohttp import web

from base import clock
from base.errors import BadRequestData
from personal.pages.desk import STAFF, Desk
from personal.pages.typed import whole
from personal.pages.visitor import Visitor
from personal.staff.permitted import demand
from personal.staff.proposals import PROPOSALS
from personal.staff.resident import ONE, ResidentsPage

PATH: Final = STAFF + "/emergencies"
NEW: Final = PATH + "/_new"
LAWS: Final = (
    ("災害対策基本法 49条の11第3項", "law_roster"),
    ("災害対策基本法 90条の4", "law_register"),
    ("個人情報保護法 69条2項4号", "law_interest"),
)
"""Laws under which data goes out without consent, and the key of what each is for."""
OTHER: Final = "other"
HOURS: Final = (24, 72, 168)
FIELDS: Final = ("ja", "en", "law", "basis", "area", "districts", "services", "items", "hours")


class EmergencyPages:
    """Emergencies, declared, running and over."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.list_all),
            desk.sent(PATH, self.propose, page=self.begin),
            desk.shown(NEW, self.begin),
            desk.sent(NEW, self.check, page=self.begin, shows=True),
            desk.shown(PATH + "/{id}", self.show),
            desk.sent(PATH + "/{id}/end", self.end, page=self.show),
            desk.sent(PATH + "/{id}/extension", self.prolong, page=self.show),
        ]

    async def list_all(self, visitor: Visitor) -> web.Response:
        """Show all emergencies, those that run first."""
        found = (await self._desk.ask(visitor, "GET", "/emergencies/all"))["emergencies"]
        found.sort(key=lambda one: ("running", "proposed", "over").index(one["state"]))
        return self._desk.render(visitor, "emergencies.html", emergencies=found, now=clock.now())

    async def show(self, visitor: Visitor) -> web.Response:
        """Show one emergency: where, until when, who declared it, what went out under it."""
        within = {"id": visitor.request.match_info["id"]}
        found = await self._desk.ask(visitor, "GET", "/emergencies/{id}", within=within)
        return self._desk.render(
            visitor, "emergency.html", one=found, hours=HOURS, **await named(self._desk, visitor)
        )

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the form to declare an emergency."""
        demand(self._desk, visitor, "POST", "/emergencies")
        told = {name: visitor.given(name) for name in FIELDS}
        more = {
            "told": told,
            "laws": LAWS,
            "other": OTHER,
            "hours": HOURS,
            **await named(self._desk, visitor),
        }
        return self._desk.render(visitor, "emergency_form.html", **more)

    async def check(self, visitor: Visitor) -> web.Response:
        """Show what would happen, and what residents will be told, before it is proposed."""
        demand(self._desk, visitor, "POST", "/emergencies")
        if visitor.given("back"):
            return await self.begin(visitor)
        body = _declared(visitor)
        for name in ("services", "items"):
            if not body[name]:
                raise BadRequestData("Choose at least one service and one item.")
        until = clock.show(clock.now() + body["hours"] * 3_600 * clock.SECOND)
        told = {name: visitor.given(name) for name in FIELDS}
        more = {"body": body, "told": told, "until": until, **await named(self._desk, visitor)}
        return self._desk.render(visitor, "emergency_check.html", **more)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose an emergency."""
        made = await self._desk.ask(visitor, "POST", "/emergencies", _declared(visitor))
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")

    async def end(self, visitor: Visitor) -> web.Response:
        """End an emergency before its time."""
        within = {"id": visitor.request.match_info["id"]}
        await self._desk.ask(visitor, "POST", "/emergencies/{id}/end", within=within)
        return self._desk.back(visitor, f"{PATH}/{within['id']}", "emergency_ended")

    async def prolong(self, visitor: Visitor) -> web.Response:
        """Propose that an emergency runs longer."""
        within = {"id": visitor.request.match_info["id"]}
        body = {"hours": whole(visitor, "hours")}
        made = await self._desk.ask(visitor, "POST", "/emergencies/{id}/extension", body, within=within)
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")


async def named(desk: Desk, visitor: Visitor) -> dict[str, Any]:
    """Give what services and items are called."""
    services = (await desk.ask(visitor, "GET", "/services"))["services"]
    return {
        "services": {one["id"]: one["name"][visitor.language] for one in services},
        "labels": await desk.labels(visitor),
    }


def _declared(visitor: Visitor) -> dict[str, Any]:
    """Read what was typed in; an emergency for districts names them, one without names none."""
    law, districts = visitor.given("law"), visitor.given("districts").split()
    body: dict[str, Any] = {
        "name": {"ja": visitor.given("ja"), "en": visitor.given("en")},
        "basis": visitor.given("basis") if law in ("", OTHER) else law,
        "services": visitor.given("services").split(),
        "items": visitor.given("items").split(),
        "hours": whole(visitor, "hours"),
    }
    if visitor.given("area") == "districts" and not districts:
        raise BadRequestData("Name the districts.")
    if districts and visitor.given("area") != "whole":
        body["districts"] = districts
    return body


class ConcernedPages(ResidentsPage):
    """What emergencies meant for one resident."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._desk.shown(ONE + "/emergencies", self.show)]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show by which emergencies who received what about the resident."""
        found = (await self._ask(visitor, "/emergencies/find"))["emergencies"]
        more = await named(self._desk, visitor)
        return self._render(visitor, "resident_emergencies.html", found=found, **more)
