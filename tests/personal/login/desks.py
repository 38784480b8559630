"""A desk and a browser as they speak to the module, and cards that are made here."""

import re
import secrets
import time
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.jwk import ECKey

from personal.rules import decisions
from tests.personal.consents.cards import Authority, Card, text
from tests.personal.live import Live, Reply


@dataclass
class Desk:
    """A device that reads cards."""

    live: Live
    id: str = "counter-1"
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"}))
    token: str = ""

    async def join(self, **more: Any) -> None:
        """Have it added by an administrator, and get a token."""
        body = {"id": self.id, "name": "窓口1", "place": "本庁舎1階", "keys": self.keys, **more}
        reply = await self.live.post("/desks", body, by=await self.live.staff("admin"))
        assert reply.status == 201, reply.raw
        await self.log_in()

    @property
    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    async def log_in(self) -> int:
        now, client = int(time.time()), f"desk.{self.id}"
        told = {
            "iss": client,
            "sub": client,
            "aud": self.live.url,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        }
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256", "kid": "k1"}, told, self.key),
        }
        headers = {"Engawa-Municipality": self.live.town.id}
        url = f"{self.live.url}/personal/v1/token"
        async with self.live.session.post(url, data=form, headers=headers) as reply:
            if reply.status == 200:
                self.token = (await reply.json())["access_token"]
            return reply.status

    async def claim(self, transaction: str) -> Reply:
        return await self.live.post("/card/transactions/claim", {"transaction": transaction}, by=self.token)

    async def send(self, transaction: str, **more: Any) -> Reply:
        body = {"transaction": transaction, **more}
        return await self.live.post("/card/transactions/answer", body, by=self.token)

    async def tap(self, transaction: str, card: Card, **more: Any) -> Reply:
        """Claim a transaction and answer it with a card, as the desk of a counter does."""
        claimed = await self.claim(transaction)
        assert claimed.status == 200, claimed.raw
        return await self.send(transaction, **shown(card, claimed.json), **more)


def shown(card: Card, claimed: dict[str, Any]) -> dict[str, Any]:
    """Say what a card answers to what was claimed."""
    told: dict[str, Any] = {"certificate": text(card.certificate.public_bytes(Encoding.DER))}
    if card.chain:
        told["chain"] = [text(one.public_bytes(Encoding.DER)) for one in card.chain]
    if claimed["wants"] == "pin":
        told["signature"] = text(card.sign(decisions.digest(claimed["document"])))
    return told


@dataclass
class Page:
    """What a browser shows."""

    status: int
    text: str
    location: str

    @property
    def transaction(self) -> str:
        """Find the transaction that the page goes to the desk with."""
        found = re.search(r'href="([^"]*/card\?[^"]*)"', self.text)
        assert found is not None, self.text
        return parse_qs(urlsplit(unescape(found[1])).query)["transaction"][0]

    def field(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found is not None, self.text
        return unescape(found[1])


class Browser:
    """One browser with its cookies."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept-Language": "en"}
        )

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def get(self, path: str, **params: str) -> Page:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, **form: str) -> Page:
        return await self._ask("POST", path, data=form)

    async def _ask(self, method: str, path: str, **more: Any) -> Page:
        async with self.session.request(method, self.url + path, allow_redirects=False, **more) as reply:
            return Page(reply.status, await reply.text(), reply.headers.get("Location", ""))

    async def back(self, transaction: str, code: str = "") -> Page:
        """Come back from the desk."""
        return await self.get("/login/card/done", transaction=transaction, code=code)

    async def register(self, page: Page, **form: str) -> Page:
        """Fill in the page on which one registers."""
        assert page.status == 303 and page.location.startswith("/login/register"), (page.status, page.text)
        asked = await self.get(page.location)
        assert asked.status == 200, asked.text
        told = {"nameKana": "やぶ はなこ", "birthDate": "1990-04-01", **form}
        return await self.post("/login/register", attempt=asked.field("attempt"), **told)


def anchors(folder: Path, *authorities: Authority) -> Path:
    """Write authorities into a file as settings name it."""
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / "card-ca.pem"
    path.write_bytes(b"".join(one.certificate.public_bytes(Encoding.PEM) for one in authorities))
    return path
