"""Family and proxies: for whom I act, who may act for me, and taking it back."""

from typing import Any, Final

from aiohttp import web

from base.errors import Problem
from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section

FAMILY: Final = ME + "/family"


class FamilyPages(Section):
    """Acting for others, and letting others act."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/family", self.show),
            self._sent("/family/act", self.act, page=self.show),
            self._sent("/family/back", self.act_for_oneself, page=self.show),
            self._sent("/family/{id}/take-back", self.take_back, page=self.show),
            self._sent("/family/{id}/give-up", self.give_up, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show for whom the visitor may act, and who may act for them."""
        mine = await self._ask(visitor, "GET", "/me/represented")
        guardians = (await self._ask(visitor, "GET", "/me/guardians"))["guardians"]
        more: dict[str, Any] = {
            "represented": [await self._named(visitor, one) for one in mine["represented"]],
            "acting_for": mine["actingFor"],
            "guardians": guardians,
            **await self._names(visitor),
        }
        return self._render(visitor, "my_family.html", **more)

    async def _named(self, visitor: Visitor, one: Any) -> Any:
        """Say who it is for whom the visitor may act, as far as they may see it and it can be read now."""
        path, within = "/me/represented/{id}/name", {"id": one["delegation"]}
        if not self._desk.may(visitor, "GET", path):
            return {**one, "name": None}
        try:
            return {**one, "name": (await self._ask(visitor, "GET", path, within=within))["name"]}
        except Problem:
            return {**one, "name": None}

    async def act(self, visitor: Visitor) -> web.Response:
        """Act for somebody from now on."""
        await self._ask(visitor, "POST", "/me/acting-for", {"resident": visitor.given("resident")})
        return self._desk.back(visitor, ME, "my_acting")

    async def act_for_oneself(self, visitor: Visitor) -> web.Response:
        """Act for oneself again."""
        await self._ask(visitor, "POST", "/me/acting-for", {"resident": None})
        return self._desk.back(visitor, ME, "my_myself")

    async def take_back(self, visitor: Visitor) -> web.Response:
        """Take back that somebody may act for oneself."""
        within = {"id": visitor.request.match_info["id"]}
        await self._ask(visitor, "DELETE", "/me/guardians/{id}", within=within)
        return self._desk.back(visitor, FAMILY, "my_taken_back")

    async def give_up(self, visitor: Visitor) -> web.Response:
        """Give up to act for somebody."""
        within = {"id": visitor.request.match_info["id"]}
        await self._ask(visitor, "DELETE", "/me/represented/{id}", within=within)
        return self._desk.back(visitor, FAMILY, "my_given_up")
