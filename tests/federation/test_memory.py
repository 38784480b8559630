"""Memory for answers of sources: shared out by a rule, given back in every case. (6.3.17)"""

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from base.errors import ServiceUnavailable
from broker.federation.memory import SHORT, Budget, Holder, Memory, Wish

MOST = 1_000
ROOM = 4
PLACES = [("", "http://a"), ("", "http://b"), ("t", "http://a")]


class Sharing(RuleBasedStateMachine):
    """Requests that take, give back, go away and end in any order."""

    holders: Bundle[Holder] = Bundle("holders")
    waits: Bundle[tuple[Wish, list[bool]]] = Bundle("waits")

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(MOST, ROOM)
        self.all: list[Holder] = []
        self.waiting: list[tuple[Wish, list[bool]]] = []

    @rule(target=holders)
    def begin(self) -> Holder:
        self.all.append(Holder())
        return self.all[-1]

    @rule(
        target=waits,
        holder=holders,
        place=st.sampled_from(PLACES),
        amount=st.integers(1, 700),
        short=st.booleans(),
    )
    def take(self, holder: Holder, place: tuple[str, str], amount: int, short: bool) -> Any:
        told: list[bool] = []
        wish = Wish(holder, place, amount, short, told.append)
        granted = self.budget.ask(wish)
        assert not (granted and holder.ended)
        if granted is None:
            self.waiting.append((wish, told))
        else:
            assert not told
        return wish, told

    @rule(wait=consumes(waits))
    def go_away(self, wait: tuple[Wish, list[bool]]) -> None:
        wish, told = wait
        self.budget.withdraw(wish)
        if told == [True]:
            self.budget.give(wish.holder, wish.place, wish.amount)
        self.waiting = [one for one in self.waiting if one[0] is not wish]

    @rule(holder=holders, part=st.integers(1, 700))
    def give(self, holder: Holder, part: int) -> None:
        if holder.held:
            place = min(holder.held)
            self.budget.give(holder, place, min(part, holder.held[place]))

    @rule(holder=holders)
    def end(self, holder: Holder) -> None:
        self.budget.end(holder)
        assert not holder.held and not holder.waiting

    @invariant()
    def holds_what_its_requests_hold(self) -> None:
        held = [sum(holder.held.values()) for holder in self.all]
        assert self.budget.used == sum(held) <= MOST and min(held, default=0) >= 0
        for place in PLACES:
            assert sum(holder.held.get(place, 0) for holder in self.all) <= MOST // 2

    @invariant()
    def leaves_nobody_waiting_for_ever(self) -> None:
        waiting = [wish for wish, told in self.waiting if not told]
        assert len(waiting) == self.budget.waiting <= ROOM
        if waiting:  # somebody who holds memory does not wait, and will give it back
            assert any(holder.held and not holder.waiting for holder in self.all)
        assert all(len(told) <= 1 for _, told in self.waiting)

    def teardown(self) -> None:
        for holder in self.all:
            self.budget.end(holder)
        assert self.budget.used == 0 and self.budget.waiting == 0


Sharing.TestCase.settings = settings(max_examples=60, stateful_step_count=40, database=None, deadline=None)
TestSharing = Sharing.TestCase


async def test_who_waits_is_served_when_another_request_ends() -> None:
    memory, first, second = Memory(MOST, ROOM), Holder(), Holder()
    await memory.take(first, PLACES[0], 450, short=False)
    waiting = asyncio.create_task(memory.take(second, PLACES[0], 100, short=False))
    await asyncio.sleep(0)
    assert not waiting.done()
    memory.end(first)
    await waiting
    assert memory.used == 100


async def test_a_request_that_is_cancelled_holds_nothing() -> None:
    memory, first, second = Memory(MOST, ROOM), Holder(), Holder()
    await memory.take(first, PLACES[0], 450, short=False)
    for granted in (False, True):
        waiting = asyncio.create_task(memory.take(second, PLACES[0], 100, short=False))
        await asyncio.sleep(0)
        if granted:  # at the very moment it is granted
            memory.end(first)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert memory.used == 0


async def test_requests_that_are_cancelled_just_before_they_are_granted_hold_nothing() -> None:
    memory, first = Memory(MOST, ROOM), Holder()
    await memory.take(first, PLACES[0], 480, short=False)
    waiting = [asyncio.create_task(memory.take(Holder(), PLACES[0], 150, short=False)) for _ in range(ROOM)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    memory.end(first)
    assert memory.used == 450
    assert len(await asyncio.gather(*waiting, return_exceptions=True)) == ROOM
    assert memory.used == 0


async def test_those_who_would_wait_for_each_other_are_told_at_once() -> None:
    memory, first, second = Memory(MOST, ROOM), Holder(), Holder()
    await memory.take(first, PLACES[0], 450, short=False)
    await memory.take(second, PLACES[1], 400, short=False)
    waiting = asyncio.create_task(memory.take(second, PLACES[1], 100, short=False))
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable) as refused:
        await memory.take(first, PLACES[0], 100, short=False)
    assert refused.value.headers["Retry-After"]
    memory.end(first)
    await waiting


async def test_short_answers_get_what_long_ones_do_not() -> None:
    memory, long = Memory(MOST, ROOM), Holder()
    for place in PLACES[:2]:
        await memory.take(long, place, 430, short=False)
    await memory.room(Holder(), PLACES[2]).grow(100)
    assert memory.used == 960 and SHORT > 100


async def test_too_many_do_not_even_wait() -> None:
    memory, first = Memory(MOST, 1), Holder()
    await memory.take(first, PLACES[0], 500, short=False)
    waiting = asyncio.create_task(memory.take(Holder(), PLACES[0], 10, short=False))
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable):
        await memory.take(Holder(), PLACES[0], 10, short=False)
    memory.end(first)
    await waiting
