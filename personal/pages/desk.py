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
from personal.login import oidc_logout
from personal.operations.actors import NOBODY, Who
from personal.operations.assurance import CARD_AND_PIN, FACTOR, LOGIN
from personal.operations.call import Module, Operation
from personal.operations.town import Town
from personal.pages import kept
from personal.pages.cases import Cases
from personal.pages.kept import Form, owner_of
from personal.pages.kiosks import kiosk_of
from personal.pages.limits import Limits, limits_of
from personal.pages.once import Once
from personal.pages.refill import refilled
from personal.pages.refusals import Refusals
from personal.pages.visitor import (
    KEPT,
    Visitor,
    binding,
    check_form,
    cookie_name,
    drop_browser,
    drop_login,
    form_of,
    language,
    mark_browser,
    safe_next,
    see,
    values,
)
from personal.rules.levels import Level
from personal.store import sessions

STATIC: Final = "/pages/static/"
STAFF: Final = "/staff"
ME: Final = "/me"
GIVE_FACTOR: Final = STAFF + "/factor"
_LOGINS: Final = {
    Who.STAFF: STAFF + "/login",
    Who.ENTRANT: STAFF + "/login",
    Who.RESIDENT: ME + "/login",
}
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
    ("deadlines", "GET", "/deadlines"),
    ("members", "GET", "/staff"),
    ("desks", "GET", "/desks"),
    ("office", "PUT", "/office"),
    ("audit", "GET", "/audit/search"),
)
"""The sections of the staff's pages: the name below /staff, the operation without which one shows nothing."""
JAPAN: Final = timezone(timedelta(hours=9))
_DONE: Final = "done_"
ENDED: Final = "ended_by_itself"
FORGET: Final = '"cache", "storage"'
"""What browsers forget when a login ends; not cookies: a desk's browser stays the one of its desk."""
Run = Callable[[Visitor], Awaitable[web.Response]]
log = structlog.get_logger("engawa.personal")


