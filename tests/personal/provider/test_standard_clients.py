"""Clients that are not ours: openid-client (npm) and authlib log residents in over HTTP, without anything special."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from tests.personal.live import Live
from tests.personal.provider.visiting import AFTER, BACK, Browser, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = Path(__file__).parent
NODE = shutil.which("node")
MODULES = HERE.parents[2] / "node_modules"
needs_node = pytest.mark.skipif(
    NODE is None or not (MODULES / "openid-client").is_dir(), reason="needs node and openid-client (npm ci)"
)


@dataclass
class Standard:
    """A service built on openid-client, in a process of its own."""

    process: asyncio.subprocess.Process

    async def do(self, does: str, **told: Any) -> Any:
        """Have it do something; give what came of it."""
        found = await self.try_to(does, **told)
        assert "gave" in found, found
        return found["gave"]

    async def try_to(self, does: str, **told: Any) -> Any:
        """Have it do something that may fail."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(orjson.dumps({"does": does, **told}) + b"\n")
        await self.process.stdin.drain()
        return orjson.loads(await asyncio.wait_for(self.process.stdout.readline(), 30))


@contextlib.asynccontextmanager
async def standard() -> AsyncIterator[Standard]:
    """Run such a service while the block runs."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        str(NODE), "--no-warnings", str(HERE / "standard.mjs"), stdin=pipe, stdout=pipe
    )
    try:
        yield Standard(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


@needs_node
async def test_openid_client_goes_the_whole_way(
    live: Live, library: Client, browser: Browser, login: str
) -> None:
    key = live.keys["library"].as_dict(private=True)
    async with standard() as service:
        told = {"issuer": library.issuer, "client": "library", "key": key}
        found = await service.do("discover", **told, rfc8414=True)
        assert found == await service.do("discover", **told, bound=True)
        page = await browser.open(
            await service.do("begin", redirect_uri=BACK, scope="openid", pushed=True, max_age="600")
        )
        landed = await browser.send(await browser.log_in(page, login), answer="agree")
        tokens = await service.do("finish", url=landed.url)
        assert tokens["token_type"] == "dpop" and tokens["claims"]["aud"] == "library"
        subject = tokens["claims"]["sub"]
        assert (await service.do("userinfo", token=tokens["access_token"], subject=subject))["sub"] == subject
        assert (await service.do("introspect", token=tokens["access_token"]))["sub"] == subject
        again = await service.do("refresh", token=tokens["refresh_token"])
        assert again["claims"]["sub"] == subject
        reused = await service.try_to("refresh", token=tokens["refresh_token"])
        assert reused["why"] == "invalid_grant", reused
        landed = await browser.open(
            await service.do("begin", redirect_uri=BACK, scope="openid", prompt="none")
        )
        tokens = await service.do("finish", url=landed.url)
        await service.do("revoke", token=tokens["refresh_token"])
        assert await service.do("introspect", token=tokens["access_token"]) == {"active": False}
        leaving = await service.do(
            "leave", id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER, state="s"
        )
        assert (await browser.open(leaving)).url == f"{AFTER}?state=s"
        landed = await browser.open(
            await service.do("begin", redirect_uri=BACK, scope="openid", prompt="none")
        )
        assert (await service.try_to("finish", url=landed.url))["why"] == "login_required"


async def test_authlib_goes_the_whole_way(live: Live, library: Client, browser: Browser, login: str) -> None:
    found = (await library.raw("GET", ".well-known/openid-configuration")).json
    key = live.keys["library"]

    def service() -> OAuth2Session:
        client = OAuth2Session(
            "library",
            key,
            token_endpoint_auth_method="private_key_jwt",
            redirect_uri=BACK,
            scope="openid",
            code_challenge_method="S256",
        )
        soon = {"exp": int(time.time()) + 60}  # its default, an hour, is longer than is taken here
        method = PrivateKeyJWT(found["token_endpoint"], claims=soon, headers={"kid": key.kid}, alg="ES256")
        client.register_client_auth_method(method)
        return client

    def finish(url: str, state: str) -> Any:
        where = found["token_endpoint"]
        with service() as client:
            tokens = client.fetch_token(
                where, authorization_response=url, state=state, code_verifier=library.verifier
            )
        with service() as client:  # with claims of ours, its assertions of one session are all the same
            return tokens, client.refresh_token(where, tokens["refresh_token"])

    with service() as client:
        url, state = client.create_authorization_url(
            found["authorization_endpoint"], code_verifier=library.verifier, nonce="n-0S6"
        )
    page = await browser.log_in(await browser.open(url), login)
    landed = await browser.send(page, answer="agree")
    tokens, again = await asyncio.to_thread(finish, landed.url, state)
    claims = await library.told(tokens["id_token"])
    assert claims["nonce"] == "n-0S6" and tokens["expires_in"] <= 300
    assert (await library.told(again["id_token"]))["sub"] == claims["sub"]
