"""The aiohttp front: HTTP request → Call → operation → Answer → HTTP response. (DESIGN 2.1)"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import orjson
import structlog
from aiohttp import web
from multidict import CIMultiDict

from base import clock, ids
from base.access import ANONYMOUS, Caller
from base.access.audit import Audit
from base.access.doors import without_credentials
from base.errors import InternalError, NotPermitted, Problem, TooManyRequests, Unauthorized, UriTooLong
from base.hot import Visitor, head_of
from base.recent import Recent
from broker.api import body as bodies
from broker.api import callers, options, raw
from broker.api import request as heads
from broker.api.metrics import Metrics
from broker.api.routes import Routes
from broker.operations import entity_maps, snapshots
from broker.operations.call import JSON, LD_JSON, Answer, Broker, Call, Operation

MOST_KNOWN = 16_384
LONGEST_KNOWN = 512
NO_HEADERS: Mapping[str, str] = {}
REFUSALS = (Unauthorized, NotPermitted, TooManyRequests)
Key = bytes | tuple[Caller | str | None, ...]
"""The exact bytes of an anonymous read, or all of it that matters, who asks before all."""

log = structlog.get_logger("engawa.broker")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as any transport hands it over; the body is read only if the operation has one."""

    method: str
    target: str
    headers: Mapping[str, str]  # by name in any case
    reached: Callable[[], str]
    body: Callable[[str], Awaitable[Any]]  # given its media type


@dataclass(slots=True)
class Known:
    """A read understood: the @context it named, what serves it, with what; whether it had to wait for the store."""

    source: str | None
    operation: Operation
    call: Call
    waits: bool = False


@dataclass(slots=True)
class Visit:
    """One HTTP request on its way: what is known of it by and by."""

    identifier: str
    began: float
    caller: Caller | None = None
    operation: Operation | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    call: Call | None = None
    refused: bool = False


