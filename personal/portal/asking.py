"""Deciding: choose what a service may see, check what is signed, prove it, keep the receipt."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from aiohttp import web

from base import clock
from base.errors import BadRequestData, NotPermitted
from personal.login.card_logins import CARD
from personal.login.ways import ways
from personal.operations.tables import Way
from personal.pages.desk import JAPAN, ME
from personal.pages.visitor import Visitor, safe_next, see
from personal.portal.section import Section, query
from personal.portal.services import chosen_purpose, shown_record
from personal.portal.standing import SHARE, open_items
from personal.rules.evidence import EvidenceKind
from personal.rules.levels import Level

ASK: Final = ME + "/ask"
DONE: Final = ME + "/agreed"
CARD_SIGNED: Final = EvidenceKind.CARD
ID_TOKEN: Final = EvidenceKind.TOKEN
SPANS: Final = (30, 90, 180)
"""Days for which one can agree, besides the longest time."""


class AskingPages(Section):
    """One decision, step by step."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/ask", self.show),
            self._sent("/ask/check", self.check, page=self.show, shows=True),
            self._sent("/ask/decide", self.decide, page=self.show),
            self._sent("/ask/refuse", self.refuse, page=self.show),
            self._sent("/ask/defer", self.defer, page=self.show),
            self._shown("/agreed", self.show_done),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show what a service asks for and let the resident choose; nothing is chosen beforehand."""
        found = await chosen_purpose(self._desk, visitor)
        more = {"then": self._then(visitor), "spans": _spans(clock.now()), "asked": _asked(found)}
        return self._render(visitor, "my_ask.html", **more, **found)

    async def check(self, visitor: Visitor) -> web.Response:
        """Show what would be signed, the record that would go out, and the ways to prove the decision."""
        items = visitor.given("agree").split()
        if not items:
            raise BadRequestData("Choose at least one item, or refuse.")
        body: dict[str, Any] = {**visitor.chosen("service", "purpose", "kind", "until"), "agree": items}
        made = await self._ask(visitor, "POST", "/me/consents/prepare", body)
        found = await chosen_purpose(self._desk, visitor)
        record = await self._record(visitor, items) if found["kind"] == SHARE else None
        more: dict[str, Any] = {
            "made": made,
            "record": record,
            "ways": self._proving(visitor, made["evidence"]),
            "session": "session" in made["evidence"],
            "then": self._then(visitor),
            "exact": orjson.dumps(
                made["document"], option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
            ).decode(),
            "names": {one["item"]: one["label"][visitor.language] for one in found["purpose"]["items"]},
        }
        return self._render(visitor, "my_check.html", **more, **found)

    async def decide(self, visitor: Visitor) -> web.Response:
        """Agree to what was prepared, with the login as evidence; only where everybody is made up."""
        decision = {"prepared": visitor.given("prepared"), "evidence": {"kind": "session"}}
        await self._ask(visitor, "POST", "/me/consents", decision)
        return self._go_on(visitor, "agreed")

    async def refuse(self, visitor: Visitor) -> web.Response:
        """Refuse all that is open for a purpose, in one step."""
        found = await chosen_purpose(self._desk, visitor)
        items = [one["item"] for one in open_items(found["purpose"], found["kind"])]
        if items:
            body = {**visitor.chosen("service", "purpose", "kind"), "agree": [], "refuse": items}
            made = await self._ask(visitor, "POST", "/me/consents/prepare", body)
            await self._ask(visitor, "POST", "/me/consents", {"prepared": made["prepared"]})
        return self._go_on(visitor, "my_refused")

    async def defer(self, visitor: Visitor) -> web.Response:
        """Put off what a service asks for."""
        await self._ask(visitor, "POST", "/me/consents/defer", visitor.chosen("service", "purpose", "kind"))
        return self._desk.back(visitor, ME + "/requests", "my_deferred")

    async def show_done(self, visitor: Visitor) -> web.Response:
        """Show that a decision took effect, with its receipt."""
        found = await chosen_purpose(self._desk, visitor)
        receipts = (await self._ask(visitor, "GET", "/me/receipts"))["receipts"]
        about = (found["service"]["id"], found["purpose"]["id"], found["kind"])
        mine = (one for one in receipts if (one["service"], one["purpose"], one["kind"]) == about)
        return self._render(visitor, "my_agreed.html", receipt=next(mine, None), **found)

    def _proving(self, visitor: Visitor, enough: Collection[str]) -> list[Way]:
        """List the ways that give evidence of a kind that is enough for what is decided."""
        found = () if visitor.town is None else ways(self._desk.module, visitor.town)
        sure = [way for way in found if way.proves and way.level >= Level.CARD]
        return [way for way in sure if (CARD_SIGNED if way.id == CARD else ID_TOKEN) in enough]

    async def _record(self, visitor: Visitor, items: list[str]) -> dict[str, Any] | None:
        """Give the record that would go out; None where this login, or the one who acts, may not see it."""
        try:
            return await shown_record(self._desk, visitor, items)
        except NotPermitted:
            return None

    def _then(self, visitor: Visitor) -> str:
        chosen = {name: query(visitor, name) for name in ("service", "purpose", "kind")}
        return safe_next(query(visitor, "then"), visitor.link(DONE, **chosen))

    def _go_on(self, visitor: Visitor, done: str) -> web.Response:
        path, _, more = safe_next(visitor.given("then"), DONE).partition("?")
        if path == DONE:
            given = visitor.chosen("service", "purpose", "kind")
            target = DONE if done == "agreed" else ME + "/services"
            link = visitor.link(target, done=done, **(given if target == DONE else {}))
        else:
            word = {"agreed": "agreed", "my_refused": "refused"}[done]
            link = f"{path}?{more}&done={word}" if more else f"{path}?done={word}"
        return see(link)


def _spans(now: int) -> list[tuple[str, int]]:
    """Give the last days one can choose, each with how many days it is from now."""
    today = datetime.fromtimestamp(now / clock.SECOND, JAPAN).date()
    return [((today + timedelta(days=days)).isoformat(), days) for days in SPANS]


def _asked(found: dict[str, Any]) -> bool:
    """Say whether the service waits for an answer, so that it can be put off."""
    return any(
        (one.get(found["kind"]) or {}).get("state") == "ConsentRequested" for one in found["purpose"]["items"]
    )
