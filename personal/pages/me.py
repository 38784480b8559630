"""A page for residents, to try the module with: what is held, who has looked. The portal is another part."""

from typing import Any, Final

from aiohttp import web

from personal.operations.actors import Who
from personal.pages.desk import ME, Desk
from personal.pages.staff import log_in
from personal.pages.visitor import Visitor, drop_login

MOST: Final = "50"


class ResidentsOwnPages:
    """One's own page, with its login."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ME, self.show, Who.RESIDENT),
            desk.shown(ME + "/login", self.login, Who.NOBODY),
            desk.sent(ME + "/login", self.log_in, Who.NOBODY),
            desk.sent(ME + "/logout", self.log_out, Who.RESIDENT),
            desk.sent(ME + "/agree", self.agree, Who.RESIDENT),
            desk.sent(ME + "/withdraw", self.withdraw, Who.RESIDENT),
        ]

    async def login(self, visitor: Visitor) -> web.Response:
        """Show the form to log in as somebody made up."""
        towns = list(self._desk.module.towns.values())
        return self._desk.render(visitor, "me_login.html", towns=towns)

    async def log_in(self, visitor: Visitor) -> web.Response:
        """Log a resident in."""
        return await log_in(self._desk, visitor, "resident", ME)

    async def log_out(self, visitor: Visitor) -> web.Response:
        """End the login."""
        await self._desk.ask(visitor, "DELETE", "/session")
        response = self._desk.back(visitor, ME + "/login", "logged_out")
        drop_login(visitor.request, response)
        return response

    async def show(self, visitor: Visitor) -> web.Response:
        """Show what is held about the visitor, and what was done with it."""
        listed = (await self._desk.ask(visitor, "GET", "/items"))["items"]
        labels = {one["item"]: one["label"][visitor.language] for one in listed}
        records = (await self._desk.ask(visitor, "GET", "/me/items"))["records"]
        accesses = await self._desk.ask(visitor, "GET", "/me/accesses", params={"limit": MOST})
        more = {"accesses": accesses["accesses"], "labels": labels}
        more["consents"] = await self._desk.ask(visitor, "GET", "/me/consents")
        return self._desk.render(visitor, "me.html", records=records, **more)

    async def agree(self, visitor: Visitor) -> web.Response:
        """Agree to items for a purpose, with the login as evidence; only where everybody is made up."""
        body: dict[str, Any] = {
            **visitor.chosen("service", "purpose"),
            "agree": visitor.given("agree").split(),
        }
        made = await self._desk.ask(visitor, "POST", "/me/consents/prepare", body)
        decision = {"prepared": made["prepared"], "evidence": {"kind": "session"}}
        await self._desk.ask(visitor, "POST", "/me/consents", decision)
        return self._desk.back(visitor, ME, "agreed")

    async def withdraw(self, visitor: Visitor) -> web.Response:
        """Withdraw what was agreed to for a purpose."""
        body = visitor.chosen("service", "purpose")
        await self._desk.ask(visitor, "POST", "/me/consents/withdraw", body)
        return self._desk.back(visitor, ME, "consent_withdrawn")
