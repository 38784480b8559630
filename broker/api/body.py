"""The body of a request: length, JSON, nesting, and where its @context stands. (6.3.4, 6.3.5)"""

from typing import Any

import orjson
from aiohttp import web

from base.errors import BadRequestData, InvalidRequest, LengthRequired, PayloadTooLarge
from base.nesting import too_deep
from broker.operations.call import LD_JSON, TEXT


async def read(request: web.Request, kind: str, most: int, nesting: int) -> Any:
    """Read a JSON or text body within the limits; 411 without a length, 413 beyond the most."""
    length = request.content_length
    if length is None:
        raise LengthRequired("The request has no Content-Length; send it with the body's length.")
    if length > most:
        raise PayloadTooLarge(f"The body has {length} bytes and may have {most}; split it.")
    raw = await request.read()
    if kind == TEXT:
        return _text(raw)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    if too_deep(raw, body, nesting):
        raise BadRequestData(f"The body is nested deeper than {nesting} levels; flatten it.")
    return body


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not UTF-8; encode the text so.") from error


def embedded_context(body: Any, kind: str, link: str | None) -> Any:
    """Give the @context for a body; a list holds one in each element. The two ways must not be mixed. (6.3.5)"""
    if kind == LD_JSON and link is not None:
        raise BadRequestData("A body of application/ld+json holds its @context; leave out the Link header.")
    if not isinstance(body, dict):
        return link
    if kind == LD_JSON:
        if "@context" not in body:
            raise BadRequestData("A body of application/ld+json needs an @context member.")
        return body["@context"]
    if "@context" in body:
        raise BadRequestData(
            "A body of application/json has no @context; use a Link header or application/ld+json."
        )
    return link
