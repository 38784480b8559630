"""Residents who share: records and consents written straight into a running module, names handed to services."""

from typing import Any

import orjson

from base import clock
from base.database import Connection
from personal.audit import reading
from personal.locations.records import Change
from personal.operations import notices
from personal.operations.naming import deriving_of
from personal.operations.tables import ConsentChange
from personal.rules.consent import HOLDING, Consent, Event, Kind, State
from personal.store import consents, pseudonyms
from personal.store.consents import Happened
from tests.personal.live import Live, Reply, asked, described, purpose

ALLERGIES = {"allergies": [{"to": "wheat"}]}
CARE = {"mobility": "alone"}
PHONE = {"phones": [{"number": "079-662-0000", "kind": "home"}]}
PURPOSE = "reception"
ENDING = {Event.WITHDRAW: State.WITHDRAWN, Event.REVOKE: State.REVOKED, Event.REFUSE: State.REFUSED}


async def service(live: Live, id: str, *items: str, **more: Any) -> str:
    """Put a service in force that asks for items by consent; give its token."""
    await live.service(id, described(purpose(PURPOSE, *map(asked, items), **more)))
    return await live.service_token(id)


async def hold(live: Live, person: str, **values: Any) -> None:
    """Keep items of a resident."""
    changes = [Change(person, code.replace("_", "-"), value, 0) for code, value in values.items()]
    await live.town.records.keep(changes, lambda _: None, clock.now())


async def agree(
    live: Live,
    person: str,
    service: str,
    *items: str,
    version: int = 1,
    until: int | None = None,
    now: int = 0,
) -> None:
    """Let a resident agree that items are shared."""
    await live.town.store.write(lambda db: given(db, person, service, items, version, until, now))


def given(
    db: Connection,
    person: str,
    service: str,
    items: tuple[str, ...],
    version: int,
    until: int | None,
    now: int = 0,
) -> None:
    """Write that consent was given."""
    now = now or clock.now()
    for item in items:
        consent = Consent(Kind.SHARE, service, PURPOSE, item, version, State.GIVEN, now, until)
        consents.write(db, person, Happened(Event.GIVE, consent, 0))
    change = ConsentChange(Kind.SHARE, person, service, PURPOSE, tuple(items), (), "given")
    notices.consent_changed(db, change, now)


async def end(
    live: Live, person: str, service: str, *items: str, event: Event = Event.WITHDRAW, now: int = 0
) -> None:
    """Let consent end."""

    def work(db: Connection) -> None:
        at = now or clock.now()
        standing = consents.for_disclosure(db, person, service, PURPOSE, items)
        held = tuple(item for item in items if item in standing and standing[item].state in HOLDING)
        for item in items:
            version = standing[item].version if item in standing else 1
            consent = Consent(Kind.SHARE, service, PURPOSE, item, version, ENDING[event], at)
            consents.write(db, person, Happened(event, consent, 0))
        change = ConsentChange(Kind.SHARE, person, service, PURPOSE, (), held, str(event))
        notices.consent_changed(db, change, at)

    await live.town.store.write(work)


async def name(live: Live, person: str, service: str) -> str:
    """Give the name by which a service knows a resident."""
    deriving = await deriving_of(live.town)
    return await live.town.store.write(
        lambda db: pseudonyms.given(db, deriving, service, person, clock.now())
    )


async def ask(live: Live, token: str, subject: str, *items: str, **more: Any) -> Reply:
    """Ask for items of a resident."""
    body = {"subject": subject, "purpose": PURPOSE, "items": list(items), **more}
    return await live.post("/disclosures", body, by=token)


def leaves(live: Live, start: int = 0) -> list[dict[str, Any]]:
    """Read the audit log from a position on."""
    return [
        orjson.loads(one.body) for one in live.town.store.read(lambda db: reading.entries(db, start, 100_000))
    ]


def reasons(reply: Reply) -> dict[str, str]:
    """Give why each item was withheld."""
    return {one["item"]: one["reason"] for one in reply.json["withheld"]}
