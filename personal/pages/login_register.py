"""The page on which somebody who proved to be somebody registers. (issue 6)"""

from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from base import clock
from base.errors import AlreadyExists, Problem
from personal.api.callers import holder_of
from personal.api.front import throttle
from personal.login import first_registration
from personal.login.first_registration import PARTS, Applicant, katakana
from personal.operations import records
from personal.operations.actors import Who
from personal.operations.call import Call
from personal.operations.town import Town
from personal.pages.desk import ENDED, ME, Desk
from personal.pages.kiosks import kiosk_of
from personal.pages.limits import of_terminal
from personal.pages.login_shared import REGISTER, outcome, session_of
from personal.pages.visitor import Visitor, binding, keep_login, safe_next

ITEM: Final = "basic-four"


class RegisterPages:
    """First registration, after a card or a login at a provider that nobody knows here."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(REGISTER, self.show, Who.NOBODY),
            desk.sent(REGISTER, self.register, Who.NOBODY, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Ask who it is, and show what will be kept."""
        found = await self._found(visitor)
        if found is None:
            return outcome(self._desk, visitor, "over", ME)
        town, id, applicant = found
        if town.store.read(lambda db: first_registration.known(db, applicant)):
            return outcome(self._desk, visitor, "registered", ME)
        if town.store.read(lambda db: first_registration.ended(db, applicant)):
            return outcome(self._desk, visitor, "ended", ME)
        told = first_registration.told(applicant)
        more: dict[str, Any] = {
            "attempt": id,
            "by": applicant.kind,
            "complete": all(part in told for part in PARTS),
            "instead": ENDED if kiosk_of(visitor, town) else "",
        }
        limits = of_terminal(self._desk.module.settings) if more["instead"] else None
        visitor = replace(visitor, town=visitor.town or town)
        return self._desk.render(visitor, "login_register.html", limits=limits, told=told, **more)

    async def register(self, visitor: Visitor) -> web.Response:
        """Enter whoever proved to be somebody, log them in, and keep what the card tells if they wish."""
        found = await self._found(visitor)
        if found is None:
            return outcome(self._desk, visitor, "over", ME)
        town, id, applicant = found
        told = first_registration.told(applicant)
        typed = {
            "nameKana": visitor.given("nameKana"),
            "birthDate": told.get("birthDate") or visitor.given("birthDate"),
        }
        more = {**session_of(visitor, town), "device": kiosk_of(visitor, town)}
        mine, now, module = binding(visitor.request), clock.now(), self._desk.module
        try:
            secret = await first_registration.register(town, module, id, applicant, typed, mine, now, **more)
        except AlreadyExists:
            secret = ""
        if not secret:
            return outcome(self._desk, visitor, "over" if secret is None else "registered", ME)
        done = "registered_self"
        if visitor.given("keep") == "yes" and all(part in told for part in PARTS):
            kept = await self._keep(town, secret, {**told, "nameKana": katakana(typed["nameKana"])})
            done = "registered_self" if kept else "registered_bare"
        response = self._desk.back(visitor, safe_next(applicant.next, ME), done)
        keep_login(visitor.request, response, town.id, secret)
        return response

    async def _keep(self, town: Town, secret: str, value: dict[str, str]) -> bool:
        """Keep what the card tells, as the one who has just registered; they are registered even if that fails."""
        actor = await holder_of(secret, town, self._desk.module.settings, clock.now())
        call = Call(town, actor, body={"value": value, "expectedVersion": 0}, now=clock.now())
        try:
            await records.write_vouched(call, ITEM)
        except Problem:
            return False
        return True

    async def _found(self, visitor: Visitor) -> tuple[Town, str, Applicant] | None:
        """Find who wants to register, in whichever municipality they began."""
        throttle(self._desk.module, visitor.request)
        id = (visitor.given("attempt") or visitor.request.query.get("attempt", ""))[:100]
        mine, now = binding(visitor.request), clock.now()
        for town in self._desk.module.towns.values():
            applicant = await first_registration.applicant_of(town, id, mine, now)
            if applicant is not None:
                return town, id, applicant
        return None
