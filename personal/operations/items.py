"""The items of personal data: read by everybody; further ones are added by two members of staff."""

from typing import Any, Final

from base.database import Connection
from base.errors import BadRequestData, Conflict, ResourceNotFound
from personal.operations.actors import Role
from personal.operations.call import Answer, Call, Module
from personal.operations.tables import Decision, Kind
from personal.rules import item_changes
from personal.store import items
from schemas.personal import catalogue
from schemas.personal.catalogue import Item


async def list_items(call: Call, _: Module) -> Answer:
    """List what items there are, and on what each rests."""
    found = call.town.store.read(items.listed)
    return Answer(body={"items": [_shown(found[code]) for code in sorted(found)]})


async def show_item(call: Call, _: Module) -> Answer:
    """Give the JSON Schema of an item."""
    item = call.town.store.read(lambda db: items.find(db, call.path["item"]))
    if item is None:
        raise ResourceNotFound("There is no such item.")
    return Answer(body=dict(item.schema), media_type="application/schema+json")


def _shown(item: Item) -> dict[str, Any]:
    return {
        "item": item.code,
        "version": item.version,
        "label": item.label,
        "class": item.item_class,
        "identifying": item.identifying,
        "basis": item.basis,
        "builtIn": item.code in catalogue.items(),
    }


def _check(db: Connection, body: dict[str, Any], _: int) -> dict[str, Any]:
    _next(db, catalogue.read(body["schema"]))
    return body


def _approve(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    item = catalogue.read(body["schema"])
    _next(db, item)
    items.put(db, item, decision.now)
    return {"item": item.code, "version": item.version, "basis": item.basis}


def _shown_change(db: Connection, body: dict[str, Any]) -> dict[str, Any]:
    """Say what would be different from the version in force; nothing if there is none, or another one by now."""
    item = catalogue.read(body["schema"])
    present = items.find(db, item.code)
    if present is None or item.version != present.version + 1 or _meaning(present) != _meaning(item):
        return {}
    return {"differences": [one.shown() for one in item_changes.differences(present, item)]}


def _next(db: Connection, item: Item) -> None:
    """Refuse what is not the next version of an item of the municipality's own."""
    if item.code in catalogue.items():
        raise Conflict(f"{item.code} is a built-in item: give yours another title.")
    present = items.find(db, item.code)
    expected = 1 if present is None else present.version + 1
    if item.version != expected:
        raise Conflict(f"The next version of {item.code} has the x-schema-version {expected}.")
    if present is not None and _meaning(present) != _meaning(item):
        raise BadRequestData(
            f"{item.code} has other members, or another class or basis, than before: that is another item."
        )
    if present is not None and item_changes.bares(present.schema, item.schema):
        raise BadRequestData(
            "A member by which their source knows residents stays replaced for each service."
        )
    if present is not None and not item_changes.differences(present, item):
        raise Conflict("The item is as the version in force: there is nothing to approve.")


def _meaning(item: Item) -> tuple[object, ...]:
    """Give what residents agreed to when they agreed to an item: a new version cannot be about more."""
    return item.item_class, item.identifying, item.basis, frozenset(item_changes.kinds(item.schema))


ITEM: Final = Kind(
    frozenset({Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["schema"],
        "properties": {"schema": {"type": "object"}},
        "additionalProperties": False,
    },
    _check,
    _approve,
    _shown_change,
)
