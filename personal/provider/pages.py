"""The way of a resident through a login at a service: in from it, past the portal's pages, and back. (OIDC Core 3.1)"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import InvalidRequest, ResourceNotFound
from personal.api.front import slow_down
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting
from personal.operations.actors import Who
from personal.pages.desk import ME, Desk
from personal.pages.visitor import Visitor, binding, check_form
from personal.provider.city import PREFIX, City
from personal.provider.deciding import Progress, Step, following, progress
from personal.provider.front import fields
from personal.provider.signing_in import Names, Ready, enter, names_of
from personal.rules import authorization
from personal.rules.authorization import OFFLINE, REQUEST_URI
from personal.store import attempts, connections, pushed, services, sessions
from personal.store.attempts import Attempt
from personal.store.services import Service

KIND: Final = "authorize"
MINUTES: Final = 10
AGREE: Final = "agree"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visitor goes on: a URL of the service, or a page here."""

    url: str
    service: bool = False


class LoginPages:
    """The authorization endpoint and the pages on the way."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, nobody = self._desk, Who.NOBODY
        authorize, go_on = PREFIX + "/{town}/authorize", PREFIX + "/{town}/continue/{id}"
        return [
            desk.shown(authorize, self.begin, nobody),
            web.post(authorize, as_query),
            desk.shown(go_on, self.go_on, nobody),
            desk.sent(go_on, self.answer, nobody),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Take a service's request to log somebody in."""
        city, now = city_of(self._desk, visitor), clock.now()
        visitor = at_home(visitor, city)
        slow_down(city.module, visitor.request)
        try:
            given = fields(list(visitor.request.query.items()))
        except OAuth2Error:
            raise InvalidRequest("The service sent you here with a request that cannot be read.") from None
        service, params = await self._request(city, given, now)
        target = authorization.target(params, service.description)
        if target is None:
            raise InvalidRequest(
                "The service sent you here with an address to return to that is not registered."
            )
        if "request_uri" not in given and city.module.settings.common_login_pushed:
            error = OAuth2Error("push the request first", error="invalid_request")
            return redirect(back(city, params, error=error))
        place = await self._step(city, visitor, Progress(params, now), "", now)
        return redirect(place.url)

    async def go_on(self, visitor: Visitor) -> web.Response:
        """Go on with a request after logging in or deciding, or show what has to be agreed to."""
        city, now, id = city_of(self._desk, visitor), clock.now(), visitor.request.match_info["id"]
        visitor = at_home(visitor, city)
        under_way = await self._under_way(city, visitor, id, now)
        place = await self._step(city, visitor, under_way, id, now)
        if place.service:
            return send_on(self._desk, visitor, place.url)
        if place.url == visitor.request.path:
            return await self._ask(city, visitor, under_way)
        return redirect(place.url)

    async def answer(self, visitor: Visitor) -> web.Response:
        """Take the answer whether the service may learn a name for the resident."""
        city, now, id = city_of(self._desk, visitor), clock.now(), visitor.request.match_info["id"]
        visitor = at_home(visitor, city)
        check_form(visitor)
        under_way = await self._under_way(city, visitor, id, now)
        if visitor.actor.who is not Who.RESIDENT or acting.for_another(visitor.actor):
            return redirect(city.path(f"continue/{id}"))
        service = self._service(city, under_way.params["client_id"])
        person, key = visitor.actor.id, await city.town.keys.named(attempts.KEY)
        agrees = visitor.given("answer") == AGREE
        facts = {"by": "resident", "service": service.id, "outcome": AGREE if agrees else "refused"}
        offline = OFFLINE in under_way.params.get("scope", "").split() and not visitor.actor.device

        def work(db: Connection) -> None:
            log.append(db, Entry("service-connection", facts, {"subject": person}), now)
            if agrees:
                connections.agree(db, person, service.id, offline=offline, now=now)
                attempts.change(db, key, id, KIND, replace(under_way, agreed=True).body())
            else:
                attempts.take(db, key, id, KIND, binding(visitor.request), now)

        await city.town.store.write(work)
        if agrees:
            return redirect(city.path(f"continue/{id}"))
        error = OAuth2Error("the resident does not want to log in there", error="access_denied")
        return send_on(self._desk, visitor, back(city, under_way.params, error=error))

    async def _request(self, city: City, given: dict[str, str], now: int) -> tuple[Service, dict[str, str]]:
        """Find which service asks and for what, which it may have pushed before. (RFC 9126 4)"""
        service = self._service(city, given.get("client_id", ""))
        if "request_uri" not in given:
            return service, authorization.kept(given)
        name = given["request_uri"].removeprefix(REQUEST_URI)
        found = await city.town.store.write(lambda db: pushed.take(db, service.id, name, now))
        if found is None:
            raise InvalidRequest("The service's request is not there any more: begin again at the service.")
        return service, found

    def _service(self, city: City, id: str) -> Service:
        service = city.town.store.read(lambda db: services.find(db, id))
        if service is None or not service.active or authorization.login_of(service.description) is None:
            raise InvalidRequest(
                "The service that sent you here is not one of this municipality's common login."
            )
        return service

    async def _under_way(self, city: City, visitor: Visitor, id: str, now: int) -> Progress:
        key, browser = await city.town.keys.named(attempts.KEY), binding(visitor.request)
        found = city.town.store.read(lambda db: attempts.peek(db, key, id, KIND, browser, now))
        if found is None:
            raise ResourceNotFound(
                "This login was begun too long ago or in another browser: begin again at the service."
            )
        return progress(found)

    async def _step(self, city: City, visitor: Visitor, under_way: Progress, id: str, now: int) -> Place:
        """Decide in one transaction what comes next, and do it if it is the last step."""
        key, names = await city.town.keys.named(attempts.KEY), await names_of(city)
        browser = binding(visitor.request)
        work = partial(_decide, city=city, visitor=visitor, under_way=under_way, now=now, names=names)

        def step(db: Connection) -> Place:
            found, place = work(db)
            if place.service:
                attempts.take(db, key, id, KIND, browser, now)
                return place
            name = id
            if name:
                attempts.change(db, key, name, KIND, found.body())
            else:
                until = now + MINUTES * 60 * SECOND
                name = attempts.keep(db, key, Attempt(KIND, browser, found.body(), until), now)
            return Place(place.url.replace("{id}", name))

        return await city.town.store.write(step)

    async def _ask(self, city: City, visitor: Visitor, under_way: Progress) -> web.Response:
        """Show what a service learns by a login, or that one has to stop acting for somebody first."""
        service = self._service(city, under_way.params["client_id"])
        request = authorization.read(under_way.params, service.description)
        purposes = {one["id"]: one["name"] for one in service.description["purposes"]}
        more: dict[str, Any] = {
            "service": service.description,
            "asked": [purposes[one.purpose] for one in request.wanted],
            "offline": OFFLINE in request.scope and not visitor.actor.device,
            "action": visitor.request.path,
            "acting": acting.for_another(visitor.actor),
        }
        return self._desk.render(visitor, "oidc_agree.html", **more)


