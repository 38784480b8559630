"""Who may see what, why, until when: one page; withdrawing in one step; the record that goes out, shown beforehand."""

from typing import Any

from aiohttp import web

from base.errors import ResourceNotFound
from personal.pages import values
from personal.pages.desk import ME, Desk
from personal.pages.visitor import Visitor
from personal.portal.section import Section, query
from personal.portal.standing import KINDS, SHARE, agreed_items, open_items, purpose_of, state

SERVICES = ME + "/services"


class ServicePages(Section):
    """Services and what each may see."""

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            self._shown("/services", self.show),
            self._shown("/preview", self.preview),
            self._shown("/withdraw", self.ask_to_withdraw),
            self._sent("/withdraw", self.withdraw, page=self.ask_to_withdraw),
            self._sent("/services/rename", self.rename, page=self.show),
        ]

    async def show(self, visitor: Visitor) -> web.Response:
        """Show every service with what is agreed, on what it rests, until when, and where each item is kept."""
        consents = await self._ask(visitor, "GET", "/me/consents")
        events = await self._seen(visitor, "/me/consents/events")
        known = await self._seen(visitor, "/me/pseudonyms")
        ended = [] if events is None else [one for one in events["events"] if one.get("reason")]
        more = {
            "consents": consents,
            "ended": ended,
            "known": [] if known is None else known["services"],
            **standing_words(),
        }
        return self._render(visitor, "my_services.html", **more, **await self._names(visitor))

    async def preview(self, visitor: Visitor) -> web.Response:
        """Show exactly what a service sees by what is agreed now."""
        found = await chosen_purpose(self._desk, visitor)
        agreed = [one["item"] for one in found["purpose"]["items"] if state(one, SHARE) in ("agreed", "law")]
        record = await shown_record(self._desk, visitor, agreed)
        return self._render(visitor, "my_preview.html", record=record, **found)

    async def ask_to_withdraw(self, visitor: Visitor) -> web.Response:
        """Ask whether a consent shall end, and say what follows."""
        found = await chosen_purpose(self._desk, visitor)
        standing = agreed_items(found["purpose"], found["kind"])
        item = query(visitor, "items")
        chosen = [one for one in standing if item in ("", one["item"])]
        whole = any(one["need"] == "required" for one in chosen)
        more = {"chosen": standing if whole else chosen, "one": item, "whole": whole and bool(item)}
        return self._render(visitor, "my_withdraw.html", **more, **found)

    async def withdraw(self, visitor: Visitor) -> web.Response:
        """Withdraw what was agreed to for a purpose, or one item of it."""
        body: dict[str, Any] = visitor.chosen("service", "purpose", "kind")
        if visitor.given("items"):
            body["items"] = visitor.given("items").split()
        await self._ask(visitor, "POST", "/me/consents/withdraw", body)
        return self._desk.back(visitor, SERVICES, "consent_withdrawn")

    async def rename(self, visitor: Visitor) -> web.Response:
        """Get a new name at a service."""
        await self._ask(visitor, "POST", "/pseudonyms/rotate", visitor.chosen("service"))
        return self._desk.back(visitor, SERVICES, "my_renamed")


def standing_words() -> dict[str, Any]:
    """Give templates what they ask about consents."""
    return {"state": state, "open_items": open_items, "agreed_items": agreed_items, "kinds": KINDS}


async def chosen_purpose(desk: Desk, visitor: Visitor) -> dict[str, Any]:
    """Find the service and the purpose that an address or a form names, as the resident stands to them."""
    consents = await desk.ask(visitor, "GET", "/me/consents")
    found = purpose_of(consents, query(visitor, "service"), query(visitor, "purpose"))
    if found is None:
        raise ResourceNotFound("There is no such service (any more), or it has no such purpose.")
    kind = query(visitor, "kind")
    service, purpose = found
    return {
        "service": service,
        "purpose": purpose,
        "kind": kind if kind in KINDS else SHARE,
        "renew": query(visitor, "renew") == "yes",
        "days": consents["eraseDays"],
        **standing_words(),
    }


async def shown_record(desk: Desk, visitor: Visitor, items: list[str]) -> dict[str, Any]:
    """Give the very record that would go out for items, in the words of their schemas."""
    if not items:
        return {"subject": None, "parts": [], "withheld": []}
    body = {"service": query(visitor, "service"), "purpose": query(visitor, "purpose"), "items": items}
    told = await desk.ask(visitor, "POST", "/me/consents/preview", body)
    parts = []
    for item, value in told["items"].items():
        schema = await desk.ask(visitor, "GET", "/items/{item}", within={"item": item})
        label = schema["x-label"][visitor.language]
        parts.append({"item": item, "label": label, "rows": values.rows(schema, value, visitor.language)})
    labels = await desk.labels(visitor)
    withheld = [{**one, "label": labels.get(one["item"], one["item"])} for one in told["withheld"]]
    return {"subject": told["subject"], "parts": parts, "withheld": withheld}
