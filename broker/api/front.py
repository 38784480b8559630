"""The aiohttp front: HTTP request → Call → operation → Answer → HTTP response. (DESIGN 2.1)"""

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
from base.errors import NotPermitted, Problem, TooManyRequests, Unauthorized, UriTooLong
from base.hot import head_of
from broker.api import body as bodies
from broker.api import callers, options, raw
from broker.api import request as heads
from broker.api.known import Like, Understood, is_kept_write, of_head, of_read
from broker.api.metrics import Metrics
from broker.api.outcome import failure, refusal, report
from broker.api.routes import Routes
from broker.api.shortcut import Shortcut
from broker.federation.memory import Holder
from broker.operations import entity_maps, snapshots
from broker.operations.call import JSON, LD_JSON, Answer, Broker, Call, Operation

READS = ("GET", "HEAD")
REFUSALS = (Unauthorized, NotPermitted, TooManyRequests)

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
        self._understood = Understood(broker)
        self.shortcut = Shortcut(broker, self._understood, metrics)
        """Answers requests whose like was understood before, past the HTTP server."""
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
            like = of_head(head) if head else of_read(arrival.method, arrival.target, arrival.headers, caller)
            response = await self._answer(arrival, visit, caller, like)
        except Problem as problem:
            visit.refused = isinstance(problem, REFUSALS)
            response = refused(problem)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            clause = visit.operation and visit.operation.clause
            log.exception("request failed", request=visit.identifier, operation=clause)
            response = refused(failure(visit.identifier))
        finally:
            if visit.call is not None and visit.call.holder is not None:
                self._broker.federation.end(visit.call.holder)
        if self._doors.audit is not None:
            self._note(self._doors.audit, arrival, visit, response.status)
        return self._finish(request, response, visit)

    async def _answer(
        self, arrival: Arrival, visit: Visit, caller: Caller, like: Like | None
    ) -> web.Response:
        known = self._understood.find(like) if like and arrival.method in READS else None
        if like and known:
            visit.operation, visit.call = known.operation, known.call_of(like, clock.now())
        elif arrival.method == "OPTIONS":
            return self._describe(arrival)
        else:
            visit.operation, visit.path, query = self._find(arrival)
            visit.call = await self._call(arrival, visit.operation, visit.path, query, caller)
            if like and (arrival.method in READS or is_kept_write(visit.operation, visit.call)):
                self._understood.keep(like, visit.operation, visit.call, arrival.headers)
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
            call = await self._call(arrival, operation, path, query, ANONYMOUS)
            try:
                response = _respond(await operation.run(call, self._broker))
            finally:
                if call.holder is not None:
                    self._broker.federation.end(call.holder)
        except Problem as problem:
            response = refused(problem)
        body = response.body
        return (
            response.status,
            response.headers,
            orjson.loads(body) if isinstance(body, bytes) and body else None,
        )

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
            report(log, visit.identifier, operation, response.status, took)
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
            holder=Holder() if broker.registry.has_sources(tenant) else None,
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


def refused(problem: Problem) -> web.Response:
    """Turn a Problem into a response."""
    return _respond(refusal(problem))
