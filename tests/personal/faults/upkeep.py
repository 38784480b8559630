"""What operators and time do while the module is killed: names and keys change, data is erased, notices go out, files come in."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from joserfc import jws

from base.database import connect, duplicate
from personal.store import people, pseudonyms, records
from personal.store.town import rows, value
from personal.vault import backup, keys, shredded, top
from tests.personal.disclosure.sharing import CARE
from tests.personal.faults.stories import Story, phone, version_of
from tests.personal.faults.town import Town

SINGLE = "health-questionnaire"
ROUNDS = 10
"""How often notices are sent until all have arrived; a busy machine may need more than one."""


@dataclass
class Renaming:
    """A resident gets a new name at a service."""

    former: str = ""
    renamed: set[bool] = field(default_factory=set)

    async def prepare(self, town: Town) -> None:
        """Note the name it has."""
        self.former, self.renamed = town.name("club", town.persons["hanako"]), {False}

    async def act(self, town: Town) -> None:
        """Get a new one."""
        self.renamed = {True, False}
        by = await town.live.resident("hanako")
        await town.good("POST", "/pseudonyms/rotate", {"service": "club"}, by=by)
        self.renamed = {True}

    async def check(self, town: Town) -> None:
        """Find either name whole: with a notice and an entry of the log for each change, both good for now."""
        person = town.persons["hanako"]
        name = town.name("club", person)
        assert (name != self.former) in self.renamed
        names = {name, self.former}
        assert all(town.read(lambda db, one=one: pseudonyms.resolve(db, "club", one, 0)) for one in names)
        sql = "SELECT count(*) - 1 FROM pseudonym WHERE service = 'club' AND person = ?"
        changed = town.read(lambda db: value(db, sql, person))
        told = "SELECT count(*) FROM notice WHERE service = 'club' AND event = 'subject-renamed'"
        assert changed == len(town.entries("pseudonym-rotated")) == town.read(lambda db: value(db, told))
        assert changed == 0 or names


class Rekeying:
    """An operator renews keys; records are sealed anew when they are written; the old keys are destroyed."""

    async def prepare(self, town: Town) -> None:
        """Need nothing."""

    async def act(self, town: Town) -> None:
        """Renew the keys of residents and one of the module's own, write a record, destroy what is superseded."""
        await town.admin("keys.renew", name="residents")
        await town.admin("keys.renew", name="ppid")
        by = await town.live.resident("hanako")
        body = {"value": phone(next(town.numbers)), "expectedVersion": await version_of(town, "contact")}
        await town.good("PUT", "/me/items/contact", body, by=by)
        await town.admin("keys.prune", days=0)

    async def check(self, town: Town) -> None:
        """Read what there is, by the name from before."""
        subject = town.name("shelter", town.persons["hanako"])
        told = await town.disclosed("shelter", subject, "contact", "allergies")
        assert set(told["items"]) == {"contact", "allergies"}


@dataclass
class ChangingTheTopKey:
    """An operator changes the key that wraps all others."""

    before: str = ""
    changed: set[bool] = field(default_factory=set)

    async def prepare(self, town: Town) -> None:
        """Note which one it is."""
        self.before, self.changed = (await town.admin("keys.list"))["top"], {False}

    async def act(self, town: Town) -> None:
        """Change it."""
        self.changed = {True, False}
        await town.admin("keys.rotate-top")
        self.changed = {True}

    async def check(self, town: Town) -> None:
        """Find one top key that wraps all; records open."""
        now = (await town.admin("keys.list"))["top"]
        assert (now != self.before) in self.changed
        assert not (town.folder / top.NEXT).exists()
        assert town.read(keys.tops, keys.FILE) == {now} == {top.name(top.read(town.folder / top.FILE))}
        await town.disclosed("shelter", town.name("shelter", town.persons["hanako"]), "contact")


@dataclass
class Erasing:
    """A resident erases an item; no back-up of the keys brings it back."""

    folder: Path
    key: str = ""
    gone: set[bool] = field(default_factory=set)

    async def prepare(self, town: Town) -> None:
        """Keep an item, and back the keys up."""
        by, person = await town.live.resident("hanako"), town.persons["hanako"]
        if town.where("hanako", SINGLE) is None:
            body = {"value": {"answeredOn": "2026-04-01"}, "expectedVersion": 0}
            await town.good("PUT", f"/me/items/{SINGLE}", body, by=by)
        found = town.read(lambda db: records.find(db, person, SINGLE))
        assert found is not None
        self.key, self.gone = found.key, {False}
        shutil.rmtree(self.folder, ignore_errors=True)
        backup.save(town.folder, self.folder / "saved")

    async def act(self, town: Town) -> None:
        """Erase it."""
        self.gone = {True, False}
        by = await town.live.resident("hanako")
        reply = await town.good("DELETE", f"/me/items/{SINGLE}", by=by)
        assert reply.json["erased"]
        self.gone = {True}

    async def check(self, town: Town) -> None:
        """Find it as it was, or gone with its key, here and in what the back-up restores."""
        await town.settled()
        gone = town.where("hanako", SINGLE) is None
        assert gone in self.gone
        kept = {id for (id,) in town.read(lambda db: rows(db, "SELECT id FROM personal"), keys.FILE)}
        assert (self.key in kept) != gone
        if gone:
            assert self.key in {one.id for one in shredded.read(town.folder / shredded.FILE)}
            assert self.key not in restored(town, self.folder)


def restored(town: Town, folder: Path) -> set[str]:
    """Name the keys of people that are there after the back-up in a folder came back to a copy of the town's keys."""
    there = folder / "restored"
    there.mkdir()
    for name in (keys.FILE, shredded.FILE):
        duplicate(town.folder / name, there / name)
    shutil.copy(town.folder / top.FILE, there)
    backup.restore(there, folder / "saved", top.FileTopKey(there))
    connection = connect(there / keys.FILE, readonly=True)
    try:
        return {id for (id,) in rows(connection, "SELECT id FROM personal")}
    finally:
        connection.close()


