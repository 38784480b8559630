"""Letting a login go on, where its page warned that it ends."""

from typing import Final

from aiohttp import web

from base import clock
from personal.operations.actors import Who
from personal.pages.desk import Desk
from personal.pages.limits import limits_of
from personal.pages.visitor import Visitor, check_form

STAY: Final = "/login/stay"


class StayPages:
    """What the script of the warning asks for; a page that is opened does the same without it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._desk.sent(STAY, self.stay, Who.NOBODY)]

    async def stay(self, visitor: Visitor) -> web.Response:
        """Say how many seconds the login lasts now that it was used; none if it is over."""
        limits = limits_of(visitor.actor, self._desk.module.settings, clock.now())
        told = {"left": 0, "last": 0}
        if limits is not None:
            check_form(visitor)
            told = {"left": limits.left, "last": limits.last}
        return web.json_response(told, headers={"Cache-Control": "no-store"})
