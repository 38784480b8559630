"""R, the yardstick: the smallest honest aiohttp + uvloop handler; every ratio of `make bench` is to this one.

python bench/reference_handler.py PORT serves GET /r/{id} on 127.0.0.1 (500 bytes of JSON) until SIGTERM.
"""

import sys

import uvloop
from aiohttp import web

BODY = b'{"id":"urn:ngsi-ld:Reference:1","type":"Reference","text":"' + b"x" * 439 + b'"}'


async def _handle(request: web.Request) -> web.Response:
    return web.Response(body=BODY, content_type="application/json")


async def _app() -> web.Application:
    app = web.Application()
    app.router.add_get("/r/{id}", _handle)
    return app


if __name__ == "__main__":
    uvloop.install()
    web.run_app(_app(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
