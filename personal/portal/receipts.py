"""Receipts of decisions: all of them, each to look at and to keep."""

import orjson
from aiohttp import web

from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section
from personal.rules.receipts import DECISION, LOG


class ReceiptPages(Section):
    """Receipts of one's own."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/receipts", self.show_all),
            self._shown("/receipts/{receipt}", self.show),
            self._shown("/receipts/{receipt}/file", self.give),
        ]

    async def show_all(self, visitor: Visitor) -> web.Response:
        """List the receipts, newest first."""
        found = (await self._ask(visitor, "GET", "/me/receipts"))["receipts"]
        return self._render(visitor, "my_receipts.html", receipts=found, **await self._names(visitor))

    async def show(self, visitor: Visitor) -> web.Response:
        """Show the receipt of a decision."""
        receipt = orjson.loads(await self._receipt(visitor))
        decision, id = receipt[DECISION], visitor.request.match_info["receipt"]
        told = await self._desk.purpose_of(visitor, decision["service"], decision["purpose"])
        more = {"decision": decision, "at": receipt["dct:created"], "log": receipt[LOG], "id": id, **told}
        labels = await self._desk.labels(visitor)
        return self._render(
            visitor, "my_receipt.html", file=f"{ME}/receipts/{id}/file", labels=labels, **more
        )

    async def give(self, visitor: Visitor) -> web.Response:
        """Give a receipt as a file that other software can verify."""
        self._check_file(visitor)
        name = f"receipt-{visitor.request.match_info['receipt']}.jsonld"
        return self._desk.file(await self._receipt(visitor), name, "application/ld+json")

    async def _receipt(self, visitor: Visitor) -> bytes:
        within = {"id": visitor.request.match_info["receipt"]}
        found: bytes = await self._ask(visitor, "GET", "/me/receipts/{id}", within=within)
        return found
