"""The orders that wait outside for the agent inside LGWAN, which fetches them; its answers and alarms. (DESIGN 3)

An order that is queued is on disk until it was answered; what it brings is in an envelope that only the agent opens.
"""

import asyncio
import base64
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final

import orjson
import structlog

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.locations.contract import LocationFull, LocationOffline
from personal.rules.identifiers import blind, fresh
from personal.rules.orders import ANSWER, AT_ONCE, ENVELOPE, LONGEST_LIFE, ORDER, Task
from personal.store import agent_orders
from personal.store.agent_orders import Queued
from personal.store.town import TownStore
from personal.vault.addressed import Reader, enclose
from personal.vault.signing import Signer, opened_by

MOST: Final = 50_000
"""Orders that may wait."""
LIFE: Final = 30 * 86_400
"""How long an order other than a release is good before it is signed anew (s)."""
_LOOK: Final = 0.5
"""How often the queue is looked at for what was put into it within other transactions (s)."""
log = structlog.get_logger("engawa.personal.lgwan")


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


class AgentQueue:
    """Gives orders to the agent of one municipality, and takes its answers."""

    def __init__(self, municipality: str, store: TownStore, keys: Keys) -> None:
        self.municipality = municipality
        self._store = store
        self._keys = keys
        self._answered: dict[str, _Awaited] = {}
        self._news: set[asyncio.Event] = set()
        self._ended = False
        self._turn = 0

    # -- the agent's side

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
        self.tell()

    async def take(self, answers: Sequence[str], now: int) -> list[str]:
        """Take answers of the agent; name the orders whose answers are on disk."""
        taken = await self._store.write(lambda db: [self._take(db, one, now) for one in answers])
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
                if agent_orders.add_alarm(db, one["id"], one["why"], one["task"], int(one["at"]))
            ]
            for why, task in new:
                audit.append(db, Entry("inside-alarm", {"why": why, "task": task}), now)
            return new

        for why, task in await self._store.write(work):
            log.error("the agent inside refused an order and raised an alarm", why=why, task=task)
        return [one["id"] for one in alarms]

    # -- the module's side

    async def put(self, work: Callable[[Connection], Queued]) -> Queued:
        """Queue an order, or find one, in a transaction; tell the agent if it waits."""
        order = await self._store.write(work)
        self.tell()
        return order

    def add(
        self,
        db: Connection,
        task: Task,
        person: str,
        claims: Mapping[str, Any],
        now: int,
        *,
        same: str,
        content: str | None = None,
        life: int = LIFE,
    ) -> Queued:
        """Queue an order within a transaction; what is signed at once is good for `life` (s)."""
        if task not in AT_ONCE:
            return queue(db, task, person, claims, now, same=same, content=content)
        _room(db)
        id = fresh("o_")
        text = self._signed(db, {**claims, "order": id, "task": task, "person": person}, now, life)
        order = Queued(id, task, same, "", None, text, None, "", now, now + life * SECOND)
        agent_orders.add(db, order)
        return order

    async def answer(self, order: Queued, seconds: float) -> str:
        """Wait for the answer of an order; one to a release is not kept here when all who wait have it."""
        awaited = self._answered.setdefault(order.id, _Awaited())
        awaited.by += 1
        found: Queued | None = None
        try:
            found = self._store.read(lambda db: agent_orders.find(db, order.id))
            if found is not None and found.answer is None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(awaited.event.wait(), seconds)
                found = self._store.read(lambda db: agent_orders.find(db, order.id))
        finally:
            awaited.by -= 1
            if not awaited.by:
                self._answered.pop(order.id, None)
        if found is None or found.answer is None:
            raise LocationOffline("The store inside has not answered yet; ask again later.")
        if order.task is Task.RELEASE and not awaited.by and not refused(found):
            await self._store.write(lambda db: agent_orders.drop(db, order.id))
        return found.answer

    def tell(self) -> None:
        """Let an agent that waits look at once."""
        for event in self._news:
            event.set()

    def box(self, person: str) -> str:
        """Name the records of a person as the inside does; it tells nobody who they are."""
        return base64.urlsafe_b64encode(blind(self._keys.boxes, "box", person)).rstrip(b"=").decode()

    def agent(self) -> Mapping[str, Any]:
        """Give the newest public keys of the agent: `signing` and `reading`."""
        return self._store.read(lambda db: self._agents(db)[0])

    def agents(self) -> list[dict[str, Any]]:
        """Give the public keys by which the agent is known, the newest first: also former ones for a while."""
        return self._store.read(self._agents)

    # -- within

    def _agents(self, db: Connection) -> list[dict[str, Any]]:
        found = agent_orders.agents(db, clock.now())
        if not found:
            raise LocationOffline("No agent inside is registered; propose its keys (agent-keys).")
        return found

    def _signed(self, db: Connection, told: Mapping[str, Any], now: int, life: int) -> str:
        agent, seconds = self._agents(db)[0], now // SECOND
        claims = {
            **{name: value for name, value in told.items() if name != "person"},
            "box": self.box(told["person"]),
            "iss": self.municipality,
            "aud": agent["signing"]["kid"],
            "nonce": fresh("n_"),
            "iat": seconds,
            "exp": seconds + min(life, LONGEST_LIFE),
        }
        return enclose(agent["reading"], self._keys.signer.sign(claims, ORDER), {"typ": ENVELOPE})

    async def _give(self, most: int, *, begin: bool) -> list[Queued]:
        now = clock.now()
        if not begin and not self._store.read(lambda db: agent_orders.waiting(db, now, 1, begin=False)):
            return []

        def work(db: Connection) -> list[Queued]:
            agent_orders.purge(db, now)
            found = [self._lasting(db, one, now) for one in agent_orders.waiting(db, now, most, begin=begin)]
            for one in found:
                agent_orders.give(db, one.id, now)
            agent_orders.seen(db, now)
            return found

        return await self._store.write(work)

    def _lasting(self, db: Connection, order: Queued, now: int) -> Queued:
        """Sign an order that is given for the first time, or whose time is over; a release was signed at once."""
        if order.claims is None or (order.text and order.until > now + 60 * SECOND):
            return order
        text, until = self._signed(db, orjson.loads(order.claims), now, LIFE), now + LIFE * SECOND
        agent_orders.renew(db, order.id, text, until)
        return replace(order, text=text, until=until)

    def _take(self, db: Connection, answer: str, now: int) -> str:
        claims = opened_by(answer, [one["signing"] for one in self._agents(db)], ANSWER)
        id, outcome, why = claims.get("order"), claims.get("outcome"), claims.get("why")
        if not isinstance(id, str) or claims.get("iss") != self.municipality:
            raise BadRequestData("The answer is to no order.")
        order = agent_orders.find(db, id)
        if order is None or order.answer is not None:
            return id
        agent_orders.answer(db, id, orjson.dumps(claims).decode())
        facts = {"order": id, "outcome": outcome, **({"why": why} if why else {})}
        audit.append(db, Entry(f"inside-{order.task}", facts), now)
        if outcome != "done" and order.task is not Task.AGREE:
            log.error("the agent inside refused an order", why=why, task=order.task)
        return id

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


def refused(order: Queued) -> bool:
    """Say whether the agent refused an order."""
    return order.answer is not None and orjson.loads(order.answer)["outcome"] != "done"


def _room(db: Connection) -> None:
    if agent_orders.count(db) >= MOST:
        raise LocationFull("Too many orders wait for the store inside; is its agent running?")
