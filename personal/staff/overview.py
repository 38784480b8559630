"""Pages of staff about themselves: logging in, what waits for them."""

from aiohttp import web

from base import clock
from personal.login.ways import ways
from personal.operations.actors import Who
from personal.operations.town import Town
from personal.pages.demonstration import log_in
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor, safe_next
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
            desk.sent(STAFF + "/logout", self.log_out, Who.ENTRANT),
        ]

    async def login(self, visitor: Visitor) -> web.Response:
        """Show who can log in where everybody is made up."""
        module = self._desk.module
        found = [(town, _present(town), ways(module, town, staff=True)) for town in module.towns.values()]
        choices = found if module.settings.demo else [one for one in found if one[2]]
        next = safe_next(visitor.given("next") or visitor.request.query.get("next", ""))
        return self._desk.render(visitor, "login.html", choices=choices, next=next)

    async def log_in(self, visitor: Visitor) -> web.Response:
        """Log a member of staff in."""
        return await log_in(self._desk, visitor, "staff", STAFF)

    async def log_out(self, visitor: Visitor) -> web.Response:
        """End the login."""
        return await self._desk.leave(visitor, STAFF + "/login")

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
