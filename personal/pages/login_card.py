"""The pages by which one logs in with a card: to the desk and back. (issue 6; card.md 6.3)"""

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from base import clock
from base.errors import NotPermitted, Problem, ResourceNotFound, Unauthorized
from personal.api.front import throttle
from personal.login import card_logins, desks
from personal.login.card_logins import Began, Came
from personal.login.cards import State, Wants
from personal.login.identifying import FOR_STAFF
from personal.operations.actors import Who
from personal.operations.town import Town
from personal.pages.desk import ME, STAFF, Desk
from personal.pages.visitor import Visitor, binding, browser, check_form, keep_login, safe_next, secure
from personal.store import sessions

SECURE_DESK: Final = "__Host-engawa-desk"
LOOPBACK_DESK: Final = "engawa-desk"
REGISTER: Final = "/login/register"
STAFF_CARD: Final = STAFF + "/residents/card"
"""Where a member of staff goes on who had a card read."""
DESK_PATH: Final = "/login/desk"
AT_COUNTER: Final = frozenset({"pin-locked", "revoked", "ended", "expired", "not-yet-valid"})
"""After which reasons only the counter helps."""
REASONS: Final = (
    "cancelled", "pin-wrong", "pin-locked", "foreign-card", "torn", "no-reader", "unproven", "unreadable",
    "untrusted", "expired", "not-yet-valid", "not-for-logins", "weak-key", "bad-signature", "revoked",
    "status-unknown", "not-linked", "ended", "over", "other-login", "no-desk", "registered",
)  # fmt: skip
"""Everything that can come of it but a login, each with words in texts_login_card.toml."""


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
                _keep_desk(visitor.request, response, town.id, secret)
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
        return self._desk.back(visitor, found.next, "agreed" if found.to == "/me/consents" else "linked")

    def _to_desk(self, visitor: Visitor, name: str) -> web.Response:
        """Answer with a page that goes on to the desk; a redirect of a form would be stopped by browsers."""
        back = self._module.address() + card_logins.DONE_PATH
        query = urlencode({"transaction": name, "back": back, "lang": visitor.language})
        address = f"{self._module.settings.desk_url.rstrip('/')}/card?{query}"
        label = self._desk.pages.say(visitor.language, "card_reader")
        return self._desk.render(visitor, "login_leave.html", address=address, label=label)


def outcome(desk: Desk, visitor: Visitor, reason: str, next: str, tries: int = -1) -> web.Response:
    """Say in plain words what came of a login with a card, and what to do."""
    more: dict[str, Any] = {
        "reason": reason,
        "tries": tries,
        "counter": reason in AT_COUNTER or 0 <= tries <= 1,
    }
    status = 200 if reason in ("cancelled", "registered") else 403
    return desk.render(visitor, "login_card.html", status=status, next=next, **more)


def town_of(desk: Desk, visitor: Visitor) -> Town:
    """Say in which municipality somebody logs in."""
    towns = desk.module.towns
    town = towns.get(visitor.given("town"), next(iter(towns.values())) if len(towns) == 1 else None)
    if town is None:
        raise ResourceNotFound("Choose the municipality.")
    return town


def kiosk_of(visitor: Visitor, town: Town) -> str:
    """Give the desk on which the browser stands; empty if on none."""
    name, _, secret = visitor.request.cookies.get(_cookie(visitor.request), "").partition(".")
    if name != town.id:
        return ""
    return town.store.read(lambda db: desks.of_browser(db, secret, clock.now()))


def session_of(visitor: Visitor, town: Town) -> dict[str, Any]:
    """Name the login that a new one replaces, and the browser it is in, as logging_in.begin takes them."""
    own = bool(visitor.secret) and visitor.town is not None and visitor.town.id == town.id
    replaces = sessions.digest(visitor.secret) if own else b""
    return {"agent": browser(visitor.request), "replaces": replaces}


def _cookie(request: web.Request) -> str:
    return SECURE_DESK if secure(request) else LOOPBACK_DESK


def _keep_desk(request: web.Request, response: web.StreamResponse, town: str, secret: str) -> None:
    response.set_cookie(
        _cookie(request),
        f"{town}.{secret}",
        path="/",
        max_age=desks.BROWSER_LIFE // clock.SECOND,
        secure=secure(request),
        httponly=True,
        samesite="Lax",
    )


def _see(target: str) -> web.Response:
    headers = {"Location": target, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=303, headers=headers)
