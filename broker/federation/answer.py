"""Reading what a source answers: within limits, and only if it is JSON. (6.3.17)"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import orjson
from aiohttp import ClientResponse

from base.errors import BadGateway
from base.nesting import too_deep

LARGE: Final = 1_000_000
"""Bytes beyond which an answer is unpacked beside the event loop."""
_CHUNK: Final = 65_536
_FRAME: Final = 50
_JSON: Final = frozenset(
    {"application/json", "application/ld+json", "application/geo+json", "application/problem+json"}
)


class Unusable(BadGateway):
    """An answer came that is no NGSI-LD. (6.3.17, warning 111)"""

    @property
    def type(self) -> str:
        """Name the error type: to the caller it is a bad gateway like any other."""
        return self.namespace + BadGateway.__name__


class Pool:
    """Memory for answers that are being read, of all sources together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.used = 0

    def take(self, amount: int) -> None:
        """Take memory; BadGateway if there is none left."""
        if self.used + amount > self._most:
            raise BadGateway("Context sources answer with more at once than this broker takes; ask for less.")
        self.used += amount

    def give(self, amount: int) -> None:
        """Give memory back."""
        self.used -= amount


async def raw(response: ClientResponse, most: int, pool: Pool) -> bytes:
    """Read the body of an answer; Unusable if it is longer than allowed or compressed."""
    if response.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
        raise Unusable("The context source compresses its answer, which it was asked not to.")
    if (response.content_length or 0) > most:
        raise _too_long(most)
    body = bytearray()
    taken = 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            pool.take(len(chunk))
            taken += len(chunk)
            if taken > most:
                raise _too_long(most)
            body += chunk
        return bytes(body)
    finally:
        pool.give(taken)


async def json(content: bytes, kind: str, nesting: int, hidden: Iterable[str] = ()) -> Any:
    """Unpack JSON; Unusable if it is none. `hidden`: what it must not repeat."""
    for secret in hidden:
        content = content.replace(secret.encode(), "…".encode())
    if kind and kind not in _JSON:
        raise Unusable("The context source answered with something else than JSON.")
    if len(content) > LARGE:
        return await asyncio.to_thread(_unpacked, content, nesting)
    return _unpacked(content, nesting)


def _unpacked(content: bytes, nesting: int) -> Any:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Unusable("The context source answered with something that is no JSON.") from None
    if too_deep(content, body, nesting):
        raise Unusable("The context source answered with JSON that is nested too deep.")
    return body


def weight(content: bytes) -> int:
    """Say about how many bytes of memory JSON takes when unpacked: its text, and a frame for each value in it."""
    return len(content) + _FRAME * (content.count(b",") + content.count(b"["))


def _too_long(most: int) -> Unusable:
    return Unusable(f"The context source answered with more than {most} bytes.")
