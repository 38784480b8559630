"""Logging in: the ways there are and what each is good for; the kind word where a surer one is needed."""

from typing import Any

from aiohttp import web

from personal.login.ways import ways
from personal.operations.actors import Who
from personal.pages.demonstration import log_in
from personal.pages.desk import ME, Desk
from personal.pages.kiosks import kiosk_of
from personal.pages.visitor import Visitor, safe_next
from personal.portal.section import Section, query
from personal.rules.levels import Level


class LoginPages(Section):
    """The page to log in."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        desk.logins[Who.RESIDENT] = self.show

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ME + "/login", self.show, Who.NOBODY),
            desk.sent(ME + "/login", self.log_in, Who.NOBODY, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the ways to log in, the surest first; only those that are sure enough where that is demanded."""
        module = self._desk.module
        towns = list(module.towns.values())
        town = (
            visitor.town
            or module.towns.get(query(visitor, "town"))
            or (towns[0] if len(towns) == 1 else None)
        )
        terminal = town is not None and bool(kiosk_of(visitor, town))
        found = () if town is None else ways(module, town, terminal=terminal)
        level = query(visitor, "level")
        wanted = Level(int(level)) if level in ("1", "2", "3") else Level.NONE
        enough = [way for way in found if way.level >= wanted]
        more: dict[str, Any] = {
            "towns": towns,
            "town_id": "" if town is None else town.id,
            "wanted": int(wanted),
            "ways": enough,
            "next": safe_next(query(visitor, "next"), ""),
            "age": query(visitor, "age"),
            "acting": False,
        }
        return self._desk.render(visitor, "my_login.html", **more)

    async def log_in(self, visitor: Visitor) -> web.Response:
        """Log a resident in where everybody is made up."""
        return await log_in(self._desk, visitor, "resident", safe_next(visitor.given("next"), ME))
