"""The endpoints that programs of services call: forms in, JSON out, errors as OAuth writes them. (RFC 6749 5.2)"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
import structlog
from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error

from base import clock
from base.errors import Problem, Unauthorized
from base.ids import request as request_id
from personal.api.front import slow_down, throttle
from personal.operations.call import FORM, Module
from personal.provider.city import City

MOST_BYTES: Final = 32_768
MOST_FIELDS: Final = 40
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
log = structlog.get_logger("engawa.personal")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a service's program."""

    city: City
    request: web.Request = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    now: int

    @property
    def seconds(self) -> int:
        """Give the moment in seconds."""
        return self.now // clock.SECOND


Run = Callable[[Asked], Awaitable[web.Response]]


def endpoint(module: Module, method: str, path: str, run: Run) -> web.RouteDef:
    """Give the route of an endpoint of every municipality; `{town}` in its path names one."""

    async def handle(request: web.Request) -> web.Response:
        try:
            (slow_down if _bears_token(request) else throttle)(module, request)
            town = module.towns.get(request.match_info["town"])
            if town is None:
                return told({"error": "not_found"}, 404)
            form = await _form(request) if request.method == "POST" else {}
            return await run(Asked(City(module, town), request, form, clock.now()))
        except OAuth2Error as error:
            return refusal(error)
        except Unauthorized as problem:
            return refusal(OAuth2Error(_ascii(problem.detail), error="invalid_client", status_code=401))
        except Problem as problem:
            kind = "temporarily_unavailable" if problem.status in (429, 503) else "invalid_request"
            failed = OAuth2Error(_ascii(problem.detail), error=kind, status_code=problem.status)
            return refusal(failed, problem.headers)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller learns nothing of it
            number = request_id()
            log.error("an endpoint of the common login failed", request=number, error=type(error).__name__)
            return told({"error": "server_error", "error_description": number}, 500)

    return web.route(method, path, handle)


def told(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with JSON that nobody keeps."""
    return web.Response(
        status=status,
        body=orjson.dumps(body),
        headers={**_HEADERS, "Content-Type": "application/json", **(headers or {})},
    )


def refusal(error: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with an error as OAuth writes it."""
    status = error.status_code or 400
    more = dict(headers or {})
    if status == 401:
        scheme = "DPoP" if error.error in ("invalid_dpop_proof", "use_dpop_nonce") else "Bearer"
        more["WWW-Authenticate"] = f'{scheme} error="{error.error}"'
    return told(dict(error.get_body()), status, more)


def fields(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Give parameters by their names; OAuth2Error if one is given twice. (RFC 6749 3.1)"""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OAuth2Error("a parameter is given twice", error="invalid_request")
    return {name: text for name, text in found.items() if text}


def take(module: Module, city: City, service: str) -> None:
    """Refuse a service that asks too often."""
    if module.limit is None:
        return
    wait = module.limit.take(f"{city.town.id}/{service}", monotonic())
    if wait > 0:
        error = OAuth2Error("this service asks too often", error="temporarily_unavailable", status_code=429)
        raise error


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != FORM:
        if _bears_token(request):
            return {}
        raise OAuth2Error("send a form", error="invalid_request")
    try:
        raw = await body(request)
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise OAuth2Error("the form cannot be read", error="invalid_request") from None
    return fields(pairs)


def _bears_token(request: web.Request) -> bool:
    """Say whether a request goes to the one endpoint that is asked with a token. (OIDC Core 5.3)"""
    return request.path.endswith("/userinfo")


async def body(request: web.Request) -> bytes:
    """Read the whole of a form; OAuth2Error if it is too long."""
    too_long = OAuth2Error("the form is too long", error="invalid_request", status_code=413)
    if (request.content_length or 0) > MOST_BYTES:
        raise too_long
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_long from None
    if len(raw) > MOST_BYTES:
        raise too_long
    return raw


def _ascii(text: str) -> str:
    """Write a text with the signs that OAuth lets stand in an error. (RFC 6749 5.2)"""
    return "".join(sign if " " <= sign <= "~" and sign not in '"\\' else "'" for sign in text)
