"""What all sections of the portal share: routes of residents, answers that may be missing, names in words."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from base.errors import NotPermitted, ResourceNotFound
from personal.operations import acting
from personal.operations.actors import Who
from personal.pages.desk import ME, Desk, Run
from personal.pages.visitor import Visitor

NOTHING: Final[Mapping[str, str]] = {}


class Section:
    """One section of the portal."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _shown(self, path: str, run: Run) -> web.RouteDef:
        return self._desk.shown(ME + path, run, Who.RESIDENT)

    def _sent(self, path: str, run: Run, page: Run | None = None, *, shows: bool = False) -> web.RouteDef:
        return self._desk.sent(ME + path, run, Who.RESIDENT, page=page, shows=shows)

    def _render(self, visitor: Visitor, template: str, **more: Any) -> web.Response:
        """Answer with a page of the portal; each says if somebody else's data is what it is about."""
        return self._desk.render(visitor, template, acting=acting.for_another(visitor.actor), **more)

    async def _ask(
        self,
        visitor: Visitor,
        method: str,
        path: str,
        body: Any = None,
        *,
        within: Mapping[str, str] = NOTHING,
        params: Mapping[str, str] = NOTHING,
    ) -> Any:
        return await self._desk.ask(visitor, method, path, body, within=within, params=params)

    async def _seen(self, visitor: Visitor, path: str, **more: Any) -> Any:
        """Look at what the visitor may see; None where this login, or the one who acts, may not, or it is not there."""
        if not self._desk.may(visitor, "GET", path):
            return None
        try:
            return await self._ask(visitor, "GET", path, **more)
        except (NotPermitted, ResourceNotFound):
            return None

    def _check_file(self, visitor: Visitor) -> None:
        """Refuse to give a file at a terminal: it would stay there for who comes next."""
        if visitor.actor.device:
            raise NotPermitted(
                "Nothing is saved as a file at a terminal that others use: log in on a device of your own."
            )

    async def _names(self, visitor: Visitor) -> dict[str, Any]:
        """Give what services, purposes and items are called."""
        listed = (await self._ask(visitor, "GET", "/services"))["services"]
        services = {one["id"]: one["name"][visitor.language] for one in listed}
        purposes = {
            f"{one['id']}/{purpose['id']}": purpose["name"][visitor.language]
            for one in listed
            for purpose in one["purposes"]
        }
        labels = await self._desk.labels(visitor)
        return {"services": services, "purposes": purposes, "labels": labels}


def query(visitor: Visitor, name: str) -> str:
    """Give a parameter of the address or a field of the form, empty if there is none."""
    return visitor.given(name) or visitor.request.query.get(name, "").strip()
