"""Who visits a page: the login in a cookie, the language, a form that proves to come from one of our pages."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from aiohttp import web

from base.errors import InvalidRequest, NotPermitted
from base.pages import language_of
from personal.operations.actors import NOBODY, Actor
from personal.operations.town import Town
from personal.store import sessions

SECURE_COOKIE: Final = "__Host-engawa-personal"
LOOPBACK_COOKIE: Final = "engawa-personal"
BEHIND_TLS: Final = web.AppKey("behind_tls", bool)
"""Set where something before this process speaks HTTPS with browsers."""
CSRF: Final = "csrf"
KEPT: Final = "kept"
SECURE_BROWSER: Final = "__Host-engawa-browser"
LOOPBACK_BROWSER: Final = "engawa-browser"
_BROWSER: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_FRESH: Final = web.RequestKey("engawa-fresh-browser", str)
_NEXT: Final = re.compile(r"/(?:me|staff|oidc)(?:/[A-Za-z0-9._~-]+)*/?(?:\?[A-Za-z0-9._~=&%+:,/-]*)?")
"""Paths of pages that one may go on to after a login: no other host, no fragment, nothing that browsers mend."""
_FAMILIES: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""What browsers call themselves, the more special before those they claim to be, too."""
MOST_FORM_BYTES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """One visit: whose login it comes with, in which language, with which form.

    wrong: why the form was refused.
    """

    request: web.Request = field(repr=False)
    language: str
    town: Town | None = None
    actor: Actor = NOBODY
    secret: str = field(default="", repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    wrong: str = ""

    @property
    def csrf(self) -> str:
        """Give what a form of this login has to carry; its second part is another one on every page."""
        return f"{self._proof}.{secrets.token_urlsafe(9)}"

    @property
    def _proof(self) -> str:
        proof = hmac.digest(self.secret.encode(), b"engawa form", hashlib.sha256)
        return base64.urlsafe_b64encode(proof).decode().rstrip("=")

    @property
    def proven(self) -> bool:
        """Say whether the form carries what only pages of this login carry."""
        given = self.form.get(CSRF, "").partition(".")[0]
        return bool(self.secret) and hmac.compare_digest(given.encode(), self._proof.encode())

    def link(self, path: str, **parameters: str) -> str:
        """Write a link within the pages that keeps a language that was chosen."""
        chosen = {"lang": self.language} if self.request.query.get("lang") == self.language else {}
        query = urlencode({**{k: v for k, v in parameters.items() if v}, **chosen})
        return f"{path}{'&' if '?' in path else '?'}{query}" if query else path

    def in_language(self, language: str) -> str:
        """Link to the same page in another language; a page made from a form begins anew where the form was."""
        where = _parts(self.request.path_qs)
        if self.request.method != "GET":
            where = _parts(self.request.headers.get("Referer", "/"))
        query = {**dict(parse_qsl(where.query)), "lang": language}
        return f"/{where.path.lstrip('/')}?{urlencode(query)}"

    def given(self, name: str) -> str:
        """Give a field of the form without blanks around it, empty if there is none."""
        return self.form.get(name, "").strip()

    def chosen(self, *names: str) -> dict[str, str]:
        """Give those fields of the form that are not empty."""
        return {name: text for name in names if (text := self.given(name))}


def secure(request: web.Request) -> bool:
    """Say whether browsers come over HTTPS: to this process, or to what stands before it."""
    return request.secure or request.config_dict.get(BEHIND_TLS, False)


def cookie_name(request: web.Request) -> str:
    """Name the cookie: over HTTPS one that no other host can set; plain only for demonstrations on loopback."""
    return SECURE_COOKIE if secure(request) else LOOPBACK_COOKIE


def binding(request: web.Request, response: web.StreamResponse | None = None) -> bytes:
    """Give what names this browser: the hash of a random cookie, which it gets now if it has none.

    Responses of a Desk carry a new cookie along by themselves.
    """
    name = SECURE_BROWSER if secure(request) else LOOPBACK_BROWSER
    given = request.cookies.get(name, "")
    if not _BROWSER.fullmatch(given):
        given = request.get(_FRESH, "") or secrets.token_urlsafe(32)
        request[_FRESH] = given
        if response is not None:
            mark_browser(request, response)
    return sessions.digest(given)


def mark_browser(request: web.Request, response: web.StreamResponse) -> None:
    """Give the browser the cookie that names it, if it was given one in this request."""
    fresh = request.get(_FRESH)
    if fresh:
        name = SECURE_BROWSER if secure(request) else LOOPBACK_BROWSER
        response.set_cookie(name, fresh, path="/", secure=secure(request), httponly=True, samesite="Lax")


def drop_browser(request: web.Request, response: web.StreamResponse) -> None:
    """Take what names the browser away: whoever sits there next has begun nothing."""
    name = SECURE_BROWSER if secure(request) else LOOPBACK_BROWSER
    response.del_cookie(name, path="/", secure=secure(request), httponly=True, samesite="Lax")


def safe_next(text: str, otherwise: str = "") -> str:
    """Give a path to go on to after a login if it is one of ours, otherwise the other; never another site."""
    ours = _NEXT.fullmatch(text) is not None and ".." not in text.partition("?")[0].split("/")
    return text if ours else otherwise


def browser(request: web.Request) -> str:
    """Give the family of the browser, as people see it in the list of their logins."""
    agent = request.headers.get("User-Agent", "")[:1_000]
    return next((name for mark, name in _FAMILIES if mark in agent), "")


def language(request: web.Request) -> str:
    """Choose the reader's language."""
    return language_of(request.query.get("lang"), request.headers.get("Accept-Language", ""))


def keep_login(request: web.Request, response: web.StreamResponse, town: str, secret: str) -> None:
    """Put a login into the cookie."""
    response.set_cookie(
        cookie_name(request),
        f"{town}.{secret}",
        path="/",
        secure=secure(request),
        httponly=True,
        samesite="Lax",
    )


def drop_login(request: web.Request, response: web.StreamResponse) -> None:
    """Take the login out of the cookie."""
    response.del_cookie(cookie_name(request), path="/", secure=secure(request), httponly=True, samesite="Lax")


async def form_of(request: web.Request) -> dict[str, str]:
    """Read a form that one of our own pages sent; the first value of each field, a list joined by blanks."""
    origin = request.headers.get("Origin")
    sent_by = _parts(origin or "")
    foreign = origin is not None and (
        sent_by.netloc != request.host or (secure(request) and sent_by.scheme != "https")
    )
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise NotPermitted("This form was sent by another site.")
    if request.content_type != "application/x-www-form-urlencoded":
        raise InvalidRequest("This is no form.")
    if (request.content_length or 0) > MOST_FORM_BYTES:
        raise InvalidRequest("The form is too long.")
    fields: dict[str, str] = {}
    try:
        sent = await request.post()
    except (UnicodeDecodeError, LookupError, ValueError):
        raise InvalidRequest("The form is not written in UTF-8.") from None
    for name, value in sent.items():
        text = value if isinstance(value, str) else ""
        fields[name] = f"{fields[name]} {text}" if name in fields else text
    return fields


def _parts(url: str) -> SplitResult:
    """Part a URL that somebody else wrote; one that is none has no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def check_form(visitor: Visitor) -> None:
    """Refuse a form that does not carry what only pages of this login carry."""
    if not visitor.proven:
        raise NotPermitted("The form is too old, or was not made for this login. Check it and send it again.")


def see(target: str) -> web.Response:
    """Answer that the browser goes on elsewhere, by a redirect that no cache keeps."""
    return web.Response(status=303, headers={"Location": target, "Cache-Control": "no-store"})


def values(visitor: Visitor) -> dict[str, Any]:
    """Give what every template needs."""
    return {
        "visitor": visitor,
        "csrf": visitor.csrf if visitor.secret else "",
        "link": visitor.link,
        "in_language": visitor.in_language,
        "town": visitor.town.name if visitor.town else "",
        "done": visitor.request.query.get("done", ""),
        "wrong": visitor.wrong,
    }
