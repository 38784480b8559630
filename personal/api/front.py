"""The aiohttp front: requests become calls, answers and problems become responses; nothing personal is logged."""

from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
import structlog
from aiohttp import web

from base import clock, forms
from base.access.certificates import certificate_of
from base.access.limits import network_of
from base.errors import (
    BadRequestData,
    InternalError,
    InvalidRequest,
    NonexistentTenant,
    PayloadTooLarge,
    Problem,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)
from base.ids import request as request_id
from base.nesting import too_deep
from personal.api.callers import actor_of
from personal.operations.actors import Actor
from personal.operations.assurance import admit
from personal.operations.call import FORM, JSON, Answer, Call, Module, Operation
from personal.operations.town import Town

PREFIX: Final = "/personal/v1"
TOWN_HEADER: Final = "Engawa-Municipality"
DEEPEST: Final = 20
_PRIVATE: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
log = structlog.get_logger("engawa.personal")


class Front:
    """Serves the table of operations."""

    def __init__(self, module: Module, operations: Sequence[Operation]) -> None:
        self._module = module
        self._operations = operations

    def routes(self) -> list[web.RouteDef]:
        """Give a route for each operation."""
        return [
            web.route(row.method, path_of(row), _Handler(self._module, row).handle)
            for row in self._operations
        ]


def path_of(operation: Operation) -> str:
    """Give the whole path of an operation."""
    return operation.path[1:] if operation.path.startswith("//") else PREFIX + operation.path


class _Handler:
    """One operation over HTTP."""

    def __init__(self, module: Module, operation: Operation) -> None:
        self._module = module
        self._operation = operation
        self._validator = None if operation.schema is None else forms.validator(operation.schema)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            answer = await self._answer(request)
            if answer.parts is not None:
                return await self._streamed(request, answer, answer.parts)
            return _response(answer)
        except Problem as problem:
            return _refusal(problem)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller learns nothing of it
            number = self._failed(error)
            return _refusal(
                InternalError(f"Something failed here; tell the operator of this server: {number}.")
            )

    async def _streamed(
        self, request: web.Request, answer: Answer, parts: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """Send an answer part by part; what fails before the first part is refused as usual, later it breaks off."""
        first = await anext(parts)
        response = web.StreamResponse(
            status=answer.status, headers={**_PRIVATE, **answer.headers, "Content-Type": answer.media_type}
        )
        await response.prepare(request)
        try:
            await response.write(first)
            async for part in parts:
                await response.write(part)
            await response.write_eof()
        except Exception as error:  # noqa: BLE001  # the answer has begun: it can only end without its end
            self._failed(error)
            if request.transport is not None:
                request.transport.abort()
        return response

    def _failed(self, error: Exception) -> str:
        number = request_id()
        log.error("operation failed", operation=self._operation.run.__name__, request=number,
                  error=type(error).__name__, where=_where(error))  # fmt: skip
        return number

    async def _answer(self, request: web.Request) -> Answer:
        now = clock.now()
        slow_down(self._module, request)
        town = _town(self._module, request)
        actor = await self._actor(request, town, now)
        admit(self._operation, actor, self._module.settings, now)
        params = _params(self._operation, request)
        body = await self._body(request)
        call = Call(town, actor, request.match_info, params, body, now)
        return await self._operation.run(call, self._module)

    async def _actor(self, request: web.Request, town: Town, now: int) -> Actor:
        """Say who asks; whoever sends a credential that proves nothing counts as who sends none."""
        try:
            return await actor_of(request, town, self._module.settings, now)
        except Unauthorized:
            throttle(self._module, request)
            raise

    async def _body(self, request: web.Request) -> Any:
        if self._validator is None:
            return None
        raw = await _read(request, self._module.settings.body_bytes)
        if request.content_type not in (self._operation.media_type, *self._operation.also):
            raise UnsupportedMediaType(f"The body must be {self._operation.media_type}.")
        body = _form(raw) if self._operation.media_type == FORM else _json(raw)
        fault = forms.fault(self._validator, body)
        if fault is not None:
            raise BadRequestData(fault)
        return body


def slow_down(module: Module, request: web.Request) -> None:
    """Refuse a network from which too much comes that proves nothing."""
    if "Authorization" not in request.headers and certificate_of(request.transport) is None:
        throttle(module, request)


def throttle(module: Module, request: web.Request) -> None:
    """Refuse a network from which too much comes, whatever it proves."""
    if module.anonymous is None:
        return
    wait = module.anonymous.take(network_of(request.remote or ""), monotonic())
    if wait > 0:
        raise TooManyRequests(
            "Too many requests come from there; wait a little.", headers={"Retry-After": str(int(wait) + 1)}
        )


def _town(module: Module, request: web.Request) -> Town:
    name = request.headers.get(TOWN_HEADER, "")
    if not name and len(module.towns) == 1:
        return next(iter(module.towns.values()))
    town = module.towns.get(name)
    if town is None:
        raise NonexistentTenant(
            f"Name the municipality in the header {TOWN_HEADER}; this one is not known here."
        )
    return town


def _params(operation: Operation, request: web.Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in operation.params:
            raise InvalidRequest(f"There is no parameter '{name[:40]}' here.")
        if name in found:
            raise InvalidRequest(f"The parameter '{name}' is given twice.")
        found[name] = value
    return found


async def _read(request: web.Request, most: int) -> bytes:
    if (request.content_length or 0) > most:
        raise PayloadTooLarge(f"The body is longer than {most} bytes.")
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise PayloadTooLarge(f"The body is longer than {most} bytes.") from None


def _json(raw: bytes) -> Any:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise InvalidRequest("The body is not JSON.") from None
    if too_deep(raw, body, DEEPEST):
        raise InvalidRequest(f"The body is nested deeper than {DEEPEST} levels.")
    return body


def _form(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise InvalidRequest("The body is no form.") from None
    if len(dict(pairs)) != len(pairs):
        raise InvalidRequest("The form has a field twice.")
    return dict(pairs)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"


def _response(answer: Answer) -> web.Response:
    headers = {**_PRIVATE, **answer.headers}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
    return web.Response(
        status=answer.status, body=body, headers={**headers, "Content-Type": answer.media_type}
    )


def _refusal(problem: Problem) -> web.Response:
    headers = {
        **_PRIVATE,
        **problem.headers,
        "Content-Type": JSON if problem.bodyless else "application/problem+json",
    }
    body = None if problem.bodyless else orjson.dumps(problem.body())
    return web.Response(status=problem.status, body=body, headers=headers)
