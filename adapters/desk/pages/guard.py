"""Who may use the desk's page: the browser on this PC, sent by none but our own pages. (OWASP: DNS rebinding, CSRF)"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from aiohttp import web

from base.errors import InvalidRequest, NotPermitted

COOKIE: Final = "engawa-terminal"
CSRF: Final = "csrf"
_MOST_BYTES: Final = 4_096
_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


def check_host(request: web.Request, port: int) -> None:
    """Refuse a request that was led here by another name: some site points its own at this machine."""
    if request.host not in {f"{name}:{port}" for name in _NAMES}:
        raise NotPermitted("This page is at http://127.0.0.1 only.")


def check_own(request: web.Request) -> None:
    """Refuse a form, or a look behind the page, that another site sent."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise NotPermitted("This was sent by another site.")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise NotPermitted("This was sent by another site.")


def browser(request: web.Request) -> bytes:
    """Give what a browser is known by here; empty if it comes for the first time."""
    secret = request.cookies.get(COOKIE, "")
    return hashlib.sha256(secret.encode()).digest() if len(secret) > 20 else b""


def begin(response: web.StreamResponse) -> bytes:
    """Give a browser a secret of its own; give what it is known by."""
    secret = secrets.token_urlsafe(32)
    # SameSite=Lax, not Strict: it is the municipality's page that sends the browser here
    response.set_cookie(COOKIE, secret, path="/", httponly=True, samesite="Lax")
    return hashlib.sha256(secret.encode()).digest()


def proof(known: bytes) -> str:
    """Give what a form for this browser carries."""
    return urlsafe_b64encode(hmac.digest(known, b"engawa desk form", "sha256")).decode().rstrip("=")


async def form_of(request: web.Request) -> dict[str, bytearray]:
    """Read a form of our own page; what may be a PIN is never made a text."""
    check_own(request)
    if request.content_type != "application/x-www-form-urlencoded":
        raise InvalidRequest("This is no form.")
    if (request.content_length or 0) > _MOST_BYTES:
        raise InvalidRequest("The form is too long.")
    fields: dict[str, bytearray] = {}
    for part in (await request.read()).split(b"&"):
        name, _, value = part.partition(b"=")
        fields[name.decode("ascii", "replace")] = bytearray(unquote_to_bytes(value))
    known = browser(request)
    given = bytes(fields.get(CSRF, b""))
    if not known or not hmac.compare_digest(given, proof(known).encode()):
        raise NotPermitted("The form is too old. Check it and send it again.")
    return fields
