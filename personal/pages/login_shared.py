"""What the pages by which one logs in share: municipality, the login that is replaced, what came of it."""

from typing import Any, Final

from aiohttp import web

from base.errors import ResourceNotFound
from personal.operations.town import Town
from personal.pages.desk import Desk
from personal.pages.visitor import Visitor, browser
from personal.store import sessions

REGISTER: Final = "/login/register"
AT_COUNTER: Final = frozenset({"pin-locked", "revoked", "ended", "expired", "not-yet-valid"})
"""After which reasons only the counter helps."""
REASONS: Final = (
    "cancelled", "pin-wrong", "pin-locked", "foreign-card", "torn", "no-reader", "unproven", "unreadable",
    "untrusted", "expired", "not-yet-valid", "not-for-logins", "weak-key", "bad-signature", "revoked",
    "status-unknown", "not-linked", "ended", "over", "other-login", "no-desk", "registered",
)  # fmt: skip
"""Everything that can come of it but a login, each with words in texts_login_card.toml."""


def outcome(desk: Desk, visitor: Visitor, reason: str, next: str, tries: int = -1) -> web.Response:
    """Say in plain words what came of a login with a card, and what to do."""
    more: dict[str, Any] = {
        "reason": reason,
        "tries": tries,
        "counter": reason in AT_COUNTER or 0 <= tries <= 1,
    }
    status = 200 if reason in ("cancelled", "registered") else 403
    return desk.render(visitor, "login_card.html", status=status, next=next, **more)


def town_of(desk: Desk, visitor: Visitor) -> Town:
    """Say in which municipality somebody logs in."""
    towns = desk.module.towns
    town = towns.get(visitor.given("town"), next(iter(towns.values())) if len(towns) == 1 else None)
    if town is None:
        raise ResourceNotFound("Choose the municipality.")
    return town


def session_of(visitor: Visitor, town: Town) -> dict[str, Any]:
    """Name the login that a new one replaces, and the browser it is in, as logging_in.begin takes them."""
    own = bool(visitor.secret) and visitor.town is not None and visitor.town.id == town.id
    replaces = sessions.digest(visitor.secret) if own else b""
    return {"agent": browser(visitor.request), "replaces": replaces}
