"""Pages about what two members of staff decide together: what waits, what would be different, who may approve."""

from functools import partial
from typing import Any, Final

import orjson
from aiohttp import web

from base.errors import BadRequestData
from personal.pages.desk import STAFF, Desk
from personal.pages.differences import told_of
from personal.pages.typed import json_of
from personal.pages.values import Row
from personal.pages.visitor import Visitor
from personal.staff.item_words import rows_of_item
from personal.staff.proposed import rows_of

PROPOSALS: Final = STAFF + "/proposals"
DECISIONS: Final = ("approve", "refuse", "withdraw")
ITEM: Final = "item"
STATES: Final = ("open", "approved", "refused", "withdrawn")


class ProposalPages:
    """Proposals with what they change."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PROPOSALS, self.list_proposals),
            desk.sent(PROPOSALS, self.propose, page=self.list_proposals),
            desk.shown(PROPOSALS + "/{id}", self.show_proposal),
            desk.sent(PROPOSALS + "/{id}", self.decide, page=self.show_proposal),
        ]

    async def list_proposals(self, visitor: Visitor) -> web.Response:
        """Show what waits for a decision, or what was decided."""
        state = visitor.request.query.get("state", STATES[0])
        found = (await self._desk.ask(visitor, "GET", "/proposals", params={"state": state}))["proposals"]
        return self._desk.render(visitor, "proposals.html", proposals=found, state=state, states=STATES)

    async def show_proposal(self, visitor: Visitor) -> web.Response:
        """Show a proposal, what would be different, whom it affects, and who may approve it."""
        within = {"id": visitor.request.match_info["id"]}
        found = await self._desk.ask(visitor, "GET", "/proposals/{id}", within=within)
        labels = await self._desk.labels(visitor)
        more = {
            "proposal": found,
            "raw": orjson.dumps(found["body"], option=orjson.OPT_INDENT_2).decode(),
            "rows": await self._rows(visitor, found),
            "differences": told_of(found.get("differences", ()), labels, visitor.language),
            "own": found["proposer"] == visitor.actor.id,
            "labels": labels,
        }
        return self._desk.render(visitor, "proposal.html", **more)

    async def _rows(self, visitor: Visitor, proposal: dict[str, Any]) -> tuple[Row, ...]:
        if proposal["kind"] == ITEM:
            say = partial(self._desk.pages.say, visitor.language)
            return rows_of_item(proposal["body"]["schema"], say, visitor.language)
        listed = (await self._desk.ask(visitor, "GET", "/services"))["services"]
        called = {one["id"]: one["name"] for one in listed}
        return rows_of(proposal["body"], {**self._desk.words, **called}, visitor.language)

    async def propose(self, visitor: Visitor) -> web.Response:
        """Propose a service, or another description of one, as JSON."""
        body: dict[str, Any] = {
            "service": visitor.given("service"),
            "description": json_of(visitor, "description"),
        }
        if visitor.given("keys"):
            body["keys"] = json_of(visitor, "keys")
        made = await self._desk.ask(visitor, "POST", "/proposals", {"kind": "service", "body": body})
        return self._desk.back(visitor, f"{PROPOSALS}/{made['id']}", "proposed")

    async def decide(self, visitor: Visitor) -> web.Response:
        """Approve, refuse or take back."""
        id, verb = visitor.request.match_info["id"], visitor.given("do")
        if verb not in DECISIONS:
            raise BadRequestData(f"The decisions are {', '.join(DECISIONS)}.")
        body = visitor.chosen("reason") if verb == "refuse" else None
        await self._desk.ask(visitor, "POST", f"/proposals/{{id}}/{verb}", body, within={"id": id})
        return self._desk.back(visitor, f"{PROPOSALS}/{id}", f"decided_{verb}")
