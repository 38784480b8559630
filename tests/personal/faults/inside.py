"""A module and an agent inside LGWAN, each in a process that can be killed, and what goes between them."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from base.admin import ask
from base.database import connect
from personal.agent.server import running
from personal.agent.settings import AgentSettings
from personal.audit import checking
from personal.rules.decisions import digest
from personal.settings import PersonalSettings
from personal.store.town import rows
from tests.personal.agent import insiders
from tests.personal.agent.insiders import in_process, introduce, outside, settings_of
from tests.personal.consents.cards import Authority, Card
from tests.personal.disclosure import sharing
from tests.personal.disclosure.sharing import PURPOSE
from tests.personal.faults.children import Child, Killed
from tests.personal.faults.stories import phone
from tests.personal.live import Live, Named, Reply
from tests.ports import free_port

TRIES = 300
WAITS = {"module": 5.0, "agent": 0.2}
"""How long a request waits for the agent (s) before it is asked again, by who is killed."""
ONCE = ("inside-release", "inside-store", "inside-remove", "inside-withdraw")


@dataclass
class Stand:
    """Both processes; `victim` says which of them is to be killed."""

    module: PersonalSettings
    agent: AgentSettings
    live: Live
    card: Card
    subject: str
    victim: str = "module"
    children: dict[str, Child] = field(default_factory=dict)
    number: int = 1

    @property
    def running(self) -> Child:
        """Give the process that is to be killed."""
        return self.children[self.victim]

    async def start(self, number: int | None = None) -> None:
        """Start what does not run; number: the point at which it ends while it starts."""
        for name, settings in (("module", self.module), ("agent", self.agent)):
            if name not in self.children or self.children[name].ended:
                self.children[name] = await Child.start(settings, number)

    async def wait_for(self, victim: str, *, line: bool) -> None:
        """Start both anew, to kill one of them; line False: files are carried between them."""
        for child in self.children.values():
            await child.kill()
        self.victim = victim
        self.module = replace(self.module, lgwan_wait_seconds=WAITS[victim] if line else 0.0)
        self.agent = replace(self.agent, url=self.live.url if line else "")
        await self.start()

    async def good(self, method: str, path: str, body: Any = None, *, by: str) -> Reply:
        """Ask for something that is not to be refused."""
        reply = await self.live.ask(method, path, body, by=by)
        assert reply.status < 300, (path, reply.status, reply.raw)
        return reply

    async def until_shown(self, value: Any) -> None:
        """Ask for the contact until it is shown as it is; Killed if one of the two has ended."""
        body = {"subject": self.subject, "purpose": PURPOSE, "items": ["contact"]}
        by, seen = await self.live.service_token("shelter"), None
        for _ in range(TRIES):
            seen = (await self.good("POST", "/disclosures", body, by=by)).json
            if seen["items"].get("contact") == value:
                return
            if self.running.ended:
                raise Killed
            await self.carry()
        raise AssertionError(f"it stays {seen}")

    async def carry(self) -> None:
        """Carry orders in and answers out, where there is no line."""
        if self.agent.url:
            return
        out = await ask(self.module.data, "bundle.export", municipality="yabu")
        await ask(self.agent.data, "bundle.in", bundle=out["bundle"])
        back = await ask(self.agent.data, "bundle.out")
        await ask(self.module.data, "bundle.import", municipality="yabu", bundle=back["bundle"])

    async def whole(self) -> None:
        """Say by failing that an order was done twice, or answers were taken twice."""
        for file in self._files():
            counted = Counter((one["kind"], one["order"]) for one in _entries(file) if one["kind"] in ONCE)
            assert set(counted.values()) <= {1}, counted
        inside, out = (
            {one["order"] for one in _entries(file) if one["kind"] == ONCE[0]} for file in self._files()
        )
        assert out <= inside

    def verified(self) -> None:
        """Say by failing that the log outside does not verify."""
        connection = connect(self._files()[1], readonly=True)
        try:
            assert list(checking.faults(connection)) == []
        finally:
            connection.close()

    def _files(self) -> tuple[Path, Path]:
        return self.agent.data / "agent.db", self.module.data / "yabu" / "personal.db"


@dataclass
class Exchanging:
    """A resident changes a contact that lives inside, a service asks for it; also withdraws the consent, and gives it again."""

    deciding: bool = True
    possible: set[int] = field(default_factory=lambda: {1})
    holds: set[bool] = field(default_factory=lambda: {True})

    async def prepare(self, stand: Stand) -> None:
        """Have it inside and shown, with a value that is known."""
        await self._agree(stand)
        await self._write(stand)
        (number,) = self.possible
        await stand.until_shown(phone(number))

    async def act(self, stand: Stand) -> None:
        """Write, ask, withdraw, agree, ask."""
        by = await stand.live.resident("hanako")
        await self._write(stand)
        (number,) = self.possible
        await stand.until_shown(phone(number))
        if not self.deciding:
            return
        self.holds = {True, False}
        await stand.good("POST", "/me/consents/withdraw", {"service": "shelter"}, by=by)
        self.holds = {False}
        await stand.carry()
        self.holds = {True, False}
        await self._agree(stand)
        await stand.until_shown(phone(number))

    async def check(self, stand: Stand) -> None:
        """Find the consent as acknowledged; what was written comes out, and nothing while there is no consent."""
        by = await stand.live.resident("hanako")
        holds = await self._holding(stand)
        assert holds in self.holds
        if not holds:
            body = {"subject": stand.subject, "purpose": PURPOSE, "items": ["contact"]}
            reply = await stand.good(
                "POST", "/disclosures", body, by=await stand.live.service_token("shelter")
            )
            assert not reply.json["items"]
            await self._agree(stand)
        version = await self._version(stand, by)
        assert version in self.possible  # each version has a value with its number
        self.possible = {version}
        await stand.until_shown(phone(version))

    async def _write(self, stand: Stand) -> None:
        by = await stand.live.resident("hanako")
        version = await self._version(stand, by)
        number = version + 1
        self.possible |= {number}
        body = {"value": phone(number), "expectedVersion": version}
        await stand.good("PUT", "/me/items/contact", body, by=by)
        self.possible = {number}

    async def _version(self, stand: Stand, by: str) -> int:
        found = (await stand.good("GET", "/me/items", by=by)).json["records"]
        return int(next(one["version"] for one in found if one["item"] == "contact"))

    async def _holding(self, stand: Stand) -> bool:
        listed = (await stand.good("GET", "/me/consents", by=await stand.live.resident("hanako"))).json
        (service,) = listed["services"]
        return bool(service["purposes"][0]["items"][0]["share"]["holds"])

    async def _agree(self, stand: Stand) -> None:
        if await self._holding(stand):
            self.holds = {True}
            return
        by = await stand.live.resident("hanako")
        asked = {"service": "shelter", "purpose": PURPOSE, "agree": ["contact"]}
        made = (await stand.good("POST", "/me/consents/prepare", asked, by=by)).json
        evidence = stand.card.evidence(digest(made["document"]))
        await stand.good("POST", "/me/consents", {"prepared": made["prepared"], "evidence": evidence}, by=by)
        self.holds = {True}


@dataclass
class Carrying(Exchanging):
    """Files are carried in and out: a contact that was changed goes in, and comes out for a service."""

    async def prepare(self, stand: Stand) -> None:
        """Let orders wait."""
        await super().prepare(stand)
        await self._write(stand)
        body = {"subject": stand.subject, "purpose": PURPOSE, "items": ["contact"]}
        await stand.good("POST", "/disclosures", body, by=await stand.live.service_token("shelter"))

    async def act(self, stand: Stand) -> None:
        """Carry them once."""
        await stand.carry()


def _entries(file: Path) -> list[dict[str, Any]]:
    connection = connect(file, readonly=True)
    try:
        return [orjson.loads(entry) for (entry,) in rows(connection, "SELECT entry FROM leaf")]
    finally:
        connection.close()


@contextlib.asynccontextmanager
async def stand(folder: Path) -> AsyncIterator[Stand]:
    """Introduce a module and an agent to each other; each will be a process of its own."""
    authority, port = Authority("JPKI"), free_port()
    async with outside(folder / "outside", authority, port=port, token_seconds=3_600.0) as live:
        async with running(settings_of(folder / "inside", live.url)) as agent:
            do = in_process(agent)
            await introduce(do, live, authority)
            there = insiders.Town(live, do, authority, agent)
            await there.approve_service()
            for limit in ("all", "day", "service", "purpose", "item", "recipient", "person"):
                await there.want("limit", {"limit": limit, "most": 1_000_000})
            person = await there.resident("hanako", phone(1))
            await there.agree("hanako")
            await there.disclosed("hanako", person)
            subject = await sharing.name(live, person, "shelter")
        told = live.module.settings
        settings = PersonalSettings(
            data=told.data, port=port, demo=True, lgwan=True, card_authorities=told.card_authorities,
            requests_per_second=0.0,
        )  # fmt: skip
        inside = settings_of(folder / "inside", live.url)
        known = live.url, live.tokens, live.keys
    async with aiohttp.ClientSession() as session:
        outer = Live(known[0], session, None, Named("yabu"), *known[1:])  # type: ignore[arg-type]  # it is a process
        made = Stand(settings, inside, outer, there.cards["hanako"], subject)
        try:
            yield made
        finally:
            for child in made.children.values():
                await child.kill()
