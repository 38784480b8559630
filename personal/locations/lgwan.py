"""The location inside LGWAN, which nobody can call: orders wait here until its agent fetches them. (DESIGN 3)

What goes in is in an envelope that only the agent opens; what comes out is in one for whom the inside approved.
While the agent is away a write waits on disk, and a read says so; nothing is ever answered from here instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import NotPermitted
from personal.locations.agent_queue import AgentQueue, Keys, refused
from personal.locations.contract import Copy, CopyMissing, LocationFull, LocationOffline, Safe
from personal.rules import orders
from personal.rules.identifiers import fingerprint, framed
from personal.rules.orders import Task, Why
from personal.store import agent_orders
from personal.store.agent_orders import Queued
from personal.store.town import TownStore
from personal.vault.addressed import enclose
from personal.vault.envelope import Unreadable

NAME: Final = "lgwan"
GATEWAY: Final = "gateway"
"""As which service this module itself asks for records, if the inside lets it: to move them, to show them."""
MOVING: Final = "location"
_REFUSAL: Final = 60 * SECOND


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


class Lgwan(Safe):
    """Keeps copies in the store inside LGWAN, by orders to its agent."""

    def __init__(
        self, municipality: str, store: TownStore, keys: Keys, *, wait: float = 20.0, release: float = 900.0
    ) -> None:
        """Wait: how long a caller waits for the agent; release: how long an order to release is good (s)."""
        self.store = store
        self.keys = keys
        self.queue = AgentQueue(municipality, store, keys)
        self._wait = wait
        self._release = int(release)

    def hang_up(self) -> None:
        """Let nobody wait here any more: the module ends."""
        self.queue.hang_up()

    def box(self, person: str) -> str:
        """Name the records of a person as the inside does; it tells nobody who they are."""
        return self.queue.box(person)

    # -- what a location does

    def enclose(self, copy: Copy, value: Any) -> bytes:
        """Put a value into an envelope to the agent."""
        reader = self.queue.agent()["reading"]
        return enclose(reader, value, orders.about_record(copy.name, copy.place.item)).encode()

    def opened(self, copy: Copy, given: bytes) -> Any:
        """Open the envelope in which the agent gave a copy to the gateway."""
        order, _, text = given.decode().partition(" ")
        return self.read_item(order, copy.place.item, text)["value"]

    async def put(self, copy: Copy, sealed: bytes) -> None:
        """Have a copy brought in: on disk here until the agent has it on its own."""
        claims = {"copies": _copies([copy]), "digest": fingerprint(sealed), "version": copy.place.version}
        person = copy.place.person

        def work(db: Connection) -> Queued:
            known = agent_orders.stored(db, copy.name)
            if known is None:
                same, now = _same(Task.STORE, person, claims), clock.now()
                return self.queue.add(db, Task.STORE, person, claims, now, same=same, content=sealed.decode())
            if known.digest != claims["digest"]:
                raise LocationFull("Under this name another record was brought in; a name is used once.")
            return known

        await self.queue.put(work)

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
        same = _same(task, person, claims)

        def work(db: Connection) -> Queued:
            now = clock.now()
            known = agent_orders.alike(db, same, now)
            if known is not None and not _used_up(known, now, again=again):
                return known
            return self.queue.add(db, task, person, claims, now, same=same, life=self._release)

        order = await self.queue.put(work)
        return _read(await self.queue.answer(order, self._wait), task)


def _read(answer: str, task: Task) -> Mapping[str, Any]:
    told: Mapping[str, Any] = orjson.loads(answer)
    if told["outcome"] == "done":
        return told
    if told["why"] == Why.NOT_HELD and task is Task.RELEASE:
        raise CopyMissing("The store inside does not have a record that it took; tell its operator.")
    raise ReleaseRefused(f"The store inside refuses this: {told['why']}.", why=told["why"])


def _same(task: Task, person: str, claims: Mapping[str, Any]) -> str:
    told = orjson.dumps(dict(claims), option=orjson.OPT_SORT_KEYS).decode()
    return fingerprint(framed("order", task, person, told))


def _copies(copies: Sequence[Copy]) -> list[dict[str, str]]:
    return [{"item": copy.place.item, "name": copy.name} for copy in copies]


def _used_up(order: Queued, now: int, *, again: bool) -> bool:
    """Say whether an answer is no use any more: a refusal after a minute, any other where a new one is wanted."""
    if order.answer is None:
        return False
    return now - order.made > _REFUSAL if refused(order) else again
