"""All pages of the module."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from personal.operations.call import Module, Operation
from personal.pages.catalogue import CataloguePages
from personal.pages.desk import STAFF, Desk
from personal.pages.emergencies import EmergencyPages
from personal.pages.me import ResidentsOwnPages
from personal.pages.relations import RelationPages
from personal.pages.residents import ResidentPages
from personal.pages.rights import RightsPages
from personal.pages.staff import StaffPages


def routes(module: Module, operations: Sequence[Operation]) -> list[web.RouteDef]:
    """Give the routes of all pages and of what they are made of."""
    desk = Desk(module, operations)
    return [
        web.get("/", _begin(STAFF)),
        *StaffPages(desk).routes(),
        *ResidentPages(desk).routes(),
        *RelationPages(desk).routes(),
        *CataloguePages(desk).routes(),
        *EmergencyPages(desk).routes(),
        *RightsPages(desk).routes(),
        *ResidentsOwnPages(desk).routes(),
        *desk.pages.routes(),
    ]


def _begin(target: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def begin(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(target)

    return begin
