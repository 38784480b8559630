"""The pages by which one logs in with a card: to the desk and back. (issue 6; card.md 6.3)"""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from base import clock
from base.errors import NotPermitted, Problem, Unauthorized
from personal.api.front import throttle
from personal.login import card_logins, desks, proofs
from personal.login.card_logins import Began, Came
from personal.login.cards import State, Wants
from personal.login.identifying import FOR_STAFF
from personal.operations.actors import Who
from personal.pages.desk import ME, STAFF, Desk
from personal.pages.kiosks import keep_desk, kiosk_of
from personal.pages.login_shared import REGISTER, outcome, session_of, town_of
from personal.pages.visitor import Visitor, binding, check_form, keep_login, safe_next, see

STAFF_CARD: Final = STAFF + "/residents/card"
"""Where a member of staff goes on who had a card read."""
DESK_PATH: Final = "/login/desk"


class CardLoginPages:
    """Logging in with a card at a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._module = desk.module

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, nobody = self._desk, Who.NOBODY
        return [
            desk.sent(card_logins.CARD_PATH, self.begin, nobody, shows=True),
            desk.sent(card_logins.CONTACTLESS_PATH, self.begin_contactless, nobody, shows=True),
            desk.shown(card_logins.DONE_PATH, self.come_back, nobody),
            desk.shown(DESK_PATH, self.enter_desk, nobody),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Send the browser to the desk, to log in or to sign a decision."""
        if visitor.given("prepared"):
            return await self._begin_proof(visitor)
        return await self._begin(visitor, Wants.PIN)

    async def begin_contactless(self, visitor: Visitor) -> web.Response:
        """Send the browser to the desk, to hold up a card."""
        return await self._begin(visitor, Wants.CONTACTLESS)

    async def come_back(self, visitor: Visitor) -> web.Response:
        """Log in whoever comes back from the desk, or say what came of it."""
        throttle(self._module, visitor.request)
        query, now = visitor.request.query, clock.now()
        name, code = query.get("transaction", "")[:100], query.get("code", "")[:100]
        if query.get("for") == FOR_STAFF:
            return _see(visitor.link(STAFF_CARD, transaction=name, code=code))
        town = await card_logins.town_of(self._module.towns.values(), name, now)
        if town is None:
            return outcome(self._desk, visitor, "over", ME)
        mine, more = binding(visitor.request), session_of(visitor, town)
        came = await card_logins.come_back(town, self._module, name, code, mine, now, **more)
        if came is None:
            return outcome(self._desk, visitor, "over", ME)
        found = came.found
        if found.state == State.REFUSED:
            return outcome(self._desk, visitor, found.reason, found.next, tries=found.tries)
        if found.prepared:
            return await self._proven(visitor, came)
        if came.attempt:
            return _see(visitor.link(REGISTER, attempt=came.attempt))
        response = _see(found.next)
        keep_login(visitor.request, response, town.id, came.secret)
        return response

    async def enter_desk(self, visitor: Visitor) -> web.Response:
        """Let the browser that brings a ticket be the one that stands on a desk."""
        throttle(self._module, visitor.request)
        ticket, now = visitor.request.query.get("ticket", "")[:100], clock.now()
        for town in self._module.towns.values():
            secret = await desks.enter(town, ticket, now)
            if secret is not None:
                response = _see(safe_next(visitor.request.query.get("next", ""), ME + "/login"))
                keep_desk(visitor.request, response, town.id, secret)
                return response
        return outcome(self._desk, visitor, "no-desk", ME)

    async def _begin(self, visitor: Visitor, wants: Wants) -> web.Response:
        throttle(self._module, visitor.request)
        town = town_of(self._desk, visitor)
        if not self._module.anchors.cards or self._module.validity is None:
            raise NotPermitted("Nobody logs in with a card here: that is not set up.")
        next = safe_next(visitor.given("next"), ME)
        began = Began(binding(visitor.request), next, kiosk_of(visitor, town))
        name = await card_logins.begin(town, self._module, began, wants, clock.now())
        return self._to_desk(visitor, name)

    async def _begin_proof(self, visitor: Visitor) -> web.Response:
        if visitor.town is None or visitor.actor.who is not Who.RESIDENT:
            raise Unauthorized("Log in first.")
        check_form(visitor)
        next, town = safe_next(visitor.given("then"), ME), visitor.town
        began = Began(binding(visitor.request), next, kiosk_of(visitor, town), visitor.actor.session)
        prepared, digest = visitor.given("prepared"), visitor.given("digest")
        name = await card_logins.begin_proof(town, prepared, digest, began, clock.now())
        return self._to_desk(visitor, name)

    async def _proven(self, visitor: Visitor, came: Came) -> web.Response:
        """Hand in what the card signed, as the login that prepared it."""
        found = came.found
        if visitor.actor.session.hex() != found.session:
            return outcome(self._desk, visitor, "other-login", found.next)
        body = {"prepared": found.prepared, "evidence": dict(found.evidence)}
        try:
            await self._desk.ask(visitor, "POST", found.to, body)
        except Problem as problem:
            more = {"said": self._desk.said(visitor, problem), "back": found.next}
            return self._desk.render(
                visitor, "login_failed.html", status=problem.status, heading="nothing_agreed", **more
            )
        return self._desk.back(visitor, found.next, "agreed" if found.to == proofs.DECIDING else "linked")

    def _to_desk(self, visitor: Visitor, name: str) -> web.Response:
        """Answer with a page that goes on to the desk; a redirect of a form would be stopped by browsers."""
        back = self._module.address() + card_logins.DONE_PATH
        query = urlencode({"transaction": name, "back": back, "lang": visitor.language})
        address = f"{self._module.settings.desk_url.rstrip('/')}/card?{query}"
        label = self._desk.pages.say(visitor.language, "card_reader")
        return self._desk.render(visitor, "login_leave.html", address=address, label=label)


def _see(target: str) -> web.Response:
    """Go on elsewhere, and tell nobody by which transaction."""
    response = see(target)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
