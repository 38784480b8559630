"""Who has looked: each access in plain words, found by service and month, with its proof."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from aiohttp import web

from base import clock
from personal.pages.desk import JAPAN
from personal.pages.visitor import Visitor
from personal.portal.section import Section

MOST: Final = 20
MONTHS: Final = 24
REFUSED: Final = frozenset(
    {"disclosure-refused", "disclosure-failed", "record-not-stored", "exchange-failed"}
)
URGENT: Final = frozenset({"emergency-disclosure", "break-glass", "break-glass-failed"})


class AccessPages(Section):
    """What was done with one's data."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/accesses", self.show),
            self._shown("/accesses/{position}", self.show_proof),
            self._shown("/accesses/{position}/file", self.give_proof),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show what was done, newest first: by others, or all of it; of one service, of one month."""
        asked = _asked(visitor)
        by = {} if "all" in asked else {"by": "others"}
        params = {name: text for name, text in asked.items() if name != "all"}
        try_for = {"limit": str(MOST), **by, **params}
        found = await self._ask(visitor, "GET", "/me/accesses", params=try_for)
        more: dict[str, Any] = {
            "accesses": by_visit(found["accesses"]),
            "before": found["before"],
            "asked": asked,
            "months": _months(clock.now()),
            "refused": REFUSED,
            "urgent": URGENT,
            **await self._names(visitor),
        }
        return self._render(visitor, "my_accesses.html", **more)

    async def show_proof(self, visitor: Visitor) -> web.Response:
        """Show one entry about the visitor with what proves it."""
        found = await self._proof(visitor)
        entry = orjson.loads(found["entry"])
        return self._render(visitor, "my_proof.html", found=found, entry=entry)

    async def give_proof(self, visitor: Visitor) -> web.Response:
        """Give an entry with its proof as a file."""
        self._check_file(visitor)
        raw = orjson.dumps(await self._proof(visitor), option=orjson.OPT_INDENT_2)
        name = f"proof-{visitor.request.match_info['position']}.json"
        return self._desk.file(raw, name, "application/json")

    async def _proof(self, visitor: Visitor) -> Any:
        within = {"position": visitor.request.match_info["position"]}
        return await self._ask(visitor, "GET", "/me/accesses/{position}/proof", within=within)


def by_visit(accesses: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put entries of one visit into one row, with all their items; `entries`: the entries themselves, newest first."""
    rows: dict[int, dict[str, Any]] = {}
    for one in accesses:
        row = rows.setdefault(one["visit"], {**one, "entries": []})
        row["entries"].append(one)
        more = [item for item in one.get("items", ()) if item not in row.get("items", ())]
        if more:
            row["items"] = [*row.get("items", ()), *more]
    return list(rows.values())


def _asked(visitor: Visitor) -> dict[str, str]:
    """Read which entries are asked for; what makes no sense is left out."""
    query = visitor.request.query
    before, month, service = (query.get(name, "") for name in ("before", "month", "service"))
    asked = {"all": "yes"} if query.get("all") == "yes" else {}
    if before.isascii() and before.isdigit() and len(before) < 15:
        asked["before"] = before
    if len(month) == 7 and month.isascii():
        asked["month"] = month
    if service.isascii() and 0 < len(service) <= 64:
        asked["service"] = service
    return asked


def _months(now: int) -> list[str]:
    """List this month and those before it."""
    first = datetime.fromtimestamp(now / clock.SECOND, JAPAN).replace(day=1)
    found = []
    for _ in range(MONTHS):
        found.append(first.strftime("%Y-%m"))
        first = (first - timedelta(days=1)).replace(day=1)
    return found
