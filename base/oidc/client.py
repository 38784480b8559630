"""One registration at one provider: begin a login, finish it, end it. (OIDC Core 3.1, RFC 7523, RFC 9126)"""

import secrets
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from base import clock, egress
from base.access.issuers import Issuer
from base.access.key_sets import KeySet
from base.oidc import authorization, id_tokens, logout
from base.oidc.authorization import Wish
from base.oidc.exchanges import SECONDS, Exchanges
from base.oidc.faults import Fault, LoginFailed
from base.oidc.id_tokens import Expected, Login
from base.oidc.logout import LogoutToken
from base.oidc.metadata import Discovery, Metadata
from base.oidc.signed import FRESH, unverified

_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFE: Final = 60
"""How long a client assertion is good (s)."""


@dataclass(frozen=True, slots=True)
class Registration:
    """As whom this installation is registered at a provider.

    key: signs client assertions (ES256); audience: whom they name; authorities: a PEM file besides the system's.
    """

    name: str
    issuer: str
    client: str
    key: ECKey = field(repr=False)
    algorithms: tuple[str, ...] = ("ES256",)
    audience: str = "issuer"
    authorities: Path | None = None
    seconds: float = SECONDS  # how long the provider may take to answer
    pause: float = 10.0  # at least between looking for keys because of an unknown one (s)


class Client:
    """Speaks to one provider."""

    def __init__(self, registration: Registration, policy: egress.AddressPolicy) -> None:
        self.registration = registration
        self._policy = policy
        self._exchanges = Exchanges(policy, _trusted(registration.authorities), registration.seconds)
        self._discovery = Discovery(
            registration.issuer, registration.algorithms, self._exchanges, registration.pause
        )
        self._keys: KeySet | None = None

    async def close(self) -> None:
        """End all connections."""
        if self._keys is not None:
            await self._keys.close()
        await self._exchanges.close()

    async def provider(self) -> Metadata:
        """Give what the provider says about itself; LoginFailed if it cannot be had or used."""
        return await self._discovery.found()

    def known_keys(self) -> list[dict[str, Any]]:
        """Give the public keys of the provider that are known now."""
        return [] if self._keys is None else self._keys.public()

    async def learn(self, token: str) -> None:
        """Get to know the keys of the provider if they are old, or if the one that a token names is not known."""
        header, _ = unverified(token)
        keys = self._key_set(await self._discovery.found())
        await keys.renew(FRESH)
        if isinstance(header.get("kid"), str) and keys.find(header) is None:
            await keys.renew(0)

    async def begin(self, wish: Wish, back: str, now: int) -> str:
        """Give where a browser goes to log in; the request is pushed where the provider takes that."""
        provider = await self._discovery.found()
        asked = authorization.parameters(wish, self.registration.client, back)
        if provider.pushed:
            asked = await self._pushed(provider, asked, now)
        return authorization.address(provider, asked)

    async def finish(self, answer: Sequence[tuple[str, str]], wish: Wish, back: str, now: int) -> Login:
        """Give who logged in, by what the browser brought back and the provider's token endpoint says."""
        provider = await self._discovery.found()
        code = authorization.code_of(answer, wish.state, provider)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": wish.verifier,
        }
        reply = await self._exchanges.post(provider.token, {**form, **self._proof(provider, now)})
        if reply.status != 200:
            raise LoginFailed(Fault.TOKEN_REFUSED if 400 <= reply.status < 500 else Fault.UNREACHABLE)
        tokens = reply.document()
        token, access = tokens.get("id_token"), tokens.get("access_token")
        kind = tokens.get("token_type")
        if not (isinstance(token, str) and isinstance(access, str) and access and isinstance(kind, str)):
            raise LoginFailed(Fault.ANSWER)
        if kind.lower() != "bearer" or not access.isascii() or not access.isprintable():
            raise LoginFailed(Fault.ANSWER)
        expected = Expected(
            provider.issuer,
            self.registration.client,
            self.registration.algorithms,
            wish.nonce,
            wish.longest,
            wish.sent,
        )
        return await id_tokens.check(token, access, self._key_set(provider), expected, now / clock.SECOND)

    async def userinfo(self, login: Login) -> Mapping[str, Any]:
        """Give what the provider tells of who logged in; about nobody else. (5.3.2)"""
        provider = await self._discovery.found()
        if not provider.userinfo:
            return {}
        reply = await self._exchanges.get(provider.userinfo, {"Authorization": f"Bearer {login.access}"})
        if reply.status != 200 or reply.kind != "application/json":
            raise LoginFailed(Fault.USERINFO)
        told = reply.document()
        if told.get("sub") != login.subject:
            raise LoginFailed(Fault.USERINFO)
        return told

    async def logout_address(self, back: str) -> str:
        """Give where a browser goes to end the login there; empty if the provider has no such place."""
        return logout.address(await self._discovery.found(), self.registration.client, back)

    async def logged_out(self, token: str, now: int) -> LogoutToken:
        """Verify a logout token of this provider."""
        provider = await self._discovery.found()
        own = self.registration
        return await logout.check(
            token, self._key_set(provider), own.issuer, own.client, own.algorithms, now / clock.SECOND
        )

    async def _pushed(self, provider: Metadata, asked: dict[str, str], now: int) -> dict[str, str]:
        """Send the request itself ahead; the browser carries only its name. (RFC 9126 2)"""
        reply = await self._exchanges.post(provider.pushed, {**asked, **self._proof(provider, now)})
        if reply.status != 201:
            raise LoginFailed(Fault.TOKEN_REFUSED if 400 <= reply.status < 500 else Fault.UNREACHABLE)
        name = reply.document().get("request_uri")
        if not isinstance(name, str) or not name:
            raise LoginFailed(Fault.ANSWER)
        return {"client_id": self.registration.client, "request_uri": name}

    def _proof(self, provider: Metadata, now: int) -> dict[str, str]:
        """Prove who asks by the own key, once and for a minute. (RFC 7523 2.2, OIDC Core 9)"""
        own, seconds = self.registration, now // clock.SECOND
        claims = {
            "iss": own.client,
            "sub": own.client,
            "aud": provider.issuer if own.audience == "issuer" else provider.token,
            "iat": seconds,
            "exp": seconds + _LIFE,
            "jti": secrets.token_urlsafe(24),
        }
        header = {"alg": "ES256", "kid": own.key.kid, "typ": "JWT"}
        return {
            "client_id": own.client,
            "client_assertion_type": _ASSERTION,
            "client_assertion": jwt.encode(header, claims, own.key),
        }

    def _key_set(self, provider: Metadata) -> KeySet:
        if self._keys is None or self._keys.issuer.jwks != provider.jwks:
            own = self.registration
            issuer = Issuer(
                own.name,
                own.issuer,
                provider.jwks,
                (own.client,),
                own.algorithms,
                pause=own.pause,
                authorities=own.authorities,
            )
            self._keys = KeySet(issuer, self._policy)
        return self._keys


def _trusted(authorities: Path | None) -> ssl.SSLContext | None:
    if authorities is None:
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(authorities)
    return context
