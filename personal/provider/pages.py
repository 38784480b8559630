"""The way of a resident through a login at a service: in from it, past the portal's pages, and back. (OIDC Core 3.1)"""

import re
from typing import Any, Final

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error

from base import clock
from base.database import Connection
from base.errors import InvalidRequest, ResourceNotFound
from personal.api.front import throttle
from personal.operations import acting
from personal.operations.actors import Who
from personal.operations.call import FORM
from personal.pages.desk import Desk
from personal.pages.visitor import Visitor, binding, check_form
from personal.portal.furigana import with_readings
from personal.provider import steps
from personal.provider.city import PREFIX, City
from personal.provider.front import body, fields
from personal.provider.steps import Guest, back, in_force
from personal.rules import authorization
from personal.rules.authorization import OFFLINE, REQUEST_URI
from personal.store import pushed
from personal.store.services import Service

AGREE: Final = "agree"
MYSELF: Final = "myself"
"""The answer of who acted for somebody else and does no longer."""
_QUERY: Final = re.compile(rb"[!-\"$-~]{1,6000}")
"""A form that fits into an address as it is."""


class LoginPages:
    """The authorization endpoint and the pages on the way."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, nobody = self._desk, Who.NOBODY
        authorize, onward = PREFIX + "/{town}/authorize", PREFIX + "/{town}/continue/{id}"
        return [
            desk.shown(authorize, self.begin, nobody),
            web.post(authorize, as_query),
            with_readings(desk.shown(onward, self.go_on, nobody)),
            desk.sent(onward, self.answer, nobody),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Take a service's request to log somebody in."""
        city, now = city_of(self._desk, visitor), clock.now()
        throttle(city.module, visitor.request)
        try:
            given = fields(list(visitor.request.query.items()))
        except OAuth2Error:
            raise InvalidRequest("The service sent you here with a request that cannot be read.") from None
        service, params = await _request(city, given, now)
        if authorization.target(params, service.description) is None:
            raise InvalidRequest(
                "The service sent you here with an address to return to that is not registered."
            )
        if "request_uri" not in given and city.module.settings.common_login_pushed:
            error = OAuth2Error("push the request first", error="invalid_request")
            return redirect(back(city, params, error=error))
        return redirect((await steps.begin(city, _guest(visitor, city), params, now)).url)

    async def go_on(self, visitor: Visitor) -> web.Response:
        """Go on with a request after logging in or deciding, or show what has to be agreed to."""
        city, now, id = city_of(self._desk, visitor), clock.now(), visitor.request.match_info["id"]
        guest = _guest(visitor, city)
        place = await steps.go_on(city, guest, id, now)
        if place.service:
            return send_on(self._desk, visitor, place.url)
        if place.url != visitor.request.path:
            return redirect(place.url)
        return self._show(visitor, *await steps.asked(city, guest, id, now))

    async def answer(self, visitor: Visitor) -> web.Response:
        """Take the answer whether the service may learn a name for the resident."""
        city, now, id = city_of(self._desk, visitor), clock.now(), visitor.request.match_info["id"]
        visitor = at_home(visitor, city)
        check_form(visitor)
        if visitor.given("answer") == MYSELF:
            await self._desk.ask(visitor, "POST", "/me/acting-for", {"resident": None})
            return redirect(visitor.request.rel_url.raw_path)
        agrees = visitor.given("answer") == AGREE
        place = await steps.answer(city, _guest(visitor, city), id, now, agrees=agrees)
        return send_on(self._desk, visitor, place.url) if place.service else redirect(place.url)

    def _show(self, visitor: Visitor, service: Service, request: authorization.Request) -> web.Response:
        """Show what a service learns by a login, or that one has to stop acting for somebody first."""
        purposes = {one["id"]: one["name"] for one in service.description["purposes"]}
        more: dict[str, Any] = {
            "service": service.description,
            "asked": [purposes[one.purpose] for one in request.wanted],
            "offline": OFFLINE in request.scope and not visitor.actor.device,
            "action": visitor.request.path,
            "acting": acting.for_another(visitor.actor),
        }
        return self._desk.render(visitor, "oidc_agree.html", **more)


async def _request(city: City, given: dict[str, str], now: int) -> tuple[Service, dict[str, str]]:
    """Find which service asks and for what, which it may have pushed before. (RFC 9126 4)"""
    id, name = given.get("client_id", ""), given.get("request_uri", "").removeprefix(REQUEST_URI)
    if "request_uri" not in given:
        return city.town.store.read(lambda db: in_force(db, id)), authorization.kept(given)

    def work(db: Connection) -> tuple[Service, dict[str, str] | None]:
        service = in_force(db, id)
        return service, pushed.take(db, service.id, name, now)

    service, found = await city.town.store.write(work)
    if found is None:
        raise InvalidRequest("The service's request is not there any more: begin again at the service.")
    return service, found


def _guest(visitor: Visitor, city: City) -> Guest:
    known = at_home(visitor, city)
    return Guest(known.actor, known.secret, binding(visitor.request))


def city_of(desk: Desk, visitor: Visitor) -> City:
    """Give the municipality that a path names."""
    town = desk.module.towns.get(visitor.request.match_info["town"])
    if town is None:
        raise ResourceNotFound("There is no such municipality here.")
    return City(desk.module, town)


def at_home(visitor: Visitor, city: City) -> Visitor:
    """Give a visitor as this municipality knows them: a login at another one counts for nothing here."""
    if visitor.town is city.town:
        return visitor
    return Visitor(visitor.request, visitor.language, form=visitor.form)


def send_on(desk: Desk, visitor: Visitor, url: str) -> web.Response:
    """Send a browser to a service after a form of ours: by a page, as browsers refuse to be redirected then. (CSP 3)"""
    response = desk.render(visitor, "oidc_send.html", url=url)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def redirect(url: str) -> web.Response:
    """Go on by a redirect that no cache keeps and that tells nobody where it came from."""
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=303, headers=headers)


async def as_query(request: web.Request) -> web.Response:
    """Take a request that came as a form: the cookies of a login come along with the next one only."""
    try:
        raw = b"" if request.content_type != FORM else await body(request)
    except OAuth2Error:
        raw = b""
    if _QUERY.fullmatch(raw) is None:
        return web.Response(status=400, text="This form cannot be read here; push the request (RFC 9126).")
    return redirect(f"{request.rel_url.raw_path}?{raw.decode('ascii')}")
