"""All pages of the module, of all its parts."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from personal.operations.call import Module, Operation
from personal.pages.desk import STAFF, Desk
from personal.pages.factors import FactorPages
from personal.pages.login_card import CardLoginPages
from personal.pages.login_city_card import CityCardPages
from personal.pages.login_mykey import MyKeyPages
from personal.pages.login_oidc import ProviderLoginPages
from personal.pages.login_register import RegisterPages
from personal.pages.own_sessions import SessionPages
from personal.pages.resuming import ResumePages
from personal.pages.staying import StayPages
from personal.pages.stopping import StopPages
from personal.portal.furigana import with_readings
from personal.portal.pages import Portal
from personal.provider import routes as provider
from personal.staff import pages as staff

HERE: Final = Path(__file__).parent
PARTS: Final = (HERE / "pages", HERE / "staff", HERE / "portal", HERE / "provider")
"""Where the parts are: each with its templates and its texts, the shared ones first."""
PAGES: Final = (
    *staff.PAGES,
    FactorPages,
    ResumePages,
    StayPages,
    SessionPages,
    ProviderLoginPages,
    CardLoginPages,
    CityCardPages,
    MyKeyPages,
    RegisterPages,
    StopPages,
    Portal,
    *provider.PAGES,
)


def routes(module: Module, operations: Sequence[Operation]) -> list[web.RouteDef]:
    """Give the routes of all pages and of what they are made of."""
    desk = Desk(module, operations, PARTS)
    pages = [_read(route) for made in PAGES for route in made(desk).routes()]
    return [web.get("/", _begin(STAFF)), *pages, *desk.pages.routes()]


def _read(route: web.RouteDef) -> web.RouteDef:
    """Let pages by which residents log in carry readings, as their own do."""
    return with_readings(route) if route.path.startswith("/login") else route


def _begin(target: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def begin(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(target)

    return begin
