"""What is held about oneself: what it says, where it is kept, who stored it; choosing its place; erasing it."""

from typing import Any, Final

from aiohttp import web

from personal.operations.records import OFFICIAL
from personal.pages import values
from personal.pages.desk import ME
from personal.pages.visitor import Visitor
from personal.portal.section import Section

DATA: Final = ME + "/data"


class DataPages(Section):
    """Items of one's own."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/data", self.show),
            self._shown("/data/{item}", self.show_item),
            self._sent("/data/{item}/place", self.choose_place, page=self.show_item),
            self._shown("/data/{item}/edit", self.edit),
            self._sent("/data/{item}/edit", self.write, page=self.edit, shows=True),
            self._shown("/data/{item}/erase", self.ask_to_erase),
            self._sent("/data/{item}/erase", self.erase, page=self.ask_to_erase),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show which items there are, where each is kept, and who stored it."""
        held = await self._ask(visitor, "GET", "/me/items")
        listed = (await self._ask(visitor, "GET", "/items"))["items"]
        there = {one["item"] for one in held["records"]}
        more = {
            "records": held["records"],
            "waiting": held["waiting"],
            "addable": [one for one in listed if _writable(one, there)],
            "special": {one["item"] for one in listed if one["class"] == "special-care"},
            **await self._names(visitor),
        }
        return self._render(visitor, "my_data.html", **more)

    async def show_item(self, visitor: Visitor) -> web.Response:
        """Show what an item says, with its place and the choice of another."""
        item, schema = await self._schema(visitor)
        found = await self._ask(visitor, "GET", "/me/items/{item}", within={"item": item})
        held = await self._ask(visitor, "GET", "/me/items")
        record: dict[str, Any] = next(
            (one for one in held["records"] if one["item"] == item), {"locations": [], "holds": []}
        )
        rows = values.rows(schema, found["value"], visitor.language)
        more = {
            "item": item,
            "label": schema["x-label"][visitor.language],
            "record": {**record, **{name: found[name] for name in ("location", "changed")}},
            "law": "" if schema["x-basis"] == "consent" else schema["x-basis"].removeprefix("law:"),
            "editable": item not in OFFICIAL and bool(values.fields(schema, {}, visitor.language)),
        }
        return self._render(visitor, "my_item.html", rows=rows, **more, **await self._names(visitor))

    async def choose_place(self, visitor: Visitor) -> web.Response:
        """Have an item live elsewhere."""
        item, body = visitor.request.match_info["item"], visitor.chosen("location")
        told = await self._ask(visitor, "PUT", "/me/items/{item}/location", body, within={"item": item})
        return self._desk.back(
            visitor, f"{DATA}/{item}", "place_moving" if told["moving"] else "place_chosen"
        )

    async def edit(self, visitor: Visitor) -> web.Response:
        """Show the form to write an item of one's own."""
        item, schema = await self._schema(visitor)
        found = await self._seen(visitor, "/me/items/{item}", within={"item": item})
        value, version = ({}, 0) if found is None else (found["value"], found["version"])
        more = {
            "item": item,
            "label": schema["x-label"][visitor.language],
            "fields": values.fields(schema, value, visitor.language, visitor.form),
            "version": version,
        }
        return self._render(visitor, "my_edit.html", **more)

    async def write(self, visitor: Visitor) -> web.Response:
        """Store an item of one's own, or give more rows for it."""
        item, schema = await self._schema(visitor)
        if visitor.given("more"):
            return self._desk.filled(await self.edit(visitor), visitor)
        version = visitor.given("version")
        body: dict[str, Any] = {
            "value": values.read(schema, visitor.form),
            "expectedVersion": int(version) if version.isascii() and version.isdigit() else 0,
        }
        await self._ask(visitor, "PUT", "/me/items/{item}", body, within={"item": item})
        return self._desk.back(visitor, f"{DATA}/{item}", "written")

    async def ask_to_erase(self, visitor: Visitor) -> web.Response:
        """Ask whether an item shall go, and say what follows."""
        item, schema = await self._schema(visitor)
        label = schema["x-label"][visitor.language]
        return self._render(visitor, "my_item_erase.html", item=item, label=label)

    async def erase(self, visitor: Visitor) -> web.Response:
        """Erase an item of one's own."""
        item = visitor.request.match_info["item"]
        told = await self._ask(visitor, "DELETE", "/me/items/{item}", within={"item": item})
        return self._desk.back(visitor, DATA, "erased" if told["erased"] else "kept")

    async def _schema(self, visitor: Visitor) -> tuple[str, Any]:
        item = visitor.request.match_info["item"]
        return item, await self._ask(visitor, "GET", "/items/{item}", within={"item": item})


def _writable(item: dict[str, Any], there: set[str]) -> bool:
    return item["item"] not in OFFICIAL and item["item"] not in there and item["basis"] == "consent"
