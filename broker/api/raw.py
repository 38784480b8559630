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
    told = tenant if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR else ""
    kind = None if answer.body is None else answer.media_type
    if answer.headers:
        lines = [f"{name}: {value}" for name, value in answer.headers.items() if name != "Link"]
        link = link_of(answer)
        if link:
            lines.append(f"Link: {link}")
        top = "\r\n".join((_top(answer.status, None, kind, told), *lines))
    else:
        top = _top(answer.status, answer.context, kind, told)
    length = "" if answer.status == HTTPStatus.NO_CONTENT else f"Content-Length: {len(body)}\r\n"
    end = f"X-Request-Id: {identifier or ids.request()}\r\nDate: {_date(int(time()))}\r\n\r\n"
    return f"{top}\r\n{length}{end}".encode("latin-1") + body


@lru_cache(1024)
def _top(status: int, context: Context | None, kind: str | None, tenant: str) -> str:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Server: {SERVER}"]
    if context is not None:
        lines.append(f"Link: {_context_link(context)}")
    if tenant:
        lines.append(f"NGSILD-Tenant: {tenant}")
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    return "\r\n".join(lines)


@lru_cache(2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
