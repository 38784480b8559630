"""Pages about other municipalities with which data is exchanged, and the form to propose one."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.typed import json_of, pairs
from personal.pages.visitor import Visitor
from personal.staff.proposals import PROPOSALS

PEERS: Final = STAFF + "/peers"


class PeerPages:
    """Other municipalities."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._desk.shown(PEERS, self.show), self._desk.sent(PEERS, self.propose, page=self.show)]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the municipalities there are, and the form."""
        found = (await self._desk.ask(visitor, "GET", "/exchange/peers/all"))["peers"]
        return self._desk.render(visitor, "peers.html", peers=found)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose a municipality, or how it is from now on."""
        body: dict[str, Any] = {
            **visitor.chosen("peer", "name", "url", "municipality"),
            "keys": json_of(visitor, "keys"),
            "services": pairs(visitor, "services"),
            "active": visitor.given("active") != "no",
        }
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": "peer", "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")
