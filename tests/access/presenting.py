"""Showing a token to a broker, and what a refusal looks like. (RFC 6750)"""

import base64
from typing import Any

import orjson

from tests.access.secure import bearer
from tests.live import Live, Reply


async def ask(live: Live, text: str) -> Reply:
    return await live.get("/types", headers=bearer(text))


def refused(reply: Reply, text: str = "") -> None:
    assert reply.status == 401, reply.json
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="engawa", error="invalid_token"'
    assert reply.json["type"] == "urn:engawa:errors:Unauthorized"
    for part in filter(None, text.split(".")):
        assert part not in reply.raw.decode()


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
