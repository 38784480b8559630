"""What all pages share: finding out who visits, sending forms on, saying what went wrong. (decision 7)"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from base import clock
from base.errors import InternalError, Problem, Unauthorized
from base.ids import request as request_id
from base.pages import Pages, texts
from personal.api.callers import holder_of
from personal.api.inside import Inside
from personal.operations.actors import Who
from personal.operations.call import Module, Operation, Town
from personal.pages.cases import Cases
from personal.pages.visitor import (
    Visitor,
    check_form,
    cookie_name,
    drop_login,
    form_of,
    language,
    values,
)

HERE: Final = Path(__file__).parent
STATIC: Final = "/pages/static/"
STAFF: Final = "/staff"
ME: Final = "/me"
_LOGINS: Final = {Who.STAFF: STAFF + "/login", Who.RESIDENT: ME + "/login"}
JAPAN: Final = timezone(timedelta(hours=9))
_DONE: Final = "done_"
Run = Callable[[Visitor], Awaitable[web.Response]]
log = structlog.get_logger("engawa.personal")


class Desk:
    """Serves pages: `shown` and `sent` make routes, `ask` does operations, `render` and `back` answer."""

    def __init__(self, module: Module, operations: Sequence[Operation]) -> None:
        self.module = module
        self.inside = Inside(module, operations)
        self.cases = Cases()
        words = texts(*sorted(HERE.glob("texts*.toml")))
        self.pages = Pages(
            templates=HERE / "templates",
            static=HERE / "static",
            words=words,
            prefix=STATIC,
            values={
                "site": "縁側 Engawa",
                "may": self.inside.may,
                "demo": module.settings.demo,
                "words": frozenset(words),
                "local": _local,
                "notices": frozenset(key.removeprefix(_DONE) for key in words if key.startswith(_DONE)),
            },
        )

    def shown(self, path: str, run: Run, who: Who = Who.STAFF) -> web.RouteDef:
        """Give the route of a page that is looked at."""

        async def handle(request: web.Request) -> web.Response:
            visitor = Visitor(request, language(request))
            try:
                visitor = await self._known(visitor)
                if who is not Who.NOBODY and visitor.actor.who is not who:
                    return _see(visitor.link(_LOGINS[who]))
                return await run(visitor)
            except Unauthorized:
                return _logged_out(visitor, who)
            except Exception as error:  # noqa: BLE001  # whatever it is, the reader gets a page
                return self._failed(visitor, error)

        return web.get(path, handle)

    def sent(self, path: str, run: Run, who: Who = Who.STAFF) -> web.RouteDef:
        """Give the route of a form that is sent."""

        async def handle(request: web.Request) -> web.Response:
            visitor = Visitor(request, language(request))
            try:
                form = await form_of(request)
                visitor = replace(await self._known(visitor), form=form)
                if who is not Who.NOBODY:
                    if visitor.actor.who is not who:
                        return _see(visitor.link(_LOGINS[who]))
                    check_form(visitor)
                return await run(visitor)
            except Unauthorized as problem:
                return self._failed(visitor, problem) if who is Who.NOBODY else _logged_out(visitor, who)
            except Exception as error:  # noqa: BLE001  # whatever it is, the reader gets a page
                return self._failed(visitor, error)

        return web.post(path, handle)

    async def ask(self, visitor: Visitor, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Do an operation as the visitor."""
        if visitor.town is None:
            raise Unauthorized("Log in first.")
        return await self.inside.ask(visitor.town, visitor.actor, method, path, body, **more)

    def may(self, visitor: Visitor, method: str, path: str) -> bool:
        """Say whether the visitor may do an operation."""
        return self.inside.may(visitor.actor, method, path)

    def render(self, visitor: Visitor, template: str, *, status: int = 200, **more: Any) -> web.Response:
        """Answer with a page that no cache keeps."""
        home = STAFF if visitor.request.path.startswith(STAFF) else ME
        told = {**values(visitor), "home": visitor.link(home), **more}
        response = self.pages.render(template, visitor.language, status=status, **told)
        response.headers["Cache-Control"] = "no-store"
        return response

    def back(self, visitor: Visitor, path: str, done: str = "") -> web.Response:
        """Answer a form: go on to a page, which says what was done."""
        return _see(visitor.link(path, done=done))

    async def _known(self, visitor: Visitor) -> Visitor:
        name, _, secret = visitor.request.cookies.get(cookie_name(visitor.request), "").partition(".")
        town: Town | None = self.module.towns.get(name)
        if town is None or not secret:
            return visitor
        actor = await holder_of(secret, town, self.module.settings, clock.now())
        return replace(visitor, town=town, actor=actor, secret=secret)

    def _failed(self, visitor: Visitor, error: Exception) -> web.Response:
        if isinstance(error, web.HTTPException):
            raise error
        if not isinstance(error, Problem):
            number = request_id()
            log.error("page failed", request=number, error=type(error).__name__)
            error = InternalError(f"Something failed here; tell the operator of this server: {number}.")
        return self.render(visitor, "failed.html", status=error.status, problem=error)


def _local(moment: str) -> str:
    """Write a moment as clocks in Japan show it."""
    return datetime.fromisoformat(moment).astimezone(JAPAN).strftime("%Y-%m-%d %H:%M")


def _see(target: str) -> web.Response:
    return web.Response(status=303, headers={"Location": target, "Cache-Control": "no-store"})


def _logged_out(visitor: Visitor, who: Who) -> web.Response:
    """Ask for a login anew, without the cookie that is not good any more."""
    target = visitor.request.path if who is Who.NOBODY else _LOGINS[who]
    response = _see(visitor.link(target))
    drop_login(visitor.request, response)
    return response
