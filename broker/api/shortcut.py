"""Answers to anonymous requests whose like was understood before, past the HTTP server. (base/hot.py, DESIGN 2.1)"""

import asyncio
from collections.abc import Coroutine
from time import perf_counter
from typing import Any

import orjson
import structlog

from base import clock, ids
from base.errors import Problem
from base.hot import Visitor, Whole
from base.nesting import too_deep
from broker.api import known as kept
from broker.api import raw
from broker.api.known import Known, Understood
from broker.api.metrics import Metrics
from broker.api.outcome import failure, refusal, report
from broker.operations.call import Answer, Broker, Call, Operation

log = structlog.get_logger("engawa.broker")


class Shortcut:
    """Runs operations for requests that are alike to earlier ones; what is refused before goes the ordinary way."""

    def __init__(self, broker: Broker, understood: Understood, metrics: Metrics) -> None:
        self._broker = broker
        self._understood = understood
        self._metrics = metrics
        self._doors = broker.doors
        self._cors = bool(broker.settings.cors)
        self._open = broker.settings.log_requests != "all"
        self._writes = self._open and broker.doors.audit is None

    def answer(self, head: bytes, visitor: Visitor) -> bytes | None:
        """Answer a read at once, if that needs no waiting. (DESIGN 2.8)"""
        like = kept.of_head(head)
        known = self._understood.find(like)
        if known is None or known.waits or not self._lets_in(head, visitor):
            return None
        began = perf_counter()
        answer = self._run_at_once(known, known.call_of(like, clock.now()))
        if answer is None:
            return None
        self._metrics.count(known.operation, answer.status, perf_counter() - began)
        return raw.response(answer, known.call.tenant)

    def _lets_in(self, head: bytes, visitor: Visitor) -> bool:
        if not self._open or (self._cors and b"\norigin:" in head.lower()):
            return False
        return self._doors.limit is None or self._doors.passes(visitor)

    def _run_at_once(self, known: Known, call: Call) -> Answer | None:
        try:
            story = known.operation.run(call, self._broker)
            waited_for = story.send(None)
        except StopIteration as end:
            answer: Answer = end.value
        except Exception:  # noqa: BLE001  # the ordinary way meets it again and tells it
            return None
        else:
            story.close()  # it has to wait; the ordinary way does it again, now and next time
            known.waits = True
            if isinstance(waited_for, asyncio.Future):
                waited_for.cancel()
            return None
        return answer

    def begin(self, whole: Whole, visitor: Visitor) -> Coroutine[Any, Any, bytes] | None:
        """Give what answers a write; None if its body is not what it should be."""
        like = kept.of_head(whole.head)
        known = self._understood.find(like)
        if known is None or not self._writes:
            return None
        settings = self._broker.settings
        if len(whole.body) > settings.body_bytes:
            return None
        try:
            body = orjson.loads(whole.body)
        except orjson.JSONDecodeError:
            return None
        if too_deep(whole.body, body, settings.nesting) or (isinstance(body, dict) and "@context" in body):
            return None
        if not self._lets_in(whole.head, visitor):
            return None
        call = known.call_of(like, clock.now())
        call.body = body
        return self._written(known.operation, call)

    async def _written(self, operation: Operation, call: Call) -> bytes:
        identifier, began = ids.request(), perf_counter()
        try:
            answer = await operation.run(call, self._broker)
        except Problem as problem:
            answer = refusal(problem)
        except Exception:
            log.exception("request failed", request=identifier, operation=operation.clause)
            answer = refusal(failure(identifier))
        took = perf_counter() - began
        self._metrics.count(operation, answer.status, took)
        if answer.status >= 500:
            report(log, identifier, operation, answer.status, took)
        return raw.response(answer, call.tenant, identifier)
