"""The pages of the desk: what is to be signed, PIN and card, how the desk is. They work without scripts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from adapters.desk import documents
from adapters.desk.cards.card import WrongPin
from adapters.desk.cards.channel import Fault
from adapters.desk.documents import NotUnderstood
from adapters.desk.emulator.cards import Made
from adapters.desk.emulator.reader import EmulatedReader
from adapters.desk.pages import guard
from adapters.desk.reception import Reception
from adapters.desk.settings import DeskSettings
from adapters.desk.state import Condition
from adapters.desk.visits import MOST_DIGITS, FourRefused, Over, Visit, Visits
from adapters.sdk.client import Client, Refused, Unreachable
from base.errors import Problem
from base.ids import request as request_id
from base.pages import Pages, language_of, texts

HERE: Final = Path(__file__).parent
STATIC: Final = "/static/"
_PIN: Final = 4
log = structlog.get_logger("engawa.desk")


@dataclass(frozen=True, slots=True)
class Caller:
    """One request of the browser: in which language, with which form, known by what."""

    request: web.Request = field(repr=False)
    language: str
    known: bytes = field(default=b"", repr=False)
    form: Mapping[str, bytearray] = field(default_factory=dict, repr=False)
    page: str = "/"

    def link(self, path: str, language: str = "") -> str:
        """Write a link within the pages that keeps a language that was chosen."""
        chosen = language or (self.language if self.request.query.get("lang") == self.language else "")
        return f"{path}?lang={chosen}" if chosen else path

    def onward(self, url: str) -> str:
        """Write where the browser goes on to, in a language that was chosen here."""
        chosen = self.request.query.get("lang") == self.language
        return f"{url}&lang={self.language}" if chosen else url

    def in_language(self, language: str) -> str:
        """Link to this page in another language; what a form leads to is the page before it."""
        path = (
            self.page if self.request.method != "GET" or self.request.path == "/card" else self.request.path
        )
        return self.link(path, language)

    def digits(self, name: str) -> bytearray:
        """Give a field without the blanks and full-width digits that people type."""
        raw = self.form.get(name, bytearray())
        found = bytearray(raw.replace(b"+", b"").replace(b" ", b""))
        for wide in range(10):
            found = found.replace(chr(0xFF10 + wide).encode(), b"%d" % wide)
        return found


Run = Callable[[Caller], Awaitable[web.Response]]


class Front:
    """Serves the pages of a desk; `cards`: made-up ones that may be held on its emulated reader."""

    def __init__(
        self,
        settings: DeskSettings,
        client: Client,
        visits: Visits,
        condition: Condition,
        reception: Reception,
        port: Callable[[], int],
        cards: Mapping[str, Made],
        held: EmulatedReader | None,
    ) -> None:
        self._settings = settings
        self._client = client
        self._visits = visits
        self._condition = condition
        self._reception = reception
        self._port = port
        self._cards = cards
        self._held = held
        self._in_hand = ""
        self.pages = Pages(
            templates=HERE / "templates",
            static=HERE / "static",
            words=texts(HERE / "texts.toml"),
            prefix=STATIC,
            values={"site": "縁側 Engawa", "home": "/"},
        )

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            web.get("/", self._shown(self._home)),
            web.get("/card", self._shown(self._arrive)),
            web.get("/card/{visit}", self._shown(self._card)),
            web.post("/card/{visit}", self._sent(self._prove)),
            web.post("/card/{visit}/digit", self._sent(self._press)),
            web.post("/card/{visit}/cancel", self._sent(self._cancel)),
            web.post("/portal", self._sent(self._open_portal)),
            web.post("/look", self._sent(self._look)),
            web.post("/hold", self._sent(self._hold)),
            web.get("/state", self._state),
            *self.pages.routes(),
        ]

    # -- the frame around each page

    def _shown(self, run: Run) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return await self._framed(request, run)

        return handle

    def _sent(self, run: Run) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            async def read_and_run(caller: Caller) -> web.Response:
                return await run(replace(caller, form=await guard.form_of(request)))

            return await self._framed(request, read_and_run)

        return handle

    async def _framed(self, request: web.Request, run: Run) -> web.Response:
        language = language_of(request.query.get("lang"), request.headers.get("Accept-Language", ""))
        caller = Caller(request, language, guard.browser(request))
        try:
            guard.check_host(request, self._port())
            return await run(caller)
        except Over:
            return self._plain(caller, "over", 410)
        except NotUnderstood:
            return self._plain(caller, "not_understood", 409)
        except Unreachable:
            return self._plain(caller, "unreachable", 503)
        except Refused as refused:
            return self._refused(caller, refused)
        except Problem as problem:
            return self._plain(caller, "not_allowed", problem.status)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the reader gets a page
            number = request_id()
            log.error("request failed", request=number, error=type(error).__name__)
            return self._plain(caller, "failed", 500, number=number)

    def _refused(self, caller: Caller, refused: Refused) -> web.Response:
        if refused.status == 404:
            return self._plain(caller, "over", 410)
        log.warning("the module refused", status=refused.status)
        return self._plain(caller, "desk_refused" if refused.status in (401, 403) else "unreachable", 503)

    def _plain(self, caller: Caller, key: str, status: int, **more: str) -> web.Response:
        return self._render(caller, "plain.html", status=status, key=key, number=more.get("number", ""))

    def _render(self, caller: Caller, template: str, *, status: int = 200, **more: Any) -> web.Response:
        fresh = web.Response()
        known = caller.known or guard.begin(fresh)
        response = self.pages.render(
            template,
            caller.language,
            status=status,
            link=caller.link,
            in_language=caller.in_language,
            csrf=guard.proof(known),
            state=self._condition.now(),
            portal=self._client.url,
            cards=tuple(self._cards.values()),
            in_hand=self._in_hand,
            **more,
        )
        if fresh.cookies:
            response.cookies.update(fresh.cookies)
        response.headers["Cache-Control"] = "no-store"
        policy = response.headers["Content-Security-Policy"]
        # a form here may lead back to the municipality's pages, and nowhere else
        own = f"form-action 'self' {self._client.url}"
        response.headers["Content-Security-Policy"] = policy.replace("form-action 'self'", own)
        return response

    # -- a visit

    async def _arrive(self, caller: Caller) -> web.Response:
        """Take the transaction with which the browser was sent here."""
        query = caller.request.query
        response = web.Response(status=303)
        known = caller.known or guard.begin(response)
        visit = await self._visits.begin(query.get("transaction", ""), query.get("back", ""), known)
        response.headers["Location"] = caller.link(f"/card/{visit.id}")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    async def _card(self, caller: Caller) -> web.Response:
        """Show what is to be signed, and ask for PIN and card."""
        return self._visit(caller, self._found(caller))

    def _found(self, caller: Caller) -> Visit:
        return self._visits.find(caller.request.match_info["visit"], caller.known)

    def _visit(
        self, caller: Caller, visit: Visit, wrong: str = "", *, status: int = 200, left: int | None = None
    ) -> web.Response:
        visit.wrong = wrong
        rows = documents.rows(visit.document, self._client.url, caller.language)
        seconds = visit.left()
        stuck = wrong in ("fault_LastTry", "fault_Locked") or (wrong == "fault_WrongPin" and left == 1)
        return self._render(
            replace(caller, page=f"/card/{visit.id}"),
            "card.html",
            status=status,
            visit=visit,
            rows=rows,
            wrong="fault_LastTry" if stuck and left == 1 else wrong,
            left=left,
            stuck=stuck,
            typed=len(visit.typed),
            signed=visit.answer is not None,
            left_seconds=seconds,
            minutes=max(1, round(seconds / 60)),
        )

    async def _press(self, caller: Caller) -> web.Response:
        """Take one digit of the pad, where no script does."""
        visit = self._found(caller)
        digit = bytes(caller.form.get("digit", b""))
        if digit == b"clear":
            visit.forget_typed()
        elif digit.isdigit() and len(digit) == 1 and len(visit.typed) < _PIN:
            visit.typed += digit
        return _see(caller.link(f"/card/{visit.id}") + "#pin")

    async def _prove(self, caller: Caller) -> web.Response:
        """Have the card sign, and send the browser back."""
        visit = self._found(caller)
        if visit.doing is None and bytes(caller.form.get("turn", b"")) not in (b"", b"%d" % visit.turn):
            return self._visit(caller, visit, visit.wrong, status=409, left=visit.tries)
        pin, four = caller.digits("pin") or bytearray(visit.typed), caller.digits("four")
        if not visit.contactless and visit.answer is None and not _is_pin(pin):
            visit.forget_typed()
            return self._visit(caller, visit, "wrong_length", status=422)
        if four and not (four.isdigit() and len(four) in (_PIN, MOST_DIGITS)):
            return self._visit(caller, visit, "wrong_four", status=422)
        try:
            return _see(caller.onward(await self._visits.prove(visit, pin, four)))
        except Fault as fault:
            return self._visit(caller, visit, _key(fault), status=422, left=visit.tries)
        except FourRefused as refused:
            left = refused.fault.left if isinstance(refused.fault, WrongPin) else None
            return self._visit(caller, visit, "four_refused", status=422, left=left)
        except Unreachable:
            return self._visit(caller, visit, "undelivered", status=503)

    async def _cancel(self, caller: Caller) -> web.Response:
        """Send the browser back without a signature."""
        return _see(caller.onward(await self._visits.cancel(self._found(caller))))

    # -- the desk itself

    async def _home(self, caller: Caller) -> web.Response:
        """Show how the desk is, and what can be done at it."""
        more = {"kiosk": self._settings.kiosk, "check_in": self._settings.check_in}
        return self._render(caller, "home.html", last=self._reception.last, **more)

    async def _open_portal(self, caller: Caller) -> web.Response:
        """Get a ticket for this browser, and open the portal with it."""
        if not self._settings.kiosk:
            raise web.HTTPNotFound
        found = await self._client.ask("POST", "/desks/tickets", {})
        return _see(self._client.url + str(found["path"]))

    async def _look(self, caller: Caller) -> web.Response:
        """Look up the card on the reader, where somebody presses a button for it."""
        await self._reception.look()
        return _see(caller.link("/"))

    async def _hold(self, caller: Caller) -> web.Response:
        """Hold a made-up card on the emulated reader, or take it away."""
        chosen = bytes(caller.form.get("card", b"")).decode("ascii", "replace")
        if self._held is None or (chosen and chosen not in self._cards):
            raise web.HTTPNotFound
        self._held.hold(self._cards[chosen].chip() if chosen else None)
        self._in_hand = chosen
        then = bytes(caller.form.get("then", b"")).decode("ascii", "replace")
        return _see(caller.link(f"/card/{then}" if then.replace("-", "").replace("_", "").isalnum() else "/"))

    async def _state(self, request: web.Request) -> web.Response:
        """Tell the page's script how the desk is, in the reader's words."""
        try:
            guard.check_host(request, self._port())
            guard.check_own(request)
        except Problem as problem:
            return web.json_response({}, status=problem.status)
        language = language_of(request.query.get("lang"), "")
        state, last = self._condition.now(), self._reception.last
        told = {
            "reader": state.reader,
            "readerText": self.pages.say(language, f"reader_{state.reader}"),
            "networkText": self.pages.say(language, f"network_{state.network}"),
            "waiting": state.waiting,
            "number": last.number,
            "result": last.result,
            "resultText": self.pages.say(language, f"result_{last.result}") if last.result else "",
        }
        return web.json_response(told, headers={"Cache-Control": "no-store"})


def _key(fault: Fault) -> str:
    return f"fault_{type(fault).__name__}"


def _is_pin(pin: bytearray) -> bool:
    return len(pin) == _PIN and pin.isdigit() and pin.isascii()


def _see(where: str) -> web.Response:
    return web.Response(status=303, headers={"Location": where, "Cache-Control": "no-store"})
