"""Pages of staff about second factors: giving one, making one, those one has. They work without scripts, by codes."""

from typing import Any, Final

import orjson
from aiohttp import web

from personal.login import passkeys
from personal.operations.actors import Who
from personal.pages.desk import GIVE_FACTOR, STAFF, Desk
from personal.pages.visitor import Visitor, keep_login, safe_next
from personal.store import sessions

FACTORS: Final = STAFF + "/factors"
NEW: Final = FACTORS + "/new"
TOTP: Final = "totp"
PASSKEY: Final = "passkey"
KINDS: Final = (TOTP, PASSKEY)


class FactorPages:
    """Second factors."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, entrant = self._desk, Who.ENTRANT
        return [
            desk.shown(GIVE_FACTOR, self.ask, entrant),
            desk.sent(GIVE_FACTOR, self.give, entrant, page=self.ask, shows=True),
            desk.shown(FACTORS, self.list_own),
            desk.sent(FACTORS, self.make, entrant, page=self.again, shows=True),
            desk.shown(NEW, self.begin, entrant),
            desk.sent(NEW, self.show_new, entrant, page=self.begin, shows=True),
            desk.sent(FACTORS + "/{id}/remove", self.remove, page=self.list_own),
        ]

    async def ask(self, visitor: Visitor) -> web.Response:
        """Ask for the second factor: a code, or a passkey."""
        found = await self._desk.ask(visitor, "POST", "/factors/give/begin")
        next = safe_next(visitor.given("next") or visitor.request.query.get("next", ""))
        if not found["kinds"] and visitor.actor.who is Who.ENTRANT:
            return self._desk.back(visitor, NEW)
        more = {"kinds": found["kinds"], "attempt": found.get("attempt", ""), "next": next}
        return self._desk.render(visitor, "factor_give.html", options=_text(found.get("options")), **more)

    async def give(self, visitor: Visitor) -> web.Response:
        """Take the second factor, and go on where it was wanted."""
        given = visitor.chosen("attempt", "credential") if visitor.given("credential") else {}
        body = given or {"code": visitor.given("code")}
        found = await self._desk.ask(visitor, "POST", "/factors/give", body)
        return self._renewed(visitor, found["token"], safe_next(visitor.given("next"), STAFF))

    async def list_own(self, visitor: Visitor) -> web.Response:
        """Show the visitor's second factors."""
        found = await self._desk.ask(visitor, "GET", "/factors")
        return self._desk.render(visitor, "factors.html", factors=found["factors"])

    async def begin(self, visitor: Visitor) -> web.Response:
        """Ask which kind of second factor to make, and for the code that an administrator handed out."""
        found = await self._desk.ask(visitor, "GET", "/factors")
        if found["wanted"] and found["factors"]:
            return self._desk.back(visitor, GIVE_FACTOR)
        return self._desk.render(visitor, "factor_new.html", first=found["wanted"], kinds=self._kinds())

    async def show_new(self, visitor: Visitor) -> web.Response:
        """Show the picture that a device reads, or have the browser make a passkey."""
        body = visitor.chosen("kind", "enrolment")
        found = await self._desk.ask(visitor, "POST", "/factors/begin", body)
        return self._making(visitor, found)

    async def make(self, visitor: Visitor) -> web.Response:
        """Keep a second factor that was used once; the login is complete with it."""
        given = "credential" if visitor.given("credential") else "code"
        body = {given: visitor.given(given), **visitor.chosen("attempt", "name")}
        found = await self._desk.ask(visitor, "POST", "/factors", body)
        return self._renewed(visitor, found["token"], FACTORS, "factor_made")

    async def again(self, visitor: Visitor) -> web.Response:
        """Ask for another code of the device that was just set up."""
        if visitor.given("kind") != TOTP:
            return await self.begin(visitor)
        return self._making(visitor, {"kind": TOTP, "attempt": visitor.given("attempt")})

    async def remove(self, visitor: Visitor) -> web.Response:
        """Remove a second factor."""
        within = {"id": visitor.request.match_info["id"]}
        await self._desk.ask(visitor, "DELETE", "/factors/{id}", within=within)
        return self._desk.back(visitor, FACTORS, "factor_removed")

    def _kinds(self) -> tuple[str, ...]:
        """Name the kinds that can be made here: passkeys are for hosts that have a name."""
        named = passkeys.here(self._desk.module.address()).named
        return KINDS if named else (TOTP,)

    def _making(self, visitor: Visitor, found: dict[str, Any]) -> web.Response:
        more = {name: found.get(name, "") for name in ("kind", "attempt", "secret", "uri", "picture")}
        return self._desk.render(visitor, "factor_make.html", options=_text(found.get("options")), **more)

    def _renewed(self, visitor: Visitor, secret: str, path: str, done: str = "") -> web.Response:
        """Go on with the new secret of the login; residents who were open stay open."""
        response = self._desk.back(visitor, path, done)
        if visitor.town is not None:
            self._desk.cases.adopt(sessions.digest(secret), visitor.actor.session)
            keep_login(visitor.request, response, visitor.town.id, secret)
        return response


def _text(options: Any) -> str:
    return "" if options is None else orjson.dumps(options).decode()
