"""Pages of staff about themselves: logging in, what waits for them."""

from aiohttp import web

from base import clock
from personal.operations.actors import Who
from personal.operations.town import Town
from personal.pages.demonstration import log_in
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor, drop_login
from personal.staff.waiting import waiting
from personal.store import staff as members


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
        found = await waiting(self._desk, visitor)
        return self._desk.render(
            visitor,
            "overview.html",
            session=session,
            waiting=found.counts,
            tasks=found.tasks,
            now=clock.now(),
        )


def _present(town: Town) -> list[members.Member]:
    return [one for one in town.store.read(members.listed) if one.ended is None]
