"""Pages about the kinds of items: what each is, where it is kept, what still moves; proposals to change that."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from aiohttp import web

from base.errors import BadRequestData, Conflict, ResourceNotFound
from personal.pages.desk import STAFF, Desk
from personal.pages.typed import json_of
from personal.pages.visitor import Visitor
from personal.staff import item_forms
from personal.staff.permitted import demand
from personal.staff.proposals import PROPOSALS

ITEMS: Final = STAFF + "/items"
NEW: Final = ITEMS + "/_new"
CHANGE: Final = ITEMS + "/{item}/change"
PLACES: Final = ("local", "cloud", "lgwan")


class ItemPages:
    """Items and places."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(ITEMS, self.show),
            desk.sent(ITEMS, self.propose, page=self.show),
            desk.shown(NEW, self.describe),
            desk.sent(NEW, self.propose_described, page=self.describe),
            desk.sent(ITEMS + "/place", self.propose_place, page=self.show),
            desk.shown(CHANGE, self.change),
            desk.sent(CHANGE, self.propose_change, page=self.change),
            desk.sent(CHANGE + "/json", self.propose_changed_json, page=self.change),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show all items with where the city keeps each, and what moves now."""
        demand(self._desk, visitor, "GET", "/catalogue/services")
        places = await self._desk.ask(visitor, "GET", "/locations")
        chosen = {one["item"]: one for one in places["items"]}
        listed = (await self._desk.ask(visitor, "GET", "/items"))["items"]
        items = [{"location": "local", "offered": [], **one, **chosen.get(one["item"], {})} for one in listed]
        more = {"items": items, "waiting": places["waiting"], "places": PLACES}
        return self._desk.render(visitor, "items.html", there=places["locations"], **more)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose a kind of item, or its next version."""
        return await self._propose(visitor, "item", {"schema": json_of(visitor, "schema")})

    async def describe(self, visitor: Visitor) -> web.Response:
        """Show the form to describe a kind of item."""
        demand(self._desk, visitor, "GET", "/catalogue/services")
        rows = item_forms.members(visitor.form) or [item_forms.BLANK]
        return self._form(visitor, rows)

    async def propose_described(self, visitor: Visitor) -> web.Response:
        """Propose the item that was described; or show the form with a row more or less."""
        rows, drop = item_forms.members(visitor.form), visitor.given("drop")
        if visitor.given("add"):
            return self._form(visitor, [*rows, item_forms.BLANK][: item_forms.MOST])
        if drop.isascii() and drop.isdigit() and len(drop) < 4:
            return self._form(visitor, [row for number, row in enumerate(rows) if number != int(drop)])
        listed = (await self._desk.ask(visitor, "GET", "/items"))["items"]
        if visitor.given("title") in {one["item"] for one in listed}:
            raise BadRequestData("title is the id of an item that there is already.")
        return await self._propose(visitor, "item", {"schema": item_forms.schema_of(visitor.form)})

    def _form(self, visitor: Visitor, rows: Sequence[Mapping[str, str]]) -> web.Response:
        told = {name: visitor.given(name) for name in item_forms.ABOUT}
        more: dict[str, Any] = {"told": told, "rows": rows, "kinds": item_forms.KINDS}
        return self._desk.render(visitor, "item_form.html", added=bool(visitor.given("add")), **more)

    async def change(self, visitor: Visitor) -> web.Response:
        """Show a kind of item as it is now, in the form for its next version."""
        demand(self._desk, visitor, "GET", "/catalogue/services")
        schema = await self._schema(visitor)
        form = item_forms.form_of(schema)
        told = dict(visitor.form) if form is not None and "ja" in visitor.form else form
        rows = [] if told is None else item_forms.members(told)
        more: dict[str, Any] = {
            "item": schema["title"],
            "schema": schema,
            "told": told,
            "rows": [(row, item_forms.alike(row["kind"])) for row in rows if row["kind"] in item_forms.KINDS],
            "raw": orjson.dumps(_next(schema), option=orjson.OPT_INDENT_2).decode(),
        }
        return self._desk.render(visitor, "item_change.html", **more)

    async def propose_change(self, visitor: Visitor) -> web.Response:
        """Propose the next version of a kind of item as it was typed in; what cannot change is as it is."""
        schema = await self._schema(visitor)
        form = item_forms.form_of(schema)
        if form is None:
            raise BadRequestData("No form makes this item: change its JSON.")
        if visitor.given("version") != str(schema["x-schema-version"]):
            raise Conflict("The item was changed meanwhile: look at it and change it again.")
        typed = {name: visitor.given(name) for name in form if name in ("ja", "en") or _changes(name)}
        made = item_forms.schema_of({**form, **typed}, _next(schema)["x-schema-version"])
        return await self._propose(visitor, "item", {"schema": made})

    async def propose_changed_json(self, visitor: Visitor) -> web.Response:
        """Propose the next version of a kind of item as JSON."""
        return await self._propose(visitor, "item", {"schema": json_of(visitor, "schema")})

    async def _schema(self, visitor: Visitor) -> dict[str, Any]:
        """Give a kind of item that the municipality may change; those that are built in it may not."""
        code = visitor.request.match_info["item"]
        listed = (await self._desk.ask(visitor, "GET", "/items"))["items"]
        if not any(one["item"] == code and not one["builtIn"] for one in listed):
            raise ResourceNotFound("The municipality describes no such item itself.")
        found: dict[str, Any] = await self._desk.ask(visitor, "GET", "/items/{item}", within={"item": code})
        return found

    async def propose_place(self, visitor: Visitor) -> web.Response:
        """Propose where an item is kept."""
        body: dict[str, Any] = visitor.chosen("item", "location")
        body["offered"] = visitor.given("offered").split()
        return await self._propose(visitor, "item-location", body)

    async def _propose(self, visitor: Visitor, kind: str, body: dict[str, Any]) -> web.Response:
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": kind, "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")


def _next(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "x-schema-version": schema["x-schema-version"] + 1}


def _changes(field: str) -> bool:
    """Say whether a field of a member may change; its name cannot."""
    return field.startswith("m.") and not field.endswith(".name")
