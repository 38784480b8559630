"""What somebody tries who only wants the module not to serve others, or to say what it was told. (issue 5)"""

import asyncio
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from base.web import serving
from tests.personal.live import Live


async def spoken(live: Live, said: bytes) -> bytes:
    """Say something to the module and give all it answers, until it hangs up."""
    where = urlsplit(live.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(said)
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()


async def test_what_is_no_http_is_neither_repeated_nor_logged(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    """A credential in a header that a broken client sends stays out of the log of the process."""
    for line in (b"Bad Header SECRET", b"X: a\x00SECRET", b"SECRET\xff: y", b"Authorization : SECRET"):
        said = b"GET /personal/v1/keys HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n"
        answer = await spoken(live, said)
        assert answer.split(b" ", 2)[1] == b"400" and b"SECRET" not in answer, line
    assert "SECRET" not in caplog.text


async def test_connections_that_say_nothing_are_closed() -> None:
    """Who opens as many as there may be, and sends a byte now and then, does not keep others out for good."""
    async with serving(web.Application(), "127.0.0.1", 0, connections=2, patience=0.3) as port:
        for begun in (
            b"",
            b"POST /x HTTP/1.1\r\nHost: x\r\n",
            b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            async with asyncio.timeout(30):
                assert b"200" not in await drained(reader)
            writer.close()


async def drained(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
