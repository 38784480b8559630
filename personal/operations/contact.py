"""Where residents hear of news besides the portal: proven by a code that is sent there, sealed, ended with a click."""

import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from typing import Any, Final

import orjson

from base import clock
from base.clock import SECOND
from base.database import Connection
from base.errors import BadRequestData, Conflict, OperationNotSupported, ResourceNotFound, TooManyRequests
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import acting
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.town import Town
from personal.rules.identifiers import framed
from personal.rules.resident_notices import TOPICS, Channel, Topic
from personal.settings import PersonalSettings
from personal.store import contacts
from personal.store.contacts import Contact
from personal.vault import envelope

PLACE: Final = "contact"
"""Where, as the key store sees it, addresses are kept: under a key of its own for each person."""
MINUTES: Final = 30
MOST_CODES: Final = 5
"""How many codes are sent for somebody in a day: nobody's mailbox is flooded from here."""
MOST_TRIES: Final = 5
_EMAIL: Final = re.compile(r"[!-~]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])\Z")
_NEVER: Final = frozenset('"(),:;<>@[\\]')
_CHANNEL: Final = {"enum": [channel.value for channel in Channel]}
PUT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["channel", "address"],
    "properties": {
        "channel": _CHANNEL,
        "address": {"type": "string", "minLength": 3, "maxLength": 254, "pattern": "^[!-~]+$"},
    },
    "additionalProperties": False,
}
CONFIRM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["channel", "code"],
    "properties": {"channel": _CHANNEL, "code": {"type": "string", "maxLength": 20}},
    "additionalProperties": False,
}
CHOOSE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["topic", "channels"],
    "properties": {
        "topic": {"enum": [topic.value for topic in Topic]},
        "channels": {"type": "array", "uniqueItems": True, "items": _CHANNEL},
    },
    "additionalProperties": False,
}
STOP: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["token"],
    "properties": {"token": {"type": "string", "maxLength": 100}},
    "additionalProperties": False,
}


async def show(call: Call, module: Module) -> Answer:
    """Show where one hears of which news, and what this municipality offers."""
    find = await acting.subject(call, None)

    def work(db: Connection) -> tuple[Any, Any, Any]:
        person = find(db)
        log.append(db, Entry("contact-shown", {"by": "resident"}, {"subject": person}), call.now)
        return (
            contacts.of(db, person).values(),
            contacts.of(db, person, proven=False).values(),
            contacts.choices(db, person),
        )

    proven, pending, chosen = await call.town.store.write(work)
    waiting = [one for one in pending if (one.until or 0) > call.now and one.tries < MOST_TRIES]
    return Answer(
        body={
            "contacts": [
                {
                    "channel": one.channel,
                    "address": opened(call.town, one)["address"],
                    "since": clock.show(one.made),
                    "failing": one.failing is not None,
                }
                for one in proven
            ],
            "pending": [
                {
                    "channel": one.channel,
                    "address": opened(call.town, one)["address"],
                    "until": clock.show(one.until or 0),
                }
                for one in waiting
            ],
            "offered": offered(module.settings),
            "topics": [
                {"topic": topic, "label": label, "channels": sorted(chosen[topic])}
                for topic, (label, _) in TOPICS.items()
            ],
        }
    )


async def put(call: Call, module: Module) -> Answer:
    """Name where one wants to hear of news; a code is sent there, without which nothing else is."""
    channel, address = Channel(call.body["channel"]), call.body["address"]
    if channel not in offered(module.settings):
        raise OperationNotSupported("This municipality does not send messages that way.", channel=channel)
    if channel is Channel.EMAIL and not _is_email(address):
        raise BadRequestData("This is no e-mail address.")
    find = await acting.subject(call, None)
    person = call.town.store.read(find)
    key, until = await call.town.keys.personal(person, PLACE), call.now + MINUTES * 60 * SECOND
    told = {"address": address, "code": f"{secrets.randbelow(10**8):08}"}
    pending = Contact(person, channel, False, _sealed(call.town, key, person, told), call.now, until)

    def work(db: Connection) -> None:
        _check_same(find(db), person)
        if contacts.codes(db, person, call.now) > MOST_CODES:
            raise TooManyRequests("Too many codes were sent for you; try again tomorrow.")
        log.append(db, Entry("contact-asked", {"channel": channel}, {"subject": person}), call.now)
        contacts.put(db, pending)
        contacts.send(db, person, channel, contacts.CODE, call.now)

    await call.town.store.write(work)
    call.town.told.set()
    return Answer(202, {"channel": channel, "until": clock.show(until)})


