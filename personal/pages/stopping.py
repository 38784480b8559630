"""Ending the messages to an address by what each of them carries, without a login. (RFC 8058)"""

from dataclasses import replace
from typing import Final

from aiohttp import web

from base.errors import ResourceNotFound
from personal.operations.actors import NOBODY, Who
from personal.pages.desk import Desk
from personal.pages.visitor import Visitor

PATH: Final = "/stop/{town}/{token}"


class StopPages:
    """What the link in a message leads to; looking at it ends nothing, as scanners follow links."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._desk.shown(PATH, self.show, Who.NOBODY),
            self._desk.sent(PATH, self.stop, Who.NOBODY, shows=True),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Ask whether the messages shall end."""
        return self._desk.render(self._there(visitor), "stop.html", stopped=False)

    async def stop(self, visitor: Visitor) -> web.Response:
        """End the messages; a mail program that sends this on its own shows nobody the answer."""
        body = {"token": visitor.request.match_info["token"][:100]}
        await self._desk.ask(self._there(visitor), "POST", "/contact/stop", body)
        return self._desk.render(self._there(visitor), "stop.html", stopped=True)

    def _there(self, visitor: Visitor) -> Visitor:
        """Give the visitor as nobody, at the municipality that the link names."""
        town = self._desk.module.towns.get(visitor.request.match_info["town"])
        if town is None:
            raise ResourceNotFound("There is no such page.")
        return replace(visitor, town=town, actor=NOBODY, secret="")