@dataclass
class Forgetting:
    """Somebody who moved away is forgotten whole."""

    person: str = ""
    handle: str = ""
    done: bool = False

    async def prepare(self, town: Town) -> None:
        """Register somebody with two items, who moves away."""
        by, number = await town.live.staff("all"), next(town.numbers)
        body = {"nameKana": "トオク ヘ", "birthDate": "1990-04-01", "municipalId": f"m{number}"}
        known = set(self._all(town))
        self.handle = (await town.good("POST", "/residents", body, by=by)).json["resident"]
        (self.person,) = set(self._all(town)) - known
        for item, told in (("care-needs", CARE), (SINGLE, {"answeredOn": "2026-04-01"})):
            written = {"resident": self.handle, "item": item, "value": told, "expectedVersion": 0}
            await town.good("POST", "/records/write", written, by=by)
        await town.good("POST", "/residents/events", {"resident": self.handle, "event": "moved"}, by=by)
        self.done = False

    async def act(self, town: Town) -> None:
        """Forget them."""
        by = await town.live.staff("all")
        reply = await town.good("POST", "/records/forget", {"resident": self.handle}, by=by)
        self.done = reply.status == 200

    async def check(self, town: Town) -> None:
        """Find everything as it was, or nothing at all: no record, no key, nobody named in the log."""
        await town.settled()
        held = town.read(lambda db: records.everything(db, self.person))
        kept = town.read(
            lambda db: rows(db, "SELECT 1 FROM personal WHERE person = ?", self.person), keys.FILE
        )
        named = town.read(lambda db: rows(db, "SELECT 1 FROM opening WHERE person = ?", self.person))
        assert (len(held), len(kept)) in ([(0, 0)] if self.done else [(0, 0), (2, 2)])
        assert bool(named) == bool(held)
        if not held:
            assert self.person in {one.id for one in shredded.read(town.folder / shredded.FILE)}
            assert town.read(lambda db: people.terms(db, self.person)) == []

    def _all(self, town: Town) -> list[str]:
        return [id for (id,) in town.read(lambda db: rows(db, "SELECT id FROM person"))]


class Notifying:
    """Services are told of a change, and say that they heard of it."""

    async def prepare(self, town: Town) -> None:
        """Change an item that a service may see."""
        by = await town.live.resident("hanako")
        body = {"value": phone(next(town.numbers)), "expectedVersion": await version_of(town, "contact")}
        await town.good("PUT", "/me/items/contact", body, by=by)

    async def act(self, town: Town) -> None:
        """Send what is due; let a service confirm one."""
        await self._send(town)
        sql = "SELECT id FROM notice WHERE service = 'shelter' AND handed IS NOT NULL AND confirmed IS NULL"
        for (id,) in town.read(lambda db: rows(db, sql))[:1]:
            by = await town.live.service_token("shelter")
            await town.good("POST", f"/notices/{id}/confirm", by=by)

    async def check(self, town: Town) -> None:
        """Send the rest: every one arrives, each in the log once, and each confirmation."""
        for _ in range(ROUNDS):
            await self._send(town)
            if not town.read(lambda db: value(db, "SELECT count(*) FROM notice WHERE delivered IS NULL")):
                break
        heard = {orjson.loads(jws.extract_compact(one.encode()).payload)["jti"] for one in town.sink.heard}
        found = town.read(lambda db: rows(db, "SELECT id, handed, delivered, confirmed FROM notice"))
        assert {id for id, *_ in found} == heard
        assert all(handed and delivered for _, handed, delivered, _ in found)
        assert len(town.entries("notice")) == len(found)
        confirmed = [*town.entries("notice-confirmed"), *town.entries("erasure-confirmed")]
        assert len(confirmed) == sum(one[3] is not None for one in found)

    async def _send(self, town: Town) -> None:
        """Let the quarter hours pass for which notices wait; then have them sent."""
        town.write("UPDATE notice SET due = 0; DELETE FROM notice_pause")
        await town.running.do("notices")


@dataclass
class Importing:
    """An operator takes a file of residents over."""

    lines: list[Any] = field(default_factory=list)

    async def prepare(self, town: Town) -> None:
        """Write a file."""
        number = next(town.numbers)
        basic = {
            "name": "養父 花子",
            "nameKana": "ヤブ ハナコ",
            "address": "養父市",
            "birthDate": "1990-04-01",
            "sex": "female",
        }
        self.lines = [
            (line, {"municipalId": f"i{number}-{line}", "items": {"basic-four": basic}}) for line in range(3)
        ]

    async def act(self, town: Town) -> None:
        """Take it over."""
        await town.admin("residents.import", lines=self.lines)

    async def check(self, town: Town) -> None:
        """Take it over again: all of it is there, nobody twice."""
        before = self._counted(town)
        told = await town.admin("residents.import", lines=self.lines)
        assert told["refused"] == told["changed"] == 0
        assert self._counted(town) - before == told["created"] == len(self.lines) - told["unchanged"]
        assert len(town.entries("resident-imported", outcome="created")) == self._counted(town)

    def _counted(self, town: Town) -> int:
        return int(town.read(lambda db: value(db, "SELECT count(*) FROM record WHERE item = 'basic-four'")))


def all_of_them(folder: Path) -> list[Story]:
    """Give every story of operators; the folder is for back-ups."""
    return [
        Renaming(),
        Rekeying(),
        ChangingTheTopKey(),
        Erasing(folder),
        Forgetting(),
        Notifying(),
        Importing(),
    ]
