"""Pages about what residents ask for by law: who waits, until when, what is decided and why, letters to print."""

from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from base import clock
from base.errors import ResourceNotFound
from personal.pages.desk import STAFF, Desk
from personal.pages.visitor import Visitor
from personal.staff.resident import first_of

PATH: Final = STAFF + "/rights"
RIGHTS: Final = ("disclosure", "correction", "stop")
OUTCOMES: Final = ("granted", "partly-granted", "refused")
DECIDED_BY: Final = {
    "disclosure": "個人情報保護法82条",
    "correction": "個人情報保護法93条",
    "stop": "個人情報保護法101条",
}
"""What says that the resident is told of a decision, and how."""
REASONS: Final = {
    "disclosure": ("all_disclosed", "others_rights", "office_hampered", "not_held"),
    "correction": ("corrected", "is_right", "no_power", "not_held"),
    "stop": ("stopped", "stopped_in_part", "is_lawful", "law_demands"),
}
"""Words to begin the reason of a decision with, by the right."""
LETTERS: Final = ("received", "extension", "decision")


class RightsPages:
    """Requests for disclosure, correction and stop of use, with their deadlines."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        desk = self._desk
        return [
            desk.shown(PATH, self.list_requests),
            desk.shown(PATH + "/{id}", self.show),
            desk.sent(PATH + "/{id}", self.decide, page=self.show),
            desk.sent(PATH + "/{id}/extension", self.extend, page=self.show),
            desk.sent(PATH + "/{id}/open", self.open, page=self.show),
            desk.sent(PATH + "/{id}/held", self.show_held, page=self.show, shows=True),
            desk.shown(PATH + "/{id}/letters/{letter}", self.print_letter),
        ]

    async def list_requests(self, visitor: Visitor) -> web.Response:
        """Show who waits, the most urgent first, or what was decided."""
        state = "decided" if visitor.request.query.get("state") == "decided" else "open"
        found = (await self._desk.ask(visitor, "GET", "/rights", params={"state": state}))["requests"]
        return self._desk.render(visitor, "rights.html", requests=found, state=state, now=clock.now())

    async def show(self, visitor: Visitor) -> web.Response:
        """Show one request with what the resident wrote."""
        return await self._page(visitor, await self._request(visitor))

    async def show_held(self, visitor: Visitor) -> web.Response:
        """Show one request with which data is held about whoever made it."""
        found = await self._request(visitor)
        body = {"resident": found["resident"]}
        held = await self._desk.ask(visitor, "POST", "/records/find", body)
        return await self._page(visitor, found, held["records"])

    async def decide(self, visitor: Visitor) -> web.Response:
        """Decide a request; or put words into the reason to begin with."""
        if visitor.given("insert"):
            return await self._worded(visitor)
        body: dict[str, Any] = visitor.chosen("outcome", "reason")
        for name in ("items", "services"):
            if visitor.given(name):
                body[name] = visitor.given(name).split()
        if visitor.given("erase"):
            body["erase"] = True
        within = _within(visitor)
        await self._desk.ask(visitor, "POST", "/rights/{id}/decision", body, within=within)
        return self._desk.back(visitor, f"{PATH}/{within['id']}", "right_decided")

    async def open(self, visitor: Visitor) -> web.Response:
        """Open the resident whose request it is."""
        return self._desk.back(visitor, first_of(self._desk, visitor, visitor.given("resident")))

    async def extend(self, visitor: Visitor) -> web.Response:
        """Prolong the time of a request."""
        body, within = visitor.chosen("reason"), _within(visitor)
        await self._desk.ask(visitor, "POST", "/rights/{id}/extension", body, within=within)
        return self._desk.back(visitor, f"{PATH}/{within['id']}", "right_extended")

    async def print_letter(self, visitor: Visitor) -> web.Response:
        """Show a letter to the resident, to be printed; the name is written on it by hand."""
        letter, found = visitor.request.match_info["letter"], await self._request(visitor)
        there = {"received": True, "extension": bool(found.get("extended")), "decision": _is_decided(found)}
        if not there.get(letter):
            raise ResourceNotFound("There is no such letter, or not yet.")
        more: dict[str, Any] = {
            "letter": letter,
            "asked": found,
            "labels": await self._desk.labels(visitor),
            "law": DECIDED_BY[found["right"]],
            "today": clock.show(clock.now()),
            "sender": await self._desk.ask(visitor, "GET", "/office"),
        }
        return self._desk.render(visitor, "letter.html", **more)

    async def _worded(self, visitor: Visitor) -> web.Response:
        """Show the page again with words for the reason put after those that are there."""
        found = await self._request(visitor)
        key = visitor.given("words")
        if key not in REASONS[found["right"]]:
            return self._desk.filled(await self._page(visitor, found), visitor)
        words = self._desk.pages.say("ja", f"reason_{key}")
        reason = "\n".join(text for text in (visitor.given("reason"), words) if text)
        again = replace(visitor, form={**visitor.form, "reason": reason})
        return self._desk.filled(await self._page(again, found), again)

    async def _request(self, visitor: Visitor) -> dict[str, Any]:
        found: dict[str, Any] = await self._desk.ask(visitor, "GET", "/rights/{id}", within=_within(visitor))
        return found

    async def _page(self, visitor: Visitor, found: dict[str, Any], held: Any = None) -> web.Response:
        decided = _is_decided(found)
        letters = [
            name for name, there in zip(LETTERS, (True, found.get("extended"), decided), strict=True) if there
        ]
        more: dict[str, Any] = {
            "asked": found,
            "labels": await self._desk.labels(visitor),
            "services": (await self._desk.ask(visitor, "GET", "/services"))["services"],
            "outcomes": OUTCOMES,
            "reasons": REASONS[found["right"]],
            "letters": letters,
            "held": held,
            "now": clock.now(),
        }
        return self._desk.render(visitor, "right.html", **more)


def _is_decided(request: dict[str, Any]) -> bool:
    return request["state"] in OUTCOMES


def _within(visitor: Visitor) -> dict[str, str]:
    return {"id": visitor.request.match_info["id"]}
