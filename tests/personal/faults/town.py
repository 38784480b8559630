"""A town whose module runs in a process that can be killed; what its clients saw; what must hold after every start."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import orjson
from aiohttp import web

from base import clock
from base.admin import NotRunning, ask
from base.database import Connection, connect, snapshot
from personal.audit import checking
from personal.cloud.store import FILE
from personal.locations import cloud
from personal.locations.records import Change
from personal.operations import staff
from personal.operations.naming import deriving_of
from personal.settings import PersonalSettings
from personal.store import leftovers, people, pseudonyms, records
from personal.store.records import LOCAL, Choice
from personal.store.town import rows
from personal.vault import requests
from personal.vault.signing import Signer
from tests.personal.cloud.vaults import vault
from tests.personal.disclosure.sharing import ALLERGIES, CARE, PHONE, PURPOSE, given
from tests.personal.faults.children import Child, Killed
from tests.personal.live import Live, Named, Reply, asked, described, live_module, purpose

T = TypeVar("T")
GONE = (aiohttp.ClientError, TimeoutError, OSError, Killed, NotRunning)
"""What a client sees of a module that ends."""
TRIES, PAUSE = 1_200, 0.05  # longer than a location that could not be reached is left alone
CROWD = 60
SERVICES = {
    "shelter": ("contact", "allergies"),
    "clinic": ("allergies",),
    "club": ("contact",),
    "desk": ("contact",),
}
ALL_OF_IT = ["counter", "privacy"]


@dataclass
class Sink:
    """Where services hear of notices."""

    url: str = ""
    heard: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Take a notice."""
        self.heard.append((await request.read()).decode())
        return web.Response(status=202)


@dataclass
class Town:
    """The town, its residents by their logins, and all that clients were shown."""

    settings: PersonalSettings
    live: Live
    vault: Path
    sink: Sink
    persons: dict[str, str]
    crowd: list[str]
    child: Child | None = None
    released: set[str] = field(default_factory=set)
    known: list[dict[str, Any]] = field(default_factory=list)
    opened: dict[Path, Connection] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def folder(self) -> Path:
        """Give the folder of the municipality."""
        return self.settings.data / "yabu"

    @property
    def running(self) -> Child:
        """Give the module's process."""
        assert self.child is not None
        return self.child

    async def start(self, number: int | None = None) -> None:
        """Start the module again; number: the point at which it ends while it starts."""
        self.child = await Child.start(self.settings, number)
        self.live.url = self.child.url

    async def admin(self, what: str, **given: Any) -> Any:
        """Have the module do something as commands do."""
        return await ask(self.settings.data, what, municipality="yabu", **given)

    def read(self, work: Callable[[Connection], T], file: str | Path = "personal.db") -> T:
        """Read a database of the town (or one at another place) beside its module."""
        path = self.folder / file
        if path not in self.opened:
            self.opened[path] = connect(path, readonly=True)
        with snapshot(self.opened[path]):
            return work(self.opened[path])

    def write(self, sql: str) -> None:
        """Change the town's database beside its module."""
        connection = connect(self.folder / "personal.db")
        try:
            connection.execute(sql)
        finally:
            connection.close()

    def entries(self, kind: str, **facts: Any) -> list[dict[str, Any]]:
        """Give the entries of the log of a kind that tell these facts."""
        return [one for one in self._log() if one["kind"] == kind and facts.items() <= one.items()]

    def name(self, service: str, person: str) -> str:
        """Give the name by which a service knows a resident."""
        found = self.read(lambda db: pseudonyms.known(db, service, person))
        assert found is not None
        return found

    def where(self, login: str, item: str) -> str | None:
        """Say where an item of a resident lives."""
        found = self.read(lambda db: records.find(db, self.persons[login], item))
        return found and found.location

    async def until(self, so: Callable[[], Any]) -> None:
        """Wait until something is so; Killed if the module ends before."""
        for _ in range(TRIES):
            if so():
                return
            if self.running.ended:
                raise Killed
            await asyncio.sleep(PAUSE)
        raise AssertionError(f"it does not become so: {self.read(leftovers.waiting)}")

    async def settled(self) -> None:
        """Wait until no move and no removal is under way."""
        await self.until(lambda: not self.read(leftovers.waiting))

    async def good(self, method: str, path: str, body: Any = None, *, by: str) -> Reply:
        """Ask for something that is not to be refused."""
        reply = await self.live.ask(method, path, body, by=by)
        assert reply.status < 300, (path, reply.status, reply.raw)
        return reply

    async def disclosed(self, service: str, subject: str, *items: str) -> dict[str, Any]:
        """Let a service ask for items of a resident, and note what it was shown."""
        body = {"subject": subject, "purpose": PURPOSE, "items": list(items)}
        reply = await self.good("POST", "/disclosures", body, by=await self.live.service_token(service))
        self.released.add(reply.json["id"])
        told: dict[str, Any] = reply.json
        return told

    async def whole(self) -> None:
        """Say by failing that something is lost, doubled, or was released without being on record."""
        await self.settled()
        on_record = {one["disclosure"] for one in self._log() if "disclosure" in one}
        assert self.released <= on_record
        ledger = self.read(lambda db: set(rows(db, "SELECT name, location FROM record")))
        here = {(name, LOCAL) for (name,) in self.read(lambda db: rows(db, "SELECT name FROM local_copy"))}
        there = {(name, "cloud") for name in self.vault_holds()}
        assert ledger == here | there, ledger ^ (here | there)
        keys = {key for (key,) in self.read(lambda db: rows(db, "SELECT id FROM personal"), "keys.db")}
        assert self.read(records.keys_in_use) <= keys

    def verified(self) -> None:
        """Say by failing that the log does not verify."""
        assert self.read(lambda db: list(checking.faults(db))) == []

    def _log(self) -> list[dict[str, Any]]:
        """Give the entries of the log; it only grows, so those known are not read again."""
        sql = "SELECT entry FROM leaf WHERE position >= ? ORDER BY position"
        self.known += [orjson.loads(body) for (body,) in self.read(lambda db: rows(db, sql, len(self.known)))]
        return self.known

    def vault_holds(self) -> list[str]:
        """Name the copies that the vault keeps."""
        return [
            name
            for (name,) in self.read(
                lambda db: rows(db, "SELECT name FROM copy WHERE sealed IS NOT NULL"), self.vault
            )
        ]


