"""What all random lives have in common: a municipality and its model go on side by side, and are compared."""

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch

import orjson
import structlog
import uvloop
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from base import clock
from base.errors import Problem, ResourceNotFound
from personal.audit import checking, log, reading
from personal.operations import handles
from personal.operations.actors import Actor
from personal.operations.call import Answer
from tests.personal.cloud import vaults
from tests.personal.model.beginning import AT_FIRST, prepare, service_of, value
from tests.personal.model.town import START, Prepared, memory, opened, resident
from tests.personal.model.world import ITEMS, PURPOSES, SECOND, SERVICES, Question

T = TypeVar("T")
LEAST = 10_000
"""How many steps are taken at least in all of these tests together. (issue 5, done when 1)"""
LENGTH = 50
MARGIN = 10
"""In how many µs everybody is compared: each question is a µs after the one before."""
SHARES = {"Services": (92, 3_200), "Families": (94, 3_600), "Everything": (86, 3_200)}
"""Of each kind of life: how many are led, and its share of the steps."""
entries = st.integers(0, AT_FIRST - 1)
one_service = st.sampled_from(SERVICES)
one_purpose = st.sampled_from((PURPOSES[0], *PURPOSES))
some_items = st.lists(st.sampled_from(ITEMS), min_size=1, unique=True).map(tuple)
few_items = st.frozensets(st.sampled_from(ITEMS), max_size=2)


def step(**drawn: Any) -> Callable[[Callable[..., None]], Any]:
    """Make a rule whose runs are counted if they did anything to the municipality."""

    def made(function: Callable[..., None]) -> Any:
        @functools.wraps(function)
        def run(self: "Lives", **given: Any) -> None:
            before = self.done
            function(self, **given)
            if self.done > before:
                self.steps[function.__name__] += 1

        return rule(**drawn)(run)

    return made


