"""What the agent does with an order: read it, judge it by what the inside knows, do it once, answer. (DESIGN 3)

An order, its answer and what it counts towards limits are one transaction: killed at any moment, the agent has
either taken it, and gives the same answer again, or not, and takes it when it is given again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
import structlog

from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData
from personal.agent import store as kept
from personal.agent.own_keys import OwnKeys
from personal.agent.revocations import Revocations
from personal.agent.store import AgentStore
from personal.agent.trust import anchors_of
from personal.audit import log as audit
from personal.audit.log import Entry
from personal.rules import limits, orders, release
from personal.rules.identifiers import fingerprint, fresh
from personal.rules.orders import ANSWER, LONGEST, ORDER, Order, Refused, Task, Why
from personal.rules.release import Book
from personal.vault.addressed import Reader, enclose, strict
from personal.vault.envelope import Place, Unreadable, seal, unseal
from personal.vault.keys import KeyStore
from personal.vault.shredded import Kind, Shredded
from personal.vault.signing import Signer, opened_by

INSIDE: Final = "inside"
CONTENT: Final = 4 << 20
"""Longest envelope of a record."""
MOST_ALARMS: Final = 1_000
"""Alarms in an hour that are written down one by one."""
log = structlog.get_logger("engawa.agent")


@dataclass(frozen=True, slots=True)
class Given:
    """An order as the outside gives it: an envelope to the agent, and that of the record it is about, if any."""

    text: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What doing an order gives: members of its answer; what it needs to have written down with it."""

    told: Mapping[str, Any]
    record: tuple[int, str, str, bytes] | None = None


class Opens(Protocol):
    """Opens envelopes."""

    def open(self, text: str, about: Mapping[str, str]) -> Any:
        """Open an envelope about just this; Unreadable if a bit of it is not as it was."""


