"""A form that is sent twice is done once: who presses a button again gets what the first time led to."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from aiohttp import web

from personal.pages.visitor import Visitor, see

MOST: Final = 10_000
Run = Callable[[Visitor], Awaitable[web.Response]]


class Once:
    """Where forms led to, each page's form with its content; those that were refused can be sent again."""

    def __init__(self) -> None:
        self._sent: OrderedDict[bytes, asyncio.Future[str]] = OrderedDict()

    async def run(self, visitor: Visitor, run: Run) -> web.Response:
        """Do what a form asks for, or wait for where the same form led to and go there, too."""
        key = _mark(visitor)
        before = self._sent.get(key)
        if before is not None:
            target = await asyncio.shield(before)
            if target:
                return see(target)
        led: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sent[key] = led
        if len(self._sent) > MOST:
            self._sent.popitem(last=False)
        target = ""
        try:
            response = await run(visitor)
            target = response.headers.get("Location", "")
        finally:
            if not target:
                self._sent.pop(key, None)
            led.set_result(target)
        if visitor.actor.device:
            self._sent.pop(key, None)  # at a desk that others use, too, nothing of who was there stays
        return response


def _mark(visitor: Visitor) -> bytes:
    """Give what is the same only for the same form of the same page with the same content."""
    told = [visitor.request.path, sorted(visitor.form.items())]
    return hashlib.sha256(visitor.actor.session + orjson.dumps(told)).digest()