class Lives(RuleBasedStateMachine):
    """A municipality, and what the model says of it."""

    runner: ClassVar[asyncio.Runner]
    prepared: ClassVar[Prepared]
    steps: ClassVar[Counter[str]]

    @initialize()
    def begin(self) -> None:
        self.folder, self.stack = contextlib.ExitStack(), contextlib.AsyncExitStack()
        self.settings, self.world = self.folder.enter_context(self.prepared.copied())
        self.site = self.wait_for(self.stack.enter_async_context(opened(self.settings)))
        self.done = self.written = 0

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.check_log()
        finally:
            self.wait_for(self.stack.aclose())
            self.folder.close()

    def check_log(self) -> None:
        """Verify the log: nobody is named in it as inside or at services; and no two services share a name."""
        first, second = (set(self.names(service)) for service in SERVICES)
        assert not first & second
        store = self.site.town.store
        assert list(store.read(checking.faults)) == []
        text = b"".join(one.body for one in store.read(lambda db: reading.entries(db, 0, 100_000))).decode()
        for one in self.world.entries:
            assert one.id not in text
            assert not any(name.text in text for names in one.names.values() for name in names)

    # -- doing

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        # not runner.run: it writes the whole task down each time, to set its signal handler
        return self.runner.get_loop().run_until_complete(work)

    def do(self, actor: Actor, operation: str, body: Any = None, **path: str) -> Answer:
        """Do an operation, a little later than the one before."""
        self.world.now += 1
        self.done += 1
        return self.wait_for(self.site.do(actor, operation, body, self.world.now, **path))

    def tried(self, actor: Actor, operation: str, body: Any = None, **path: str) -> Answer | Problem:
        """Do an operation; give the refusal if it is refused."""
        try:
            return self.do(actor, operation, body, **path)
        except Problem as problem:
            return problem

    def if_may(self, may: bool, actor: Actor, operation: str, body: Any = None, **path: str) -> Answer | None:
        """Do an operation that goes well if, and only if, it may."""
        found = self.tried(actor, operation, body, **path)
        assert isinstance(found, Answer) is bool(may), found
        return found if isinstance(found, Answer) else None

    def staff(self, login: str) -> Actor:
        return self.site.staff[login]

    def at_counter(self, at: int) -> Actor:
        """Give who at the counter may know of a resident."""
        return self.staff("protection" if self.world.entries[at].protected else "counter")

    def as_resident(self, at: int, subject: int | None = None) -> Actor:
        whom = None if subject is None else self.world.entries[subject].id
        return resident(self.world.entries[at].id, whom)

    def handle(self, actor: Actor, at: int) -> str:
        names = self.wait_for(handles.handles(self.site.town, actor))
        return names.show(self.world.entries[at].id)

    def approved(self, first: str, second: str, kind: str, body: dict[str, Any], *, may: bool = True) -> None:
        """Let one member of staff propose something and another one approve it."""
        made = self.if_may(may, self.staff(first), "POST /proposals", {"kind": kind, "body": body})
        if made is not None:
            self.do(self.staff(second), "POST /proposals/{id}/approve", None, id=made.body["id"])

    def alive(self, at: int) -> bool:
        return self.world.entries[at].state != "dead"

    # -- what a service sees

    def leaves(self, start: int) -> list[reading.Kept]:
        return self.site.town.store.read(lambda db: reading.entries(db, start, 1_000))

    def check_leaves(self, start: int, asked: Question, about: list[int | None]) -> None:
        """Compare what was written with what was to be decided about each resident, in their order."""
        found = self.leaves(start)
        failed = []
        for at, leaf in zip(about, found, strict=False):
            facts = leaf.facts()
            expected = None if at is None else self.world.expected(asked, at)
            assert (facts["service"], facts["purpose"]) == (asked.service, asked.purpose)
            assert facts.get("event", "") == asked.event
            assert set(facts["items"]) == (expected.decided if expected else set())
            self.check_whom(leaf.position, at)
            if expected and expected.decided - expected.shown.keys():
                failed.append((at, expected.decided - expected.shown.keys()))
        assert len(found) == len(about) + len(failed), ([one.facts() for one in found], failed)
        for (at, items), leaf in zip(failed, found[len(about) :], strict=True):
            assert leaf.facts()["kind"] == "disclosure-failed"
            assert set(leaf.facts()["items"]) == items
            self.check_whom(leaf.position, at)

    def check_whom(self, position: int, at: int | None) -> None:
        whom = self.site.town.store.read(lambda db: reading.whose(db, position, "subject"))
        assert whom == (None if at is None else self.world.entries[at].id)
        if at is not None:
            self.world.told[position] = at

    def names(self, service: str) -> list[str]:
        """List every name that a service was ever given."""
        return [name.text for one in self.world.entries for name in one.names[service]]

    def may_ask(self, service: str, purpose: str) -> bool:
        known = self.world.services[service]
        return known.active and purpose in known.now

    def body_of(self, asked: Question, **more: Any) -> dict[str, Any]:
        event = {"event": asked.event} if asked.event else {}
        return {"purpose": asked.purpose, **event, **more}

    def ask_one(self, asked: Question, name: str) -> None:
        """Let a service ask about one resident."""
        service, start = service_of(asked.service), self.size()
        body = self.body_of(asked, subject=name, items=list(asked.items))
        at = self.world.who(asked.service, name)
        found = self.tried(service, "POST /disclosures", body)
        if not self.may_ask(asked.service, asked.purpose):
            assert isinstance(found, Problem) and not self.leaves(start)
            return
        at = self.world.who(asked.service, name)
        self.check_leaves(start, asked, [at])
        if at is None:
            assert isinstance(found, ResourceNotFound)
            assert orjson.dumps(found.body()) == orjson.dumps(self.unknown(asked).body())
            return
        assert isinstance(found, Answer)
        self.check_shown(asked, at, found.body)

    def unknown(self, asked: Question) -> Problem:
        """Give the answer about a name that nobody was given."""
        body = self.body_of(asked, subject="p1." + "A" * 43, items=list(asked.items))
        found = self.tried(service_of(asked.service), "POST /disclosures", body)
        assert isinstance(found, Problem)
        return found

    def ask_many(self, asked: Question, names: list[str]) -> None:
        """Let a service ask about many residents at once."""
        start = self.size()
        body = self.body_of(asked, subjects=names, items=list(asked.items))
        lines = self.wait_for(self.lines(asked.service, body))
        if lines is None:
            assert not self.may_ask(asked.service, asked.purpose) and not self.leaves(start)
            return
        about = [self.world.who(asked.service, name) for name in names]
        self.check_leaves(start, asked, about)
        assert [line["subject"] for line in lines[:-1]] == names
        for at, line in zip(about, lines, strict=False):
            if at is None:
                assert line["problem"]["status"] == 404 and line.keys() == {"subject", "problem"}
            else:
                self.check_shown(asked, at, line)

    async def lines(self, service: str, body: dict[str, Any]) -> list[Any] | None:
        self.world.now += 1
        self.done += 1
        try:
            answer = await self.site.do(service_of(service), "POST /disclosures/bulk", body, self.world.now)
        except Problem:
            return None
        assert answer.parts is not None
        return [orjson.loads(line) for line in b"".join([part async for part in answer.parts]).splitlines()]

    def check_shown(self, asked: Question, at: int, told: dict[str, Any]) -> None:
        """Compare what a service was shown, and why not the rest, exactly."""
        expected = self.world.expected(asked, at)
        shown = {item: value(item, one) for item, one in expected.shown.items()}
        assert told["items"] == shown, (told, expected, asked, at)
        assert {one["item"]: one["reason"] for one in told["withheld"]} == expected.withheld, (told, expected)
        text = orjson.dumps(told).decode()
        assert not any(one.id in text for one in self.world.entries)

    def size(self) -> int:
        return self.site.town.store.read(log.size)

    # -- rules that every life has

    @step(seconds=st.sampled_from([1, 60, 3_600, 86_400, 20 * 86_400]))
    def time_goes_on(self, seconds: int) -> None:
        self.world.now += seconds * SECOND
        self.everybody_is_compared()

    @step(data=st.data())
    def time_goes_on_until_something_ends(self, data: Any) -> None:
        """Look in the last moment and in the one after it."""
        ends = [end for end in sorted(self.world.ends()) if end > self.world.now + MARGIN]
        if ends:
            end = data.draw(st.sampled_from(ends[:5]))
            self.world.now = end - MARGIN
            self.everybody_is_compared()
            assert self.world.now < end
            self.world.now = end - 1
            self.everybody_is_compared()

    def everybody_is_compared(self) -> None:
        """Compare what every service is shown of everybody, for each emergency, too."""
        for service in SERVICES:
            for event in ("", *list(self.world.events)[-2:]):
                self.ask_many(Question(service, PURPOSES[0], ITEMS, event), self.names(service))

    @step(service=one_service, purpose=one_purpose, items=some_items, data=st.data())
    def service_asks(self, service: str, purpose: str, items: tuple[str, ...], data: Any) -> None:
        event = data.draw(st.sampled_from(["", "e_none", *self.world.events]))
        name = data.draw(st.sampled_from(self.names(service)))
        self.ask_one(Question(service, purpose, items, event), name)

    @step(service=one_service, purpose=one_purpose, data=st.data())
    def service_asks_about_everybody(self, service: str, purpose: str, data: Any) -> None:
        event = data.draw(st.sampled_from(["", *self.world.events]))
        self.ask_many(Question(service, purpose, ITEMS, event), self.names(service))

    @step(entry=entries, service=one_service)
    def service_asks_by_a_name_of_another(self, entry: int, service: str) -> None:
        other = next(one for one in SERVICES if one != service)
        (first, *_) = self.world.entries[entry].names[other]
        self.ask_one(Question(service, PURPOSES[0], ITEMS), first.text)

    @step()
    def module_starts_again(self) -> None:
        self.done += 1
        self.wait_for(self.stack.aclose())
        self.site = self.wait_for(self.stack.enter_async_context(opened(self.settings)))
        if self.site.line is not None:
            self.site.line.cut = "cloud" in self.world.gone


