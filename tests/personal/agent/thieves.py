"""What somebody does who stole every key and the database of the outside: write orders, sign them, give them."""

import base64
from pathlib import Path
from typing import Any

import orjson

from base import clock
from base.clock import SECOND
from personal.agent import store as kept
from personal.agent.inside import Given
from personal.rules.identifiers import fresh
from personal.rules.orders import ENVELOPE, ORDER, Task
from personal.store import records
from personal.vault.addressed import enclose
from personal.vault.keys import KeyStore
from personal.vault.signing import Signer
from personal.vault.top import FileTopKey
from tests.personal.agent.insiders import Town


def claims(there: Town, person: str, **more: Any) -> dict[str, Any]:
    """Write the claims of an order as whoever has the database of the outside can."""
    record = there.live.town.store.read(lambda db: records.find(db, person, "contact"))
    assert record is not None
    now = clock.now() // SECOND
    told = {
        "iss": "yabu",
        "aud": there.agent.inside.signer.kid,
        "order": fresh("o_"),
        "nonce": fresh("n_"),
        "iat": now,
        "exp": now + 600,
        "task": str(Task.RELEASE),
        "box": there.location.box(person),
        "copies": [{"item": "contact", "name": record.name}],
        "service": "shelter",
        "purpose": "reception",
        "recipient": there.location.keys.reader.kid,
    }
    return {name: value for name, value in {**told, **more}.items() if value is not None}


async def thief(folder: Path) -> Signer:
    """Make a signer of the files that were stolen: personal.db, keys.db, top.key."""
    keys = KeyStore(folder, FileTopKey(folder))
    try:
        return Signer(await keys.named("signing"))
    finally:
        await keys.close()


async def give(there: Town, told: dict[str, Any], signer: Signer | None = None) -> Any:
    """Give the agent an order; gives what it answered."""
    signed = (signer or there.location.keys.signer).sign(told, ORDER)
    return await give_text(there, enclose(there.agent.inside.reader.public(), signed, {"typ": ENVELOPE}))


async def give_text(there: Town, text: str, content: str | None = None) -> Any:
    answer = await there.agent.inside.obey(Given(text, content), clock.now())
    if answer is None:
        return None
    part = answer.split(".")[1]
    return orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def alarms(there: Town) -> list[str]:
    """Say why alarms were raised, the oldest first."""
    return [why for _, why, _, _ in reversed(there.agent.inside.store.read(kept.alarms))]


async def stored(there: Town, login: str) -> str:
    """Give a resident whose contact has arrived inside."""
    person = await there.resident(login)
    record = there.live.town.store.read(lambda db: records.find(db, person, "contact"))
    assert record is not None
    assert await there.location.holds(there.live.town.records.copy(record))
    return person
