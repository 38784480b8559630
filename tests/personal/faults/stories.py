"""What residents, services and operators do while the module is killed, and what must be so afterwards, each time.

A story is prepared while all is well, then acted while the module may end at any point, then checked on the module
that was started again: what was acknowledged is so, what was not is so wholly or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from personal.rules.consent import HOLDING
from personal.rules.consent import Kind as ConsentKind
from personal.store import consents, records
from personal.store.town import value
from tests.personal.consents.deciding import SESSION
from tests.personal.disclosure.sharing import PURPOSE
from tests.personal.faults.town import Town


class Story(Protocol):
    """Something that is done."""

    async def prepare(self, town: Town) -> None:
        """Have all that it needs."""

    async def act(self, town: Town) -> None:
        """Do it; it may end anywhere. What is answered is noted."""

    async def check(self, town: Town) -> None:
        """Say by failing what is lost or doubled."""


def phone(number: int) -> dict[str, Any]:
    """Make a contact that no other one equals."""
    return {"phones": [{"number": f"079-{number // 10_000:03}-{number % 10_000:04}", "kind": "home"}]}


async def version_of(town: Town, item: str) -> int:
    """Give the version of an item of hanako; 0 if there is none."""
    found = town.read(lambda db: records.find(db, town.persons["hanako"], item))
    return 0 if found is None else found.version


@dataclass
class Storing:
    """A resident writes an item that lives in a location."""

    item = "contact"
    location: str
    possible: set[int] = field(default_factory=set)

    async def prepare(self, town: Town) -> None:
        """Have the item where it is to live, with a value that is known."""
        by = await town.live.resident("hanako")
        if town.where("hanako", self.item) != self.location:
            await town.good("PUT", f"/me/items/{self.item}/location", {"location": self.location}, by=by)
            await town.until(lambda: town.where("hanako", self.item) == self.location)
            await town.settled()
        await self._write(town)

    async def act(self, town: Town) -> None:
        """Write another value."""
        await self._write(town)

    async def check(self, town: Town) -> None:
        """Find one of the values that may be there, and each version in the log once."""
        by = await town.live.resident("hanako")
        found = (await town.good("GET", f"/me/items/{self.item}", by=by)).json
        assert found["value"] in list(map(phone, self.possible))
        written = town.entries("record-written", item=self.item)
        assert [one["version"] for one in written] == list(range(2, found["version"] + 1))

    async def _write(self, town: Town) -> None:
        number, by = next(town.numbers), await town.live.resident("hanako")
        self.possible.add(number)
        body = {"value": phone(number), "expectedVersion": await version_of(town, self.item)}
        await town.good("PUT", f"/me/items/{self.item}", body, by=by)
        self.possible = {number}


@dataclass
class Moving:
    """A resident has an item moved from one location to another."""

    item = "care-needs"
    moves: int = 0
    at: set[str | None] = field(default_factory=set)

    async def prepare(self, town: Town) -> None:
        """Note where it lives."""
        self.at, self.moves = {town.where("hanako", self.item)}, len(self._moved(town))

    async def act(self, town: Town) -> None:
        """Have it moved to where it does not live, and wait until it is there."""
        (here,) = self.at
        there = "local" if here == "cloud" else "cloud"
        self.at = {here, there}
        by = await town.live.resident("hanako")
        await town.good("PUT", f"/me/items/{self.item}/location", {"location": there}, by=by)
        self.at = {there}
        await town.until(lambda: town.where("hanako", self.item) == there)
        await town.settled()

    async def check(self, town: Town) -> None:
        """Find it whole where it was or, if that was acknowledged, where it went; a move in the log once."""
        await town.settled()
        assert town.where("hanako", self.item) in self.at
        assert (await town.good("GET", f"/me/items/{self.item}", by=await town.live.resident("hanako"))).json[
            "value"
        ]
        assert len(self._moved(town)) - self.moves <= 1
        assert (len(self._moved(town)) % 2 == 1) == (town.where("hanako", self.item) == "cloud")

    def _moved(self, town: Town) -> Sequence[Any]:
        return town.entries("record-moved", item=self.item)


class Releasing:
    """A service asks for items of a resident."""

    async def prepare(self, town: Town) -> None:
        """Need nothing."""

    async def act(self, town: Town) -> None:
        """Ask."""
        await town.disclosed("shelter", town.name("shelter", town.persons["hanako"]), "contact", "allergies")

    async def check(self, town: Town) -> None:
        """Get all of it now."""
        told = await town.disclosed(
            "shelter", town.name("shelter", town.persons["hanako"]), "contact", "allergies"
        )
        assert set(told["items"]) == {"contact", "allergies"}


class ReleasingMany:
    """A service asks for items of many residents in one call; what came before the end counts."""

    async def prepare(self, town: Town) -> None:
        """Need nothing."""

    async def act(self, town: Town) -> None:
        """Ask, and note every line that comes."""
        names = [town.name("shelter", person) for person in town.crowd]
        body = {"subjects": names, "purpose": PURPOSE, "items": ["allergies"]}
        headers = {"Authorization": f"Bearer {await town.live.service_token('shelter')}"}
        seen = bytearray()
        try:
            async with town.live.session.post(
                f"{town.live.url}/personal/v1/disclosures/bulk", json=body, headers=headers
            ) as answer:
                async for part in answer.content.iter_any():
                    seen += part
        finally:
            lines = [orjson.loads(line) for line in bytes(seen).split(b"\n")[:-1]]
            town.released |= {line["id"] for line in lines if "subject" in line}
        assert "receipt" in lines[-1]

    async def check(self, town: Town) -> None:
        """Compare what was shown with the log, as after every story."""


@dataclass
class ReleasingLinkedData:
    """A service asks for residents as entities; they carry no id, so answers are counted."""

    shown: int = 0

    async def prepare(self, town: Town) -> None:
        """Need nothing."""

    async def act(self, town: Town) -> None:
        """Ask for everybody."""
        names = [town.name("clinic", person) for person in town.crowd[:10]]
        query = {
            "type": "Query",
            "entities": [{"id": f"urn:ngsi-ld:Person:{name}", "type": "Person"} for name in names],
            "pick": ["allergies"],
            "purpose": PURPOSE,
        }
        by = await town.live.service_token("clinic")
        reply = await town.good("POST", "/ngsi-ld/v1/entityOperations/query", query, by=by)
        assert len(reply.json) == len(names)
        self.shown += len(reply.json)

    async def check(self, town: Town) -> None:
        """Find at least as many entries of the log as entities were shown."""
        assert len(town.entries("disclosure", service="clinic")) >= self.shown


@dataclass
class Redeeming:
    """A service uses a code that a resident made; it is good once."""

    code: str = ""
    made: int = 0
    shown: bool = False

    async def prepare(self, town: Town) -> None:
        """Make a code."""
        body = {"items": ["contact"], "minutes": 10}
        reply = await town.good("POST", "/me/sharing-codes", body, by=await town.live.resident("hanako"))
        self.code, self.shown, self.made = reply.json["code"], False, self.made + 1

    async def act(self, town: Town) -> None:
        """Use it."""
        self.shown = await self._redeemed(town)
        assert self.shown

    async def check(self, town: Town) -> None:
        """Use it again: it is good if nobody was shown anything, unless the answer was lost; on record once."""
        again = await self._redeemed(town)
        assert not (again and self.shown)
        assert len(town.entries("code-disclosure", service="desk")) == self.made

    async def _redeemed(self, town: Town) -> bool:
        body = {"code": self.code, "purpose": PURPOSE}
        reply = await town.live.post("/sharing-codes/redeem", body, by=await town.live.service_token("desk"))
        assert reply.status in (200, 404), reply.raw
        if reply.status == 200:
            town.released.add(reply.json["id"])
        return reply.status == 200


@dataclass
class Deciding:
    """A resident withdraws a consent, and gives it again."""

    holds: set[bool] = field(default_factory=lambda: {True})
    prepared: str = ""

    async def prepare(self, town: Town) -> None:
        """Let the consent hold, and prepare another one."""
        if not self._holding(town):
            await self._give(town, await self._prepared(town))
        self.holds, self.prepared = {True}, await self._prepared(town)

    async def act(self, town: Town) -> None:
        """Withdraw; then give."""
        by = await town.live.resident("hanako")
        self.holds = {True, False}
        await town.good("POST", "/me/consents/withdraw", {"service": "club"}, by=by)
        self.holds = {False}
        told = await town.disclosed("club", town.name("club", town.persons["hanako"]), "contact")
        assert told["withheld"][0]["reason"] == "consent-withdrawn"
        prepared = await self._prepared(town)
        self.holds = {True, False}
        await self._give(town, prepared)
        self.holds = {True}

    async def check(self, town: Town) -> None:
        """Find the consent as acknowledged; decisions, entries of the log, events and notices agree."""
        holding = self._holding(town)
        assert holding in self.holds
        told = await town.disclosed("club", town.name("club", town.persons["hanako"]), "contact")
        assert bool(told["items"]) == holding
        person = town.persons["hanako"]
        decided = town.read(lambda db: consents.decisions(db, person))
        withdrawn, agreed = (
            town.entries(f"consent-{what}", service="club") for what in ("withdrawn", "given")
        )
        assert len(decided) == len(withdrawn) + len(agreed)
        sql = "SELECT count(*) FROM notice WHERE service = 'club' AND event = 'consent-ended'"
        assert town.read(lambda db: value(db, sql)) == len(withdrawn)

    def _holding(self, town: Town) -> bool:
        person = town.persons["hanako"]
        found = town.read(lambda db: consents.of(db, person))[ConsentKind.SHARE, "club", PURPOSE, "contact"]
        return found.state in HOLDING

    async def _prepared(self, town: Town) -> str:
        body = {"service": "club", "purpose": PURPOSE, "agree": ["contact"]}
        reply = await town.good("POST", "/me/consents/prepare", body, by=await town.live.resident("hanako"))
        return str(reply.json["prepared"])

    async def _give(self, town: Town, prepared: str) -> None:
        body = {"prepared": prepared, "evidence": SESSION}
        await town.good("POST", "/me/consents", body, by=await town.live.resident("hanako"))


def all_of_them() -> list[Story]:
    """Give every story of residents and services."""
    return [
        Storing("local"),
        Storing("cloud"),
        Moving(),
        Releasing(),
        ReleasingMany(),
        ReleasingLinkedData(),
        Redeeming(),
        Deciding(),
    ]
