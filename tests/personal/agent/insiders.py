"""An agent and a module that share no memory but a line: officials who enter what the inside knows, residents with cards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from base import clock
from base.admin import ask
from personal.agent import officials
from personal.agent.admin import Agent, handlers
from personal.agent.server import running
from personal.agent.settings import AgentSettings
from personal.audit.log import name_of
from personal.locations.lgwan import Lgwan
from personal.locations.records import Change
from personal.operations.agent_line import inside
from personal.rules import release
from personal.rules.decisions import digest
from personal.rules.evidence import Credential, CredentialKind, card_of
from personal.rules.identifiers import fresh
from personal.store import records
from personal.store.records import Choice
from personal.vault.signing import Signer
from tests.personal.consents.cards import NOW, YEAR, Authority, Card, ec_key
from tests.personal.consents.deciding import prepared
from tests.personal.disclosure import sharing
from tests.personal.live import Live, asked, described, live_module, purpose

PHONE = {"phones": [{"number": "079-662-0000", "kind": "home"}]}
SECRET = b"079-662-0000"
SEEDS = {"sato": b"s" * 32, "tanaka": b"t" * 32}


Do = Callable[..., Awaitable[Any]]
"""Has an agent do one thing by its name, as its commands do."""


@dataclass
class Town:
    """A module outside, an agent inside, and what tests do with both."""

    live: Live
    do: Do
    authority: Authority
    process: Agent | None = None
    cards: dict[str, Card] = field(default_factory=dict)

    @property
    def agent(self) -> Agent:
        """Give the agent, which runs in this process."""
        assert self.process is not None
        return self.process

    @property
    def location(self) -> Lgwan:
        """Give the location as the module outside sees it."""
        return inside(self.live.town)

    async def want(self, kind: str, body: dict[str, Any]) -> None:
        """Have two officials enter something inside."""
        await enter(self.do, kind, body)

    async def approve_service(self, **more: Any) -> None:
        """Approve inside the service shelter, sending to the gateway, unless told otherwise."""
        document = {
            "service": "shelter",
            "recipient": bare(self.location.keys.reader.public()),
            "least": 1,
            "purposes": [{"id": "reception", "basis": "consent", "items": ["contact"]}],
        }
        await self.want("service", {**document, **more})

    async def approve_gateway(self, purpose: str = "location") -> None:
        """Let the gateway read contacts without consent, for an hour."""
        end = clock.now() // clock.SECOND + 3_600
        made = [{"id": purpose, "basis": f"law:{purpose}", "items": ["contact"], "until": end}]
        await self.approve_service(service="gateway", purposes=made)

    async def resident(self, login: str, value: Any = PHONE) -> str:
        """Register a resident with a card, keep their contact inside, enroll them there."""
        card = self.authority.issue(ec_key(), ends=NOW + 4 * YEAR)
        issuer, serial = card_of(card.certificate)
        person = await self.live.register(login, cards=[{"issuer": issuer, "serial": serial}])
        self.cards[login] = card
        await self.keep(person, value)
        holder = release.holder(Credential(CredentialKind.CARD, issuer, serial))
        about = release.about(self.live.town.id, name_of(person))
        box = self.location.box(person)
        await self.want("enroll", {"residents": [{"box": box, "holder": one} for one in (holder, about)]})
        return person

    async def keep(self, person: str, value: Any, expected: int = 0) -> None:
        """Keep a contact."""
        change = Change(person, "contact", value, expected)
        await self.live.town.records.keep([change], lambda _: None, clock.now())

    async def disclosed(self, login: str, person: str) -> Any:
        """Let the shelter ask for a resident's contact; gives the answer."""
        subject = await sharing.name(self.live, person, "shelter")
        body = {"subject": subject, "purpose": "reception", "items": ["contact"]}
        reply = await self.live.post("/disclosures", body, by=await self.live.service_token("shelter"))
        assert reply.status == 200, (login, reply.raw)
        return reply.json

    async def agree(self, login: str) -> dict[str, Any]:
        """Let a resident agree with their card that the shelter sees their contact."""
        by = await self.live.resident(login)
        reply = await prepared(self.live, by, agree=["contact"])
        assert reply.status == 200, reply.raw
        evidence = self.cards[login].evidence(digest(reply.json["document"]))
        body = {"prepared": reply.json["prepared"], "evidence": evidence}
        done = await self.live.post("/me/consents", body, by=by)
        assert done.status in (200, 201), done.raw
        return {"decision": reply.json["document"], "evidence": evidence}


