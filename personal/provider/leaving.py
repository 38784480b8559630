"""Logging out on behalf of a service: at once where it proves to be in this login, otherwise after asking."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error

from base.errors import InvalidRequest
from personal.operations.actors import Who
from personal.pages.desk import ME, Desk
from personal.pages.visitor import Visitor, check_form, drop_login
from personal.portal.furigana import with_readings
from personal.provider.city import PREFIX, City
from personal.provider.front import fields
from personal.provider.pages import as_query, at_home, city_of, redirect, send_on
from personal.provider.signing_in import names_of, sid
from personal.rules.authorization import login_of
from personal.store import services

NAMES: Final = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


class LogoutPages:
    """The end session endpoint. (OpenID Connect RP-Initiated Logout 1.0)"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, nobody = self._desk, Who.NOBODY
        path = PREFIX + "/{town}/logout"
        return [
            with_readings(desk.shown(path, self.begin, nobody)),
            web.post(path, as_query),
            desk.sent(path + "/confirmed", self.confirm, nobody),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Log out whoever comes from a service with an ID token of this login; ask everybody else."""
        city = city_of(self._desk, visitor)
        visitor = at_home(visitor, city)
        given = _given(list(visitor.request.query.items()))
        url, service, name = self._target(city, given)
        if visitor.actor.who is not Who.RESIDENT:
            return redirect(url or f"{ME}/login")
        if name and name == sid(await names_of(city), visitor.actor.login, service):
            return await self._leave(visitor, redirect(url or f"{ME}/login"))
        names = {name: given[name] for name in NAMES if name in given}
        return self._desk.render(
            visitor, "oidc_logout.html", names=names, action=city.path("logout/confirmed")
        )

    async def confirm(self, visitor: Visitor) -> web.Response:
        """Log out, or stay, as was answered; and go back to the service."""
        city = city_of(self._desk, visitor)
        visitor = at_home(visitor, city)
        check_form(visitor)
        url, _, _ = self._target(city, {name: text for name, text in visitor.form.items() if text})
        if visitor.given("answer") != "leave":
            return redirect(ME)
        onward = send_on(self._desk, visitor, url) if url else redirect(f"{ME}/login")
        return await self._leave(visitor, onward)

    async def _leave(self, visitor: Visitor, onward: web.Response) -> web.Response:
        await self._desk.ask(visitor, "DELETE", "/session")
        drop_login(visitor.request, onward)
        return onward

    def _target(self, city: City, given: Mapping[str, str]) -> tuple[str, str, str]:
        """Give where to go on to, as the service that asks registered, which it is, and how it calls the login."""
        service, name = given.get("client_id"), ""
        if "id_token_hint" in given:
            try:
                told = city.hint(given["id_token_hint"], service)
            except OAuth2Error:
                raise _unreadable() from None
            service, name = told["aud"], told.get("sid", "")
        wanted = given.get("post_logout_redirect_uri")
        if wanted is None:
            return "", service or "", name
        found = None if service is None else city.town.store.read(lambda db: services.find(db, service))
        known = (login_of(found.description) if found and found.active else None) or {}
        if wanted not in known.get("postLogoutRedirectUris", []):
            raise InvalidRequest(
                "The service sent you here with an address to return to that is not registered."
            )
        mark = "&" if "?" in wanted else "?"
        state = f"{mark}{urlencode({'state': given['state']})}" if "state" in given else ""
        return wanted + state, service or "", name


def _given(pairs: list[tuple[str, str]]) -> dict[str, str]:
    try:
        return fields(pairs)
    except OAuth2Error:
        raise _unreadable() from None


def _unreadable() -> InvalidRequest:
    return InvalidRequest("The service sent you here with a request that cannot be read.")
