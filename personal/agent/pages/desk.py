"""How pages for terminals inside are served: by TLS to the devices of officials, and to nobody else. (issue 5)"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from aiohttp import web
from cryptography import x509

from base import clock
from base.errors import InternalError, NotPermitted, PayloadTooLarge, Problem
from base.ids import request as request_id
from base.pages import Pages, language_of, texts
from personal.agent import terminals
from personal.agent.inside import Inside

HERE: Final = Path(__file__).parent
STATIC: Final = "/static/"
LARGEST: Final = 256 << 10
_SECTIONS: Final = (("/", "overview"), ("/alarms", "alarms"), ("/find", "find"), ("/paper", "paper"))
_BEGINS: Final = {"/record": "/find", "/paper/statement": "/paper"}
"""Where what is only sent begins."""
_JAPAN: Final = timezone(timedelta(hours=9))
log = structlog.get_logger("engawa.agent")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page: an official, by the certificate of their device."""

    request: web.Request
    staff: str
    language: str
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    def link(self, path: str, **params: str) -> str:
        """Give the URL of a page in the visitor's language."""
        told = {**params, "lang": self.language}
        return f"{path}?{urlencode(told)}"


Run = Callable[[Visitor], Awaitable[web.Response]]


class Desk:
    """Serves pages: `shown` and `sent` make routes, `render` answers."""

    def __init__(self, inside: Inside) -> None:
        self.inside = inside
        words = texts(HERE / "texts.toml")
        self.pages = Pages(
            templates=HERE / "templates",
            static=HERE / "static",
            words=words,
            prefix=STATIC,
            values={"site": "縁側 Engawa", "sections": _SECTIONS, "words": frozenset(words), "local": _local},
        )

    def shown(self, path: str, run: Run) -> web.RouteDef:
        """Give the route of a page that is looked at."""

        async def handle(request: web.Request) -> web.Response:
            return await self._answered(request, run, {})

        return web.get(path, handle)

    def sent(self, path: str, run: Run) -> web.RouteDef:
        """Give the route of a form that is sent."""

        async def handle(request: web.Request) -> web.Response:
            return await self._answered(request, run, None)

        return web.post(path, handle)

    def render(self, visitor: Visitor, template: str, *, status: int = 200, **more: Any) -> web.Response:
        """Answer with a page that no cache keeps."""
        path = _BEGINS.get(visitor.request.path, visitor.request.path)
        told = {
            "visitor": visitor,
            "path": path,
            "link": visitor.link,
            "home": visitor.link("/"),
            "in_language": lambda language: f"{path}?lang={language}",
            "municipality": self.inside.municipality,
            **more,
        }
        response = self.pages.render(template, visitor.language, status=status, **told)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _answered(self, request: web.Request, run: Run, form: Mapping[str, str] | None) -> web.Response:
        language = language_of(request.query.get("lang"), request.headers.get("Accept-Language", ""))
        visitor = Visitor(request, "", language)
        try:
            staff = terminals.official(self.inside, _device(request), clock.now())
            visitor = Visitor(request, staff, language)
            return await run(
                Visitor(request, staff, language, await _form(request) if form is None else form)
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, the reader gets a page
            return self._failed(visitor, error)

    def _failed(self, visitor: Visitor, error: Exception) -> web.Response:
        if not isinstance(error, Problem):
            number = request_id()
            log.error("page failed", request=number, error=type(error).__name__)
            error = InternalError(f"Something failed here; tell the operator of the agent: {number}.")
        return self.render(visitor, "failed.html", status=error.status, problem=error)


def _local(moment: str) -> str:
    """Write a moment as clocks in Japan show it."""
    return datetime.fromisoformat(moment).astimezone(_JAPAN).strftime("%Y-%m-%d %H:%M")


def _device(request: web.Request) -> x509.Certificate:
    """Read the certificate that the device has shown; TLS has verified that an authority vouches for it."""
    tls = None if request.transport is None else request.transport.get_extra_info("ssl_object")
    raw = None if tls is None else tls.getpeercert(True)
    if raw is None:
        raise NotPermitted("The device has to show its certificate.")
    return x509.load_der_x509_certificate(raw)


async def _form(request: web.Request) -> dict[str, str]:
    """Read a form that a page of this server has sent. (Fetch, Origin)"""
    own = f"https://{request.host}"
    if request.headers.get("Origin") != own:
        raise NotPermitted("This form was sent by another site.")
    if (request.content_length or 0) > LARGEST:
        raise PayloadTooLarge("The form is too long.")
    found: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            found[name] = value.file.read(LARGEST).decode("latin-1")
        elif isinstance(value, str):
            found[name] = value.strip()
    return found