async def confirm(call: Call, _: Module) -> Answer:
    """Show by the code that was sent there that one reads what is sent."""
    channel, find = Channel(call.body["channel"]), await acting.subject(call, None)
    person = call.town.store.read(find)
    key, stop = await call.town.keys.personal(person, PLACE), secrets.token_urlsafe(24)

    def work(db: Connection) -> bool:
        _check_same(find(db), person)
        pending = contacts.of(db, person, proven=False).get(channel)
        if pending is None or (pending.until or 0) <= call.now or pending.tries >= MOST_TRIES:
            raise Conflict("No code waits for you (any more): name the address again.")
        told = opened(call.town, pending)
        if not hmac.compare_digest(told["code"].encode(), _digits(call.body["code"]).encode()):
            contacts.tried(db, pending)
            return False
        # what was set before hears of it, too
        log.append(db, Entry("contact-set", {"channel": channel}, {"subject": person}), call.now)
        contacts.remove(db, person, [channel], proven=False)
        sealed = _sealed(call.town, key, person, {"address": told["address"], "stop": stop})
        proven = replace(
            pending, person=person, proven=True, sealed=sealed, made=call.now, until=None, tries=0
        )
        contacts.put(db, proven, digest(stop))
        return True

    if not await call.town.store.write(work):
        raise BadRequestData("The code is not the one that was sent.")
    return NO_CONTENT


async def remove(call: Call, _: Module) -> Answer:
    """Hear of news in the portal only."""
    find, channel = await acting.subject(call, None), call.path["channel"]

    def work(db: Connection) -> None:
        person = find(db)
        known = [one for one in Channel if one == channel]
        if not contacts.remove(db, person, known):
            raise ResourceNotFound("No address is kept for this channel.")
        log.append(db, Entry("contact-ended", {"by": "resident"}, {"subject": person}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def choose(call: Call, _: Module) -> Answer:
    """Choose where one hears of a topic; the portal always tells of it."""
    find, topic = await acting.subject(call, None), Topic(call.body["topic"])

    def work(db: Connection) -> None:
        person = find(db)
        contacts.choose(db, person, topic, map(Channel, call.body["channels"]), call.now)
        log.append(db, Entry("contact-chosen", {"topic": topic}, {"subject": person}), call.now)

    await call.town.store.write(work)
    return NO_CONTENT


async def stop(call: Call, _: Module) -> Answer:
    """End the messages to an address by what each of them carries; the same answer whether or not there is one."""

    def work(db: Connection) -> None:
        found = contacts.stopped_by(db, digest(call.body["token"]))
        if found is not None:
            person, channel = found
            log.append(db, Entry("contact-ended", {"by": "message"}, {"subject": person}), call.now)
            contacts.remove(db, person, [channel], proven=True)

    await call.town.store.write(work)
    return NO_CONTENT


def offered(settings: PersonalSettings) -> list[Channel]:
    """Name the channels that this installation sends messages on."""
    there = {Channel.EMAIL: settings.smtp_host, Channel.PUSH: settings.push_url}
    return [channel for channel in Channel if there[channel]]


def opened(town: Town, one: Contact) -> dict[str, str]:
    """Open what is kept of a place where a resident hears of news: its address, a code, what ends messages."""
    key = town.keys.must(one.person, PLACE)
    found: dict[str, str] = orjson.loads(envelope.unseal(key, one.sealed, _bound(town, one.person)))
    return found


def digest(stop: str) -> bytes:
    """Hash what a message carries to end it."""
    return hashlib.sha256(stop.encode("utf-8", "surrogateescape")).digest()


def _sealed(town: Town, key: bytes, person: str, told: dict[str, str]) -> bytes:
    plain = orjson.dumps(told)
    return envelope.seal(key, plain.ljust(-(-len(plain) // 128) * 128), _bound(town, person))


def _bound(town: Town, person: str) -> bytes:
    return framed(PLACE, town.id, person)


def _check_same(found: str, person: str) -> None:
    if found != person:
        raise Conflict("Your entry was joined with another one meanwhile; try again.")


def _is_email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return (
        _EMAIL.match(text) is not None
        and not _NEVER & set(local)
        and "." in domain
        and ".." not in text
        and not local.startswith(".")
        and not local.endswith(".")
    )


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter not in " -\u3000").translate(
        str.maketrans("０１２３４５６７８９", "0123456789")  # as Japanese keyboards type them
    )