class Inside:
    """The store inside and its rules; knows nothing of the line on which orders come."""

    def __init__(self, municipality: str, store: AgentStore, keys: KeyStore) -> None:
        self.municipality = municipality
        self.store = store
        self.keys = keys
        self.own = OwnKeys(keys)
        self.revocations = Revocations()

    @property
    def signer(self) -> Signer:
        """Give the key under which answers are signed."""
        return self.own.signer

    @property
    def reader(self) -> Reader:
        """Give the newest key to which others write."""
        return self.own.reader

    async def obey(self, given: Given, now: int) -> str | None:
        """Take an order and give the signed answer; None for what deserves none (and an alarm)."""
        task = ""
        try:
            order, digest = self.read(given, now)
            task = order.task
            await self._adopt(order.agent, now)
            before = self.store.read(lambda db: kept.taken(db, order.id))
            if before is not None:
                return _again(before, digest)
            self.check_time(order, now // SECOND)
            return await self._take(order, digest, given.content, now)
        except Refused as refused:
            if refused.alarming:
                await self.raise_alarm(refused.why, task, now)
            return None

    def read(self, given: Given, now: int) -> tuple[Order, str]:
        """Open an order; give it with the digest of what it says, whenever it was signed. Refused if it is none."""
        claims = claims_of(given, self.own, self.store.read(lambda db: kept.outside(db, now)))
        order = orders.order_of(claims, self.own.kids(now), now // SECOND)
        if order.municipality != self.municipality:
            raise Refused(Why.FORGED)
        said = {name: value for name, value in claims.items() if name not in ("iat", "exp", "nonce", "aud")}
        return order, fingerprint(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))

    def check_time(self, order: Order, now: int) -> None:
        """Refuse an order that is over, or of which a store that was restored cannot know whether it was done."""
        if order.until <= now:
            raise Refused(Why.EXPIRED)
        if order.task is not Task.RELEASE:
            return
        if order.made <= self.store.read(kept.restored):
            raise Refused(Why.EXPIRED)
        if self.store.read(kept.untold_since) is not None:
            raise Refused(Why.RESTORED)

    async def _adopt(self, kid: str, now: int) -> None:
        """Take notice that the outside knows one of the agent's keys: it has addressed an order to it."""
        if not self.own.known(kid):
            await self.store.write(lambda db: self.own.adopt(db, kid, now))
            self.own.adopted(kid, now)

    async def raise_alarm(self, why: Why, task: str, now: int) -> None:
        """Write an alarm down, without a word of whom the order was about."""
        log.warning("order refused", why=str(why), task=task)

        def work(db: Connection) -> None:
            if kept.alarms_since(db, now - limits.HOUR * SECOND) < MOST_ALARMS:
                kept.alarm(db, fresh("a_"), why, task, now)

        await self.store.write(work)

    async def destroy(self, now: int) -> None:
        """Destroy the keys of what was removed."""
        keys = self.store.read(kept.doomed)
        if keys:
            await self.keys.destroy([Shredded(Kind.KEY, key, now) for key in keys])
            await self.store.write(lambda db: kept.destroyed(db, keys))

    async def _take(self, order: Order, digest: str, content: str | None, now: int) -> str | None:
        """Do an order, or refuse it, once."""
        try:
            done = await self._prepared(order, content, now)
            answer = await self.store.write(lambda db: self._finish(db, order, digest, done, now))
        except Refused as refused:
            if refused.why in (Why.REPLAYED, Why.FORGED, Why.ALTERED):
                raise
            if refused.alarming and order.task is not Task.AGREE:
                await self.raise_alarm(refused.why, order.task, now)
            if refused.why is Why.LIMIT and order.task is not Task.RELEASE:
                return None  # it is given again, when there is room
            told = {"outcome": "refused", "why": str(refused.why)}
            answer = await self.store.write(lambda db: self._note(db, order, digest, told, now))
        await self.destroy(now)
        return answer

    async def _prepared(self, order: Order, content: str | None, now: int) -> Done:
        """Judge an order and do what needs keys, before the transaction that judges it again and makes it count."""
        if order.task is Task.RELEASE:
            book = self.store.read(lambda db: self.book(db, order.service, order.box, now))
            release.judge(order, book, now // SECOND)
            assert book.service is not None
            told = {
                copy.item: self._addressed(order, copy.name, book.service.recipient) for copy in order.copies
            }
            return Done({"items": told})
        if order.task is Task.STORE:
            return Done({"kept": True}, await self._sealed(order, content))
        return Done({})

    def opened(self, name: str) -> dict[str, Any]:
        """Open a record: its item, its version, what it says. Refused if there is none of this name (any more)."""
        found = self.store.read(lambda db: kept.copy(db, name))
        box, item, version, key, _, sealed = found or ("", "", 0, "", "", None)
        if sealed is None:
            raise Refused(Why.NOT_HELD)
        place = Place(self.municipality, box, item, version, INSIDE)
        return {
            "item": item,
            "version": version,
            "value": orjson.loads(unseal(self.keys.opened(key), sealed, place.bound())),
        }

    def _addressed(self, order: Order, name: str, recipient: Mapping[str, Any]) -> str:
        found = self.opened(name)
        return enclose(recipient, found, orders.about_item(order.id, found["item"]))

    async def _sealed(self, order: Order, content: str | None) -> tuple[int, str, str, bytes]:
        """Open the envelope of a record and seal it under a key of the inside."""
        (copy,) = order.copies
        if content is None or fingerprint(content.encode()) != order.digest:
            raise Refused(Why.ALTERED)
        try:
            value = self.own.open(content, orders.about_record(copy.name, copy.item))
        except Unreadable:
            raise Refused(Why.ALTERED) from None
        key = await self.keys.fresh(order.box, INSIDE, copy.item)
        place = Place(self.municipality, order.box, copy.item, order.version, INSIDE)
        return order.version, key.id, order.digest, seal(key.secret, orjson.dumps(value), place.bound())

    def _finish(self, db: Connection, order: Order, digest: str, done: Done, now: int) -> str:
        book, proof = self.book(db, order.service, order.box, now), None
        told = dict(done.told)
        if order.task is Task.RELEASE:
            proof = release.judge(order, book, now // SECOND)
        elif order.task is Task.AGREE:
            proof = release.noted(order, book, now // SECOND)
        else:
            limits.within(book.done, book.limits, limits.counted(order))
            told |= _done(db, order, done, now)
        facts = {"order": order.id, "items": [copy.item for copy in order.copies]}
        about = {"service": order.service, "purpose": order.purpose} if order.service else {}
        if proof is not None:
            kept.see(db, proof.mark, now)
            about |= {"voucher": proof.staff} if proof.staff else {}
        counted = limits.counted(order, proof.staff if proof else "")
        audit.append(db, Entry(f"inside-{order.task}", {**facts, **about}, {"box": order.box}), now)
        kept.count(db, dict(counted), now // SECOND)
        return self._note(db, order, digest, {"outcome": "done", **told}, now)

    def _note(self, db: Connection, order: Order, digest: str, told: Mapping[str, Any], now: int) -> str:
        """Write down that an order was taken, with its answer."""
        if not kept.spend(db, order.nonce, now, (order.until + orders.LEEWAY) * SECOND):
            raise Refused(Why.REPLAYED)
        claims = {
            "iss": self.municipality,
            "order": order.id,
            "task": order.task,
            "iat": now // SECOND,
            **told,
        }
        answer = self.signer.sign(claims, ANSWER)
        kept.take(db, order.id, digest, answer, now, order.until * SECOND)
        return answer

    def book(self, db: Connection, service: str, box: str, now: int) -> Book:
        """Give what the inside itself knows about a service and the records of a person."""
        return Book(
            kept.service(db, service),
            kept.holders(db, box),
            kept.held(db, box),
            lambda decision, item: kept.is_withdrawn(db, decision, item),
            anchors_of(kept.anchors(db), lambda: self.revocations.known(db)),
            lambda what: kept.done(db, what, now // SECOND),
            kept.own_limits(db),
            kept.devices(db),
            lambda mark: kept.seen(db, mark),
        )


def claims_of(given: Given, own: Opens, outside: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Open what is given and verify that the outside signed it; Refused if a bit of it is not as it was."""
    if len(given.text) > LONGEST * 2 or len(given.content or "") > CONTENT:
        raise Refused(Why.FORGED)
    try:
        signed = own.open(given.text, {"typ": orders.ENVELOPE})
    except Unreadable:
        raise Refused(Why.ALTERED) from None
    try:
        if not isinstance(signed, str):
            raise Refused(Why.FORGED)
        return opened_by(strict(signed), outside, ORDER)
    except (BadRequestData, ValueError):
        raise Refused(Why.FORGED) from None


def _again(before: tuple[str, str | None], digest: str) -> str:
    """Give the answer of an order that was taken, while the outside has it not."""
    said, answer = before
    if said != digest:
        raise Refused(Why.ALTERED)
    if answer is None:
        raise Refused(Why.REPLAYED)
    return answer


def _done(db: Connection, order: Order, done: Done, now: int) -> dict[str, Any]:
    """Do within the transaction what an order wants; give members of the answer."""
    match order.task:
        case Task.STORE:
            _keep(db, order, done, now)
        case Task.CHECK:
            (copy,) = order.copies
            found = kept.copy(db, copy.name)
            return {
                "kept": found is not None
                and found[5] is not None
                and (found[0], found[1], found[4]) == (order.box, copy.item, order.digest)
            }
        case Task.REMOVE:
            kept.remove(db, order.box, [copy.name for copy in order.copies])
        case Task.ERASE:
            kept.remove(db, order.box, list(kept.held(db, order.box)))
            kept.unenroll(db, order.box)
        case Task.TOLD:
            kept.told_again(db, order.made, now)
        case Task.WITHDRAW:
            kept.withdraw(db, order.decisions, order.items, now)
    return {}


def _keep(db: Connection, order: Order, done: Done, now: int) -> None:
    (copy,) = order.copies
    assert done.record is not None
    found = kept.copy(db, copy.name)
    if found is None:
        kept.keep(db, copy.name, order.box, copy.item, done.record, now)
    elif found[5] is None or (found[0], found[1], found[4]) != (order.box, copy.item, order.digest):
        raise Refused(Why.TAKEN)
