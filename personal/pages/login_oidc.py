"""Logging in and out at outside providers, as browsers and providers see it. (OIDC Core 3.1)"""

from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from base import clock
from base.errors import NotPermitted, Problem, ResourceNotFound, TooManyRequests
from personal.api.front import throttle
from personal.login import oidc, oidc_logout, proofs
from personal.login.oidc import Browser, Entered, Newcomer, Proven
from personal.operations.actors import Who
from personal.operations.town import Town
from personal.pages.desk import ME, STAFF, Desk
from personal.pages.kiosks import kiosk_of
from personal.pages.login_shared import REGISTER, town_of
from personal.pages.visitor import Visitor, binding, browser, check_form, keep_login, safe_next, see
from personal.providers import LoginProvider

_MOST_TOKEN: Final = 20_000


class ProviderLoginPages:
    """The way to a provider and back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._module = desk.module

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            web.get("/login/oidc/jwks", self.keys),
            web.post("/login/oidc/backchannel", self.logged_out),
            desk.shown(oidc_logout.BACK + "{name}", self.goodbye, Who.NOBODY),
            desk.shown(oidc.CALLBACK + "{name}", self.come_back, Who.NOBODY),
            desk.sent(oidc.PATH + "{name}", self.go, Who.NOBODY, shows=True),
        ]

    async def go(self, visitor: Visitor) -> web.Response:
        """Send the browser to the provider: to log in, or to prove a decision of who is logged in."""
        throttle(self._module, visitor.request)
        provider = self._provider(visitor)
        town = self._town(visitor)
        if visitor.given("prepared"):
            check_form(visitor)
        home = STAFF if provider.staff else ME
        next = safe_next(visitor.given("then") or visitor.given("next"), home)
        if visitor.request.query.get("lang") == visitor.language:
            next = _with(next, lang=visitor.language)
        aim = oidc.aim_of(visitor.form, next, visitor.language, visitor.actor)
        address = await oidc.begin(
            self._module, town, provider, aim, self._browser(visitor, town), clock.now()
        )
        return self._desk.render(
            visitor, "login_leave.html", address=address, label=provider.label, over=False
        )

    async def come_back(self, visitor: Visitor) -> web.Response:
        """Take what the browser brings back from the provider."""
        try:
            throttle(self._module, visitor.request)
            provider = self._provider(visitor)
            answer = list(visitor.request.query.items())
            town = oidc.town_of(self._module, answer)
            here = self._browser(visitor, town)
            found = await oidc.finish(self._module, town, provider, answer, here, clock.now())
        except Problem as problem:
            return self._undone(visitor, problem, self._login_page(visitor))
        if isinstance(found, Entered):
            response = see(found.next)
            keep_login(visitor.request, response, town.id, found.secret)
            return response
        if isinstance(found, Newcomer):
            return see(visitor.link(REGISTER, attempt=found.attempt))
        return await self._prove(visitor, found)

    async def _prove(self, visitor: Visitor, found: Proven) -> web.Response:
        body = {"prepared": found.prepared, "evidence": dict(found.evidence)}
        try:
            if visitor.town is None:
                raise NotPermitted("The login that began this decision is over: log in and decide again.")
            to = proofs.opened(visitor.town, found.prepared)[1]
            await self._desk.ask(visitor, "POST", to, body)
        except Problem as problem:
            return self._undone(visitor, problem, found.next, "nothing_agreed")
        return see(_with(found.next, done="agreed" if to == proofs.DECIDING else "linked"))

    def _undone(
        self, visitor: Visitor, problem: Problem, back: str, heading: str = "login_failed"
    ) -> web.Response:
        """Say why nobody was logged in, or nothing was agreed to; nothing of the address gets into the page."""
        said = self._desk.said(visitor, problem)
        shown = replace(visitor, request=visitor.request.clone(rel_url=back))
        more = {"said": said, "back": back, "heading": heading}
        return self._desk.render(shown, "login_failed.html", status=problem.status, **more)

    def _login_page(self, visitor: Visitor) -> str:
        provider = self._module.providers.get(visitor.request.match_info["name"])
        return f"{STAFF if provider is not None and provider.staff else ME}/login"

    async def goodbye(self, visitor: Visitor) -> web.Response:
        """Take a browser back that logged out at a provider."""
        return self._desk.back(visitor, self._login_page(visitor), "logged_out")

    async def keys(self, _: web.Request) -> web.Response:
        """Give the public keys by which providers know this installation."""
        return web.json_response(
            self._module.providers.own_keys(), headers={"Cache-Control": "public, max-age=300"}
        )

    async def logged_out(self, request: web.Request) -> web.Response:
        """Take a provider's word that a login ended. (Back-Channel Logout 1.0 2.5-2.8)"""
        headers = {"Cache-Control": "no-store"}
        try:
            throttle(self._module, request)
        except TooManyRequests as problem:
            return web.Response(status=problem.status, headers={**headers, **problem.headers})
        token = await _logout_token(request)
        if token and await oidc_logout.told(self._module, token, clock.now()):
            return web.Response(headers=headers)
        return web.json_response({"error": "invalid_request"}, status=400, headers=headers)

    def _provider(self, visitor: Visitor) -> LoginProvider:
        found = self._module.providers.get(visitor.request.match_info["name"])
        if found is None:
            raise ResourceNotFound("There is no such way to log in here.")
        return found

    def _town(self, visitor: Visitor) -> Town:
        """Say where somebody logs in; a decision is proven where it was prepared."""
        if visitor.given("prepared"):
            if visitor.town is None:
                raise NotPermitted("The login that began this decision is over: log in and decide again.")
            return visitor.town
        return town_of(self._desk, visitor)

    def _browser(self, visitor: Visitor, town: Town) -> Browser:
        request = visitor.request
        return Browser(binding(request), browser(request), visitor.actor.session, kiosk_of(visitor, town))


async def _logout_token(request: web.Request) -> str:
    """Read what a provider sent; empty if it is no form or too long."""
    long = (request.content_length or 0) > _MOST_TOKEN
    if long or request.content_type != "application/x-www-form-urlencoded":
        return ""
    try:
        given = (await request.post()).get("logout_token")
    except (UnicodeDecodeError, LookupError, ValueError):
        return ""
    return given if isinstance(given, str) else ""


def _with(path: str, **parameters: str) -> str:
    """Add parameters to a path that may have some; those of the same name are replaced."""
    parts = urlsplit(path)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in parameters
    ]
    return f"{parts.path}?{urlencode([*kept, *parameters.items()])}"