class Desk:
    """Serves pages: `shown` and `sent` make routes, `ask` does operations, `render` and `back` answer."""

    def __init__(self, module: Module, operations: Sequence[Operation], parts: Sequence[Path]) -> None:
        self.module = module
        self.inside = Inside(module, operations)
        self.cases = Cases()
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
                "days_left": _days_left,
                "notices": frozenset(key.removeprefix(_DONE) for key in words if key.startswith(_DONE)),
            },
        )

    def shown(self, path: str, run: Run, who: Who = Who.STAFF) -> web.RouteDef:
        """Give the route of a page that is looked at."""

        async def handle(request: web.Request) -> web.Response:
            visitor = self._carrying(request)
            try:
                visitor = await self._known(visitor, who)
                return _elsewhere(visitor, who) or _marked(visitor, await run(visitor))
            except NotPermitted as problem:
                return await self._stepping_up(visitor, problem) or self._failed(visitor, problem)
            except Unauthorized:
                return _logged_out(visitor, who, "login_over")
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
                if (elsewhere := _elsewhere(visitor, who)) is not None:
                    return elsewhere
                if visitor.given(KEPT):
                    return await self._resumed(visitor, page)
                check_form(visitor)
                return _marked(visitor, await (run(visitor) if shows else self._once.run(visitor, run)))
            except NotPermitted as problem:
                return await self._stepping_up(visitor, problem) or await self._again(visitor, problem, page)
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
        """Answer with a page that no cache keeps, and that says how long it stands: as its login, or its `limits`."""
        home = STAFF if visitor.request.path.startswith(STAFF) else ME
        limits: Limits | None = more.get("limits") or limits_of(
            visitor.actor, self.module.settings, clock.now()
        )
        leave = visitor.link(ME + "/login", done=ENDED)
        told = {**values(visitor), "home": visitor.link(home), "leave": leave, **more, "limits": limits}
        response = self.pages.render(template, visitor.language, status=status, **told)
        response.headers["Cache-Control"] = "no-store"
        if limits is not None and limits.shared:  # whoever comes next sees nothing of who was there
            response.headers["Refresh"] = f"{min(limits.left, limits.last) + 1}; url={leave}"
        if visitor.request.query.get("done") == ENDED:
            response.headers["Clear-Site-Data"] = FORGET  # the way back leads to no page of who was there
            drop_browser(visitor.request, response)  # nor to what they began
        return response

    def said(self, visitor: Visitor, problem: Problem) -> str:
        """Say a refusal in the reader's language."""
        return self._refusals.said(problem.detail, visitor.language)

    def filled(self, response: web.Response, visitor: Visitor, wrong: str = "") -> web.Response:
        """Put what was typed in back into the form it came from."""
        response.text = refilled(
            response.text or "", visitor.request.path, visitor.form, wrong, visitor.wrong
        )
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
        return see(visitor.link(path, done=done))

    async def leave(self, visitor: Visitor, path: str) -> web.Response:
        """End the login and let the browser forget what it saw; a desk's goes on with nothing of who was there."""
        await self.ask(visitor, "DELETE", "/session")
        self.cases.forget(visitor.actor.session)
        provider = oidc_logout.provider_of(self.module, visitor.actor.method)
        there = await oidc_logout.address(self.module, provider) if provider is not None else ""
        if provider is not None and there:
            nobody = replace(visitor, town=None, actor=NOBODY, secret="", form={})
            response = self.render(nobody, "login_leave.html", address=there, label=provider.label, over=True)
        else:
            response = self.back(visitor, path, "logged_out")
        drop_login(visitor.request, response)
        response.headers["Clear-Site-Data"] = FORGET
        if visitor.actor.device:
            drop_browser(visitor.request, response)
        return response

    async def resume(self, visitor: Visitor) -> web.Response:
        """Show that a form was kept, and let its owner go on with it."""
        home = ME if visitor.actor.who is Who.RESIDENT else STAFF
        id, town = visitor.request.match_info["id"], visitor.town
        form = None if town is None else await self._kept(visitor, town, id)
        if form is None:
            return see(visitor.link(home))
        return self.render(visitor, "resumed.html", path=form.path, id=id)

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
        if not actor.device:
            self.cases.note(actor.session, owner_of(visitor.town, actor))
        return replace(visitor, actor=actor)

    async def _to_login(self, visitor: Visitor, who: Who) -> web.Response:
        """Ask for a login anew; a form that came too late is kept for whoever typed it in."""
        next = await self._keep(visitor)
        if not next or who not in _LOGINS:
            return _logged_out(visitor, who, "form_lost")
        response = see(visitor.link(_LOGINS[who], next=next, done="form_kept"))
        drop_login(visitor.request, response)
        return _marked(visitor, response)

    async def _stepping_up(self, visitor: Visitor, problem: NotPermitted) -> web.Response | None:
        """Ask for a surer login where that is all that is missing; a form is kept meanwhile."""
        needs, actor = problem.more.get("needs"), visitor.actor
        if needs == CARD_AND_PIN and actor.who is Who.RESIDENT and actor.level < Level.CARD:
            page, more = ME + "/login", {"level": str(int(Level.CARD))}
        elif needs == FACTOR and actor.who is Who.STAFF:
            page, more = GIVE_FACTOR, {}
        elif needs == LOGIN and actor.who is Who.STAFF:
            page, more = _LOGINS[Who.STAFF], {"done": "login_anew"}
        else:
            return None
        home = ME if actor.who is Who.RESIDENT else STAFF
        here = safe_next(visitor.request.path_qs, home)
        next = here if visitor.request.method == "GET" else await self._keep(visitor) or home
        return _marked(visitor, see(visitor.link(page, next=next, **more)))

    async def _keep(self, visitor: Visitor) -> str:
        """Keep a form until its owner has logged in; gives where to go on then, empty if it is not kept."""
        session, town = sessions.digest(visitor.secret), visitor.town
        owner = self.cases.owner(session) if visitor.proven else None
        if owner is None or town is None:
            return ""
        form = Form(visitor.request.path, visitor.form, session)
        id = await kept.keep(town, form, owner, binding(visitor.request), clock.now())
        return f"{STAFF if owner[1] is Who.STAFF else ME}/resumed/{id}"

    async def _kept(self, visitor: Visitor, town: Town, id: str) -> Form | None:
        owner = owner_of(town, visitor.actor)
        return await kept.peek(town, id, owner, binding(visitor.request), clock.now())

    async def _resumed(self, visitor: Visitor, page: Run | None) -> web.Response:
        """Show a form again that came before its login, as it was typed in."""
        id, town = visitor.given(KEPT), visitor.town
        form = None if town is None else await self._kept(visitor, town, id)
        if town is None or form is None or form.path != visitor.request.path or page is None:
            return see(visitor.link(STAFF if visitor.actor.who is Who.STAFF else ME))
        self.cases.adopt(visitor.actor.session, form.session)
        again = replace(visitor, form=form.fields, wrong=self.pages.say(visitor.language, "resumed"))
        response = self.filled(await page(again), again)
        await kept.forget(town, id, binding(visitor.request), clock.now())
        return response

    async def _again(self, visitor: Visitor, problem: Problem, page: Run | None) -> web.Response:
        """Show the page of a form that was refused, with what was typed in and why."""
        if page is None or not visitor.form:
            return self._failed(visitor, problem)
        visitor = replace(visitor, wrong=self._refusals.said(problem.detail, visitor.language))
        try:
            response = await page(visitor)
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


def _elsewhere(visitor: Visitor, who: Who) -> web.Response | None:
    """Send on whom a page is not for: to log in, or to give a second factor first; and back after that."""
    actor = visitor.actor
    if who is Who.NOBODY or actor.who is who or (who is Who.ENTRANT and actor.who is Who.STAFF):
        return None
    looked_at = visitor.request.method == "GET"
    next = safe_next(visitor.request.path_qs) if looked_at and visitor.request.path not in (ME, STAFF) else ""
    page = GIVE_FACTOR if who is Who.STAFF and actor.who is Who.ENTRANT else _LOGINS[who]
    return see(visitor.link(page, next=next))


def _nameless(id: str) -> dict[str, str]:
    return {"ja": id, "en": id}


def _local(moment: str) -> str:
    """Write a moment as clocks in Japan show it."""
    return datetime.fromisoformat(moment).astimezone(JAPAN).strftime("%Y-%m-%d %H:%M")


def _days_left(moment: str, now: int) -> int:
    """Count the days until a moment, by calendars in Japan."""
    day = datetime.fromisoformat(moment).astimezone(JAPAN).date()
    return (day - datetime.fromtimestamp(now / clock.SECOND, JAPAN).date()).days


def _logged_out(visitor: Visitor, who: Who, done: str) -> web.Response:
    """Ask for a login anew, without the cookie that is not good any more, and go on after it where one was.

    At a terminal somebody else may be next.
    """
    if who is Who.NOBODY:
        response = see(visitor.link(visitor.request.path))
    elif visitor.town is not None and kiosk_of(visitor, visitor.town):
        response = see(visitor.link(ME + "/login", done=ENDED))
    else:
        next = safe_next(visitor.request.path_qs) if visitor.request.method == "GET" else ""
        response = see(visitor.link(_LOGINS[who], next=next, done=done))
    drop_login(visitor.request, response)
    return response
