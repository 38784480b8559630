"""Nothing goes out after it was withdrawn, however long it was on its way. (DESIGN 3)"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from personal.locations.contract import Copy
from personal.locations.local import Local
from tests.personal.disclosure import sharing
from tests.personal.live import Live

AT_ONCE = 90


class Slow(Local):
    """The location of the municipality itself, on a disk that answers when it is let."""

    def __init__(self, live: Live) -> None:
        super().__init__(live.town.store)
        self.asked = asyncio.Semaphore(0)
        self.let = asyncio.Event()

    async def get(self, copy: Copy) -> bytes:
        self.asked.release()
        await self.let.wait()
        return await super().get(copy)


async def test_what_is_withdrawn_while_it_is_fetched_is_withheld(live: Live) -> None:
    by, name = await shared(live)
    reply = await meanwhile(live, withdraw, lambda: sharing.ask(live, by, name, "allergies"))
    assert (reply.json["items"], sharing.reasons(reply)) == ({}, {"allergies": "consent-withdrawn"})
    last = sharing.leaves(live)[-1]
    assert (last["kind"], last["outcome"]) == ("disclosure-failed", ["consent-withdrawn"])


async def test_so_is_what_many_are_asked_about_at_once(live: Live) -> None:
    by, name = await shared(live)
    body = {"subjects": [name], "purpose": sharing.PURPOSE, "items": ["allergies"]}
    reply = await meanwhile(live, withdraw, lambda: live.post("/disclosures/bulk", body, by=by))
    assert orjson.loads(reply.raw.split(b"\n")[0])["items"] == {}


async def test_so_is_what_a_consumer_of_linked_data_asks_for(live: Live) -> None:
    by, name = await shared(live)
    entities = [{"id": f"urn:ngsi-ld:Person:{name}", "type": "Person"}]
    body = {"type": "Query", "entities": entities, "pick": ["allergies"], "purpose": sharing.PURPOSE}
    path = "/ngsi-ld/v1/entityOperations/query"
    reply = await meanwhile(live, withdraw, lambda: live.post(path, body, by=by))
    assert orjson.loads(reply.raw) == []


async def test_so_is_what_is_about_somebody_who_is_protected_meanwhile(live: Live) -> None:
    by, name = await shared(live)
    reply = await meanwhile(live, protect, lambda: sharing.ask(live, by, name, "allergies"))
    assert sharing.reasons(reply) == {"allergies": "nothing-held"}


async def test_so_is_what_a_service_asks_for_that_is_suspended_meanwhile(live: Live) -> None:
    by, name = await shared(live)
    reply = await meanwhile(live, suspend, lambda: sharing.ask(live, by, name, "allergies"))
    assert reply.json["items"] == {}


async def test_of_many_who_ask_at_once_none_receives_what_was_withdrawn(live: Live) -> None:
    """Those that were decided before the withdrawal, and are answered after it, too."""
    by, name = await shared(live)

    async def many() -> list[Any]:
        return await asyncio.gather(*(sharing.ask(live, by, name, "allergies") for _ in range(AT_ONCE)))

    replies = await meanwhile(live, withdraw, many)
    assert [reply.json["items"] for reply in replies] == [{}] * AT_ONCE


async def shared(live: Live) -> tuple[str, str]:
    """Let a resident share with a service; give its token and their name there."""
    by = await sharing.service(live, "shelter", "allergies")
    person = await live.register("hanako")
    await sharing.hold(live, person, allergies=sharing.ALLERGIES)
    await sharing.agree(live, person, "shelter", "allergies")
    return by, await sharing.name(live, person, "shelter")


async def meanwhile(
    live: Live, happen: Callable[[Live], Awaitable[None]], ask: Callable[[], Awaitable[Any]]
) -> Any:
    """Let something happen while what is asked for is on its way."""
    slow = Slow(live)
    live.town.records.locations = {"local": slow}
    asked = asyncio.ensure_future(ask())
    async with asyncio.timeout(30):
        await slow.asked.acquire()
        await happen(live)
        slow.let.set()
        return await asked


async def withdraw(live: Live) -> None:
    body = {"service": "shelter", "purpose": sharing.PURPOSE}
    reply = await live.post("/me/consents/withdraw", body, by=await live.resident("hanako"))
    assert reply.status == 200, reply.raw


async def protect(live: Live) -> None:
    by = await live.staff("protection")
    asked = {"nameKana": "ヤブ ハナコ", "birthDate": "1990-04-01"}
    found = (await live.post("/residents/search", asked, by=by)).json["residents"]
    body = {"resident": found[0]["resident"], "protected": True}
    assert (await live.post("/residents/protection", body, by=by)).status == 204


async def suspend(live: Live) -> None:
    reply = await live.post(
        "/catalogue/services/shelter/state", {"active": False}, by=await live.staff("catalogue")
    )
    assert reply.status == 204, reply.raw
