"""Pages of staff about themselves: logging in, what waits for them."""

from typing import Final

from aiohttp import web

from personal.operations.actors import Who
from personal.operations.town import Town
from personal.pages.demonstration import log_in
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor, drop_login
from personal.store import staff as members

WAITING: Final = (
    ("proposals", "/proposals", "proposals", "expired"),
    ("rights", "/rights", "requests", "overdue"),
    ("duties", "/notices/overdue", "overdue", None),
    ("break-glass", "/break-glass", "looks", "overdue"),
)
"""Counted on the overview: the section, the operation, what it lists, what tells that it is late (None: all is)."""


class OverviewPages:
    """Login and overview."""

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


def _present(town: Town) -> list[members.Member]:
    return [one for one in town.store.read(members.listed) if one.ended is None]
