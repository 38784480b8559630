"""All pages of the module."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from personal.operations.call import Module, Operation
from personal.pages.break_glass import BreakGlassPages
from personal.pages.catalogue import CataloguePages
from personal.pages.consents import ConsentPages
from personal.pages.desk import STAFF, Desk
from personal.pages.duties import DutyPages
from personal.pages.emergencies import EmergencyPages
from personal.pages.items import ItemPages
from personal.pages.me import ResidentsOwnPages
from personal.pages.names import NamePages
from personal.pages.peers import PeerPages
from personal.pages.records import RecordPages
from personal.pages.relations import RelationPages
from personal.pages.requests import RequestPages
from personal.pages.residents import ResidentPages
from personal.pages.rights import RightsPages
from personal.pages.staff import StaffPages

PAGES = (
    StaffPages,
    ResidentPages,
    RecordPages,
    ConsentPages,
    RelationPages,
    NamePages,
    RequestPages,
    BreakGlassPages,
    CataloguePages,
    ItemPages,
    PeerPages,
    EmergencyPages,
    RightsPages,
    DutyPages,
    ResidentsOwnPages,
)


def routes(module: Module, operations: Sequence[Operation]) -> list[web.RouteDef]:
    """Give the routes of all pages and of what they are made of."""
    desk = Desk(module, operations)
    pages = [route for made in PAGES for route in made(desk).routes()]
    return [web.get("/", _begin(STAFF)), *pages, *desk.pages.routes()]


def _begin(target: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def begin(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(target)

    return begin