def lead(machine: type[Lives], *, vault: bool = False) -> None:
    """Lead random lives until at least as many steps were taken as are this kind of life's share of all."""
    lives, share = SHARES[machine.__name__]
    assert sum(least for _, least in SHARES.values()) >= LEAST
    counted: Counter[str] = Counter()
    with memory() as data, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        there = vaults.vault(data / "vault") if vault else contextlib.nullcontext()
        prepared = runner.run(_begun(data, there))
        made = type(machine.__name__, (machine,), {"prepared": prepared, "runner": runner, "steps": counted})
        wanted = settings(max_examples=lives, stateful_step_count=LENGTH, phases=_phases())
        try:
            # time goes on only as the lives say, however long an answer takes
            with structlog.testing.capture_logs(), patch.object(clock, "now", lambda: START):
                run_state_machine_as_test(made, settings=wanted)
        finally:
            runner.run(there.__aexit__(None, None, None))
    assert counted.total() >= share, counted


def _phases() -> list[Phase]:
    """Look for a shorter life that fails, which takes minutes, only where lives are looked for at random."""
    return (
        [Phase.generate]
        if settings.default and settings.default.derandomize
        else [Phase.generate, Phase.shrink]
    )


async def _begun(folder: Path, there: contextlib.AbstractAsyncContextManager[Any]) -> Prepared:
    return await prepare(folder, await there.__aenter__())
