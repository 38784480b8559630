"""A service that uses the common login and a resident's browser that it sends there, for tests over HTTP."""

import base64
import hashlib
import html
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.personal.live import Live, Reply, asked, described, purpose

BACK = "http://127.0.0.1:9/back"
AFTER = "http://127.0.0.1:9/after"
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PURPOSES = (
    purpose("lending", asked("library-card"), asked("contact", need="optional")),
    purpose("proof", asked("verified-identity")),
    purpose("by-law", asked("household"), basis="law:災害対策基本法 90条の4"),
)
_REFRESH = re.compile(r'http-equiv="refresh" content="0;url=([^"]+)"')
_FORM = re.compile(r'<form[^>]*method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def uses_login(**login: Any) -> dict[str, Any]:
    """Describe a service that uses the common login."""
    told = {"redirectUris": [BACK], "postLogoutRedirectUris": [AFTER], **login}
    return described(*PURPOSES, login=told)


@dataclass
class Landed:
    """Where a browser came to a stop: at the service (its URL is not fetched), or on a page."""

    status: int
    url: str
    text: str = field(default="", repr=False)

    @property
    def told(self) -> dict[str, str]:
        """Give the parameters of the URL."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


@dataclass
class Browser:
    """A browser with cookies of its own."""

    url: str
    session: aiohttp.ClientSession

    async def open(self, url: str, form: dict[str, str] | None = None, **headers: str) -> Landed:
        """Open a URL and follow wherever it leads, until a page is shown or it leaves for a service."""
        url, method = urljoin(self.url, url), "GET" if form is None else "POST"
        for _ in range(20):
            if not url.startswith(self.url):
                return Landed(0, url)
            async with self.session.request(
                method, url, data=form, headers=headers, allow_redirects=False
            ) as reply:
                text = await reply.text()
                onward = reply.headers.get("Location")
            if onward is None and (found := _REFRESH.search(text)):
                onward = html.unescape(found[1])
            if onward is None:
                return Landed(reply.status, url, text)
            url, method, form = urljoin(url, onward), "GET", None
        raise AssertionError("it leads nowhere")

    async def log_in(self, page: Landed, login: str, level: int = 3) -> Landed:
        """Log in on the page that asks for it."""
        assert page.path == "/me/login", page
        form = {"town": "yabu", "login": login, "level": str(level), "next": page.told.get("next", "/me")}
        return await self.open("/me/login", form)

    async def send(self, page: Landed, begins: str = "/oidc", **answer: str) -> Landed:
        """Send the form of a page whose address begins like this."""
        forms = [(html.unescape(action), body) for action, body in _FORM.findall(page.text)]
        action, body = next((action, body) for action, body in forms if action.startswith(begins))
        hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(body)}
        return await self.open(action, {**hidden, **answer})


@dataclass
class Client:
    """A service, or somebody who has its key."""

    live: Live
    id: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    dpop: ECKey | None = None

    @property
    def issuer(self) -> str:
        return f"{self.live.url}/oidc/{self.live.town.id}"

    def asks(self, **params: Any) -> dict[str, str]:
        """Give the parameters of an authorization request."""
        told = {
            "client_id": self.id,
            "response_type": "code",
            "redirect_uri": BACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": challenge(self.verifier),
            "code_challenge_method": "S256",
            **params,
        }
        return {name: text for name, text in told.items() if text is not None}

    def where(self, **params: Any) -> str:
        """Give the URL of an authorization request."""
        return self.at(self.asks(**params))

    def at(self, request: dict[str, str]) -> str:
        """Give the URL of a request as it is."""
        return f"{self.issuer}/authorize?{urlencode(request)}"

    async def call(self, endpoint: str, headers: dict[str, str] | None = None, **form: Any) -> Reply:
        """Call an endpoint with a client assertion, unless one is given."""
        told = {
            "client_assertion_type": BEARER,
            "client_assertion": self.live.assertion(self.id, aud=self.issuer),
            **form,
        }
        data = {name: text for name, text in told.items() if text is not None}
        made = {"DPoP": self.proof("POST", endpoint)} if self.dpop is not None else {}
        return await self.raw("POST", endpoint, data, {**made, **(headers or {})})

    async def raw(
        self, method: str, endpoint: str, data: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send a request to an endpoint as it is."""
        url = f"{self.issuer}/{endpoint}"
        async with self.live.session.request(method, url, data=data, headers=headers) as reply:
            raw = await reply.read()
            kind = reply.headers.get("Content-Type", "")
            return Reply(reply.status, await reply.json() if "json" in kind else None, reply.headers, raw)

    async def token(self, code: str, **form: Any) -> Reply:
        """Redeem a code."""
        told = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        return await self.call("token", **{**told, "code_verifier": self.verifier, **form})

    async def refresh(self, token: str, **form: Any) -> Reply:
        """Refresh."""
        return await self.call("token", grant_type="refresh_token", refresh_token=token, **form)

    async def introspect(self, token: str) -> Any:
        """Ask whether a token is good."""
        reply = await self.call("introspect", token=token)
        assert reply.status == 200, reply.raw
        return reply.json

    async def userinfo(self, token: str, **headers: str) -> Reply:
        """Ask whose a token is."""
        scheme = "Bearer" if self.dpop is None else "DPoP"
        made = {} if self.dpop is None else {"DPoP": self.proof("GET", "userinfo", token)}
        return await self.raw(
            "GET", "userinfo", None, {"Authorization": f"{scheme} {token}", **made, **headers}
        )

    def proof(self, method: str, endpoint: str, token: str = "", **claims: Any) -> str:
        """Prove to hold the key."""
        assert self.dpop is not None
        told = {
            "htm": method,
            "htu": f"{self.issuer}/{endpoint}",
            "iat": int(time.time()),
            "jti": secrets.token_urlsafe(12),
            **({"ath": challenge(token)} if token else {}),
            **claims,
        }
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.dpop.as_dict(private=False)}
        return jwt.encode(header, told, self.dpop)

    async def told(self, token: str) -> dict[str, Any]:
        """Verify an ID token, or another one of the provider, and give its claims."""
        keys = await self.raw("GET", "keys")
        return jwt.decode(token, KeySet.import_key_set(keys.json), algorithms=["ES256"]).claims

    async def entered(self, browser: Browser, login: str, level: int = 3, **params: Any) -> dict[str, Any]:
        """Have somebody who agrees to everything log in; give the tokens."""
        reply = await self.token((await self.agreed(browser, login, level, **params)).told["code"])
        assert reply.status == 200, reply.raw
        return reply.json

    async def agreed(self, browser: Browser, login: str, level: int = 3, **params: Any) -> Landed:
        """Have somebody log in and agree; give where they land."""
        page = await browser.open(self.where(**params))
        if page.path == "/me/login":
            page = await browser.log_in(page, login, level)
        if page.path.startswith("/oidc/"):
            page = await browser.send(page, answer="agree")
        return page


def challenge(text: str) -> str:
    """Hash a text as PKCE and DPoP do."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
