"""The pages themselves: overview, alarms, a resident's records, forms on paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web
from cryptography import x509

from base import clock
from base.database import Connection
from base.errors import BadRequestData
from personal.agent import officials, terminals
from personal.agent import store as kept
from personal.agent.admin import Agent, counted
from personal.agent.pages.desk import Desk, Visitor
from personal.pages import values
from personal.rules import decisions, release
from personal.rules.evidence import Credential, CredentialKind, EvidenceKind, card_of
from schemas.personal import catalogue

SHOWN: Final = (
    "records", "releasedThisHour", "releasedToday", "answersWaiting", "wishes", "alarmsToday"
)  # fmt: skip
MOST: Final = 20


def routes(agent: Agent) -> list[web.RouteDef]:
    """Give the routes of all pages and of what they are made of."""
    desk = Desk(agent.inside)
    pages = TerminalPages(agent, desk)
    return [
        desk.shown("/", pages.overview),
        desk.shown("/alarms", pages.alarms),
        desk.shown("/find", pages.begin),
        desk.sent("/find", pages.find),
        desk.sent("/record", pages.record),
        desk.shown("/paper", pages.begin_paper),
        desk.sent("/paper", pages.read_paper),
        desk.sent("/paper/statement", pages.vouch),
        *desk.pages.routes(),
    ]


@dataclass(frozen=True, slots=True)
class TerminalPages:
    """Each page asks for what it shows when it is asked for."""

    agent: Agent
    desk: Desk

    async def overview(self, visitor: Visitor) -> web.Response:
        """Show what the agent keeps and did, and what waits."""

        def work(db: Connection) -> dict[str, Any]:
            return {
                "counts": counted(db, clock.now()),
                "wishes": officials.wishes(db),
                "answers": [{"order": id, "at": clock.show(at)} for id, at in kept.waiting_answers(db, MOST)],
            }

        line = self.agent.line
        told = self.agent.inside.store.read(work)
        connected = "files" if line is None else ("connected" if line.connected else "away")
        return self.desk.render(visitor, "overview.html", shown=SHOWN, line=connected, **told)

    async def alarms(self, visitor: Visitor) -> web.Response:
        """List what was refused, the newest first."""
        found = self.agent.inside.store.read(kept.alarms)
        rows = [{"why": why, "task": task, "at": clock.show(at)} for _, why, task, at in found]
        return self.desk.render(visitor, "alarms.html", alarms=rows)

    async def begin(self, visitor: Visitor) -> web.Response:
        """Show the form to find a resident's records."""
        return self.desk.render(visitor, "find.html", found=None)

    async def find(self, visitor: Visitor) -> web.Response:
        """Find records by a card, a login or the subject of decisions."""
        holders = _holders(visitor.form, self.agent.inside.municipality)
        now, store = clock.now(), self.agent.inside.store
        boxes = await store.write(lambda db: terminals.find(db, visitor.staff, holders, now))
        found = [row for box in boxes for row in store.read(lambda db, box=box: kept.contents(db, box))]  # type: ignore[misc]  # bound
        rows = [
            {"name": name, "label": _label(item, visitor.language), "version": version, "at": clock.show(at)}
            for name, item, version, at in found
        ]
        return self.desk.render(visitor, "find.html", found=rows)

    async def record(self, visitor: Visitor) -> web.Response:
        """Show a record."""
        found = await terminals.look(
            self.agent.inside, visitor.staff, visitor.form.get("name", ""), clock.now()
        )
        known = catalogue.items().get(found.item)
        rows = values.rows(known.schema, found.value, visitor.language) if known else ()
        plain = "" if rows else orjson.dumps(found.value, option=orjson.OPT_INDENT_2).decode()
        label = _label(found.item, visitor.language)
        return self.desk.render(
            visitor, "record.html", label=label, version=found.version, rows=rows, plain=plain
        )

    async def begin_paper(self, visitor: Visitor) -> web.Response:
        """Show the form for a decision on paper."""
        return self.desk.render(visitor, "paper.html", decision=None, evidence=None)

    async def read_paper(self, visitor: Visitor) -> web.Response:
        """Show what a decision says, for the official to compare it with the form and sign."""
        decision = _decision(visitor.form)
        terminals.check(self.agent.inside, decision)
        return self._paper(visitor, decision)

    async def vouch(self, visitor: Visitor) -> web.Response:
        """Take the statement of the official's device; give the evidence to be carried outside."""
        decision = _decision(visitor.form)
        given = {
            "kind": str(EvidenceKind.OFFICIAL),
            "statement": "".join(visitor.form.get("statement", "").split()),
            "scan": visitor.form.get("scan", ""),
        }
        await terminals.vouch(self.agent.inside, visitor.staff, decision, given, clock.now())
        return self._paper(visitor, decision, orjson.dumps(given).decode())

    def _paper(
        self, visitor: Visitor, decision: Mapping[str, Any], evidence: str | None = None
    ) -> web.Response:
        told: dict[str, Any] = {
            "document": orjson.dumps(decision).decode(),
            "digest": decisions.shown(decisions.digest(decision)),
            "agree": [_label(item, visitor.language) for item in decision["agree"]],
        }
        return self.desk.render(visitor, "paper.html", decision=decision, evidence=evidence, **told)


def _label(item: str, language: str) -> str:
    known = catalogue.items().get(item)
    return known.label[language] if known else item


def _decision(form: Mapping[str, str]) -> Any:
    try:
        return orjson.loads(form.get("decision", ""))
    except orjson.JSONDecodeError:
        raise BadRequestData("This is no decision as the module outside prepares it.") from None


def _holders(form: Mapping[str, str], municipality: str) -> list[str]:
    """Name what somebody is found by, as it was enrolled."""
    found = []
    if form.get("card"):
        try:
            own = x509.load_pem_x509_certificate(form["card"].encode("latin-1"))
        except ValueError:
            raise BadRequestData("The file is no certificate of a card, as PEM.") from None
        found.append(release.holder(Credential(CredentialKind.CARD, *card_of(own))))
    if form.get("issuer") and form.get("login"):
        found.append(release.holder(Credential(CredentialKind.LOGIN, form["issuer"], form["login"])))
    if form.get("subject"):
        found.append(release.about(municipality, form["subject"]))
    if not found:
        raise BadRequestData("Give a card's certificate, a login, or the subject of decisions.")
    return found
