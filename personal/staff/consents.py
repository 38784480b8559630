"""Pages about one resident's consents: where each stands, a form on paper written down, its receipt printed."""

import base64
from typing import Any, Final

import orjson
from aiohttp import web

from base.errors import BadRequestData
from personal.pages.visitor import Visitor
from personal.rules.receipts import DECISION, LOG
from personal.staff.resident import ONE, ResidentsPage

CHOICE: Final = "choice."
"""Before the item in the names of fields that agree to it or refuse it."""


class ConsentPages(ResidentsPage):
    """Consents of one resident, as the counter sees and writes them."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ONE + "/consents", self.show),
            desk.sent(ONE + "/withdraw", self.withdraw, page=self.show),
            desk.sent(ONE + "/revoke", self.revoke, page=self.show),
            desk.shown(ONE + "/paper", self.begin),
            desk.sent(ONE + "/paper/check", self.check, page=self.begin, shows=True),
            desk.sent(ONE + "/paper", self.decide, page=self.check_again),
            desk.shown(ONE + "/receipts/{receipt}", self.show_receipt),
            desk.shown(ONE + "/receipts/{receipt}/file", self.give_receipt),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show all services with what the resident agreed to."""
        consents, labels = await self._listed(visitor), await self._desk.labels(visitor)
        return self._render(visitor, "resident_consents.html", consents=consents, labels=labels)

    async def withdraw(self, visitor: Visitor) -> web.Response:
        """Withdraw consents for a resident who asks for it at the counter."""
        body = visitor.chosen("service", "purpose")
        return await self._do(visitor, "/consents/paper/withdraw", "consent_withdrawn", "/consents", **body)

    async def revoke(self, visitor: Visitor) -> web.Response:
        """End consents that were written down from a form that is not good."""
        body = visitor.chosen("service", "purpose", "reason")
        return await self._do(visitor, "/consents/paper/revoke", "consent_revoked", "/consents", **body)

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the form to copy a consent on paper into."""
        given = visitor.form or visitor.request.query
        for service in (await self._listed(visitor))["services"]:
            for purpose in service["purposes"]:
                if (service["id"], purpose["id"]) == (given.get("service"), given.get("purpose")):
                    more = {"service": service, "purpose": purpose, "prefix": CHOICE}
                    return self._render(visitor, "paper.html", **more)
        raise BadRequestData("Choose a service and a purpose.")

    async def check(self, visitor: Visitor) -> web.Response:
        """Show what will be recorded, before it is."""
        body: dict[str, Any] = visitor.chosen("kind", "service", "purpose", "until")
        for verb in ("agree", "refuse"):
            body[verb] = [
                name.removeprefix(CHOICE)
                for name, chosen in visitor.form.items()
                if name.startswith(CHOICE) and chosen == verb
            ]
        told = await self._ask(visitor, "/consents/paper/prepare", **body)
        return await self._to_check(visitor, told)

    async def check_again(self, visitor: Visitor) -> web.Response:
        """Show the same again that was to be recorded."""
        try:
            told = orjson.loads(base64.urlsafe_b64decode(visitor.given("told")))
        except ValueError:
            raise BadRequestData("Choose a service and a purpose.") from None
        return await self._to_check(visitor, told)

    async def decide(self, visitor: Visitor) -> web.Response:
        """Record what was shown, with the scan and what shows that it was agreed to."""
        evidence = visitor.chosen("scan", "statement")
        kind = "official" if "statement" in evidence else "session"
        body = {"prepared": visitor.given("prepared"), "evidence": {"kind": kind, **evidence}}
        made = await self._ask(visitor, "/consents/paper", **body)
        return self._desk.back(visitor, self._path(visitor, f"/receipts/{made['receipt']}"), "paper_recorded")

    async def show_receipt(self, visitor: Visitor) -> web.Response:
        """Show a receipt to be printed for the resident."""
        receipt = orjson.loads(await self._receipt(visitor))
        told = await self._service(visitor, receipt[DECISION])
        more = {"decision": receipt[DECISION], "at": receipt["dct:created"], "log": receipt[LOG]}
        labels = await self._desk.labels(visitor)
        return self._render(
            visitor, "receipt.html", id=visitor.request.match_info["receipt"], labels=labels, **more, **told
        )

    async def give_receipt(self, visitor: Visitor) -> web.Response:
        """Give a receipt as a file that other software can verify."""
        name = f"receipt-{visitor.request.match_info['receipt']}.jsonld"
        return self._desk.file(await self._receipt(visitor), name, "application/ld+json")

    async def _receipt(self, visitor: Visitor) -> bytes:
        found: bytes = await self._ask(
            visitor, "/consents/paper/receipt", receipt=visitor.request.match_info["receipt"]
        )
        return found

    async def _to_check(self, visitor: Visitor, told: dict[str, Any]) -> web.Response:
        more = await self._service(visitor, told["document"])
        labels = await self._desk.labels(visitor)
        kept = base64.urlsafe_b64encode(orjson.dumps(told)).decode()
        return self._render(
            visitor,
            "paper_check.html",
            asked=told,
            labels=labels,
            scan=visitor.given("scan"),
            told=kept,
            **more,
        )

    async def _service(self, visitor: Visitor, document: dict[str, Any]) -> dict[str, Any]:
        return await self._desk.purpose_of(visitor, document["service"], document["purpose"])

    async def _listed(self, visitor: Visitor) -> Any:
        return await self._ask(visitor, "/consents/find")
