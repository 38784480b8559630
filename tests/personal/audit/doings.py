"""A municipality in which something has happened: residents who share, a service that asked."""

from dataclasses import dataclass
from typing import Any

import orjson

from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Actor, Who
from personal.operations.handles import Handles
from personal.store import staff as members
from tests.personal.disclosure.sharing import ALLERGIES, PHONE, agree, ask, hold, name, service
from tests.personal.live import Live


@dataclass(frozen=True)
class Done:
    """Who there is: tokens of the service and of the resident, her name at the service, her internal id."""

    shelter: str
    hanako: str
    subject: str
    person: str


async def busy(live: Live) -> Done:
    """Let Hanako share allergies with a shelter, which asks for them twice, and once for what she does not share."""
    shelter = await service(live, "shelter", "allergies", "contact")
    person = await live.register("hanako")
    await live.register("taro")
    await hold(live, person, allergies=ALLERGIES, contact=PHONE)
    await agree(live, person, "shelter", "allergies")
    subject = await name(live, person, "shelter")
    for items in (["allergies"], ["allergies", "contact"], ["contact"]):
        assert (await ask(live, shelter, subject, *items)).status == 200
    return Done(shelter, await live.resident("hanako"), subject, person)


async def write_entries(live: Live, count: int, now: int, *, kind: str = "test") -> None:
    """Let the log grow."""

    def work(db: Any) -> None:
        for number in range(count):
            log.append(db, Entry(kind, {"number": number}), now)

    await live.town.store.write(work)


async def read_entries(live: Live) -> list[bytes]:
    """Read the whole log as an auditor does."""
    auditor, found = await live.staff("auditor"), []
    while True:
        params = {"from": str(len(found)), "limit": "1000"}
        reply = await live.get("/audit/entries", by=auditor, params=params)
        assert reply.status == 200, reply.raw
        if not reply.json["entries"]:
            return found
        assert [one["position"] for one in reply.json["entries"]] == list(
            range(len(found), len(found) + len(reply.json["entries"]))
        )
        found += [one["entry"].encode() for one in reply.json["entries"]]


async def handle(live: Live, login: str, person: str) -> str:
    """Give the handle of a resident for a member of staff who may not search."""
    member = next(one for one in live.town.store.read(members.listed) if one.login == login)
    return Handles(await live.town.keys.named("handle"), live.town.id, Actor(Who.STAFF, member.id)).show(
        person
    )


async def accesses(live: Live, by: str) -> list[dict[str, Any]]:
    """List what a resident sees of what was done about them, newest first."""
    reply = await live.get("/me/accesses", by=by)
    assert reply.status == 200, reply.raw
    found: list[dict[str, Any]] = orjson.loads(reply.raw)["accesses"]
    return found
