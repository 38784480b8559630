"""Pages about what is held about one resident: which items and where, what one says; writing, erasing, holding it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from personal.pages import values
from personal.pages.desk import STAFF
from personal.pages.visitor import Visitor
from personal.staff.resident import ONE, ResidentsPage
from schemas.personal.catalogue import CONSENT


class RecordPages(ResidentsPage):
    """The items of one resident."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ONE + "/records", self.show),
            desk.sent(ONE + "/records/forget", self.forget, page=self.show),
            desk.sent(ONE + "/place", self.place, page=self.show),
            desk.sent(ONE + "/hold", self.hold, page=self.show),
            desk.sent(ONE + "/lift", self.lift, page=self.show),
            desk.sent(ONE + "/erase", self.erase_item, page=self.show),
            desk.shown(ONE + "/items/{item}", self.show_item),
            desk.sent(ONE + "/items/{item}", self.write_item, page=self.show_item),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show what is held and where, not what it says."""
        held = await self._ask(visitor, "/records/find")
        labels = await self._desk.labels(visitor)
        there = {one["item"] for one in held["records"]}
        more = {
            "records": held["records"],
            "waiting": held["waiting"],
            "labels": labels,
            "missing": [(code, label) for code, label in labels.items() if code not in there],
        }
        return self._render(visitor, "records.html", **more)

    async def forget(self, visitor: Visitor) -> web.Response:
        """Erase everything about somebody who moved away or died."""
        told = await self._ask(visitor, "/records/forget")
        if told["kept"]:
            return self._desk.back(visitor, self._path(visitor, "/records"), "kept")
        return self._desk.back(visitor, STAFF, "forgotten")

    async def place(self, visitor: Visitor) -> web.Response:
        """Keep an item where the resident chose on paper."""
        told = visitor.chosen("item", "location", "evidence")
        return await self._do(visitor, "/records/place", "placed", "/records", **told)

    async def hold(self, visitor: Visitor) -> web.Response:
        """Keep a record for a law until a day."""
        told = {**visitor.chosen("item", "basis"), "until": f"{visitor.given('until')}T00:00:00Z"}
        return await self._do(visitor, "/records/hold", "held", "/records", **told)

    async def lift(self, visitor: Visitor) -> web.Response:
        """Lift that."""
        told = visitor.chosen("item", "basis")
        return await self._do(visitor, "/records/lift", "lifted", "/records", **told)

    async def erase_item(self, visitor: Visitor) -> web.Response:
        """Erase an item, or note that it has to wait."""
        told = await self._ask(visitor, "/records/erase", item=visitor.given("item"))
        done = "erased" if told["erased"] else "kept"
        return self._desk.back(visitor, self._path(visitor, "/records"), done)

    async def show_item(self, visitor: Visitor) -> web.Response:
        """Show what an item says, and the form to change it; with `new` only the form."""
        code = visitor.request.match_info["item"]
        schema = await self._schema(visitor, code)
        value: dict[str, Any] = {}
        version = 0
        if visitor.request.query.get("new") != "yes" and visitor.form.get("version") != "0":
            found = await self._ask(visitor, "/records/read", item=code)
            value, version = found["value"], found["version"]
        more = {
            "code": code,
            "label": schema["x-label"][visitor.language],
            "basis": None if schema["x-basis"] == CONSENT else schema["x-basis"].removeprefix("law:"),
            "special": schema["x-class"] == "special-care",
            "rows": values.rows(schema, value, visitor.language),
            "fields": values.fields(schema, value, visitor.language, visitor.form),
            "version": version,
        }
        return self._render(visitor, "item.html", **more)

    async def write_item(self, visitor: Visitor) -> web.Response:
        """Store an item from a form; or show the form with more rows to fill in."""
        if visitor.given("more"):
            return self._desk.filled(await self.show_item(visitor), visitor)
        code = visitor.request.match_info["item"]
        schema = await self._schema(visitor, code)
        version = visitor.given("version")
        body = {
            "item": code,
            "value": values.read(schema, visitor.form),
            "expectedVersion": int(version) if version.isascii() and version.isdigit() else -1,
        }
        return await self._do(visitor, "/records/write", "written", "/records", **body)

    async def _schema(self, visitor: Visitor, code: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._desk.ask(
            visitor, "GET", "/items/{item}", within={"item": code}
        )
        return found
