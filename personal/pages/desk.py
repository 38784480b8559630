"""What all pages share: finding out who visits, sending forms on, saying what went wrong. (decision 7)"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from base import clock
from base.errors import InternalError, NotPermitted, Problem, Unauthorized
from base.ids import request as request_id
from base.pages import Pages, texts
from personal.api.callers import holder_of
from personal.api.inside import Inside
from personal.operations.actors import Actor, Level, Who
from personal.operations.assurance import CARD_AND_PIN
from personal.operations.call import Module, Operation
from personal.operations.town import Town
from personal.pages.cases import Cases
from personal.pages.kept import Form, Kept
from personal.pages.once import Once
from personal.pages.refill import refilled
from personal.pages.refusals import Refusals
from personal.pages.visitor import (
    KEPT,
    Visitor,
    check_form,
    cookie_name,
    drop_login,
    form_of,
    language,
    mark_browser,
    safe_next,
    values,
)
from personal.store import sessions

STATIC: Final = "/pages/static/"
STAFF: Final = "/staff"
ME: Final = "/me"
_LOGINS: Final = {Who.STAFF: STAFF + "/login", Who.RESIDENT: ME + "/login"}
SECTIONS: Final = (
    ("residents", "POST", "/residents/search"),
    ("services", "GET", "/catalogue/services"),
    ("items", "GET", "/catalogue/services"),
    ("peers", "GET", "/exchange/peers/all"),
    ("proposals", "GET", "/proposals"),
    ("emergencies", "GET", "/emergencies/all"),
    ("break-glass", "GET", "/break-glass"),
    ("rights", "GET", "/rights"),
    ("duties", "GET", "/notices/overdue"),
    ("affected", "POST", "/reports/affected"),
    ("members", "GET", "/staff"),
    ("audit", "GET", "/audit/entries"),
)
"""The sections of the staff's pages: the name below /staff, the operation without which one shows nothing."""
JAPAN: Final = timezone(timedelta(hours=9))
_DONE: Final = "done_"
Run = Callable[[Visitor], Awaitable[web.Response]]
log = structlog.get_logger("engawa.personal")


