"""Pages about who works here, with which roles; joiners and leavers."""

from typing import Final

from aiohttp import web

from personal.operations.actors import Role
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor

PATH: Final = STAFF + "/members"


class MemberPages:
    """Members of staff."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.list_members),
            desk.sent(PATH, self.add_member, page=self.list_members),
            desk.sent(PATH + "/{id}", self.change_member, page=self.list_members),
        ]

    async def list_members(self, visitor: Visitor) -> web.Response:
        """Show all members of staff."""
        found = (await self._desk.ask(visitor, "GET", "/staff"))["staff"]
        return self._desk.render(visitor, "members.html", members=found, roles=list(Role))

    async def add_member(self, visitor: Visitor) -> web.Response:
        """Add a member of staff."""
        body = {**visitor.chosen("login", "name"), "roles": visitor.given("roles").split()}
        await self._desk.ask(visitor, "POST", "/staff", body)
        return self._desk.back(visitor, PATH, "member_added")

    async def change_member(self, visitor: Visitor) -> web.Response:
        """Give a member other roles, or let them leave."""
        within = {"id": visitor.request.match_info["id"]}
        if visitor.given("do") == "leave":
            await self._desk.ask(visitor, "DELETE", "/staff/{id}", within=within)
            return self._desk.back(visitor, PATH, "member_left")
        roles = {"roles": visitor.given("roles").split()}
        await self._desk.ask(visitor, "PATCH", "/staff/{id}", roles, within=within)
        return self._desk.back(visitor, PATH, "roles_given")
