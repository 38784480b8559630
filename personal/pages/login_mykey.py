"""The pages by which one logs in through マイキープラットフォーム: to its screen and back. (personal-data.md 2.5)"""

from aiohttp import web

from base import clock
from base.errors import NotPermitted, Problem, ResourceNotFound, Unauthorized
from personal.api.front import throttle
from personal.login import mykey_logins
from personal.login.mykey_logins import Back, Wish
from personal.operations.actors import Who
from personal.operations.town import Town
from personal.pages.desk import ME, Desk
from personal.pages.kiosks import kiosk_of
from personal.pages.login_shared import REGISTER, outcome, session_of, town_of
from personal.pages.visitor import Visitor, binding, check_form, keep_login, safe_next
from personal.rules.mykey import MyKey


class MyKeyPages:
    """The way to the platform and back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._module = desk.module

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, nobody = self._desk, Who.NOBODY
        return [
            desk.sent(mykey_logins.PATH, self.begin, nobody, shows=True),
            desk.sent(mykey_logins.PIN_PATH, self.begin_with_pin, nobody, shows=True),
            desk.sent(mykey_logins.LINK_PATH, self.begin_link, nobody, shows=True),
            desk.shown(mykey_logins.DONE_PATH, self.come_back, nobody),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Send the browser to the platform, to hold up a card at a desk."""
        town = town_of(self._desk, visitor)
        kiosk = kiosk_of(visitor, town)
        if not kiosk:
            raise NotPermitted("A card is held up at a desk or terminal of the municipality only.")
        return await self._leave(visitor, town, Wish(False, self._next(visitor), kiosk))

    async def begin_with_pin(self, visitor: Visitor) -> web.Response:
        """Send the browser to the platform, for a card and its PIN."""
        if not self._module.settings.mykey_pin:
            raise ResourceNotFound("There is no such way to log in here.")
        town = town_of(self._desk, visitor)
        return await self._leave(visitor, town, Wish(True, self._next(visitor), kiosk_of(visitor, town)))

    async def begin_link(self, visitor: Visitor) -> web.Response:
        """Send the browser to the platform, to link the card that is shown there to who is logged in."""
        if visitor.town is None or visitor.actor.who is not Who.RESIDENT:
            raise Unauthorized("Log in first.")
        check_form(visitor)
        mykey_logins.check_link(visitor.actor.level)
        actor, pin = visitor.actor, self._module.settings.mykey_pin
        wish = Wish(pin, self._next(visitor), person=actor.id, session=actor.session.hex())
        return await self._leave(visitor, visitor.town, wish)

    async def come_back(self, visitor: Visitor) -> web.Response:
        """Log in whoever comes back from the platform, or say what came of it."""
        throttle(self._module, visitor.request)
        query, now, mine = visitor.request.query, clock.now(), binding(visitor.request)
        back = Back(query.get("state", "")[:100], query.get("code", ""))
        town = await mykey_logins.town_of(self._module.towns.values(), back.attempt, mine, now)
        if town is None:
            return outcome(self._desk, visitor, "over", ME)
        more = session_of(visitor, town)
        try:
            came = await mykey_logins.come_back(town, self._module, self._platform(), back, mine, now, **more)
        except Problem as problem:
            said = self._desk.said(visitor, problem)
            return self._desk.render(
                visitor,
                "login_failed.html",
                heading="login_failed",
                status=problem.status,
                said=said,
                back=visitor.link(ME + "/login"),
            )
        if came is None or came.reason:
            return outcome(self._desk, visitor, "over" if came is None else came.reason, ME)
        if came.linked:
            return self._desk.back(visitor, came.next, "linked")
        if came.attempt:
            return self._desk.back(visitor, f"{REGISTER}?attempt={came.attempt}")
        response = self._desk.back(visitor, came.next)
        keep_login(visitor.request, response, town.id, came.secret)
        return response

    async def _leave(self, visitor: Visitor, town: Town, wish: Wish) -> web.Response:
        throttle(self._module, visitor.request)
        mine = binding(visitor.request)
        screen = await mykey_logins.begin(town, self._module, self._platform(), wish, mine, clock.now())
        label = self._desk.pages.say(visitor.language, "mykey_platform")
        return self._desk.render(visitor, "login_leave.html", address=screen, label=label)

    def _platform(self) -> MyKey:
        if self._module.mykey is None:
            raise ResourceNotFound("There is no such way to log in here.")
        return self._module.mykey

    def _next(self, visitor: Visitor) -> str:
        return safe_next(visitor.given("next"), ME)