async def until(so: Callable[[], Any]) -> None:
    """Wait until something is so."""
    for _ in range(600):
        if so():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not become so")


def bare(key: dict[str, Any]) -> dict[str, Any]:
    """Give the members of a public key that make it."""
    return {name: key[name] for name in ("kty", "crv", "x", "y")}


def signed(name: str, typ: str, /, **claims: Any) -> str:
    """Sign as an official does."""
    told = {**claims, "iat": clock.now() // clock.SECOND, "nonce": fresh("n_")}
    return Signer(SEEDS[name]).sign(told, typ)


def in_process(agent: Agent) -> Do:
    """Do things with an agent in this process."""
    known = handlers(agent)

    async def do(name: str, /, **arguments: Any) -> Any:
        return await known[name](arguments)

    return do


def over_socket(folder: Path) -> Do:
    """Do things with the agent of a data folder, as commands do."""

    async def do(name: str, /, **arguments: Any) -> Any:
        return await ask(folder, name, **arguments)

    return do


async def enter(do: Do, kind: str, body: dict[str, Any]) -> None:
    """Have two officials enter something."""
    made = await do("wish", signed=signed("sato", officials.WISH, kind=kind, body=body))
    if not made["done"]:
        await do("approve", signed=signed("tanaka", officials.APPROVAL, wish=made["wish"], body=body))


async def introduce(do: Do, live: Live, authority: Authority) -> None:
    """Let the outside and the inside know each other's keys, each by four eyes; pin the authority of cards."""
    for name, seed in SEEDS.items():
        await do("officials.begin", official=name, key=bare(Signer(seed).public()))
    await enter(do, "outside", {"key": bare(live.town.signer.public())})
    pem = authority.certificate.public_bytes(Encoding.PEM).decode()
    await enter(do, "anchor", {"anchor": "jpki", "kind": "card", "certificate": pem})
    body = {"kind": "agent-keys", "body": await do("keys")}
    made = await live.post("/proposals", body, by=await live.staff("catalogue"))
    assert made.status == 201, made.raw
    done = await live.post(f"/proposals/{made.json['id']}/approve", {}, by=await live.staff("catalogue2"))
    assert done.status == 204, done.raw


@contextlib.asynccontextmanager
async def outside(folder: Path, authority: Authority, **settings: Any) -> AsyncIterator[Live]:
    """Run a module with a location inside LGWAN, where contacts live, and a service that asks for them."""
    cards = _file(folder, authority)
    given = {"lgwan": True, "lgwan_wait_seconds": 20.0, "card_authorities": cards, **settings}
    async with live_module(folder / "data", **given) as live:
        await live.town.store.write(lambda db: records.choose(db, Choice("contact", "lgwan")))
        await live.service("shelter", described(purpose("reception", asked("contact"))))
        yield live


def _file(folder: Path, authority: Authority) -> Path:
    folder.mkdir(exist_ok=True)
    cards = folder / "cards.pem"
    cards.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return cards


def settings_of(folder: Path, url: str, **more: Any) -> AgentSettings:
    """Give the settings of an agent."""
    given = {"data": folder, "municipality": "yabu", "url": url, "wait_seconds": 5.0, "retry_seconds": 0.1}
    return AgentSettings(**{**given, **more})


@contextlib.asynccontextmanager
async def town(folder: Path, **settings: Any) -> AsyncIterator[Town]:
    """Run a module and an agent that know each other."""
    authority = Authority("JPKI")
    async with (
        outside(folder / "outside", authority, **settings) as live,
        running(settings_of(folder / "inside", live.url)) as agent,
    ):
        do = in_process(agent)
        await introduce(do, live, authority)
        yield Town(live, do, authority, agent)
