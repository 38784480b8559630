"""Pages about who works here: roles, last days, open logins, second factors; joiners and leavers, by two persons."""

from typing import Any, Final

from aiohttp import web

from base.errors import ResourceNotFound
from personal.operations.actors import Role
from personal.operations.staff import two_persons
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor
from personal.staff.proposals import PROPOSALS

PATH: Final = STAFF + "/members"
UNUSED: Final = ("30", "90", "180")
"""Days without a login by which members are listed."""


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
            desk.shown(PATH + "/{id}", self.show),
            desk.sent(PATH + "/{id}", self.change_member, page=self.show),
            desk.sent(PATH + "/{id}/logins/end", self.end_logins, page=self.show),
            desk.sent(PATH + "/{id}/code", self.give_code, page=self.show, shows=True),
            desk.sent(PATH + "/{id}/lost", self.propose_lost, page=self.show),
        ]

    async def list_members(self, visitor: Visitor) -> web.Response:
        """Show all members of staff, or those who did not log in for long."""
        unused = visitor.request.query.get("unused", "")
        params = {"unused": unused} if unused in UNUSED else {}
        found = (await self._desk.ask(visitor, "GET", "/staff", params=params))["staff"]
        more: dict[str, Any] = {"roles": list(Role), "two": self._two, "unused": unused, "choices": UNUSED}
        return self._desk.render(visitor, "members.html", members=found, **more)

    async def show(self, visitor: Visitor) -> web.Response:
        """Show one member with the logins they have open."""
        return await self._page(visitor)

    async def add_member(self, visitor: Visitor) -> web.Response:
        """Add a member of staff, or propose it where a second administrator has to approve."""
        body = {**visitor.chosen("login", "name"), "roles": visitor.given("roles").split()}
        if self._two:
            return await self._propose(visitor, "staff-joins", body)
        await self._desk.ask(visitor, "POST", "/staff", body)
        return self._desk.back(visitor, PATH, "member_added")

    async def change_member(self, visitor: Visitor) -> web.Response:
        """Give a member other roles, a last day, suspend them or let them go on, or let them leave."""
        within, verb = {"id": visitor.request.match_info["id"]}, visitor.given("do")
        if verb == "leave":
            await self._desk.ask(visitor, "DELETE", "/staff/{id}", within=within)
            return self._desk.back(visitor, PATH, "member_left")
        if verb in ("suspend", "resume"):
            return await self._change(visitor, {"suspended": verb == "suspend"}, f"member_{verb}")
        if verb == "until":
            day = visitor.given("until")
            until = f"{day}T23:59:59+09:00" if day else None
            return await self._change(visitor, {"until": until}, "member_until")
        roles = visitor.given("roles").split()
        if self._two and set(roles) - set((await self._member(visitor))["roles"]):
            return await self._propose(visitor, "staff-roles", {"member": within["id"], "roles": roles})
        return await self._change(visitor, {"roles": roles}, "roles_given")

    async def end_logins(self, visitor: Visitor) -> web.Response:
        """End all logins of a member."""
        within = {"id": visitor.request.match_info["id"]}
        await self._desk.ask(visitor, "DELETE", "/staff/{id}/sessions", within=within)
        return self._desk.back(visitor, f"{PATH}/{within['id']}", "logins_ended")

    async def give_code(self, visitor: Visitor) -> web.Response:
        """Show a code for a first second factor, this once."""
        within = {"id": visitor.request.match_info["id"]}
        made = await self._desk.ask(visitor, "POST", "/staff/{id}/enrolment", within=within)
        return await self._page(visitor, made)

    async def propose_lost(self, visitor: Visitor) -> web.Response:
        """Propose to take the second factors of a member away, who lost them."""
        body = {"member": visitor.request.match_info["id"], "reason": visitor.given("reason")}
        return await self._propose(visitor, "staff-lost-factor", body)

    @property
    def _two(self) -> bool:
        return two_persons(self._desk.module.settings)

    async def _member(self, visitor: Visitor) -> dict[str, Any]:
        listed: list[dict[str, Any]] = (await self._desk.ask(visitor, "GET", "/staff"))["staff"]
        found = next((one for one in listed if one["id"] == visitor.request.match_info["id"]), None)
        if found is None:
            raise ResourceNotFound("There is no such member of staff.")
        return found

    async def _page(self, visitor: Visitor, code: Any = None) -> web.Response:
        found = await self._member(visitor)
        open = await self._desk.ask(visitor, "GET", "/staff/{id}/sessions", within={"id": found["id"]})
        more: dict[str, Any] = {"one": found, "logins": open["sessions"], "code": code, "two": self._two}
        own = found["id"] == visitor.actor.id
        return self._desk.render(visitor, "member.html", roles=list(Role), own=own, **more)

    async def _change(self, visitor: Visitor, body: dict[str, Any], done: str) -> web.Response:
        within = {"id": visitor.request.match_info["id"]}
        await self._desk.ask(visitor, "PATCH", "/staff/{id}", body, within=within)
        return self._desk.back(visitor, f"{PATH}/{within['id']}", done)

    async def _propose(self, visitor: Visitor, kind: str, body: dict[str, Any]) -> web.Response:
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": kind, "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")
