"""Pages at the counter: finding and registering residents, and everything about one of them."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from base.errors import NotPermitted
from personal.pages import values
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor
from schemas.personal.catalogue import CONSENT

PATH: Final = STAFF + "/residents"
ONE: Final = PATH + "/{number}"
EVENTS: Final = ("moved", "died", "returned")


class ResidentPages:
    """Search, registration, and one resident: what finds them, what is held and where, what may be done."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.begin),
            desk.sent(PATH + "/search", self.search),
            desk.sent(PATH + "/register", self.register),
            desk.sent(PATH + "/open", self.open),
            desk.shown(ONE, self.show),
            desk.sent(ONE + "/event", self.note),
            desk.sent(ONE + "/link", self.link),
            desk.sent(ONE + "/unlink", self.unlink),
            desk.sent(ONE + "/protection", self.protect),
            desk.sent(ONE + "/hold", self.hold),
            desk.sent(ONE + "/withdraw", self.withdraw),
            desk.sent(ONE + "/lift", self.lift),
            desk.shown(ONE + "/items/{item}", self.show_item),
            desk.sent(ONE + "/items/{item}", self.write_item),
            desk.sent(ONE + "/items/{item}/erase", self.erase_item),
        ]

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the forms to search and to register."""
        if not self._desk.may(visitor, "POST", "/residents/search"):
            raise NotPermitted("This needs a role at the counter.")
        return self._desk.render(visitor, "residents.html", found=None, asked={})

    async def search(self, visitor: Visitor) -> web.Response:
        """Show who fits; nothing that was typed in gets into an address."""
        body: dict[str, Any] = visitor.chosen("nameKana", "birthDate", "municipalId")
        if visitor.given("serial"):
            body["card"] = visitor.chosen("issuer", "serial")
        found = (await self._desk.ask(visitor, "POST", "/residents/search", body))["residents"]
        return self._desk.render(visitor, "residents.html", found=found, asked=body)

    async def register(self, visitor: Visitor) -> web.Response:
        """Register a resident and open them."""
        body: dict[str, Any] = visitor.chosen("nameKana", "birthDate", "municipalId", "login")
        if visitor.given("serial"):
            body["cards"] = [visitor.chosen("issuer", "serial")]
        made = await self._desk.ask(visitor, "POST", "/residents", body)
        done = "registered_similar" if made["similar"] else "registered"
        return self._desk.back(visitor, self._opened(visitor, made["resident"]), done)

    async def open(self, visitor: Visitor) -> web.Response:
        """Open a resident who was found."""
        return self._desk.back(visitor, self._opened(visitor, visitor.given("resident")))

    async def show(self, visitor: Visitor) -> web.Response:
        """Show where a resident stands and what is held, not what it says."""
        resident = self._resident(visitor)
        standing = await self._desk.ask(visitor, "POST", "/residents/read", {"resident": resident})
        held = await self._desk.ask(visitor, "POST", "/records/find", {"resident": resident})
        labels = await self._labels(visitor)
        records = [{**one, "label": labels.get(one["item"], one["item"])} for one in held["records"]]
        there = {one["item"] for one in records}
        missing = [(code, label) for code, label in labels.items() if code not in there]
        consents = await self._desk.ask(visitor, "POST", "/consents/find", {"resident": resident})
        more = {"standing": standing, "records": records, "missing": missing, "events": EVENTS}
        more["consents"] = consents
        return self._render(visitor, "resident.html", **more)

    async def note(self, visitor: Visitor) -> web.Response:
        """Note what happened to a resident."""
        return await self._do(visitor, "/residents/events", "noted", event=visitor.given("event"))

    async def link(self, visitor: Visitor) -> web.Response:
        """Link a card, a municipal id or a login."""
        kind = visitor.given("kind")
        text = visitor.given("serial")
        linked = (
            {"card": {"issuer": visitor.given("issuer"), "serial": text}} if kind == "card" else {kind: text}
        )
        return await self._do(visitor, "/residents/identifiers", "linked", **linked)

    async def unlink(self, visitor: Visitor) -> web.Response:
        """End a card or another identifier."""
        ended = visitor.given("identifier")
        return await self._do(visitor, "/residents/identifiers/end", "unlinked", identifier=ended)

    async def protect(self, visitor: Visitor) -> web.Response:
        """Protect a resident, or lift it."""
        wanted = visitor.given("protected") == "yes"
        done = "protected" if wanted else "unprotected"
        return await self._do(visitor, "/residents/protection", done, protected=wanted)

    async def hold(self, visitor: Visitor) -> web.Response:
        """Keep a record for a law until a day."""
        told = {**visitor.chosen("item", "basis"), "until": f"{visitor.given('until')}T00:00:00Z"}
        return await self._do(visitor, "/records/hold", "held", **told)

    async def withdraw(self, visitor: Visitor) -> web.Response:
        """Withdraw consents for a resident who asks for it at the counter."""
        body = visitor.chosen("service", "purpose")
        return await self._do(visitor, "/consents/paper/withdraw", "consent_withdrawn", **body)

    async def lift(self, visitor: Visitor) -> web.Response:
        """Lift that."""
        return await self._do(visitor, "/records/lift", "lifted", **visitor.chosen("item", "basis"))

    async def show_item(self, visitor: Visitor) -> web.Response:
        """Show what an item says, and the form to change it; with `new` only the form."""
        code = visitor.request.match_info["item"]
        schema = await self._schema(visitor, code)
        value: dict[str, Any] = {}
        version = 0
        if visitor.request.query.get("new") != "yes":
            asked = {"resident": self._resident(visitor), "item": code}
            found = await self._desk.ask(visitor, "POST", "/records/read", asked)
            value, version = found["value"], found["version"]
        more = {
            "code": code,
            "label": schema["x-label"][visitor.language],
            "basis": None if schema["x-basis"] == CONSENT else schema["x-basis"],
            "rows": values.rows(schema, value, visitor.language),
            "fields": values.fields(schema, value, visitor.language),
            "version": version,
        }
        return self._render(visitor, "item.html", **more)

    async def write_item(self, visitor: Visitor) -> web.Response:
        """Store an item from a form."""
        code = visitor.request.match_info["item"]
        schema = await self._schema(visitor, code)
        version = visitor.given("version")
        body = {
            "item": code,
            "value": values.read(schema, visitor.form),
            "expectedVersion": int(version) if version.isascii() and version.isdigit() else -1,
        }
        return await self._do(visitor, "/records/write", "written", **body)

    async def erase_item(self, visitor: Visitor) -> web.Response:
        """Erase an item, or note that it has to wait."""
        body = {"resident": self._resident(visitor), "item": visitor.request.match_info["item"]}
        told = await self._desk.ask(visitor, "POST", "/records/erase", body)
        return self._desk.back(visitor, self._path(visitor), "erased" if told["erased"] else "kept")

    async def _do(self, visitor: Visitor, path: str, done: str, **body: Any) -> web.Response:
        await self._desk.ask(visitor, "POST", path, {"resident": self._resident(visitor), **body})
        return self._desk.back(visitor, self._path(visitor), done)

    async def _labels(self, visitor: Visitor) -> Mapping[str, str]:
        listed = (await self._desk.ask(visitor, "GET", "/items"))["items"]
        return {one["item"]: one["label"][visitor.language] for one in listed}

    async def _schema(self, visitor: Visitor, code: str) -> Any:
        return await self._desk.ask(visitor, "GET", "/items/{item}", within={"item": code})

    def _resident(self, visitor: Visitor) -> str:
        return self._desk.cases.find(visitor.actor.session, visitor.request.match_info["number"])

    def _opened(self, visitor: Visitor, handle: str) -> str:
        return f"{PATH}/{self._desk.cases.open(visitor.actor.session, handle)}"

    def _path(self, visitor: Visitor) -> str:
        return f"{PATH}/{visitor.request.match_info['number']}"

    def _render(self, visitor: Visitor, template: str, **more: Any) -> web.Response:
        path = self._path(visitor)
        return self._desk.render(visitor, template, path=path, number=path.rpartition("/")[2], **more)
