"""A real mail server and a messaging service on loopback, for tests of what residents are sent."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import orjson
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.personal.live import Live, Reply
from tests.ports import free_port

WAIT = 20.0
SECRET = "correct horse"


@dataclass
class Mailbox:
    """What a mail server took, and how it answers: `refuse`: codes by address, `hold`: nothing is answered yet."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    users: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.hold.set()

    async def handle_RCPT(  # noqa: N802  # as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as aiosmtpd calls it
        await self.hold.wait()
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        letter = message_from_bytes(raw, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        async with self.came:
            self.letters.append(letter)
            self.raw.append(raw)
            self.to.extend(envelope.rcpt_tos)
            self.encrypted.append(session.ssl is not None)
            self.came.notify_all()
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == SECRET.encode(), handled=False)

    async def letter(self, number: int = 1) -> EmailMessage:
        """Give the letter that came as the number-th, as soon as it came."""
        async with asyncio.timeout(WAIT), self.came:
            await self.came.wait_for(lambda: len(self.letters) >= number)
        return self.letters[number - 1]


@contextlib.asynccontextmanager
async def mail_server(*, tls: ssl.SSLContext | None = None, login: bool = False) -> AsyncIterator[Mailbox]:
    """Run a mail server until the block ends."""
    box = Mailbox(free_port())

    def make() -> SMTP:
        return SMTP(
            box,
            hostname="localhost",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=login,
            authenticator=box.authenticate if login else None,
        )

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", box.port)
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Messenger:
    """What the city's messaging service took; `status`: how it answers."""

    url: str = ""
    status: int = 202
    tokens: list[str] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        async with self.came:
            self.tokens.append(await request.text())
            self.came.notify_all()
        return web.Response(status=self.status)

    async def token(self, number: int = 1) -> str:
        """Give what came as the number-th, as soon as it came."""
        async with asyncio.timeout(WAIT), self.came:
            await self.came.wait_for(lambda: len(self.tokens) >= number)
        return self.tokens[number - 1]


@contextlib.asynccontextmanager
async def messaging_service() -> AsyncIterator[Messenger]:
    """Run a messaging service until the block ends."""
    made = Messenger()
    app = web.Application()
    app.router.add_post("/news", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    made.url = f"http://127.0.0.1:{port}/news"
    try:
        yield made
    finally:
        await runner.cleanup()


def to_mail(box: Mailbox) -> dict[str, Any]:
    """Give the settings of a module that sends mail to such a server in the clear."""
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": box.port,
        "smtp_tls": "none",
        "smtp_from": "portal@yabu.example",
    }


async def told(live: Live, by: str) -> list[Any]:
    """List what a resident was told."""
    reply = await live.get("/me/notices", by=by)
    assert reply.status == 200, reply.raw
    found: list[Any] = reply.json["notices"]
    return found


async def kinds(live: Live, by: str) -> list[str]:
    """List the kinds of what a resident was told, newest first."""
    return [one["kind"] for one in await told(live, by)]


async def until_told(live: Live, by: str, kind: str) -> Any:
    """Give the newest notice of a kind, as soon as there is one."""
    live.town.told.set()
    async with asyncio.timeout(WAIT):
        while True:
            for one in await told(live, by):
                if one["kind"] == kind:
                    return one
            await asyncio.sleep(0.05)


def code_of(letter: EmailMessage) -> str:
    """Read the code in a letter."""
    return next(word for word in letter.get_content().split() if word.isdigit() and len(word) == 8)


async def with_mail(live: Live, box: Mailbox, by: str, address: str = "hanako@mail.example") -> Reply:
    """Give a resident an address that is proven."""
    before = len(box.letters)
    reply = await live.ask("PUT", "/me/contact", {"channel": "email", "address": address}, by=by)
    assert reply.status == 202, reply.raw
    code = code_of(await box.letter(before + 1))
    return await live.post("/me/contact/confirm", {"channel": "email", "code": code}, by=by)


def waiting(live: Live) -> list[tuple[str, str, bool]]:
    """List the messages that wait or were given up: channel, what about, whether given up."""
    sql = "SELECT channel, about, dead IS NOT NULL FROM message ORDER BY 1, 2, 3"
    found = live.town.store.read(lambda db: list(db.execute(sql)))
    return [(channel, about, bool(dead)) for channel, about, dead in found]


async def until(reached: Callable[[], bool]) -> None:
    """Wait until a state is reached."""
    async with asyncio.timeout(WAIT):
        while True:
            if reached():
                return
            await asyncio.sleep(0.03)


async def until_nothing_waits(live: Live) -> None:
    """Wait until every message was taken or given up."""
    await until(lambda: all(dead for *_, dead in waiting(live)))


def claims_of(token: str) -> Any:
    """Read the claims of a token without verifying it."""
    body = token.split(".")[1]
    return orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
