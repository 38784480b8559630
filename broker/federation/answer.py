"""Reading what a source answers: within limits, and only if it is JSON. (6.3.17)"""

import re
from collections.abc import Iterable
from typing import Any, Final

import orjson
from aiohttp import ClientResponse

from base.errors import BadGateway
from base.nesting import too_deep
from broker.federation.beside import Beside
from broker.federation.memory import Room

PIECE: Final = 262_144
"""Bytes of a list that are unpacked at one go: nothing else runs meanwhile, in no thread."""
MOST_AT_ONE_GO: Final = 220_000
"""Values that are unpacked at one go; in as many as that a list is divided, a single entity never has so many."""
_TRIALS: Final = 32
_CHUNK: Final = 65_536
_FRAME: Final = 50
_OBJECT: Final = 150
_UNPACKED: Final = 4
_FIRST: Final = re.compile(rb'\s{0,64}\[\s{0,64}\{\s{0,64}("[^"\\]{1,64}")')
_JSON: Final = frozenset(
    {"application/json", "application/ld+json", "application/geo+json", "application/problem+json"}
)


class Unusable(BadGateway):
    """An answer came that is no NGSI-LD. (6.3.17, warning 111)"""

    @property
    def type(self) -> str:
        """Name the error type: to the caller it is a bad gateway like any other."""
        return self.namespace + BadGateway.__name__


async def raw(response: ClientResponse, most: int, room: Room) -> bytes:
    """Read the body of an answer; Unusable if it is longer than allowed or compressed."""
    if response.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
        raise Unusable("The context source compresses its answer, which it was asked not to.")
    if (response.content_length or 0) > most:
        raise _too_long(most)
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        if len(body) + len(chunk) > most:
            raise _too_long(most)
        await room.grow(len(body) + len(chunk))
        body += chunk
    return bytes(body)


async def json(content: bytes, kind: str, nesting: int, beside: Beside, hidden: Iterable[str] = ()) -> Any:
    """Unpack JSON; Unusable if it is none. `hidden`: what it must not repeat."""
    for secret in hidden:
        content = content.replace(secret.encode(), "…".encode())
    if kind and kind not in _JSON:
        raise Unusable("The context source answered with something else than JSON.")
    return await beside.run(_UNPACKED * len(content), unpacked, content, nesting)


def unpacked(content: bytes, nesting: int, piece: int = PIECE) -> Any:
    """Unpack JSON, a list that is longer than a piece piece by piece; Unusable if it is none."""
    if len(content) <= piece or (first := _FIRST.match(content)) is None:
        return _unpacked_piece(content, nesting)
    return _unpacked_list(content, first[1], nesting, piece)


def _unpacked_list(content: bytes, member: bytes, nesting: int, piece: int) -> list[Any]:
    """Unpack a list of objects that begin with the same member: it is divided where one of them does.

    What precedes such a place is whole JSON only if the place is between two elements of the list."""
    between = re.compile(rb"\}\s{0,64}(,)\s{0,64}\{\s{0,64}" + re.escape(member))
    start, trials = content.index(b"[") + 1, 0
    found: list[Any] = []
    place = between.search(content, start + piece)
    while place is not None and trials < _TRIALS:
        try:
            found += _unpacked_piece(b"[" + content[start : place.start(1)] + b"]", nesting)
        except _NoJson:
            trials += 1
            place = between.search(content, place.end() + (512 << trials))
            continue
        start = place.end(1)
        place = between.search(content, start + piece)
    rest: list[Any] = _unpacked_piece(b"[" + content[start:], nesting)
    return found + rest if found else rest


class _NoJson(Unusable):
    """What was to be unpacked is no JSON."""


def _unpacked_piece(content: bytes, nesting: int) -> Any:
    if len(content) > MOST_AT_ONE_GO and _values(content) > MOST_AT_ONE_GO:
        raise Unusable("The context source answered with too much in one entity; ask for less of it.")
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _NoJson("The context source answered with something that is no JSON.") from None
    if too_deep(content, body, nesting):
        raise Unusable("The context source answered with JSON that is nested too deep.")
    return body


def _values(content: bytes) -> int:
    return content.count(b",") + content.count(b"[") + content.count(b"{")


def weight(content: bytes) -> int:
    """Say about how many bytes of memory JSON takes when unpacked: its text, and a frame for each value in it."""
    frames = _FRAME * (content.count(b",") + content.count(b"["))
    return len(content) + frames + _OBJECT * content.count(b"{")


def _too_long(most: int) -> Unusable:
    return Unusable(f"The context source answered with more than {most} bytes.")
