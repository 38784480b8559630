"""Pages about duties that run: what services have to erase and did not confirm, whom an incident affects."""

from typing import Any, Final

from aiohttp import web

from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor
from personal.staff.permitted import demand
from personal.staff.resident import first_of

DUTIES: Final = STAFF + "/duties"
AFFECTED: Final = STAFF + "/affected"
MOST_SHOWN: Final = 200


class DutyPages:
    """Notices that no service confirmed in time; the list after an incident."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(DUTIES, self.show),
            desk.shown(AFFECTED, self.begin),
            desk.sent(AFFECTED, self.list_affected, page=self.begin, shows=True),
            desk.sent(AFFECTED + "/open", self.open, page=self.begin),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the duties to erase that services have not confirmed in time."""
        found = (await self._desk.ask(visitor, "GET", "/notices/overdue"))["overdue"]
        return self._desk.render(
            visitor, "duties.html", overdue=found, labels=await self._desk.labels(visitor)
        )

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the form to list whom an incident affects."""
        demand(self._desk, visitor, "POST", "/reports/affected")
        return await self._render(visitor, None)

    async def list_affected(self, visitor: Visitor) -> web.Response:
        """Show about whom a service received what in a period."""
        body = {
            "service": visitor.given("service"),
            "from": _day(visitor, "from"),
            "until": _day(visitor, "until"),
        }
        return await self._render(visitor, await self._desk.ask(visitor, "POST", "/reports/affected", body))

    async def open(self, visitor: Visitor) -> web.Response:
        """Open a resident of the list."""
        return self._desk.back(visitor, first_of(self._desk, visitor, visitor.given("resident")))

    async def _render(self, visitor: Visitor, found: Any) -> web.Response:
        services = (await self._desk.ask(visitor, "GET", "/services"))["services"]
        more = {"found": found, "services": services, "most": MOST_SHOWN}
        return self._desk.render(
            visitor, "affected.html", asked=visitor.form, labels=await self._desk.labels(visitor), **more
        )


def _day(visitor: Visitor, name: str) -> str:
    return f"{visitor.given(name)}T00:00:00+09:00"