def _decide(
    db: Connection, *, city: City, visitor: Visitor, under_way: Progress, now: int, names: Names
) -> tuple[Progress, Place]:
    """Say where a visitor goes on; what a service asks for is read anew each time, as it may have changed."""
    params, actor = under_way.params, visitor.actor
    service = services.find(db, params["client_id"])
    if service is None or not service.active or authorization.target(params, service.description) is None:
        raise InvalidRequest("The service that sent you here is not one of this municipality's common login.")
    session = sessions.find(db, visitor.secret, now) if visitor.secret else None
    here = city.path("continue/{id}")
    try:
        request = authorization.read(params, service.description)
        step, purpose = following(db, service, request, under_way, actor, session, now)
    except OAuth2Error as error:
        if error.error == "access_denied":
            facts = {"service": service.id, "outcome": "refused"}
            log.append(db, Entry("service-login-refused", facts, {"subject": actor.id}), now)
        return under_way, Place(back(city, params, error=error), service=True)
    if step is Step.LOG_IN:
        asked = replace(under_way, logins=under_way.logins + 1)
        query = urlencode({"next": here, "level": request.level}, safe="/{}")
        return asked, Place(f"{ME}/login?{query}")
    if step is Step.DECIDE:
        asked = replace(under_way, asked=(*under_way.asked, purpose))
        query = urlencode({"service": service.id, "purpose": purpose, "then": here}, safe="/{}")
        return asked, Place(f"{ME}/ask?{query}")
    if step is not Step.DONE or session is None:
        return under_way, Place(here)
    code = enter(db, Ready(service, request, actor, session, under_way.began), city, names, now)
    return under_way, Place(back(city, params, code=code), service=True)


def back(city: City, params: Any, *, code: str = "", error: Any = None) -> str:
    """Write the URL by which an answer goes to a service; it says from whom it comes. (RFC 9207)"""
    told = {"code": code} if error is None else dict(error.get_body())
    if "state" in params:
        told["state"] = params["state"]
    mark = "&" if "?" in params["redirect_uri"] else "?"
    return f"{params['redirect_uri']}{mark}{urlencode({**told, 'iss': city.issuer})}"


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
    form = await request.post()
    told = urlencode([(name, value) for name, value in form.items() if isinstance(value, str)])
    return redirect(f"{request.path}?{told}")
