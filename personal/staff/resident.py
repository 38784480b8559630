"""What the pages about one resident share: whom a number stands for, which of their pages the visitor may open."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor

PATH: Final = STAFF + "/residents"
ONE: Final = PATH + "/{number}"
TABS: Final = (
    ("", "tab_resident", "POST", "/residents/read"),
    ("/records", "tab_records", "POST", "/records/find"),
    ("/consents", "tab_consents", "POST", "/consents/find"),
    ("/relations", "tab_relations", "POST", "/delegations/find"),
    ("/names", "tab_names", "POST", "/pseudonyms"),
    ("/accesses", "tab_accesses", "POST", "/accesses/find"),
    ("/emergencies", "tab_emergencies", "POST", "/emergencies/find"),
    ("/requests", "tab_requests", "POST", "/rights"),
    ("/break-glass", "tab_break_glass", "POST", "/break-glass"),
)
"""Pages of one resident: below their number, the name, the operation without which it shows nothing."""


class ResidentsPage:
    """Pages below the number of an open resident."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _resident(self, visitor: Visitor, number: str = "") -> str:
        return self._desk.cases.find(visitor.actor.session, number or visitor.request.match_info["number"])

    def _path(self, visitor: Visitor, below: str = "") -> str:
        return f"{PATH}/{visitor.request.match_info['number']}{below}"

    async def _ask(self, visitor: Visitor, path: str, **body: Any) -> Any:
        """Do an operation about the resident who is open."""
        return await self._desk.ask(visitor, "POST", path, {"resident": self._resident(visitor), **body})

    async def _do(self, visitor: Visitor, path: str, done: str, below: str = "", **body: Any) -> web.Response:
        await self._ask(visitor, path, **body)
        return self._desk.back(visitor, self._path(visitor, below), done)

    def _render(self, visitor: Visitor, template: str, **more: Any) -> web.Response:
        return render(self._desk, visitor, template, **more)


def tabs(desk: Desk, visitor: Visitor) -> list[tuple[str, str]]:
    """Give the pages of a resident that the visitor may open: what stands below the number, its name."""
    return [
        (below, name) for below, name, *operation in TABS if desk.may(visitor, operation[0], operation[1])
    ]


def first_of(desk: Desk, visitor: Visitor, handle: str) -> str:
    """Open a resident; give the path of the first of their pages that the visitor may open."""
    number = desk.cases.open(visitor.actor.session, handle)
    found = tabs(desk, visitor)
    return f"{PATH}/{number}{found[0][0] if found else ''}"


def render(desk: Desk, visitor: Visitor, template: str, **more: Any) -> web.Response:
    """Answer with a page about one resident."""
    number = visitor.request.match_info["number"]
    told: dict[str, Any] = {"number": number, "path": f"{PATH}/{number}", "tabs": tabs(desk, visitor)}
    return desk.render(visitor, template, **told, **more)
