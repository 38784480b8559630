"""All pages of residents."""

from typing import Final

from aiohttp import web

from personal.pages.desk import Desk
from personal.portal.access import CardPages, ConnectionPages, SessionPages
from personal.portal.accesses import AccessPages
from personal.portal.asking import AskingPages
from personal.portal.code import CodePages
from personal.portal.data import DataPages
from personal.portal.dates import day_words, moment_words, month_words
from personal.portal.elsewhere import EmergencyPages, FilePages, LinkPages
from personal.portal.family import FamilyPages
from personal.portal.furigana import FuriganaPages, is_on, with_readings
from personal.portal.home import FOR_OTHERS, SECTIONS, HomePages
from personal.portal.login import LoginPages
from personal.portal.notices import NoticePages
from personal.portal.receipts import ReceiptPages
from personal.portal.requests import RequestPages
from personal.portal.rights import RightsPages
from personal.portal.services import ServicePages

_SECTIONS: Final = (
    LoginPages,
    HomePages,
    FuriganaPages,
    DataPages,
    ServicePages,
    AskingPages,
    RequestPages,
    ReceiptPages,
    AccessPages,
    FamilyPages,
    RightsPages,
    SessionPages,
    CardPages,
    ConnectionPages,
    CodePages,
    NoticePages,
    EmergencyPages,
    FilePages,
    LinkPages,
)


class Portal:
    """The residents' portal."""

    def __init__(self, desk: Desk) -> None:
        self._sections = [made(desk) for made in _SECTIONS]
        below = [name for name, path in SECTIONS if desk.inside.knows("GET", path)]
        desk.pages.tell(
            portal_sections=below,
            portal_for_others=[name for name in below if name in FOR_OTHERS],
            readings_on=is_on,
            day_words=day_words,
            moment_words=moment_words,
            month_words=month_words,
        )

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [with_readings(route) for one in self._sections for route in one.routes()]