class Front:
    """Serves the operations of one broker, over HTTP or from within this process."""

    def __init__(
        self, broker: Broker, operations: Sequence[Operation], metrics: Metrics, *, loopback: bool
    ) -> None:
        self._broker = broker
        self._routes = Routes(operations)
        self._metrics = metrics
        self._known: Recent[Key | None, Known] = Recent(MOST_KNOWN)
        purge = broker.settings.anonymous_purge
        self._cors = broker.settings.cors
        self._doors = broker.doors
        self._local = purge == "always" or (loopback and purge == "loopback")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one HTTP request; every refusal becomes problem details here and nowhere else."""
        settings = self._broker.settings
        visit = Visit(ids.request(), perf_counter())
        head = head_of(request)  # before anything is waited for: more may come meanwhile
        arrival = Arrival(
            request.method,
            request.raw_path,
            heads.joined(request.headers),
            lambda: f"{request.scheme}://{request.host}",
            lambda kind: bodies.read(request, kind, settings.body_bytes, settings.nesting),
        )
        try:
            caller = visit.caller = await self._doors.identify(request)
            self._doors.admit(request, caller)
            if caller is not ANONYMOUS:
                head, arrival = None, replace(arrival, headers=without_credentials(arrival.headers))
            response = await self._answer(arrival, visit, caller, head)
        except Problem as problem:
            visit.refused = isinstance(problem, REFUSALS)
            response = refuse(problem)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            clause = visit.operation and visit.operation.clause
            log.exception("request failed", request=visit.identifier, operation=clause)
            response = refuse(
                InternalError(f"Something failed here; the operator finds it as request {visit.identifier}.")
            )
        if self._doors.audit is not None:
            self._note(self._doors.audit, arrival, visit, response.status)
        return self._finish(request, response, visit)

    async def _answer(
        self, arrival: Arrival, visit: Visit, caller: Caller, head: bytes | None
    ) -> web.Response:
        key = head or _reading(arrival, caller)
        known = self._again(key)
        if known is not None:
            visit.operation, visit.call = known.operation, known.call.at(clock.now())
        elif arrival.method == "OPTIONS":
            return self._describe(arrival)
        else:
            visit.operation, visit.path, query = self._find(arrival)
            visit.call = await self._call(arrival, visit.operation, visit.path, query, caller)
            self._keep(key, arrival, visit.operation, visit.call)
        return _respond(await visit.operation.run(visit.call, self._broker))

    def _note(self, audit: Audit, arrival: Arrival, visit: Visit, status: int) -> None:
        """Log a write or a refusal; what was refused at the door is named, too."""
        call, tenant = visit.call, ""
        if call is not None:
            tenant, visit.path = call.tenant, call.path
        elif visit.refused:
            with suppress(Problem):
                visit.operation, visit.path, _ = self._find(arrival)
                tenant = heads.tenant(arrival.headers.get("NGSILD-Tenant"))
        done = callers.Done(visit.operation, visit.path, tenant, call is not None)
        callers.note(audit, visit.identifier, visit.caller, done, status, refused=visit.refused)

    async def fetch(
        self, target: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], Any]:
        """Answer a GET from within this process: status, headers, JSON. What the pages use."""
        arrival = Arrival("GET", target, CIMultiDict(headers or {}), str, _no_body)
        try:
            operation, path, query = self._find(arrival)
            response = _respond(
                await operation.run(
                    await self._call(arrival, operation, path, query, ANONYMOUS), self._broker
                )
            )
        except Problem as problem:
            response = refuse(problem)
        body = response.body
        return (
            response.status,
            response.headers,
            orjson.loads(body) if isinstance(body, bytes) and body else None,
        )

    def _again(self, key: Key | None) -> Known | None:
        """Find what was understood of the same read before; not if its @context has changed meanwhile.

        Nor if sources may be asked: what they are asked depends on headers that are not kept.
        """
        known = self._known.get(key)
        if known is None or self._broker.contexts.known(known.source) is not known.call.context:
            return None
        return None if self._broker.registry.has_sources(known.call.tenant) else known

    def _keep(self, key: Key | None, arrival: Arrival, operation: Operation, call: Call) -> None:
        if key is None or operation.changes or "entityMap" in call.params or _particular(arrival.headers):
            return
        prefer = arrival.headers.get("Prefer")
        self._known[key] = Known(
            heads.context_link(arrival.headers.get("Link")),
            operation,
            replace(call, headers={"prefer": prefer} if prefer else NO_HEADERS, reached=call.origin.__str__),
        )

    def hot(self, head: bytes, visitor: Visitor) -> bytes | None:
        """Answer the exact bytes of an anonymous read understood before, if that needs no waiting. (DESIGN 2.1, 2.8)"""
        known = self._again(head)
        if known is None or known.waits or self._broker.settings.log_requests == "all":
            return None
        if self._cors and b"\norigin:" in head.lower():
            return None
        if self._doors.limit is not None and not self._doors.passes(visitor):
            return None
        began = perf_counter()
        answer = self._run_at_once(known)
        if answer is None:
            return None
        self._metrics.count(known.operation, answer.status, perf_counter() - began)
        return raw.response(answer, known.call.tenant)

    def _run_at_once(self, known: Known) -> Answer | None:
        try:
            story = known.operation.run(known.call.at(clock.now()), self._broker)
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

    def _finish(self, request: web.Request, response: web.Response, visit: Visit) -> web.Response:
        operation, took = visit.operation, perf_counter() - visit.began
        headers = response.headers
        headers["X-Request-Id"] = visit.identifier
        headers["Server"] = raw.SERVER
        tenant = request.headers.get("NGSILD-Tenant")
        if tenant and response.status < 500:
            headers["NGSILD-Tenant"] = tenant
        snapshot = request.headers.get(snapshots.HEADER)
        if snapshot and response.status < 500:
            headers[snapshots.HEADER] = snapshot
        if self._cors:
            headers.update(options.shared(request.headers.get("Origin"), self._cors))
        self._metrics.count(operation, response.status, took)
        if self._broker.settings.log_requests == "all" or response.status >= 500:
            log.info(
                "request",
                request=visit.identifier,
                operation=f"{operation.method} {operation.path}" if operation else "-",
                status=response.status,
                ms=round(took * 1000, 2),
            )
        return response

    def _find(self, arrival: Arrival) -> tuple[Operation, dict[str, str], str]:
        most = self._broker.settings.url_bytes
        if len(arrival.target) > most:
            raise UriTooLong(f"The URL has {len(arrival.target)} bytes and may have {most}.")
        path, _, query = arrival.target.partition("?")
        operation, variables = self._routes.find(arrival.method, heads.segments(path))
        return operation, variables, query

    def _describe(self, arrival: Arrival) -> web.Response:
        """Answer OPTIONS: what the resource offers, and what a browser of another origin may send. (RFC 9110 9.3.7)"""
        methods = self._routes.offered(heads.segments(arrival.target.partition("?")[0]))
        headers = options.describe(methods)
        if self._cors and "Access-Control-Request-Method" in arrival.headers:
            headers.update(options.preflight(methods))
        return web.Response(status=204, headers=headers)

    async def _call(
        self, arrival: Arrival, operation: Operation, path: Mapping[str, str], query: str, caller: Caller
    ) -> Call:
        headers, broker = arrival.headers, self._broker
        params = heads.checked(operation, heads.parameters(query))
        tenant = heads.tenant(headers.get("NGSILD-Tenant"))
        if operation.admit is not None:
            operation.admit(caller, tenant, snapshots.HEADER in headers and snapshots.meant(operation))
        for name in (entity_maps.HEADER, snapshots.HEADER):
            heads.check_legible(name, headers.get(name))
        accept = heads.media_type(headers.get("Accept"), operation.accept)
        link = heads.context_link(headers.get("Link"))
        body: Any = None
        source: Any = link
        kind = JSON
        if operation.body:
            kind = heads.content_type(headers.get("Content-Type"), operation.merge_patch, operation.bare)
            body = await arrival.body(kind)
            if not (
                operation.tenantless or operation.bare
            ):  # what is stored is not the @context of the request
                source = bodies.embedded_context(body, kind, link)
        if tenant and not operation.tenantless and not operation.creates_tenant:
            broker.catalogue.open(tenant)
        context = broker.contexts.known(source) or await broker.contexts.resolve(source, tenant)
        now = clock.now()
        snapshot = headers.get(snapshots.HEADER)
        if snapshot is not None and snapshots.meant(operation):
            tenant = snapshots.enter(broker, tenant, snapshot, now, caller)
            params = snapshots.inside(operation, params)
        return Call(
            operation.method,
            arrival.target,
            path,
            params,
            tenant,
            context,
            accept,
            body,
            now,
            headers,
            embedded=kind == LD_JSON,
            local_caller=self._local,
            reached=arrival.reached,
            caller=caller,
        )


def _particular(headers: Mapping[str, str]) -> bool:
    """Say whether a read goes beyond what is kept of reads: through an entity map, or into a snapshot."""
    return entity_maps.HEADER in headers or snapshots.HEADER in headers


def _reading(arrival: Arrival, caller: Caller) -> Key | None:
    """Give all that a read depends on; None for requests that change something or are not worth keeping."""
    if arrival.method not in ("GET", "HEAD") or len(arrival.target) > LONGEST_KNOWN:
        return None
    if _particular(arrival.headers):
        return None
    get = arrival.headers.get
    return (
        caller,
        arrival.target,
        get("accept"),
        get("link"),
        get("ngsild-tenant"),
        get("prefer"),
        get("host"),
    )


async def _no_body(_kind: str) -> None:
    return None


def _respond(answer: Answer) -> web.Response:
    headers = CIMultiDict(answer.headers)
    link = raw.link_of(answer)
    if link:
        headers["Link"] = link
    if answer.body is not None:
        headers["Content-Type"] = answer.media_type
    return web.Response(body=answer.body, status=answer.status, headers=headers)


def refuse(problem: Problem) -> web.Response:
    """Turn a Problem into problem details; 411 and 415 go without a body. (6.3.3, 6.3.4)"""
    if problem.bodyless:
        return web.Response(status=problem.status, headers=problem.headers)
    headers = {"Content-Type": JSON, **problem.headers}
    return web.Response(body=orjson.dumps(problem.body()), status=problem.status, headers=headers)
