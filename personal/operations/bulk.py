"""Disclosures about many residents at once: decided in small groups, each right before it goes out. (issue 5)

The answer is one JSON value a line: one for each subject in the order asked, then the receipt. An answer without
that last line has broken off.
"""

import functools
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import orjson

from base import clock
from base.database import Connection
from base.errors import BadRequestData
from personal.operations.call import Answer, Call, Module
from personal.operations.disclosures import EVENT, ITEMS, PPID, admit, unknown
from personal.operations.records import NAME
from personal.operations.releasing import Ask, Ruling, offered, receipt, release, rule_on
from personal.rules.identifiers import fresh

LINES: Final = "application/x-ndjson"
GROUP: Final = 50
DISCLOSE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["subjects", "purpose", "items"],
    "properties": {
        "subjects": {"type": "array", "minItems": 1, "maxItems": 100_000, "items": PPID},
        "purpose": NAME,
        "items": ITEMS,
        "event": EVENT,
    },
    "additionalProperties": False,
}


async def disclose(call: Call, module: Module) -> Answer:
    """Show a service the items of many residents that it may see."""
    admit(call, module)
    body = call.body
    subjects: list[str] = body["subjects"]
    if len(subjects) > module.settings.bulk:
        raise BadRequestData(f"At most {module.settings.bulk} subjects are asked for at once; split them.")
    if len(set(subjects)) != len(subjects):
        raise BadRequestData("A subject is named twice.")
    ask = Ask(call.actor.id, body["purpose"], tuple(body["items"]), body.get("event", ""))
    call.town.store.read(lambda db: offered(db, ask))
    return Answer(media_type=LINES, parts=_lines(call, module, ask, subjects))


async def _lines(call: Call, module: Module, ask: Ask, subjects: Sequence[str]) -> AsyncIterator[bytes]:
    digest, refusal, begun = hashlib.sha256(), unknown().body(), clock.now()
    for start in range(0, len(subjects), GROUP):
        names = subjects[start : start + GROUP]
        now = call.now + clock.now() - begun  # consents may end while this goes on
        rulings = await call.town.store.write(functools.partial(_rule, module, ask, names, now))
        known = [one for one in rulings if one.person is not None]
        released = {one.ruling.id: one.shown() for one in await release(module, call.town, known, now)}
        lines = [
            orjson.dumps({"subject": name, **(released.get(ruling.id) or {"problem": refusal})}) + b"\n"
            for name, ruling in zip(names, rulings, strict=True)
        ]
        group = b"".join(lines)
        digest.update(group)
        yield group
    id = fresh("d_")
    claims = {"purpose": ask.purpose, "subjects": len(subjects)}
    signed = receipt(call.town, ask.service, call.now, id, digest.hexdigest(), **claims)
    yield orjson.dumps({"id": id, "subjects": len(subjects), "receipt": signed}) + b"\n"


def _rule(module: Module, ask: Ask, names: Sequence[str], now: int, db: Connection) -> list[Ruling]:
    return rule_on(db, module, ask, names, now)
