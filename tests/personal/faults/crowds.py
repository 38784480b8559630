"""What others do while a story is told: residents write, services ask, one after the other and many at once."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson

from tests.personal.disclosure.sharing import PURPOSE
from tests.personal.faults.town import GONE, Town

WORKERS = 3


@dataclass
class Crowd:
    """They note what they were shown, and which version of an item was acknowledged."""

    town: Town
    chance: random.Random
    version: int = 0
    answered: int = 0

    @contextlib.asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Be busy while the block runs."""
        tasks = [asyncio.create_task(self._work(number)) for number in range(WORKERS)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for found in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(found, Exception):
                    raise found

    async def check(self) -> None:
        """Say by failing that a version that was acknowledged is lost."""
        reply = await self.town.good("GET", "/me/items", by=await self.town.live.resident("taro"))
        found = [one["version"] for one in reply.json["records"] if one["item"] == "allergies"]
        assert sum(found) >= self.version
        self.version = sum(found)

    async def _work(self, number: int) -> None:
        while True:
            with contextlib.suppress(*GONE):
                await (self._write() if number == 0 else self.chance.choice([self._ask, self._ask_many])())
                self.answered += 1
            await asyncio.sleep(self.chance.uniform(0.0, 0.02))

    async def _write(self) -> None:
        body = {"value": {"allergies": [{"to": "milk"}]}, "expectedVersion": self.version}
        by = await self.town.live.resident("taro")
        reply = await self.town.live.ask("PUT", "/me/items/allergies", body, by=by)
        if reply.status == 409:  # the answer to the last one was lost
            self.version = reply.json["version"]
        else:
            assert reply.status < 300, reply.raw
            self.version = reply.json["version"]

    async def _ask(self) -> None:
        name = self.town.name("shelter", self.chance.choice(self.town.crowd))
        await self.town.disclosed("shelter", name, "allergies")

    async def _ask_many(self) -> None:
        names = [self.town.name("shelter", one) for one in self.chance.sample(self.town.crowd, 10)]
        body: dict[str, Any] = {"subjects": names, "purpose": PURPOSE, "items": ["allergies"]}
        by = await self.town.live.service_token("shelter")
        reply = await self.town.good("POST", "/disclosures/bulk", body, by=by)
        lines = list(map(orjson.loads, reply.raw.splitlines()))
        self.town.released |= {line["id"] for line in lines if "subject" in line}
