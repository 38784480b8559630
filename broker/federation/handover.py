"""Copies of subscriptions brought to their sources, changed there and taken back. (5.8.1.4, 5.8.2, 5.8.5)

Each source has a worker of its own, so that one that fails delays nobody else; what fails is tried again with growing
pauses. What a source has is noted after each step: after a crash the same step is taken again, and does no harm.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from heapq import nsmallest
from typing import Final
from urllib.parse import quote, unquote

import structlog

from base.clock import SECOND
from base.errors import Problem
from broker.federation.asking import Asking, Directed, Outcome, Request
from broker.federation.federation import Federation
from broker.federation.lease import Lease, dated
from broker.federation.passed import Passed, PassedBook, new_id
from broker.model.document import NULL
from broker.notify.subscription import Body

FIRST_PAUSE: Final = SECOND
LONGEST_PAUSE: Final = 3600 * SECOND
MOST_ATTEMPTS: Final = 40  # to take back a copy: a day and a half
AT_ONCE: Final = 8
GONE: Final = (404, 410)
REFUSALS: Final = (400, 401, 403, 405, 422, 501, 508)

log = structlog.get_logger("engawa.federation")


class Handover:
    """Does at the sources what their copies lack."""

    def __init__(
        self,
        federation: Federation,
        book: PassedBook,
        asking: Callable[[str, str], Awaitable[Asking]],
        lease: Lease,
        now: Callable[[], int],
    ) -> None:
        self._federation = federation
        self._book = book
        self._asking = asking
        self._lease = lease
        self._now = now
        self._places: dict[tuple[str, str], dict[str, Passed]] = {}
        self._workers: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._woken: dict[tuple[str, str], asyncio.Event] = {}

    async def close(self) -> None:
        """End; what is not settled is settled after the next start."""
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        for worker in workers:
            with suppress(asyncio.CancelledError):
                await worker

    def renew(self) -> None:
        """Let the workers look at all copies that would end soon, and are not being worked on."""
        for passed in self._book.every():
            if passed.id not in self._places.get(passed.place, {}) and passed.settled:
                self.work_on(passed)

    def _rests(self, passed: Passed) -> bool:
        return passed.settled and not self._lease.is_due(passed, self._now())

    def work_on(self, passed: Passed) -> None:
        """Let the worker of its source look at a copy."""
        place = passed.place
        if self._rests(passed):
            return
        passed.attempts, passed.due = 0, 0
        self._places.setdefault(place, {})[passed.id] = passed
        self._woken.setdefault(place, asyncio.Event()).set()
        if place not in self._workers:
            self._workers[place] = asyncio.get_running_loop().create_task(self._serve(place))

    async def _serve(self, place: tuple[str, str]) -> None:
        """Settle all that is pending at one source, some at once, what is due longest first."""
        pending, woken = self._places[place], self._woken[place]
        try:
            while pending:
                first = nsmallest(AT_ONCE, pending.values(), key=lambda one: one.due)
                now = self._now()
                wait = first[0].due - now
                if wait > 0:
                    woken.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(woken.wait(), wait / SECOND)
                    continue
                await asyncio.gather(*[self._settle(one) for one in first if one.due <= now])
                for passed in first:
                    if self._rests(passed) or self._book.find(passed.id) is None:
                        pending.pop(passed.id, None)
        finally:
            del self._places[place], self._woken[place], self._workers[place]

    async def _settle(self, passed: Passed) -> None:
        """Take one step with one copy; a failure sets the time of the next attempt."""
        if self._rests(passed):
            return
        try:
            await self._step(passed)
        except Problem:  # such as an @context that is not to be had now
            self._postpone(passed, FIRST_PAUSE << min(passed.attempts, 12))
        except Exception:  # a fault with one copy must not hold up the others
            log.exception("a step of passing on failed", subscription=passed.subscription)
            self._postpone(passed, LONGEST_PAUSE)

    async def _step(self, passed: Passed) -> None:
        if passed.wanted is None:
            await self._take_back(passed)
        elif passed.sent is None:
            await self._hand_over(passed, passed.wanted)
        elif self._lease.is_over(passed, self._now()) or (passed.settled and not _changeable(passed)):
            await self._replace(passed, passed.wanted)
        else:
            await self._change(passed, passed.sent, passed.wanted)

    async def _hand_over(self, passed: Passed, wanted: Body) -> None:
        """Create the copy; one that is there already was made by a run that did not live to note it. (5.8.1)"""
        until = self._lease.until(wanted, self._now())
        body = {"id": passed.id, **dated(wanted, until)}
        outcome = await self._ask(passed, Request("POST", "/subscriptions", body=body))
        made = unquote(outcome.headers.get("Location", "").rpartition("/")[2])
        if outcome.status == 409:
            await self._note(passed, {})
        elif _done(outcome) and made not in ("", passed.id):
            await self._undo(passed, made)
        elif _done(outcome):
            await self._note(passed, wanted, until)
        else:
            self._failed(passed, outcome)

    async def _replace(self, passed: Passed, wanted: Body) -> None:
        """Make a copy anew whose time is over or cannot be made longer; then the former one is taken back."""
        fresh = Passed(new_id(), passed.tenant, passed.subscription, passed.source, wanted=wanted)
        await self._book.add(fresh)
        await self._hand_over(fresh, wanted)
        if fresh.leaving:  # found to be one too many meanwhile
            self.work_on(fresh)
        elif fresh.sent is None:
            await self._book.drop(fresh)
            passed.attempts, passed.due = passed.attempts + 1, fresh.due
        else:
            fresh.wanted, passed.wanted, passed.leaving = passed.wanted, None, True
            fresh.source = passed.source
            self.work_on(fresh)

    async def _undo(self, passed: Passed, made: str) -> None:
        """Take back a copy to which its source gave an identifier of its own: anybody could guess that. (5.8.1.4)"""
        log.warning("a source does not keep identifiers of subscriptions", source=passed.source.id)
        await self._ask(passed, Request("DELETE", f"/subscriptions/{quote(made, safe=':')}"))
        self._postpone(passed, LONGEST_PAUSE)

    async def _change(self, passed: Passed, sent: Body, wanted: Body) -> None:
        """Update the copy: what changed, and what is no longer there. (5.8.2)"""
        until = self._lease.until(wanted, self._now())
        leased = dated(wanted, until)
        fragment = {name: value for name, value in leased.items() if sent.get(name) != value}
        if passed.until is not None and until is None:
            fragment["expiresAt"] = wanted.get("expiresAt", NULL)
        fragment |= {name: NULL for name in sent if name not in leased}
        path = f"/subscriptions/{quote(passed.id, safe=':')}"
        outcome = await self._ask(passed, Request("PATCH", path, body={"type": "Subscription", **fragment}))
        if outcome.status in GONE:
            await self._note(passed, None)
        elif _done(outcome):
            await self._note(passed, wanted, until)
        elif passed.settled and outcome.status in REFUSALS:
            await self._replace(passed, wanted)
        else:
            self._failed(passed, outcome)

    async def _take_back(self, passed: Passed) -> None:
        """Delete the copy, if the source lets us. (5.8.5)"""
        if "deleteSubscription" not in passed.source.operations:
            await self._book.drop(passed)
            return
        outcome = await self._ask(passed, Request("DELETE", f"/subscriptions/{quote(passed.id, safe=':')}"))
        if _done(outcome) or outcome.status in GONE:
            await (self._book.drop(passed) if passed.wanted is None else self._note(passed, None))
        elif passed.attempts >= MOST_ATTEMPTS:
            log.warning("a copy of a subscription stays at a source", source=passed.source.id)
            await self._book.drop(passed)
        else:
            self._failed(passed, outcome)

    async def _ask(self, passed: Passed, request: Request) -> Outcome:
        asking = await self._asking(passed.tenant, passed.subscription)
        (outcome,) = await self._federation.ask(asking, [Directed(passed.source, request)])
        return outcome

    async def _note(self, passed: Passed, sent: Body | None, until: int | None = None) -> None:
        passed.sent, passed.until, passed.attempts, passed.due = sent, until, 0, 0
        await self._book.keep(passed)

    def _failed(self, passed: Passed, outcome: Outcome) -> None:
        """Try again later; much later what was refused for good."""
        status = outcome.failure.problem.status if outcome.failure else outcome.status
        refused = status in REFUSALS
        if not passed.attempts:
            log.warning("a source did not take a subscription", source=passed.source.id, status=status)
        self._postpone(passed, LONGEST_PAUSE if refused else FIRST_PAUSE << min(passed.attempts, 12))
        if not outcome.status:  # whoever asks it for something else now gets no answer either
            for other in self._places.get(passed.place, {}).values():
                other.due = max(other.due, passed.due)

    def _postpone(self, passed: Passed, pause: int) -> None:
        passed.attempts += 1
        passed.due = self._now() + min(pause, LONGEST_PAUSE)


def _changeable(passed: Passed) -> bool:
    return "updateSubscription" in passed.source.operations


def _done(outcome: Outcome) -> bool:
    return outcome.failure is None and 200 <= outcome.status < 300
