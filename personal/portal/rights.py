"""My rights: taking everything along, asking for disclosure, correction or stop of use, erasing, withdrawing all."""

from typing import Any, Final

import orjson
from aiohttp import web

from base.errors import BadRequestData
from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section
from personal.rules.rights import Right

RIGHTS: Final = ME + "/rights"
FORMS: Final = {
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
YES: Final = "yes"


class RightsPages(Section):
    """Rights of one's own."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/rights", self.show),
            self._sent("/rights/export", self.export, page=self.show, shows=True),
            self._sent("/rights/ask", self.ask, page=self.show),
            self._sent("/rights/{id}/take-back", self.take_back, page=self.show),
            self._shown("/erase", self.ask_to_erase),
            self._sent("/erase", self.erase, page=self.ask_to_erase, shows=True),
            self._shown("/freeze", self.ask_to_freeze),
            self._sent("/freeze", self.freeze, page=self.ask_to_freeze),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show what one may ask for, and where one's requests stand."""
        found = await self._ask(visitor, "GET", "/me/rights")
        listed = (await self._ask(visitor, "GET", "/items"))["items"]
        more = {
            "requests": found["requests"],
            "items": [(one["item"], one["label"][visitor.language]) for one in listed],
            "rights": [right.value for right in Right],
            "forms": FORMS,
        }
        return self._render(visitor, "my_rights.html", **more, labels=await self._desk.labels(visitor))

    async def export(self, visitor: Visitor) -> web.Response:
        """Give everything held about the visitor as a file, or as a page for printing."""
        self._check_file(visitor)
        form = visitor.given("format")
        form = form if form in FORMS else "json"
        body = await self._ask(visitor, "GET", "/me/export", params={"format": form})
        raw = body if isinstance(body, bytes) else orjson.dumps(body, option=orjson.OPT_INDENT_2)
        return self._desk.file(raw, f"engawa-export.{form}", FORMS[form])

    async def ask(self, visitor: Visitor) -> web.Response:
        """Ask for disclosure, correction or stop of use."""
        body: dict[str, Any] = visitor.chosen("right", "text")
        if visitor.given("items"):
            body["items"] = visitor.given("items").split()
        await self._ask(visitor, "POST", "/me/rights", body)
        return self._desk.back(visitor, RIGHTS, "my_right_asked")

    async def take_back(self, visitor: Visitor) -> web.Response:
        """Take a request back."""
        within = {"id": visitor.request.match_info["id"]}
        await self._ask(visitor, "DELETE", "/me/rights/{id}", within=within)
        return self._desk.back(visitor, RIGHTS, "my_right_taken_back")

    async def ask_to_erase(self, visitor: Visitor) -> web.Response:
        """Ask whether everything shall go, and say what stays by which law."""
        held = await self._ask(visitor, "GET", "/me/items")
        listed = (await self._ask(visitor, "GET", "/items"))["items"]
        laws = {one["item"]: one["basis"].removeprefix("law:") for one in listed if one["basis"] != "consent"}
        stays = [one for one in held["records"] if one["item"] in laws or one["holds"]]
        goes = [one for one in held["records"] if one not in stays]
        more = {"stays": stays, "goes": goes, "laws": laws, "labels": await self._desk.labels(visitor)}
        return self._render(visitor, "my_erase.html", **more)

    async def erase(self, visitor: Visitor) -> web.Response:
        """Erase everything, once it was asked twice, and say what became of each item."""
        if visitor.given("sure") != YES:
            raise BadRequestData("Mark that you want everything erased.")
        told = (await self._ask(visitor, "POST", "/me/erase"))["items"]
        return self._render(visitor, "my_erased.html", items=told, labels=await self._desk.labels(visitor))

    async def ask_to_freeze(self, visitor: Visitor) -> web.Response:
        """Ask whether all consents shall end, and say what follows."""
        consents = await self._ask(visitor, "GET", "/me/consents")
        standing = [
            (service["name"][visitor.language], purpose["name"][visitor.language])
            for service in consents["services"]
            for purpose in service["purposes"]
            if any(
                (one.get(kind) or {}).get("holds") for one in purpose["items"] for kind in ("share", "store")
            )
        ]
        return self._render(visitor, "my_freeze.html", standing=standing)

    async def freeze(self, visitor: Visitor) -> web.Response:
        """Withdraw everything."""
        await self._ask(visitor, "POST", "/me/consents/withdraw", {"everything": True})
        if self._desk.may(visitor, "DELETE", "/me/sharing-codes"):
            await self._ask(visitor, "DELETE", "/me/sharing-codes")
        return self._desk.back(visitor, ME + "/services", "my_frozen")
