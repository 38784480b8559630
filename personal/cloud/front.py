"""HTTP of a vault: put, get, remove a copy by its random name, each request signed. Nothing is listed."""

from collections.abc import Callable
from time import monotonic
from typing import Final

import orjson
import structlog
from aiohttp import web

from base import clock
from base.access.limits import Limit, network_of
from base.errors import (
    InternalError,
    InvalidRequest,
    PayloadTooLarge,
    Problem,
    ResourceNotFound,
    TooManyRequests,
    Unauthorized,
)
from base.ids import request as request_id
from personal.cloud.settings import VaultSettings
from personal.cloud.store import VaultStore
from personal.rules.identifiers import fingerprint
from personal.vault import requests
from personal.vault.requests import Request

PATH: Final = "/vault/v1/copies/"
NAME: Final = r"{name:[A-Za-z0-9_-]{22,64}}"
MEDIA: Final = "application/octet-stream"
log = structlog.get_logger("engawa.vault")


class Front:
    """Serves the copies of a store to clients that prove each request."""

    def __init__(self, store: VaultStore, settings: VaultSettings, address: Callable[[], str]) -> None:
        self._store = store
        self._settings = settings
        self._address = address
        rate = settings.requests_per_second
        self._limit = Limit(rate, max(rate, 1.0)) if rate else None

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [web.route("*", PATH + NAME, self._handle)]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except Problem as problem:
            return _refusal(problem)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the client learns nothing of it
            number = request_id()
            log.error("request failed", request=number, error=type(error).__name__)
            return _refusal(
                InternalError(f"Something failed here; tell the operator of the vault: {number}.")
            )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        now = clock.now()
        self._slow_down(network_of(request.remote or ""))
        client, digest = self._proven(request, now)
        body = await self._body(request)
        if fingerprint(body) != digest:
            raise Unauthorized("The proof is for another body.")
        name = request.match_info["name"]
        match request.method:
            case "PUT":
                made = await self._store.put(client, name, body, self._settings.client_bytes, now)
                return web.Response(status=201 if made else 200)
            case "GET":
                sealed = self._store.get(client, name)
                if sealed is None:
                    raise ResourceNotFound("There is no such copy.")
                return web.Response(body=sealed, headers={"Content-Type": MEDIA, "Cache-Control": "no-store"})
            case "DELETE":
                await self._store.remove(client, name, now)
                return web.Response(status=204)
        raise web.HTTPMethodNotAllowed(request.method, ["PUT", "GET", "DELETE"])

    def _proven(self, request: web.Request, now: int) -> tuple[str, str]:
        """Say whose request it is, and which body it must have; nothing is read before."""
        scheme, _, proof = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or len(request.headers.getall("Authorization", [])) != 1:
            raise Unauthorized("Send one proof of the request as 'Bearer'.")
        proof = proof.strip()
        id, digest = requests.client_of(proof), requests.digest_of(proof)
        client = self._store.client(id)
        if client is None:
            raise Unauthorized("The proof of the request does not hold.")
        asked = Request(self._address(), request.method, request.raw_path, digest)
        requests.verify(proof, client.key, id, asked, now // clock.SECOND)
        return id, digest

    async def _body(self, request: web.Request) -> bytes:
        most = self._settings.copy_bytes
        if (request.content_length or 0) > most:
            raise PayloadTooLarge(f"A copy is {most} bytes long at most.")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise PayloadTooLarge(f"A copy is {most} bytes long at most.") from None
        if (request.method == "PUT") != bool(body):
            raise InvalidRequest("PUT has a body, GET and DELETE have none.")
        return body

    def _slow_down(self, network: str) -> None:
        wait = self._limit.take(network, monotonic()) if self._limit else 0.0
        if wait:
            raise TooManyRequests(
                "There are too many requests; wait.", headers={"Retry-After": str(int(wait) + 1)}
            )


def _refusal(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status,
        body=orjson.dumps(problem.body()),
        headers={**problem.headers, "Content-Type": "application/problem+json", "Cache-Control": "no-store"},
    )
