"""Pages for residents, to try the module with: what is held, agreed, done; the portal is another part."""

from typing import Any, Final

import orjson
from aiohttp import web

from base.errors import ResourceNotFound
from personal.operations.actors import Who
from personal.pages import values
from personal.pages.demonstration import log_in
from personal.pages.desk import ME, Desk
from personal.pages.differences import told_of
from personal.pages.typed import whole
from personal.pages.visitor import Visitor, drop_login
from personal.rules.receipts import DECISION, LOG

MOST: Final = 50
FORMS: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}


class ResidentsOwnPages:
    """One's own pages, with their login."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        desk.logins[Who.RESIDENT] = self.login

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk, own = self._desk, Who.RESIDENT
        return [
            desk.shown(ME, self.show, own),
            desk.shown(ME + "/login", self.login, Who.NOBODY),
            desk.sent(ME + "/login", self.log_in, Who.NOBODY, page=self.login),
            desk.sent(ME + "/logout", self.log_out, own),
            desk.shown(ME + "/items/{item}", self.show_item, own),
            desk.sent(ME + "/items/{item}/place", self.choose_place, own, page=self.show),
            desk.sent(ME + "/export", self.export, own, page=self.show, shows=True),
            desk.shown(ME + "/consents", self.show_consents, own),
            desk.sent(ME + "/agree", self.agree, own, page=self.show_consents),
            desk.sent(ME + "/withdraw", self.withdraw, own, page=self.show_consents),
            desk.shown(ME + "/receipts/{receipt}", self.show_receipt, own),
            desk.shown(ME + "/receipts/{receipt}/file", self.give_receipt, own),
            desk.shown(ME + "/accesses", self.show_accesses, own),
            desk.shown(ME + "/accesses/{position}", self.show_proof, own),
            desk.shown(ME + "/accesses/{position}/file", self.give_proof, own),
            desk.shown(ME + "/code", self.begin_code, own),
            desk.sent(ME + "/code", self.make_code, own, page=self.begin_code, shows=True),
            desk.sent(ME + "/code/withdraw", self.withdraw_codes, own, page=self.begin_code),
        ]

    async def login(self, visitor: Visitor) -> web.Response:
        """Show the form to log in as somebody made up."""
        towns = list(self._desk.module.towns.values())
        return self._desk.render(visitor, "me_login.html", towns=towns)

    async def log_in(self, visitor: Visitor) -> web.Response:
        """Log a resident in."""
        return await log_in(self._desk, visitor, "resident", ME)

    async def log_out(self, visitor: Visitor) -> web.Response:
        """End the login."""
        await self._desk.ask(visitor, "DELETE", "/session")
        response = self._desk.back(visitor, ME + "/login", "logged_out")
        drop_login(visitor.request, response)
        return response

    async def show(self, visitor: Visitor) -> web.Response:
        """Show what is held about the visitor and where."""
        held = await self._desk.ask(visitor, "GET", "/me/items")
        more = {"records": held["records"], "waiting": held["waiting"], "forms": FORMS}
        return self._desk.render(visitor, "me.html", labels=await self._desk.labels(visitor), **more)

    async def show_item(self, visitor: Visitor) -> web.Response:
        """Show what an item says."""
        within = {"item": visitor.request.match_info["item"]}
        schema = await self._desk.ask(visitor, "GET", "/items/{item}", within=within)
        found = await self._desk.ask(visitor, "GET", "/me/items/{item}", within=within)
        more = {"label": schema["x-label"][visitor.language], "changed": found["changed"], "back": ME}
        rows = values.rows(schema, found["value"], visitor.language)
        return self._desk.render(visitor, "me_item.html", rows=rows, **more)

    async def choose_place(self, visitor: Visitor) -> web.Response:
        """Have an item live elsewhere."""
        within, body = {"item": visitor.request.match_info["item"]}, visitor.chosen("location")
        told = await self._desk.ask(visitor, "PUT", "/me/items/{item}/location", body, within=within)
        return self._desk.back(visitor, ME, "place_moving" if told["moving"] else "place_chosen")

    async def export(self, visitor: Visitor) -> web.Response:
        """Give everything held about the visitor as a file, or as a page for printing."""
        form = visitor.given("format")
        params = {"format": form if form in FORMS else "json"}
        body = await self._desk.ask(visitor, "GET", "/me/export", params=params)
        raw = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_INDENT_2)
        return self._desk.file(raw, f"engawa-export.{params['format']}", FORMS[params["format"]])

    async def show_consents(self, visitor: Visitor) -> web.Response:
        """Show every service with what is agreed, what it asks for anew, and the receipts."""
        found = await self._desk.ask(visitor, "GET", "/me/consents")
        events = (await self._desk.ask(visitor, "GET", "/me/consents/events"))["events"]
        receipts = (await self._desk.ask(visitor, "GET", "/me/receipts"))["receipts"]
        labels = await self._desk.labels(visitor)
        names = {one["id"]: one["name"][visitor.language] for one in found["services"]}
        changes = await self._changes(visitor, found, labels)
        ended = [one for one in events if one.get("reason")]
        more: dict[str, Any] = {"ended": ended, "changes": changes, "names": names, "labels": labels}
        return self._desk.render(visitor, "me_consents.html", consents=found, receipts=receipts, **more)

    async def agree(self, visitor: Visitor) -> web.Response:
        """Agree to items for a purpose, with the login as evidence; only where everybody is made up."""
        body: dict[str, Any] = {
            **visitor.chosen("service", "purpose"),
            "agree": visitor.given("agree").split(),
        }
        made = await self._desk.ask(visitor, "POST", "/me/consents/prepare", body)
        decision = {"prepared": made["prepared"], "evidence": {"kind": "session"}}
        await self._desk.ask(visitor, "POST", "/me/consents", decision)
        return self._desk.back(visitor, ME + "/consents", "agreed")

    async def withdraw(self, visitor: Visitor) -> web.Response:
        """Withdraw what was agreed to for a purpose."""
        body = visitor.chosen("service", "purpose")
        await self._desk.ask(visitor, "POST", "/me/consents/withdraw", body)
        return self._desk.back(visitor, ME + "/consents", "consent_withdrawn")

    async def show_receipt(self, visitor: Visitor) -> web.Response:
        """Show the receipt of a decision."""
        receipt = orjson.loads(await self._receipt(visitor))
        decision = receipt[DECISION]
        told = await self._desk.purpose_of(visitor, decision["service"], decision["purpose"])
        more = {"decision": decision, "at": receipt["dct:created"], "log": receipt[LOG], **told}
        labels, id = await self._desk.labels(visitor), visitor.request.match_info["receipt"]
        return self._desk.render(visitor, "me_receipt.html", path=ME, id=id, labels=labels, **more)

    async def give_receipt(self, visitor: Visitor) -> web.Response:
        """Give a receipt as a file that other software can verify."""
        name = f"receipt-{visitor.request.match_info['receipt']}.jsonld"
        return self._desk.file(await self._receipt(visitor), name, "application/ld+json")

    async def show_accesses(self, visitor: Visitor) -> web.Response:
        """Show what was done with the visitor's data, newest first."""
        before = visitor.request.query.get("before", "")
        params = {"limit": str(MOST)}
        if before.isascii() and before.isdigit() and len(before) < 15:
            params["before"] = before
        found = await self._desk.ask(visitor, "GET", "/me/accesses", params=params)
        return self._desk.render(
            visitor, "me_accesses.html", labels=await self._desk.labels(visitor), **found
        )

    async def show_proof(self, visitor: Visitor) -> web.Response:
        """Show one entry about the visitor with what proves it."""
        return self._desk.render(visitor, "me_proof.html", found=await self._proof(visitor))

    async def give_proof(self, visitor: Visitor) -> web.Response:
        """Give an entry with its proof as a file."""
        raw = orjson.dumps(await self._proof(visitor), option=orjson.OPT_INDENT_2)
        return self._desk.file(raw, f"proof-{visitor.request.match_info['position']}.json", FORMS["json"])

    async def begin_code(self, visitor: Visitor) -> web.Response:
        """Show the form to make a sharing code."""
        return await self._code(visitor)

    async def make_code(self, visitor: Visitor) -> web.Response:
        """Make a sharing code and show it, once."""
        body: dict[str, Any] = {"items": visitor.given("items").split(), "minutes": whole(visitor, "minutes")}
        body |= visitor.chosen("service")
        made = await self._desk.ask(visitor, "POST", "/me/sharing-codes", body)
        return await self._code(visitor, made)

    async def withdraw_codes(self, visitor: Visitor) -> web.Response:
        """Let no code be used any more."""
        await self._desk.ask(visitor, "DELETE", "/me/sharing-codes")
        return self._desk.back(visitor, ME + "/code", "codes_withdrawn")

    async def _code(self, visitor: Visitor, made: Any = None) -> web.Response:
        held = (await self._desk.ask(visitor, "GET", "/me/items"))["records"]
        services = (await self._desk.ask(visitor, "GET", "/services"))["services"]
        more = {"records": held, "services": services, "made": made}
        return self._desk.render(visitor, "me_code.html", labels=await self._desk.labels(visitor), **more)

    async def _receipt(self, visitor: Visitor) -> bytes:
        within = {"id": visitor.request.match_info["receipt"]}
        found: bytes = await self._desk.ask(visitor, "GET", "/me/receipts/{id}", within=within)
        return found

    async def _proof(self, visitor: Visitor) -> Any:
        within = {"position": visitor.request.match_info["position"]}
        return await self._desk.ask(visitor, "GET", "/me/accesses/{position}/proof", within=within)

    async def _changes(
        self, visitor: Visitor, consents: dict[str, Any], labels: dict[str, str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Say for each purpose what its service does otherwise than in the version that was agreed to."""
        found: dict[str, list[dict[str, Any]]] = {}
        for service in consents["services"]:
            for purpose in service["purposes"]:
                agreed = _agreed_version(purpose)
                if not agreed or agreed >= service["version"]:
                    continue
                within = {"id": service["id"], "version": str(agreed)}
                try:
                    told = await self._desk.ask(
                        visitor, "GET", "/services/{id}/changes/{version}", within=within
                    )
                except ResourceNotFound:  # the service is suspended
                    continue
                about = [one for one in told["differences"] if one.get("purpose", "") in ("", purpose["id"])]
                found[f"{service['id']}/{purpose['id']}"] = told_of(about, labels, visitor.language)
        return found


def _agreed_version(purpose: dict[str, Any]) -> int:
    """Say to which version of its service a resident agreed for a purpose; 0 if to none."""
    standing = [one["share"] for one in purpose["items"] if one.get("share")]
    held = [one["version"] for one in standing if one["holds"] or one["renewalNeeded"]]
    return max(held, default=0)
