"""The location inside LGWAN, which nobody can call: orders wait here until its agent fetches them. (DESIGN 3)

What goes in is in an envelope that only the agent opens; what comes out is in one for whom the inside approved.
While the agent is away a write waits on disk, and a read says so; nothing is ever answered from here instead.
"""

import asyncio
import base64
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final

import orjson
import structlog

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, NotPermitted
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.locations.contract import Copy, CopyMissing, LocationFull, LocationOffline, Safe
from personal.rules import orders
from personal.rules.identifiers import blind, fingerprint, framed, fresh
from personal.rules.orders import ANSWER, ENVELOPE, LONGEST_LIFE, ORDER, Task, Why
from personal.store import agent_orders
from personal.store.agent_orders import Queued
from personal.store.town import TownStore
from personal.vault.addressed import Reader, enclose
from personal.vault.envelope import Unreadable
from personal.vault.signing import Signer, opened

NAME: Final = "lgwan"
GATEWAY: Final = "gateway"
"""As which service this module itself asks for records: to move them, if the inside lets it."""
MOVING: Final = "location"
MOST: Final = 50_000
"""Orders that may wait."""
LIFE: Final = 30 * 86_400
"""How long an order other than a release is good before it is signed anew (s)."""
_LOOK: Final = 0.5
"""How often the queue is looked at for what was put into it within other transactions (s)."""
_REFUSAL: Final = 60 * SECOND
log = structlog.get_logger("engawa.personal.lgwan")


class ReleaseRefused(NotPermitted):
    """The agent inside does not release this; it says why."""


