"""The client that delivers: what it sends, which answers it understands, when it gives up. (6.3.8, RFC 9112)"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from base.egress import AddressPolicy
from broker.notify.client import Client, Undelivered

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Peer:
    """A receiver that answers each request with the next raw answer; b'' hangs up."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
            answer = self.answers.pop(0)
            for part in answer.split(b"|"):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.005)
            if not answer:
                return


@contextlib.asynccontextmanager
async def peer(*answers: bytes) -> AsyncIterator[Peer]:
    made, tasks = Peer(*answers), set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(made.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=c"
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client(AddressPolicy((), loopback=True))
    yield made
    await made.close()


async def post(client: Client, to: Peer, seconds: float = 30.0) -> None:
    await client.post(to.url, {"X-Case": "Kept"}, b"{}", seconds)


async def test_sends_one_framed_request_with_names_in_their_case(client: Client) -> None:
    async with peer(OK) as to:
        await post(client, to)
        host = to.url.split("/")[2]
    assert to.requests == [
        f"POST /a?b=c HTTP/1.1\r\nHost: {host}\r\nX-Case: Kept\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    ]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (OK, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 201 Created\r\ncontent-length:3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\nContent-|Length: 5\r\n\r|\nab|cde", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nabc", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", True),
    ],
    ids=str,
)
async def test_understands_an_answer_and_keeps_the_connection_if_it_may(
    client: Client, answer: bytes, kept: bool
) -> None:
    async with peer(answer, OK) as to:
        await post(client, to)
        await post(client, to)
        assert to.connections == (1 if kept else 2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status 500"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "too long"),
        (b"", "closed"),
        (b"HTTP/1.1 200", "within"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_says_why_a_delivery_failed(client: Client, answer: bytes, reason: str) -> None:
    async with peer(answer) as to:
        with pytest.raises(Undelivered, match=reason):
            await post(client, to, 0.3)


async def test_tries_a_fresh_connection_when_a_kept_one_was_ended(client: Client) -> None:
    async with peer(OK, b"", OK) as to:
        await post(client, to)
        await post(client, to)
        assert to.connections == 2


@pytest.mark.parametrize("uri", ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[fe80::1]/"])
async def test_connects_to_no_private_address(client: Client, uri: str) -> None:
    with pytest.raises(Undelivered, match="not a public address"):
        await client.post(uri, {}, b"", 1.0)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_connects_to_loopback_only_while_bound_to_it(scheme: str) -> None:
    made = Client(AddressPolicy((), loopback=False))
    with pytest.raises(Undelivered, match="loopback address"):
        await made.post(f"{scheme}://127.0.0.1:9/", {}, b"", 1.0)
    await made.close()


async def test_says_that_nobody_listens(client: Client) -> None:
    with pytest.raises(Undelivered):
        await client.post("http://127.0.0.1:9/", {}, b"", 1.0)
    with pytest.raises(Undelivered):
        await client.post("https://127.0.0.1:9/", {}, b"", 1.0)


async def test_reads_only_what_answers_a_request(client: Client) -> None:
    async with peer(OK + OK, OK) as to:
        await post(client, to)
        await asyncio.sleep(0.02)
        await post(client, to)
        assert to.connections == 2