@contextlib.asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """Make a town, and run its module as a process; the vault and the services that hear of notices run here."""
    sink = Sink()
    (folder / "vault").mkdir()
    async with vault(folder / "vault") as store, _listening(sink), aiohttp.ClientSession() as session:
        told = {
            "vault_url": store.url,
            "replaced_days": 0,
            "requests_per_second": 0.0,
            "token_seconds": 3_600.0,
        }
        async with live_module(folder / "data", **told) as live:
            own = Signer(await live.town.keys.named(cloud.KEY))
            await store.store.change_key("yabu", requests.public_key(own.public()))
            made = await _populated(live, folder / "vault" / FILE, sink)
        made.live = Live("", session, None, Named("yabu"), live.tokens, live.keys)  # type: ignore[arg-type]
        await made.start()
        try:
            yield made
        finally:
            await made.running.end()
            for connection in made.opened.values():
                connection.close()


async def _populated(live: Live, store: Path, sink: Sink) -> Town:
    for id, items in SERVICES.items():
        await live.service(id, described(purpose(PURPOSE, *map(asked, items)), notify=sink.url))
        await live.service_token(id)
    persons = {login: await live.register(login) for login in ("hanako", "taro")}
    crowd = [f"r_{number}" for number in range(CROWD)]
    deriving = await deriving_of(live.town)

    def work(db: Connection) -> None:
        staff.join(db, "all", "all", ALL_OF_IT, by=staff.AT_MACHINE, now=clock.now())
        for item in ("contact", "care-needs"):
            records.choose(db, Choice(item, LOCAL, (LOCAL, "cloud")))
        for person in crowd:
            people.add(db, person, clock.now())
        for person in (*persons.values(), *crowd):
            for service, items in list(SERVICES.items())[:3]:  # for the desk there are codes
                given(db, person, service, items, 1, None)
            for service in SERVICES:
                pseudonyms.given(db, deriving, service, person, clock.now())

    await live.town.store.write(work)
    values = {"contact": PHONE, "allergies": ALLERGIES, "care-needs": CARE}
    changes = [Change(persons["hanako"], item, value, 0) for item, value in values.items()]
    changes += [Change(person, "allergies", ALLERGIES, 0) for person in crowd]
    await live.town.records.keep(changes, lambda _: None, clock.now())
    for login in ("all", "counter"):
        await live.staff(login)
    for login in persons:
        await live.resident(login)
    return Town(live.module.settings, live, store, sink, persons, crowd)


@contextlib.asynccontextmanager
async def _listening(sink: Sink) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/notices", sink.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notices"
    try:
        yield
    finally:
        await runner.cleanup()
