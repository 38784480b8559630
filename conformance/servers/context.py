"""A server of one @context document."""

from typing import Any

import orjson
from aiohttp import web

from conformance.servers.callbacks import Call


class ContextServer:
    """Serves `document` at `url`; says how often it was fetched; `status` may be set to fail."""

    def __init__(self, document: Any) -> None:
        self.url = ""
        self.document = document
        self.status = 200
        self.headers: dict[str, str] = {}
        self.fetched = 0

    async def handle(self, call: Call) -> web.Response:
        """Answer one fetch."""
        self.fetched += 1
        if self.status != 200:
            return web.Response(status=self.status)
        body = orjson.dumps(self.document)
        return web.Response(body=body, content_type="application/ld+json", headers=self.headers)
