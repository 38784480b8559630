"""Servers that are no brokers: every case ends in a result, hardly any passes, and a run never breaks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from conformance.collect import all_cases, chosen
from conformance.result import FAILED, PASSED
from conformance.run import run
from conformance.surroundings import Asked
from conformance.version import NoBroker

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
JSON = b"Content-Type: application/json\r\n"
ODD = b"X: \xff\xfe\r\nLink: <;;>>,\r\nLocation: \r\nNGSILD-EntityMap: \r\n"
MOST_PASSES = 12  # a case that demands a bare 200 or 404 cannot tell


def always(status: int, body: bytes, headers: bytes = JSON) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.partition(b":")[2]))
                start = b"HTTP/1.1 %d Odd\r\n%sContent-Length: %d\r\n\r\n" % (status, headers, len(body))
                writer.write(start + (b"" if head.startswith(b"HEAD") else body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return serve


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + JSON + b"\r\n[")
        while True:
            writer.write(b"0," * 50_000)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x15\x03\x01\x00\x02\x02\x16" * 100)
    writer.close()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"null", JSON),
        (201, b"[]", JSON + b"Location: /ngsi-ld/v1/entities/x\r\n"),
        (200, b'[[], {"id": null, "type": []}, {"speed": {"value": "x"}}]', JSON + ODD),
        (200, b"[" * 900 + b"]" * 900, b"Content-Type: application/ld+json; charset=nonsense\r\n"),
        (500, b"\xff\xfe", b""),
    ],
)
async def test_every_case_ends_in_a_result(status: int, body: bytes, headers: bytes) -> None:
    cases = chosen(all_cases(), profile="federation")
    async with serving(always(status, body, headers)) as url:
        report = await run(cases, Asked(url, patience=0.05, without=frozenset({"mqtt"})))
    assert len(report.results) == len(cases)
    most = 0 if body == b"null" else MOST_PASSES  # so each case was seen to fail
    assert len(report.with_outcome(PASSED)) <= most, [r.name for r in report.with_outcome(PASSED)]
    assert all(r.demanded and r.seen for r in report.with_outcome(FAILED))


@pytest.mark.parametrize("serve", [endless, no_http])
async def test_what_speaks_no_http_or_never_ends_is_no_broker(serve: Serve) -> None:
    async with serving(serve) as url:
        with pytest.raises(NoBroker, match="no broker answers at") as caught:
            await run([], Asked(url))
    assert len(str(caught.value)) < 500
