"""Any order of logging in, giving factors, using, ending and waiting, against a simple model of who is logged in. (issue 6)

No secret is ever good for more than was proven with it, nor after its end, whatever else happens.
"""

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from base import clock
from base.database import Connection
from base.errors import Unauthorized
from personal import server, towns
from personal.api.callers import holder_of
from personal.operations import logging_in, staff
from personal.operations.actors import Actor, Role, Who
from personal.operations.logging_in import Login
from personal.operations.registering import Newcomer, enter_self
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from personal.store import sessions
from tests.personal.live import YABU

START = clock.parse("2026-04-01T00:00:00Z")
MINUTE = 60 * clock.SECOND
MOST = 3
PEOPLE = range(2)
WAITS = st.sampled_from([1, 2 * MINUTE - 1, 2 * MINUTE, 5 * MINUTE, 30 * MINUTE, 6 * 60 * MINUTE])


@dataclass
class Known:
    """A login as the model knows it; times in µs."""

    who: Who
    actor: str
    level: Level
    device: str
    made: int
    used: int
    until: int
    last: int
    complete: bool = True


class Sessions(RuleBasedStateMachine):
    secrets: Bundle[str] = Bundle("secrets")

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = contextlib.AsyncExitStack()
        self.now = START
        self.known: dict[str, Known] = {}
        self.ended: set[str] = set()
        self.loop.run_until_complete(self.open())

    async def open(self) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        towns.add(folder, YABU)
        self.settings = PersonalSettings(data=folder, demo=True, most_sessions=MOST)
        module = await self.stack.enter_async_context(
            server.module_of(self.settings, lambda: "http://127.0.0.1")
        )
        self.town = module.towns["yabu"]

        def work(db: Connection) -> tuple[list[str], str]:
            people = [enter_self(db, Newcomer((), ()), self.now, ()) for _ in PEOPLE]
            return people, staff.join(db, "sato", "佐藤", ["counter"], by="test", now=self.now).id

        self.people, self.member = await self.town.store.write(work)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(self.stack.aclose())
            self.loop.close()

    def write(self, work: Any) -> Any:
        return self.loop.run_until_complete(self.town.store.write(work))

    def holder(self, secret: str) -> Actor | None:
        try:
            return self.loop.run_until_complete(holder_of(secret, self.town, self.settings, self.now))
        except Unauthorized:
            return None

    def good(self, secret: str) -> bool:
        known = self.known.get(secret)
        return known is not None and self.now < known.until

    def end(self, *secrets: str) -> None:
        for secret in secrets:
            self.known.pop(secret, None)
            self.ended.add(secret)

    def others(self, who: Who, actor: str) -> list[str]:
        """Give the secrets of somebody, the one used last first; those that are over stay until they are swept."""
        found = [one for one, known in self.known.items() if (known.who, known.actor) == (who, actor)]
        return sorted(found, key=lambda one: -self.known[one].used)

    def begun(self, login: Login, replaces: str) -> str:
        hash = sessions.digest(replaces) if replaces else b""
        secret = self.write(lambda db: logging_in.begin(db, login, self.settings, self.now, replaces=hash))
        before = self.known.get(replaces) if self.good(replaces) else None
        if replaces:
            self.end(replaces)
        for one in [one for one in self.known if not self.good(one)]:
            self.end(one)
        if before is None or (before.who, before.actor) != (login.who, login.actor):
            self.end(*self.others(login.who, login.actor)[MOST - 1 :])
        minutes, hours = (2, 1 / 6) if login.device else (30, 12)
        last = self.now + int(hours * 60 * MINUTE)
        until = min(self.now + minutes * MINUTE, last)
        complete = login.who is Who.RESIDENT
        self.known[secret] = Known(
            login.who, login.actor, login.level, login.device, self.now, self.now, until, last, complete
        )
        self.now += 1  # no two logins begin at the same moment
        return str(secret)

    @rule(
        target=secrets,
        person=st.sampled_from(PEOPLE),
        level=st.sampled_from([Level.CONTACTLESS, Level.CITY_CARD, Level.CARD]),
        device=st.sampled_from(["", "counter-1"]),
    )
    def log_in(self, person: int, level: Level, device: str) -> str:
        return self.begun(Login(Who.RESIDENT, self.people[person], level, "card", device=device), "")

    @rule(
        target=secrets,
        secret=consumes(secrets),
        person=st.sampled_from(PEOPLE),
        level=st.sampled_from([Level.CONTACTLESS, Level.CARD]),
    )
    def log_in_again_in_the_same_browser(self, secret: str, person: int, level: Level) -> str:
        return self.begun(Login(Who.RESIDENT, self.people[person], level, "card"), secret)

    @rule(target=secrets)
    def staff_log_in(self) -> str:
        return self.begun(Login(Who.STAFF, self.member, Level.CARD, "oidc.x", ("counter",)), "")

    @rule(target=secrets, secret=secrets)
    def give_the_second_factor(self, secret: str) -> str:
        actor = self.holder(secret)
        if actor is None or actor.who is not Who.ENTRANT:
            return secret
        self.used(secret)
        hash = sessions.digest(secret)
        fresh = self.write(lambda db: logging_in.surer(db, hash, self.now, ("counter",)))
        known = self.known[secret]
        self.end(secret)
        known.complete = True
        self.known[fresh] = known
        return str(fresh)

    @rule(secret=secrets)
    def use(self, secret: str) -> None:
        """Nothing but what was proven, and nothing after the end."""
        actor = self.holder(secret)
        assert (actor is not None) == self.good(secret)
        if actor is not None:
            known = self.known[secret]
            assert (actor.id, actor.level, actor.device) == (known.actor, known.level, known.device)
            complete = known.who is Who.RESIDENT or known.complete
            assert (actor.who is Who.ENTRANT) == (not complete)
            assert actor.roles == (
                frozenset({Role.COUNTER}) if complete and known.who is Who.STAFF else set()
            )
            self.used(secret)

    def used(self, secret: str) -> None:
        known = self.known[secret]
        idle = (2 if known.device else 30) * MINUTE
        until = min(self.now + idle, known.last)
        if self.now - known.used > idle // 10 and until > known.until:
            known.used, known.until = self.now, until

    @rule(secret=secrets)
    def log_out(self, secret: str) -> None:
        self.write(lambda db: sessions.end(db, sessions.digest(secret)))
        self.end(secret)

    @rule(secret=secrets)
    def end_all_others(self, secret: str) -> None:
        if self.good(secret):
            known = self.known[secret]
            hash = sessions.digest(secret)
            self.write(lambda db: sessions.end_others(db, known.who, known.actor, hash))
            self.end(*(one for one in self.others(known.who, known.actor) if one != secret))

    @rule(person=st.sampled_from(PEOPLE))
    def change_a_credential(self, person: int) -> None:
        self.write(lambda db: sessions.end_about(db, self.people[person]))
        self.end(*self.others(Who.RESIDENT, self.people[person]))

    @rule(span=WAITS)
    def wait(self, span: int) -> None:
        self.now += span

    @invariant()
    def what_ended_stays_ended(self) -> None:
        for secret in sorted(getattr(self, "ended", ()))[:20]:
            found = self.town.store.read(lambda db, secret=secret: sessions.find(db, secret, self.now))
            assert found is None

    @invariant()
    def nobody_has_more_than_so_many(self) -> None:
        if hasattr(self, "people"):
            for person in self.people:
                open = self.town.store.read(
                    lambda db, person=person: sessions.of_actor(db, Who.RESIDENT, person, self.now)
                )
                assert len(open) <= MOST


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=10, stateful_step_count=30, deadline=None)
