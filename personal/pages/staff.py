"""Pages of staff about themselves: logging in, what there is to do, who else works here, the log."""

from typing import Any, Final

import orjson
from aiohttp import web

from base import clock
from base.errors import ResourceNotFound
from personal.api.callers import holder_of
from personal.operations.actors import Role, Who
from personal.operations.town import Town
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor, drop_login, keep_login
from personal.store import staff as members

ENTRIES: Final = 50
WAITING: Final = (
    ("proposals", "/proposals", "proposals", "expired"),
    ("rights", "/rights", "requests", "overdue"),
    ("duties", "/notices/overdue", "overdue", None),
    ("break-glass", "/break-glass", "looks", "overdue"),
)
"""Counted on the overview: the section, the operation, what it lists, what tells that it is late (None: all is)."""


class StaffPages:
    """Login, overview, members of staff, audit log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.logins[Who.STAFF] = self.login

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(STAFF, self.overview),
            desk.shown(STAFF + "/login", self.login, Who.NOBODY),
            desk.sent(STAFF + "/login", self.log_in, Who.NOBODY, page=self.login),
            desk.sent(STAFF + "/logout", self.log_out),
            desk.shown(STAFF + "/members", self.list_members),
            desk.sent(STAFF + "/members", self.add_member, page=self.list_members),
            desk.sent(STAFF + "/members/{id}", self.change_member, page=self.list_members),
            desk.shown(STAFF + "/audit", self.audit),
        ]

    async def login(self, visitor: Visitor) -> web.Response:
        """Show who can log in where everybody is made up."""
        towns = self._desk.module.towns.values() if self._desk.module.settings.demo else ()
        choices = [(town, _present(town)) for town in towns]
        return self._desk.render(visitor, "login.html", choices=choices)

    async def log_in(self, visitor: Visitor) -> web.Response:
        """Log a member of staff in."""
        return await log_in(self._desk, visitor, "staff", STAFF)

    async def log_out(self, visitor: Visitor) -> web.Response:
        """End the login."""
        await self._desk.ask(visitor, "DELETE", "/session")
        response = self._desk.back(visitor, STAFF + "/login", "logged_out")
        drop_login(visitor.request, response)
        return response

    async def overview(self, visitor: Visitor) -> web.Response:
        """Show what the visitor may do, and how much waits for them."""
        session = await self._desk.ask(visitor, "GET", "/session")
        return self._desk.render(
            visitor, "overview.html", session=session, waiting=await self._waiting(visitor)
        )

    async def _waiting(self, visitor: Visitor) -> dict[str, tuple[int, int]]:
        """Count what waits for the visitor, by the section it stands in, and how much of it is late."""
        found = {}
        for section, path, name, late in WAITING:
            if self._desk.may(visitor, "GET", path):
                listed = (await self._desk.ask(visitor, "GET", path))[name]
                open = [one for one in listed if one.get("justified") is None]
                found[section] = len(open), sum(late is None or bool(one.get(late)) for one in open)
        return found

    async def list_members(self, visitor: Visitor) -> web.Response:
        """Show all members of staff."""
        found = (await self._desk.ask(visitor, "GET", "/staff"))["staff"]
        return self._desk.render(visitor, "members.html", members=found, roles=list(Role))

    async def add_member(self, visitor: Visitor) -> web.Response:
        """Add a member of staff."""
        body = {**visitor.chosen("login", "name"), "roles": visitor.given("roles").split()}
        await self._desk.ask(visitor, "POST", "/staff", body)
        return self._desk.back(visitor, STAFF + "/members", "member_added")

    async def change_member(self, visitor: Visitor) -> web.Response:
        """Give a member other roles, or let them leave."""
        within = {"id": visitor.request.match_info["id"]}
        if visitor.given("do") == "leave":
            await self._desk.ask(visitor, "DELETE", "/staff/{id}", within=within)
            return self._desk.back(visitor, STAFF + "/members", "member_left")
        roles = {"roles": visitor.given("roles").split()}
        await self._desk.ask(visitor, "PATCH", "/staff/{id}", roles, within=within)
        return self._desk.back(visitor, STAFF + "/members", "roles_given")

    async def audit(self, visitor: Visitor) -> web.Response:
        """Show the log, newest page first."""
        head = await self._desk.ask(visitor, "GET", "/audit/head")
        size = int(head["size"])
        asked = visitor.request.query.get("from", "")
        last = max(0, size - ENTRIES)
        start = min(int(asked), last) if asked.isascii() and asked.isdigit() and len(asked) < 15 else last
        params = {"from": str(start), "limit": str(ENTRIES)}
        found = (await self._desk.ask(visitor, "GET", "/audit/entries", params=params))["entries"]
        entries = [{**one, "kind": orjson.loads(one["entry"])["kind"]} for one in reversed(found)]
        more: dict[str, Any] = {"older": max(0, start - ENTRIES) if start else None, "start": start}
        return self._desk.render(visitor, "audit.html", head=head, entries=entries, size=size, **more)


async def log_in(desk: Desk, visitor: Visitor, kind: str, target: str) -> web.Response:
    """Log somebody in where everybody is made up; a form that came before their login goes on."""
    if not desk.module.settings.demo:
        raise ResourceNotFound("There is no such thing here.")
    town = desk.module.towns.get(visitor.given("town"))
    if town is None:
        raise ResourceNotFound("There is no such municipality here.")
    nobody = Visitor(visitor.request, visitor.language, town)
    made = await desk.ask(nobody, "POST", "/demo/sessions", {kind: visitor.given("login")})
    actor = await holder_of(made["token"], town, desk.module.settings, clock.now())
    path = desk.resume(visitor, town, actor)
    response = desk.back(visitor, path or target)
    if path:
        response.set_status(307)  # the form that was kept goes along
    keep_login(visitor.request, response, town.id, made["token"])
    return response


def _present(town: Town) -> list[members.Member]:
    return [one for one in town.store.read(members.listed) if one.ended is None]