class Desk:
    """Serves pages: `shown` and `sent` make routes, `ask` does operations, `render` and `back` answer."""

    def __init__(self, module: Module, operations: Sequence[Operation], parts: Sequence[Path]) -> None:
        self.module = module
        self.inside = Inside(module, operations)
        self.cases = Cases()
        self.kept = Kept()
        self.logins: dict[Who, Run] = {}  # the pages to log in, by who logs in there
        self._once = Once()
        self._refusals = Refusals()
        self.words = self._refusals.words
        words = texts(*(file for part in parts for file in sorted(part.glob("texts*.toml"))))
        self.pages = Pages(
            templates=[part / "templates" for part in parts],
            static=[part / "static" for part in parts],
            words=words,
            prefix=STATIC,
            values={
                "site": "縁側 Engawa",
                "may": self.inside.may,
                "demo": module.settings.demo,
                "words": frozenset(words),
                "sections": SECTIONS,
                "local": _local,
                "notices": frozenset(key.removeprefix(_DONE) for key in words if key.startswith(_DONE)),
            },
        )

    def shown(self, path: str, run: Run, who: Who = Who.STAFF) -> web.RouteDef:
        """Give the route of a page that is looked at."""

        async def handle(request: web.Request) -> web.Response:
            visitor = self._carrying(request)
            try:
                visitor = await self._known(visitor, who)
                if who is not Who.NOBODY and visitor.actor.who is not who:
                    return _see(visitor.link(_LOGINS[who]))
                return _marked(visitor, await run(visitor))
            except NotPermitted as problem:
                return self._stepping_up(visitor, problem, visitor.request.path_qs)
            except Unauthorized:
                return _logged_out(visitor, who)
            except Exception as error:  # noqa: BLE001  # whatever it is, the reader gets a page
                return self._failed(visitor, self._told(error))

        return web.get(path, handle)

    def sent(
        self, path: str, run: Run, who: Who = Who.STAFF, *, page: Run | None = None, shows: bool = False
    ) -> web.RouteDef:
        """Give the route of a form that is sent; `page` shows it again if it is refused; `shows`: it answers itself."""

        async def handle(request: web.Request) -> web.Response:
            visitor = self._carrying(request)
            try:
                visitor = replace(visitor, form=await form_of(request))
                visitor = await self._known(visitor, who)
                if who is Who.NOBODY:
                    return _marked(visitor, await run(visitor))
                if visitor.actor.who is not who:
                    return _see(visitor.link(_LOGINS[who]))
                if visitor.given(KEPT):
                    return await self._resumed(visitor, page)
                check_form(visitor)
                return _marked(visitor, await (run(visitor) if shows else self._once.run(visitor, run)))
            except Unauthorized as problem:
                if who is Who.NOBODY:
                    return await self._again(visitor, problem, page)
                return await self._to_login(visitor, who)
            except Exception as error:  # noqa: BLE001  # whatever it is, the reader gets a page
                return await self._again(visitor, self._told(error), page)

        return web.post(path, handle)

    async def ask(self, visitor: Visitor, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Do an operation as the visitor."""
        if visitor.town is None:
            raise Unauthorized("Log in first.")
        return await self.inside.ask(visitor.town, visitor.actor, method, path, body, **more)

    async def labels(self, visitor: Visitor) -> dict[str, str]:
        """Give what items are called, by their codes."""
        listed = (await self.ask(visitor, "GET", "/items"))["items"]
        return {one["item"]: one["label"][visitor.language] for one in listed}

    async def purpose_of(self, visitor: Visitor, service: str, purpose: str) -> dict[str, Any]:
        """Give the description of a service and one of its purposes; only their ids if they are not in force."""
        listed = (await self.ask(visitor, "GET", "/services"))["services"]
        known = next((one for one in listed if one["id"] == service), None)
        if known is None:
            known = {"id": service, "name": _nameless(service), "operator": {"name": ""}, "purposes": []}
        asked = next((one for one in known["purposes"] if one["id"] == purpose), None)
        if asked is None:
            asked = {"id": purpose, "name": _nameless(purpose), "registeredPurpose": ""}
        return {"service": known, "purpose": asked}

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

    def said(self, visitor: Visitor, problem: Problem) -> str:
        """Say a refusal in the reader's language."""
        return self._refusals.said(problem.detail, visitor.language)

    def filled(self, response: web.Response, visitor: Visitor, wrong: str = "") -> web.Response:
        """Put what was typed in back into the form it came from."""
        response.text = refilled(response.text or "", visitor.request.path, visitor.form, wrong)
        return response

    def file(self, body: bytes, name: str, kind: str) -> web.Response:
        """Answer with a file to be kept by the reader, and by no cache."""
        headers = {
            "Content-Type": kind,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=body, headers=headers)

    def back(self, visitor: Visitor, path: str, done: str = "") -> web.Response:
        """Answer a form: go on to a page, which says what was done."""
        return _see(visitor.link(path, done=done))

    def resume(self, visitor: Visitor, town: Town, actor: Actor) -> str:
        """Say where to send on, after a login, the form that came before it; empty if there is none of theirs."""
        form = self.kept.opened(visitor.given(KEPT), (town.id, actor.who, actor.id))
        if form is None:
            return ""
        self.cases.adopt(actor.session, form.session)
        return form.path

    def _carrying(self, request: web.Request) -> Visitor:
        """Read the login that a request brings along, whether or not it is good."""
        name, _, secret = request.cookies.get(cookie_name(request), "").partition(".")
        town: Town | None = self.module.towns.get(name)
        visitor = Visitor(request, language(request))
        return visitor if town is None or not secret else replace(visitor, town=town, secret=secret)

    async def _known(self, visitor: Visitor, who: Who) -> Visitor:
        if visitor.town is None:
            return visitor
        try:
            actor = await holder_of(visitor.secret, visitor.town, self.module.settings, clock.now())
        except Unauthorized:
            if who is Who.NOBODY:
                return replace(visitor, town=None, secret="")
            raise
        self.cases.note(actor.session, (visitor.town.id, actor.who, actor.id))
        return replace(visitor, actor=actor)

    async def _to_login(self, visitor: Visitor, who: Who) -> web.Response:
        """Ask for a login anew; a form that came too late is kept for whoever typed it in."""
        session = sessions.digest(visitor.secret)
        owner = self.cases.owner(session) if visitor.proven else None
        if owner is None or who not in self.logins:
            return _logged_out(visitor, who)
        kept = self.kept.sealed(Form(visitor.request.path, visitor.form, session), owner)
        nobody = replace(visitor, town=None, secret="", form={}, kept=kept)
        response = await self.logins[who](nobody)
        response.set_status(Unauthorized.status)
        return response

    def _stepping_up(self, visitor: Visitor, problem: NotPermitted, back: str) -> web.Response:
        """Ask for a surer login where that is all that is missing."""
        if problem.more.get("needs") != CARD_AND_PIN:
            return self._failed(visitor, problem)
        level = str(int(Level.CARD))
        return _see(visitor.link(ME + "/login", next=safe_next(back, ME), level=level))

    async def _resumed(self, visitor: Visitor, page: Run | None) -> web.Response:
        """Show a form again that came before its login, as it was typed in."""
        owner = (visitor.town.id if visitor.town else "", visitor.actor.who, visitor.actor.id)
        form = self.kept.opened(visitor.given(KEPT), owner)
        if form is None or form.path != visitor.request.path or page is None:
            return _see(visitor.link(STAFF if visitor.actor.who is Who.STAFF else ME))
        again = replace(visitor, form=form.fields, wrong=self.pages.say(visitor.language, "resumed"))
        return self.filled(await page(again), again)

    async def _again(self, visitor: Visitor, problem: Problem, page: Run | None) -> web.Response:
        """Show the page of a form that was refused, with what was typed in and why."""
        if page is None or not visitor.form:
            return self._failed(visitor, problem)
        wrong = self._refusals.said(problem.detail, visitor.language)
        try:
            response = await page(replace(visitor, wrong=wrong))
        except Exception:  # noqa: BLE001  # the page cannot be shown either: say why the form was refused
            return self._failed(visitor, problem)
        response.set_status(problem.status)
        return self.filled(response, visitor, self._refusals.field(problem.detail))

    def _told(self, error: Exception) -> Problem:
        if isinstance(error, web.HTTPException):
            raise error
        if isinstance(error, Problem):
            return error
        number = request_id()
        log.error("page failed", request=number, error=type(error).__name__)
        return InternalError(f"Something failed here; tell the operator of this server: {number}.")

    def _failed(self, visitor: Visitor, problem: Problem) -> web.Response:
        said = self._refusals.said(problem.detail, visitor.language)
        visitor = replace(visitor, form={})
        return self.render(visitor, "failed.html", status=problem.status, problem=problem, said=said)


def _marked(visitor: Visitor, response: web.Response) -> web.Response:
    mark_browser(visitor.request, response)
    return response


def _nameless(id: str) -> dict[str, str]:
    return {"ja": id, "en": id}


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