@dataclass(frozen=True, slots=True)
class Ask:
    """For whom and for what records are asked for, and by what the agent sees that the resident agreed."""

    service: str
    purpose: str
    recipient: str
    decision: Mapping[str, Any] | None = field(default=None, repr=False)
    evidence: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of the location: to sign its orders, to read what comes to the gateway, to name boxes."""

    signer: Signer
    reader: Reader
    boxes: bytes = field(repr=False)


@dataclass(slots=True)
class _Awaited:
    """An order that somebody waits for, and how many do."""

    event: asyncio.Event = field(default_factory=asyncio.Event)
    by: int = 0


class Lgwan(Safe):
    """Keeps copies in the store inside LGWAN, by orders to its agent."""

    def __init__(
        self, municipality: str, store: TownStore, keys: Keys, *, wait: float = 20.0, release: float = 900.0
    ) -> None:
        """Wait: how long a caller waits for the agent; release: how long an order to release is good (s)."""
        self.municipality = municipality
        self.store = store
        self.keys = keys
        self._wait = wait
        self._release = int(release)
        self._answered: dict[str, _Awaited] = {}
        self._news: set[asyncio.Event] = set()
        self._ended = False
        self._turn = 0

    # -- what a location does

    def enclose(self, copy: Copy, value: Any) -> bytes:
        """Put a value into an envelope to the agent."""
        reader = self.agent()["reading"]
        return enclose(reader, value, orders.about_record(copy.name, copy.place.item)).encode()

    def opened(self, copy: Copy, given: bytes) -> Any:
        """Open the envelope in which the agent gave a copy to the gateway."""
        order, _, text = given.decode().partition(" ")
        return self.read_item(order, copy.place.item, text)["value"]

    async def put(self, copy: Copy, sealed: bytes) -> None:
        """Have a copy brought in: on disk here until the agent has it on its own."""
        claims = {"copies": _copies([copy]), "digest": fingerprint(sealed), "version": copy.place.version}

        def work(db: Connection) -> None:
            known = agent_orders.stored(db, copy.name)
            if known is None:
                self._queue(db, Task.STORE, copy.place.person, claims, clock.now(), content=sealed.decode())
            elif known.digest != claims["digest"]:
                raise LocationFull("Under this name another record was brought in; a name is used once.")

        await self.store.write(work)
        self._tell()

    async def get(self, copy: Copy) -> bytes:
        """Ask for a copy to move it; the agent gives it only while officials inside let it."""
        ask = Ask(GATEWAY, MOVING, self.keys.reader.kid)
        order, items = await self.release([copy], ask)
        return f"{order} {items[copy.place.item]}".encode()

    async def remove(self, copy: Copy) -> None:
        """Remove a copy for good; one that did not get inside yet does not get there."""

        def work(db: Connection) -> bool:
            known = agent_orders.stored(db, copy.name)
            if known is None or known.answer is not None or known.given is not None:
                return False
            agent_orders.drop(db, known.id)
            return True

        if not await self.store.write(work):
            await self._do(Task.REMOVE, copy.place.person, {"copies": _copies([copy])})

    async def holds(self, copy: Copy) -> bool:
        """Ask the agent whether a copy is there."""
        found = self.store.read(lambda db: agent_orders.stored(db, copy.name))
        return found is not None and await self._check(copy, found.digest)

    async def keeps(self, copy: Copy, given: bytes) -> bool:
        """Ask the agent whether it keeps what came in this envelope."""
        return await self._check(copy, fingerprint(given))

    # -- releases

    async def release(self, copies: Sequence[Copy], ask: Ask) -> tuple[str, Mapping[str, str]]:
        """Have copies of one person released: the order, and an envelope to the recipient for each item.

        LocationOffline while the agent has not answered: asked again, the same order is found, and its answer.
        """
        own = {"decision": ask.decision, "evidence": ask.evidence}
        claims = {
            "copies": _copies(copies),
            "service": ask.service,
            "purpose": ask.purpose,
            "recipient": ask.recipient,
            **{name: value for name, value in own.items() if value is not None},
        }
        done = await self._do(Task.RELEASE, copies[0].place.person, claims)
        return done["order"], done["items"]

    def read_item(self, order: str, item: str, text: str) -> Any:
        """Open an item that was released to the gateway."""
        try:
            return self.keys.reader.open(text, orders.about_item(order, item))
        except Unreadable as error:
            raise LocationOffline("The agent's answer cannot be read; tell the operator.") from error

    def box(self, person: str) -> str:
        """Name the records of a person as the inside does; it tells nobody who they are."""
        return base64.urlsafe_b64encode(blind(self.keys.boxes, "box", person)).rstrip(b"=").decode()

    # -- the agent's side of the queue

    async def claim(self, wait: float, most: int, *, begin: bool) -> list[Queued]:
        """Give orders to the agent; if there are none wait for some. begin: it has none in hand.

        A call that came before another one gets nothing any more: whoever made it has hung up.
        """
        self._turn += 1
        turn = self._turn
        with self._listening() as news:
            found = await self._give(most, begin=begin)
            until = monotonic() + wait
            while not found and not self._ended and (left := until - monotonic()) > 0:
                news.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), min(left, _LOOK))
                if turn != self._turn:
                    break
                found = await self._give(most, begin=False)
        return found

    def hang_up(self) -> None:
        """Let nobody wait here any more: the module ends."""
        self._ended = True
        self._tell()

    async def take(self, answers: Sequence[str], now: int) -> list[str]:
        """Take answers of the agent; name the orders whose answers are on disk."""
        taken = await self.store.write(lambda db: [self._take(db, one, now) for one in answers])
        for id in taken:
            awaited = self._answered.get(id)
            if awaited is not None:
                awaited.event.set()
        return taken

    async def note_alarms(self, alarms: Sequence[Mapping[str, Any]], now: int) -> list[str]:
        """Write alarms of the agent down, loudly; name those that are on disk."""

        def work(db: Connection) -> list[tuple[str, str]]:
            new = [
                (one["why"], one["task"])
                for one in alarms
                if agent_orders.add_alarm(db, one["id"], one["why"], one["task"], one["at"])
            ]
            for why, task in new:
                audit.append(db, Entry("inside-alarm", {"why": why, "task": task}), now)
            return new

        for why, task in await self.store.write(work):
            log.error("the agent inside refused an order and raised an alarm", why=why, task=task)
        return [one["id"] for one in alarms]

    # -- within

    async def _check(self, copy: Copy, digest: str) -> bool:
        done = await self._do(
            Task.CHECK, copy.place.person, {"copies": _copies([copy]), "digest": digest}, again=True
        )
        return bool(done["kept"])

    async def _do(
        self, task: Task, person: str, claims: Mapping[str, Any], *, again: bool = False
    ) -> Mapping[str, Any]:
        """Queue an order, or find one that wants the same, and wait for its answer. again: an old answer is no use."""

        def work(db: Connection) -> Queued:
            now = clock.now()
            known = agent_orders.alike(db, self._same(task, person, claims), now)
            if known is not None and not _used_up(known, now, again=again):
                return known
            return self._queue(db, task, person, claims, now)

        order = await self.store.write(work)
        self._tell()
        return self._read(await self._awaited(order), task)

    async def _awaited(self, order: Queued) -> str:
        """Wait for the answer of an order; one to a release is not kept here when all who wait have it."""
        awaited = self._answered.setdefault(order.id, _Awaited())
        awaited.by += 1
        found: Queued | None = None
        try:
            found = self.store.read(lambda db: agent_orders.find(db, order.id))
            if found is not None and found.answer is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(awaited.event.wait(), self._wait)
                found = self.store.read(lambda db: agent_orders.find(db, order.id))
        finally:
            awaited.by -= 1
            if not awaited.by:
                self._answered.pop(order.id, None)
        if found is None or found.answer is None:
            raise LocationOffline("The store inside has not answered yet; ask again later.")
        if order.task is Task.RELEASE and not awaited.by and not _refused(found):
            await self.store.write(lambda db: agent_orders.drop(db, order.id))
        return found.answer

    def _read(self, answer: str, task: Task) -> Mapping[str, Any]:
        told: Mapping[str, Any] = orjson.loads(answer)
        if told["outcome"] == "done":
            return told
        if told["why"] == Why.NOT_HELD and task is Task.RELEASE:
            raise CopyMissing("The store inside does not have a record that it took; tell its operator.")
        raise ReleaseRefused(f"The store inside refuses this: {told['why']}.", why=told["why"])

    def _queue(
        self,
        db: Connection,
        task: Task,
        person: str,
        claims: Mapping[str, Any],
        now: int,
        *,
        content: str | None = None,
    ) -> Queued:
        same = self._same(task, person, claims)
        if task is not Task.RELEASE:
            return queue(db, task, person, claims, now, same=same, content=content)
        _room(db)
        id = fresh("o_")
        text = self._signed(db, {**claims, "order": id, "task": task, "person": person}, now, self._release)
        order = Queued(id, task, same, "", None, text, None, "", now, now + self._release * SECOND)
        agent_orders.add(db, order)
        return order

    def _signed(self, db: Connection, told: Mapping[str, Any], now: int, life: int) -> str:
        agent, seconds = agent_orders.agent(db), now // SECOND
        if agent is None:
            raise LocationOffline("No agent inside is registered; propose its keys (agent-keys).")
        claims = {
            **{name: value for name, value in told.items() if name != "person"},
            "box": self.box(told["person"]),
            "iss": self.municipality,
            "aud": agent["signing"]["kid"],
            "nonce": fresh("n_"),
            "iat": seconds,
            "exp": seconds + min(life, LONGEST_LIFE),
        }
        return enclose(agent["reading"], self.keys.signer.sign(claims, ORDER), {"typ": ENVELOPE})

    def _same(self, task: Task, person: str, claims: Mapping[str, Any]) -> str:
        told = orjson.dumps(dict(claims), option=orjson.OPT_SORT_KEYS).decode()
        return fingerprint(framed("order", task, person, told))

    async def _give(self, most: int, *, begin: bool) -> list[Queued]:
        now = clock.now()
        if not begin and not self.store.read(lambda db: agent_orders.waiting(db, now, 1, begin=False)):
            return []

        def work(db: Connection) -> list[Queued]:
            agent_orders.purge(db, now)
            found = [self._lasting(db, one, now) for one in agent_orders.waiting(db, now, most, begin=begin)]
            for one in found:
                agent_orders.give(db, one.id, now)
            agent_orders.seen(db, now)
            return found

        return await self.store.write(work)

    def _lasting(self, db: Connection, order: Queued, now: int) -> Queued:
        """Sign an order that is given for the first time, or whose time is over; a release was signed at once."""
        if order.claims is None or (order.text and order.until > now + 60 * SECOND):
            return order
        text, until = self._signed(db, orjson.loads(order.claims), now, LIFE), now + LIFE * SECOND
        agent_orders.renew(db, order.id, text, until)
        return replace(order, text=text, until=until)

    def _take(self, db: Connection, answer: str, now: int) -> str:
        claims = opened(answer, self._agent_of(db)["signing"], ANSWER)
        id, outcome, why = claims.get("order"), claims.get("outcome"), claims.get("why")
        if not isinstance(id, str) or claims.get("iss") != self.municipality:
            raise BadRequestData("The answer is to no order.")
        order = agent_orders.find(db, id)
        if order is None or order.answer is not None:
            return id
        agent_orders.answer(db, id, orjson.dumps(claims).decode())
        facts = {"order": id, "outcome": outcome, **({"why": why} if why else {})}
        audit.append(db, Entry(f"inside-{order.task}", facts), now)
        if outcome != "done":
            log.error("the agent inside refused an order", why=why, task=order.task)
        return id

    def agent(self) -> Mapping[str, Any]:
        """Give the registered public keys of the agent: `signing` and `reading`."""
        return self.store.read(self._agent_of)

    def _agent_of(self, db: Connection) -> Mapping[str, Any]:
        found = agent_orders.agent(db)
        if found is None:
            raise LocationOffline("No agent inside is registered; propose its keys (agent-keys).")
        return found

    def _tell(self) -> None:
        for event in self._news:
            event.set()

    @contextlib.contextmanager
    def _listening(self) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._news.add(event)
        try:
            yield event
        finally:
            self._news.discard(event)


def queue(
    db: Connection,
    task: Task,
    person: str,
    claims: Mapping[str, Any],
    now: int,
    *,
    same: str = "",
    content: str | None = None,
) -> Queued:
    """Queue an order other than a release, within the transaction it belongs to; it is signed when it is given."""
    _room(db)
    id = fresh("o_")
    told = orjson.dumps({**claims, "order": id, "task": task, "person": person}).decode()
    name, digest = claims["copies"][0]["name"] if task is Task.STORE else "", claims.get("digest", "")
    order = Queued(id, task, same or id, name, told, "", content, digest, now, now + LIFE * SECOND)
    agent_orders.add(db, order)
    return order


def _room(db: Connection) -> None:
    if agent_orders.count(db) >= MOST:
        raise LocationFull("Too many orders wait for the store inside; is its agent running?")


def _copies(copies: Sequence[Copy]) -> list[dict[str, str]]:
    return [{"item": copy.place.item, "name": copy.name} for copy in copies]


def _refused(order: Queued) -> bool:
    return order.answer is not None and orjson.loads(order.answer)["outcome"] != "done"


def _used_up(order: Queued, now: int, *, again: bool) -> bool:
    """Say whether an answer is no use any more: a refusal after a minute, any other where a new one is wanted."""
    if order.answer is None:
        return False
    return now - order.made > _REFUSAL if _refused(order) else again
