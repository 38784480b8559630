"""Logins I have open, my cards and logins, and services I am logged in to."""

from typing import Final

from aiohttp import web

from personal.login.ways import ways
from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section

CREDENTIALS: Final = "/me/credentials"
CONNECTIONS: Final = "/me/connections"
SESSIONS: Final = "/me/sessions"
PROVIDER: Final = "oidc."


class SessionPages(Section):
    """Open logins, each of which can be ended."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/sessions", self.show),
            self._sent("/sessions/end-others", self.end_others, page=self.show),
            self._sent("/sessions/{id}/end", self.end, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the logins that are open."""
        found = (await self._ask(visitor, "GET", SESSIONS))["sessions"]
        return self._render(visitor, "my_sessions.html", found=found)

    async def end(self, visitor: Visitor) -> web.Response:
        """End one login."""
        within = {"id": visitor.request.match_info["id"]}
        await self._ask(visitor, "DELETE", SESSIONS + "/{id}", within=within)
        return self._desk.back(visitor, ME + "/sessions", "my_session_ended")

    async def end_others(self, visitor: Visitor) -> web.Response:
        """End all logins but this one."""
        await self._ask(visitor, "DELETE", SESSIONS)
        return self._desk.back(visitor, ME + "/sessions", "my_sessions_ended")


class CardPages(Section):
    """Cards and logins by which one is known."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/cards", self.show),
            self._sent("/cards/link", self.link, page=self.show, shows=True),
            self._sent("/cards/{id}/end", self.end, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the cards and logins by which the visitor is known."""
        found = (await self._ask(visitor, "GET", CREDENTIALS))["credentials"]
        known = () if visitor.town is None else ways(self._desk.module, visitor.town)
        providers = {
            way.id.removeprefix(PROVIDER): way.label[visitor.language]
            for way in known
            if way.id.startswith(PROVIDER)
        }
        return self._render(visitor, "my_cards.html", found=found, providers=providers)

    async def link(self, visitor: Visitor) -> web.Response:
        """Show the ways to link another card or login."""
        made = await self._ask(visitor, "POST", CREDENTIALS + "/prepare")
        town = visitor.town
        proving = () if town is None else ways(self._desk.module, town)
        found = [way for way in proving if way.proves]
        return self._render(visitor, "my_card_link.html", made=made, ways=found)

    async def end(self, visitor: Visitor) -> web.Response:
        """End a card or a login."""
        within = {"id": visitor.request.match_info["id"]}
        await self._ask(visitor, "DELETE", CREDENTIALS + "/{id}", within=within)
        return self._desk.back(visitor, ME + "/cards", "my_card_ended")


class ConnectionPages(Section):
    """Services at which one is logged in through the town's login."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/connections", self.show),
            self._sent("/connections/{service}/end", self.end, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the services at which the visitor is logged in."""
        found = (await self._ask(visitor, "GET", CONNECTIONS))["connections"]
        return self._render(visitor, "my_connections.html", found=found)

    async def end(self, visitor: Visitor) -> web.Response:
        """End the login at a service."""
        within = {"service": visitor.request.match_info["service"]}
        await self._ask(visitor, "DELETE", CONNECTIONS + "/{service}", within=within)
        return self._desk.back(visitor, ME + "/connections", "my_connection_ended")
