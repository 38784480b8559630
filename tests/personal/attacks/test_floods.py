"""What somebody tries who only wants the module not to serve others, or to say what it was told. (issue 5)"""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from base.web import serving
from tests.personal.live import Live, live_module


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


async def test_a_network_that_proves_nothing_is_answered_so_often_only(tmp_path: Path) -> None:
    """Whoever says who they are is answered as before."""
    async with live_module(tmp_path / "data", requests_per_second=0.001) as live:
        by = await live.staff("counter")  # the only one for a while
        for path in ("/audit/head", "/keys", "/reports/personal-files"):
            refused = await live.get(path)
            assert (refused.status, int(refused.headers["Retry-After"]) > 0) == (429, True)
        for page, login in (
            ("/staff/login", "counter"),
            ("/me/login", "nobody"),
        ):  # as for every other way in
            form = {"town": "yabu", "login": login}
            async with live.session.post(live.url + page, data=form, allow_redirects=False) as answer:
                assert answer.status == 429, page
        assert (await live.get("/session", by=by)).status == 200


async def test_a_made_up_token_does_not_lift_the_limit(tmp_path: Path) -> None:
    """Who names a token that is none proves no more than who names none, wherever it is sent."""
    async with live_module(tmp_path / "data", requests_per_second=0.001) as live:
        by = await live.staff("counter")  # the only one for a while
        made_up = {"Authorization": "Bearer r_made-up"}
        for path in ("/personal/v1/me/items", "/oidc/yabu/authorize?client_id=x", "/oidc/yabu/keys"):
            async with live.session.get(live.url + path, headers=made_up) as refused:
                assert refused.status == 429, path
        assert (await live.get("/session", by=by)).status == 200
