"""An Answer as the bytes of an HTTP/1.1 response, for requests that go past the HTTP server. (base/hot.py)"""

from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time

from base import ids
from base.jsonld import Context
from broker.operations.call import Answer

SERVER = "Engawa"
REL = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def link_of(answer: Answer) -> str | None:
    """Write the Link header of an answer: its @context, then other pages. (6.3.6, 6.3.10)"""
    pages = answer.headers.get("Link")
    if answer.context is None:
        return pages
    context = _context_link(answer.context)
    return f"{context}, {pages}" if pages else context


@lru_cache(1024)
def _context_link(context: Context) -> str:
    return f"<{context.link}>; {REL}"


def response(answer: Answer, tenant: str, identifier: str = "") -> bytes:
    """Write the whole response to the request with this identifier."""
    body = answer.body or b""
    lines = [_status(answer.status)]
    link = link_of(answer)
    if link:
        lines.append(f"Link: {link}")
    lines += [f"{name}: {value}" for name, value in answer.headers.items() if name != "Link"]
    if tenant and answer.status < 500:
        lines.append(f"NGSILD-Tenant: {tenant}")
    if answer.body is not None:
        lines.append(f"Content-Type: {answer.media_type}")
    if answer.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(body)}")
    lines.append(
        f"X-Request-Id: {identifier or ids.request()}\r\nServer: {SERVER}\r\n"
        f"Date: {_date(int(time()))}\r\n\r\n"
    )
    return "\r\n".join(lines).encode("latin-1") + body


@lru_cache(64)
def _status(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"


@lru_cache(2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
