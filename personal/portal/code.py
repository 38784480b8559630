"""A sharing code: shown once as a QR code and as letters, good for one look within the hour."""

from typing import Any, Final

import segno
from aiohttp import web

from personal.pages.desk import ME
from personal.pages.typed import whole
from personal.pages.visitor import Visitor
from personal.portal.section import Section

SPANS: Final = (5, 15, 30, 60)
"""For how many minutes a code can be good."""


class CodePages(Section):
    """Codes that let a service look once."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/code", self.begin),
            self._sent("/code", self.make, page=self.begin, shows=True),
            self._sent("/code/withdraw", self.withdraw, page=self.begin),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the form to make a code."""
        held = (await self._ask(visitor, "GET", "/me/items"))["records"]
        services = (await self._ask(visitor, "GET", "/services"))["services"]
        more = {
            "records": held,
            "listed": services,
            "spans": SPANS,
            "labels": await self._desk.labels(visitor),
        }
        return self._render(visitor, "my_code.html", **more)

    async def make(self, visitor: Visitor) -> web.Response:
        """Make a code and show it, once."""
        items = visitor.given("items").split()
        body: dict[str, Any] = {"items": items, "minutes": whole(visitor, "minutes")}
        body |= visitor.chosen("service")
        made = await self._ask(visitor, "POST", "/me/sharing-codes", body)
        drawn = segno.make(made["code"], error="m", boost_error=False)
        picture = drawn.svg_data_uri(scale=8, border=4, dark="#000", light="#fff")
        names = await self._names(visitor)
        more = {"made": made, "picture": picture, "items": items, "service": visitor.given("service")}
        return self._render(visitor, "my_code_made.html", **more, **names)

    async def withdraw(self, visitor: Visitor) -> web.Response:
        """Let no code be used any more."""
        await self._ask(visitor, "DELETE", "/me/sharing-codes")
        return self._desk.back(visitor, ME + "/code", "codes_withdrawn")
