"""The browser of a desk or terminal that others use, too: known by a cookie of its own."""

from typing import Final

from aiohttp import web

from base import clock
from personal.login import desks
from personal.operations.town import Town
from personal.pages.visitor import Visitor, secure

SECURE_DESK: Final = "__Host-engawa-desk"
LOOPBACK_DESK: Final = "engawa-desk"


def kiosk_of(visitor: Visitor, town: Town) -> str:
    """Give the desk on which the browser stands; empty if on none."""
    name, _, secret = visitor.request.cookies.get(_cookie(visitor.request), "").partition(".")
    if name != town.id:
        return ""
    return town.store.read(lambda db: desks.of_browser(db, secret, clock.now()))


def keep_desk(request: web.Request, response: web.StreamResponse, town: str, secret: str) -> None:
    """Let a browser be the one that stands on a desk."""
    response.set_cookie(
        _cookie(request),
        f"{town}.{secret}",
        path="/",
        max_age=desks.BROWSER_LIFE // clock.SECOND,
        secure=secure(request),
        httponly=True,
        samesite="Lax",
    )


def _cookie(request: web.Request) -> str:
    return SECURE_DESK if secure(request) else LOOPBACK_DESK
