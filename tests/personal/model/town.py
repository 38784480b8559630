"""A municipality without sockets: its folder made once and copied for each life; its operations called as the front does."""

import contextlib
import copy
import functools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from base import clock, forms
from base.database import Connection
from base.errors import BadRequestData
from personal import towns
from personal.app import CONSENT_REACTIONS, EVENTS, KINDS, REACTIONS, operations
from personal.locations import sites
from personal.locations.contract import Copy, Location, LocationOffline
from personal.locations.records import Records
from personal.operations import staff
from personal.operations.actors import Actor, Role, Who
from personal.operations.assurance import admit
from personal.operations.call import Answer, Call, Module, Operation
from personal.operations.town import Town
from personal.rules.evidence import Anchors
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from personal.store import staff as stored_staff
from personal.store.town import TownStore
from personal.vault import opening, signing
from personal.vault.signing import Signer
from tests.personal.live import STAFF, YABU
from tests.personal.model.world import World

START = clock.parse("2026-04-01T00:00:00Z")
ADDRESS = "http://127.0.0.1"


@dataclass
class Line:
    """A location behind a line that can be cut."""

    there: Location
    cut: bool = False

    async def put(self, copy: Copy, sealed: bytes) -> None:
        await self._reached().put(copy, sealed)

    async def get(self, copy: Copy) -> bytes:
        return await self._reached().get(copy)

    async def remove(self, copy: Copy) -> None:
        await self._reached().remove(copy)

    async def holds(self, copy: Copy) -> bool:
        return await self._reached().holds(copy)

    def _reached(self) -> Location:
        if self.cut:
            raise LocationOffline("The line is cut.")
        return self.there


@dataclass
class Site:
    """A municipality that runs, its members of staff by login, and the line to its vault, if it has one."""

    module: Module
    town: Town
    staff: Mapping[str, Actor]
    line: Line | None

    async def do(self, actor: Actor, operation: str, body: Any = None, now: int = 0, **path: str) -> Answer:
        """Do an operation ("POST /disclosures") as the front does: who may not, or asks wrongly, is refused."""
        method, _, template = operation.partition(" ")
        row, validator = _table()[method, template]
        admit(row, actor, self.module.settings, now)
        fault = None if validator is None else forms.fault(validator, body)
        if fault is not None:
            raise BadRequestData(fault)
        params = {name: path.pop(name) for name in list(path) if name in row.params}
        return await row.run(Call(self.town, actor, path, params, body, now), self.module)


@dataclass
class Prepared:
    """A folder that was made ready, and what the model knows of it."""

    settings: PersonalSettings
    world: World

    @contextlib.contextmanager
    def copied(self) -> Iterator[tuple[PersonalSettings, World]]:
        """Give a copy of the folder and of what is known of it, until the block ends."""
        with memory() as parent:
            shutil.copytree(self.settings.data, parent / "data")
            yield replace(self.settings, data=parent / "data"), copy.deepcopy(self.world)


@contextlib.contextmanager
def memory() -> Iterator[Path]:
    """Give a folder in memory if this machine has such, else on disk."""
    shared = Path("/dev/shm")  # only while a test runs
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as made:
        yield Path(made)


@contextlib.asynccontextmanager
async def opened(settings: PersonalSettings) -> AsyncIterator[Site]:
    """Open the municipality of a data folder, all of it but what goes on by itself: rounds are made by rules."""
    path = settings.data / YABU.id
    async with contextlib.AsyncExitStack() as stack:
        keys = opening.key_store(settings, path)
        stack.push_async_callback(keys.close)
        store = TownStore(path)
        stack.push_async_callback(store.close)
        signer = Signer(await keys.named(signing.NAME))
        there = dict(await stack.enter_async_context(sites.opened(settings, YABU.id, store, keys)))
        line = Line(there[sites.CLOUD]) if sites.CLOUD in there else None
        if line is not None:
            there[sites.CLOUD] = line
        records = Records(YABU.id, store, keys, there)
        await records.begin()
        town = Town(YABU.id, YABU.name, YABU.code, store, keys, signer, records)
        module = Module(
            settings,
            {YABU.id: town},
            lambda: ADDRESS,
            kinds=KINDS,
            reactions=REACTIONS,
            consent_reactions=CONSENT_REACTIONS,
            anchors=Anchors(demonstration=True),
            events=EVENTS,
        )
        yield Site(module, town, store.read(_members), line)


def begin(data: Path, **settings: Any) -> PersonalSettings:
    """Make the data folder of a new municipality."""
    data.mkdir(mode=0o700, parents=True)
    towns.add(data, YABU)
    (data / YABU.id).mkdir(mode=0o700)
    return PersonalSettings(**{"data": data, "demo": True, "requests_per_second": 0.0, **settings})


async def employ(site: Site) -> Site:
    """Let members of staff join; give the municipality with them."""

    def work(db: Connection) -> dict[str, Actor]:
        for login, roles in STAFF.items():
            staff.join(db, login, login, roles, by=staff.AT_MACHINE, now=START)
        return _members(db)

    return replace(site, staff=await site.town.store.write(work))


def resident(person: str, subject: str | None = None) -> Actor:
    """Give a resident who is logged in with their card, for themselves or acting for somebody."""
    return Actor(Who.RESIDENT, person, subject or person, level=Level.CARD)


def _members(db: Connection) -> dict[str, Actor]:
    return {
        one.login: Actor(Who.STAFF, one.id, roles=frozenset(map(Role, one.roles)), method="demo")
        for one in stored_staff.listed(db)
    }


@functools.cache
def _table() -> Mapping[tuple[str, str], tuple[Operation, Any]]:
    rows = operations(PersonalSettings(demo=True))
    return {
        (one.method, one.path): (one, None if one.schema is None else forms.validator(one.schema))
        for one in rows
    }
