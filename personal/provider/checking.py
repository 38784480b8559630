"""What a service asks about tokens later: whose they are, whether they are good; and giving them back."""

from typing import Any, Final

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error

from base.clock import SECOND
from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.provider import claims
from personal.provider.city import City
from personal.provider.clients import authenticated, proof
from personal.provider.front import Asked, told
from personal.provider.standing import Standing, standing
from personal.rules.authorization import login_of
from personal.rules.dpop import Proof
from personal.store import service_logins
from personal.store.service_logins import Token, TokenKind

INACTIVE: Final = {"active": False}
Found = tuple[Token, Standing]


async def introspect(asked: Asked) -> web.Response:
    """Say whether a token is good now, and for what: consent and login are looked at live. (RFC 7662)

    Of tokens of others the answer is that of unknown ones, unless their service named this one: it learns no name.
    """
    service, secret = await authenticated(asked, logs_in=False), asked.form.get("token", "")
    found = asked.city.town.store.read(lambda db: _found(db, secret, asked.now))
    if found is None or found[0].used is not None:
        return told(INACTIVE)
    token, stands = found
    if stands.service.id == service.id:
        return told({**_described(asked.city, token, stands), **_own(stands)})
    others = (login_of(stands.service.description) or {}).get("resourceServices", [])
    if service.id in others and token.kind is TokenKind.ACCESS:
        return told(_described(asked.city, token, stands))
    return told(INACTIVE)


async def revoke(asked: Asked) -> web.Response:
    """Take a token back; with a refresh token the whole login there ends. (RFC 7009)"""
    service, secret = await authenticated(asked), asked.form.get("token", "")

    def work(db: Connection) -> None:
        token = service_logins.token(db, secret, asked.now)
        former = service_logins.relative(db, secret, asked.now)
        login = former if token is None else service_logins.find(db, token.login)
        if login is None or login.service != service.id:
            return
        if token is not None and token.kind is TokenKind.ACCESS:
            service_logins.drop(db, secret)
            return
        service_logins.end(db, login.id)
        facts = {"service": service.id, "outcome": "by-the-service"}
        log.append(db, Entry("service-login-ended", facts, {"subject": login.person}), asked.now)

    await asked.city.town.store.write(work)
    return told({})


async def userinfo(asked: Asked) -> web.Response:
    """Give the claims about the resident whose access token comes along. (OpenID Connect Core 5.3)"""
    scheme, secret = _credential(asked)
    found = asked.city.town.store.read(lambda db: _found(db, secret, asked.now))
    if found is None or found[0].kind is not TokenKind.ACCESS:
        raise _invalid()
    token, stands = found
    # after the token: proofs are kept, which who has none must not be able to cause
    shown = await _held(asked, secret) if scheme == "dpop" else None
    if token.jkt != ("" if shown is None else shown.jkt):
        raise _invalid()
    verified = await claims.verified_identity(asked.city, stands, asked.now)
    return told({"sub": stands.login.subject, **verified})


async def _held(asked: Asked, secret: str) -> Proof | None:
    """Give the key that whoever brings a token proves to hold; a wrong proof is a wrong credential. (RFC 9449 7.1)"""
    try:
        return await proof(asked, secret)
    except OAuth2Error as error:
        raise OAuth2Error(error.description, error=error.error, status_code=401) from None


def _found(db: Connection, secret: str, now: int) -> Found | None:
    token = service_logins.token(db, secret, now)
    login = None if token is None else service_logins.find(db, token.login)
    stands = None if login is None else standing(db, login, now)
    return None if token is None or stands is None else (token, stands)


def _described(city: City, token: Token, stands: Standing) -> dict[str, Any]:
    told: dict[str, Any] = {
        "active": True,
        "iss": city.issuer,
        "client_id": stands.service.id,
        "scope": stands.scope,
        "exp": token.until // SECOND,
        "acr": claims.common(stands)["acr"],
    }
    if token.jkt:
        told |= {"cnf": {"jkt": token.jkt}, "token_type": "DPoP"}
    return told


def _own(stands: Standing) -> dict[str, Any]:
    return {**claims.common(stands), "sid": stands.login.sid, "authorization_details": stands.details}


def _credential(asked: Asked) -> tuple[str, str]:
    """Read the token of a request: in its header, nowhere else. (RFC 6750 2.1, RFC 9449 7.1)"""
    given = asked.request.headers.getall("Authorization", [])
    scheme, _, secret = (given[0] if len(given) == 1 else "").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not secret.strip():
        raise OAuth2Error("send an access token", error="invalid_token", status_code=401)
    return scheme.lower(), secret.strip()


def _invalid() -> OAuth2Error:
    return OAuth2Error("the token is not valid (any more)", error="invalid_token", status_code=401)
