"""Speaking to the module of another municipality: proven by our town's key, in time, and never further. (RFC 7523)"""

import secrets
from typing import Any, Final

import aiohttp
import orjson

from base.errors import BadGateway, GatewayTimeout, ResourceNotFound, ServiceUnavailable
from personal.operations.call import Module
from personal.operations.tokens import TOKEN_PATH
from personal.operations.town import Town
from personal.store import exchange
from personal.store.exchange import Peer

PREFIX: Final = "/personal/v1"
PATIENCE: Final = aiohttp.ClientTimeout(total=45.0)
LIFE: Final = 60
_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def known(town: Town, code: str) -> Peer:
    """Find a peer that works now; ResourceNotFound if there is none of this code."""
    found = town.store.read(lambda db: exchange.find(db, code))
    if found is None or not found.active:
        raise ResourceNotFound("There is no such municipality to exchange data with.")
    return found


async def ask(module: Module, town: Town, peer: Peer, path: str, body: Any, now: int) -> dict[str, Any]:
    """Send a peer a request with a token of its own; what fails is BadGateway or GatewayTimeout."""
    if module.web is None:
        raise ServiceUnavailable("This server asks no others.")
    try:
        token = await _token(module, module.web, town, peer, now)
        sent = {"data": orjson.dumps(body), "headers": {"Content-Type": "application/json"}}
        return await _post(module, module.web, peer, PREFIX + path, sent, token)
    except TimeoutError:
        raise GatewayTimeout("The other municipality did not answer in time; try again later.") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise BadGateway("The other municipality cannot be reached, or its answer makes no sense.") from None


async def _token(module: Module, web: aiohttp.ClientSession, town: Town, peer: Peer, now: int) -> str:
    seconds = now // 1_000_000
    claims = {
        "iss": town.code,
        "sub": town.code,
        "aud": peer.url,
        "iat": seconds,
        "exp": seconds + LIFE,
        "jti": secrets.token_urlsafe(16),
    }
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": _BEARER,
        "client_assertion": town.signer.sign(claims, "JWT"),
    }
    told = await _post(module, web, peer, TOKEN_PATH, {"data": form, "headers": {}})
    token = told.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ValueError
    return token


async def _post(
    module: Module, web: aiohttp.ClientSession, peer: Peer, path: str, sent: dict[str, Any], token: str = ""
) -> dict[str, Any]:
    headers = {**sent["headers"], "User-Agent": "Engawa"}
    if peer.municipality:
        headers["Engawa-Municipality"] = peer.municipality
    if token:
        headers["Authorization"] = f"Bearer {token}"
    patience = aiohttp.ClientTimeout(total=module.settings.exchange_seconds)
    async with web.post(
        peer.url + path, data=sent["data"], headers=headers, allow_redirects=False, timeout=patience
    ) as answer:
        if answer.status != 200:
            raise BadGateway("The other municipality refuses this.", peerStatus=answer.status)
        raw = await _read(answer, module.settings.body_bytes)
    found = orjson.loads(raw)
    if not isinstance(found, dict):
        raise ValueError  # it is the answer that makes no sense
    return found


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    parts = bytearray()
    async for part in answer.content.iter_chunked(65_536):
        parts += part
        if len(parts) > most:
            raise ValueError
    return bytes(parts)
