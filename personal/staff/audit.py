"""Pages about the audit log: whether it holds, and what stands in it, by kind, service, member of staff and time."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import orjson
from aiohttp import web

from base.errors import BadRequestData
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor
from personal.rules import words

PATH: Final = STAFF + "/audit"
ENTRIES: Final = 50
ASKED: Final = ("kind", "service", "by", "event", "since", "until")
NAMED: Final = frozenset({"service", "items"})
TOLD: Final = ("service", "purpose", "items", "outcome", "basis", "event")
"""What an entry's line shows; the rest stands in the entry itself."""


class AuditPages:
    """The log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [self._desk.shown(PATH, self.search), self._desk.shown(PATH + "/file", self.give_file)]

    async def search(self, visitor: Visitor) -> web.Response:
        """Show entries, newest first, with whether the log holds; a form to say which."""
        head = await self._desk.ask(visitor, "GET", "/audit/head")
        asked = _asked(visitor)
        params = {**_params(asked), "limit": str(ENTRIES)}
        before = visitor.request.query.get("before", "")
        if before.isascii() and before.isdigit() and len(before) < 15:
            params["before"] = before
        found = await self._desk.ask(visitor, "GET", "/audit/search", params=params)
        services = (await self._desk.ask(visitor, "GET", "/services"))["services"]
        called = {one["id"]: one["name"][visitor.language] for one in services}
        called |= await self._desk.labels(visitor)
        entries = [_shown(one, found["staff"], called) for one in found["entries"]]
        more: dict[str, Any] = {
            "entries": entries,
            "next": found["next"],
            "kinds": sorted({*found["kinds"], asked["kind"]} - {""}),
            "actions": {kind: words.action(kind)[visitor.language] for kind in words.ACTIONS},
            "services": [(one["id"], one["name"][visitor.language]) for one in services],
            "staff": sorted(found["staff"].items(), key=lambda one: one[1]),
            "head": found["head"] or head,
            "asked": asked,
            "first": "before" not in params,
        }
        return self._desk.render(visitor, "audit.html", **more)

    async def give_file(self, visitor: Visitor) -> web.Response:
        """Give what is found as a file."""
        params = {**_params(_asked(visitor)), "format": "csv"}
        found: bytes = await self._desk.ask(visitor, "GET", "/audit/search", params=params)
        return self._desk.file(found, "audit.csv", "text/csv; charset=utf-8")


def _asked(visitor: Visitor) -> dict[str, str]:
    return {name: visitor.request.query.get(name, "").strip() for name in ASKED}


def _params(asked: Mapping[str, str]) -> dict[str, str]:
    """Give the parameters of the operation; days are those of clocks in Japan, the last one included."""
    told = {name: text for name, text in asked.items() if text}
    try:
        if "since" in told:
            told["since"] = f"{date.fromisoformat(told['since'])}T00:00:00+09:00"
        if "until" in told:
            told["until"] = f"{date.fromisoformat(told['until']) + timedelta(days=1)}T00:00:00+09:00"
    except (ValueError, OverflowError):
        raise BadRequestData("Give the days as year, month and day.") from None
    return told


def _shown(entry: dict[str, Any], names: Mapping[str, str], called: Mapping[str, str]) -> dict[str, Any]:
    facts = entry["facts"]
    by = str(facts.get("by", ""))
    told = {name: facts[name] for name in TOLD if facts.get(name)}
    texts = {name: _said(one, called if name in NAMED else {}) for name, one in told.items()}
    raw = orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    return {**entry, "by": names.get(by, by), "told": texts, "raw": raw}


def _said(value: Any, called: Mapping[str, str]) -> str:
    listed = value if isinstance(value, list) else [value]
    return "、".join(called.get(str(one), str(one)) for one in listed)
