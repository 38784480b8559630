"""The page to log in with a card of the city and its passcode. (issue 6; card.md 7)"""

from typing import Any

from aiohttp import web

from base import clock
from base.access.limits import network_of
from base.errors import ResourceNotFound
from personal.api.front import throttle
from personal.login import city_cards, guarding
from personal.operations.actors import Who
from personal.pages.desk import ME, Desk
from personal.pages.kiosks import kiosk_of
from personal.pages.login_shared import session_of, town_of
from personal.pages.visitor import Visitor, keep_login, safe_next, see


class CityCardPages:
    """Logging in with a card of the city."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._module = desk.module

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, nobody = self._desk, Who.NOBODY
        return [
            desk.shown(city_cards.PATH, self.show, nobody),
            desk.sent(city_cards.PATH, self.log_in, nobody, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Ask for the code of the card and its passcode."""
        return self._asked(visitor)

    async def log_in(self, visitor: Visitor) -> web.Response:
        """Log in whoever shows a card and knows its passcode."""
        if not visitor.given("code"):
            return self._asked(visitor)
        self._offered()
        throttle(self._module, visitor.request)
        town, now = town_of(self._desk, visitor), clock.now()
        more = {**session_of(visitor, town), "device": kiosk_of(visitor, town)}
        code, words = visitor.given("code"), visitor.form.get("passcode", "")
        there = await guarding.attempted(town, "", network_of(visitor.request.remote or ""))
        town.store.read(lambda db: guarding.check(db, there, now))
        tried = await city_cards.log_in(town, self._module, code, words, now, **more)
        if tried.reason:
            await town.store.write(lambda db: guarding.note(db, there, now))
            return self._asked(visitor, tried.reason, tried.tries)
        next = safe_next(visitor.given("next"), ME)
        response = see(next)
        keep_login(visitor.request, response, town.id, tried.secret)
        return response

    def _asked(self, visitor: Visitor, reason: str = "", tries: int = -1) -> web.Response:
        self._offered()
        next = visitor.given("next") or visitor.request.query.get("next", "")
        more: dict[str, Any] = {
            "towns": list(self._module.towns.values()),
            "chosen": visitor.given("town"),
            "next": safe_next(next, ME),
            "reason": reason,
            "tries": tries,
        }
        return self._desk.render(visitor, "login_city_card.html", status=403 if reason else 200, **more)

    def _offered(self) -> None:
        if not self._module.settings.city_cards:
            raise ResourceNotFound("There is no such way to log in here.")
