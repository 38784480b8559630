"""Tokens for codes and for refresh tokens: each once, bound to the key of who asks, and only while a login stands."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc7636.challenge import CODE_VERIFIER_PATTERN

from base.clock import SECOND
from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.provider import claims
from personal.provider.clients import authenticated, proof
from personal.provider.front import Asked, told
from personal.provider.standing import Standing, standing
from personal.rules.authorization import OFFLINE
from personal.store import service_logins
from personal.store.service_logins import ServiceLogin, Token, TokenKind
from personal.store.services import Service

LEAF: Final = "subject"


@dataclass(frozen=True, slots=True)
class Given:
    """Tokens as they go out, once."""

    standing: Standing
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    jkt: str


Outcome = Given | Exception
"""What a transaction ends with: a refusal that was written down has to stay, so it is given and not raised."""


async def give(asked: Asked) -> web.Response:
    """Give tokens to a service. (RFC 6749 4.1.3, 6)"""
    service = await authenticated(asked)
    kinds: dict[str, Callable[[Asked, Service, str], Callable[[Connection], Any]]] = {
        "authorization_code": _by_code,
        "refresh_token": _by_refresh,
    }
    kind = kinds.get(asked.form.get("grant_type", ""))
    if kind is None:
        raise OAuth2Error("grant_type is none of those known here", error="unsupported_grant_type")
    shown = await proof(asked)
    work = kind(asked, service, "" if shown is None else shown.jkt)
    found = await asked.city.town.store.write(work)
    if isinstance(found, Exception):
        raise found
    first = asked.form["grant_type"] == "authorization_code"
    return told(await _answer(asked, found, first=first))


async def _answer(asked: Asked, given: Given, *, first: bool) -> dict[str, Any]:
    login = given.standing.login
    answer = {
        "access_token": given.access,
        "token_type": "DPoP" if given.jkt else "Bearer",
        "expires_in": int(asked.city.module.settings.common_login_seconds),
        "refresh_token": given.refresh,
        "scope": given.standing.scope,
        "id_token": await claims.id_token(asked, given.standing, given.access, first=first),
    }
    return {**answer, "authorization_details": given.standing.details} if login.asked["wanted"] else answer


def _by_code(asked: Asked, service: Service, jkt: str) -> Callable[[Connection], Outcome]:
    form, now = asked.form, asked.now
    code, verifier = form.get("code", ""), form.get("code_verifier", "")

    def work(db: Connection) -> Outcome:
        login = service_logins.by_code(db, code)
        if login is None or login.service != service.id:
            return _invalid()
        if login.redeemed is not None:
            return _misused(db, login, "code-used-twice", now)
        stands = standing(db, login, now)
        fits = form.get("redirect_uri") == login.asked["redirect_uri"]
        bound = login.asked["dpop_jkt"] in ("", jkt)
        if not (fits and bound and _proves(verifier, login.asked["challenge"])):
            return _misused(db, login, "code-not-proven", now)
        if stands is None or login.code_until <= now:
            service_logins.end(db, login.id)
            return _invalid()
        service_logins.redeem(db, login.id, now)
        log.append(db, Entry("service-tokens-given", {"service": service.id}, {LEAF: login.person}), now)
        return _given(db, asked, stands, jkt, "")

    return work


def _by_refresh(asked: Asked, service: Service, jkt: str) -> Callable[[Connection], Outcome]:
    secret, now = asked.form.get("refresh_token", ""), asked.now

    def work(db: Connection) -> Outcome:
        token, former = service_logins.token(db, secret, now), service_logins.relative(db, secret, now)
        login = former if token is None else service_logins.find(db, token.login)
        if login is None or login.service != service.id:
            return _invalid()
        if token is None or token.used is not None:
            return _misused(db, login, "refresh-token-used-twice", now)
        if token.kind is not TokenKind.REFRESH:
            return _invalid()
        stands = standing(db, login, now)
        if stands is None:
            return _invalid()
        if token.jkt and not jkt:
            return _wrong("invalid_dpop_proof", "a DPoP proof is needed, as before")
        if not set(asked.form.get("scope", "").split()) <= {*login.asked["scope"], OFFLINE}:
            return _wrong("invalid_scope", "scope is wider than what was agreed to")
        return _given(db, asked, stands, jkt, secret)

    return work


def _given(db: Connection, asked: Asked, stands: Standing, jkt: str, spent: str) -> Given:
    """Give tokens; spent: the refresh token that they are for. Access tokens from before stay good for their time."""
    login, now = stands.login, asked.now
    until = now + int(asked.city.module.settings.common_login_seconds * SECOND)
    access = secrets.token_urlsafe(32)
    service_logins.keep(db, access, Token(login.id, TokenKind.ACCESS, jkt, now, min(until, login.until)))
    refresh = service_logins.succeed(db, spent, Token(login.id, TokenKind.REFRESH, jkt, now, login.until))
    return Given(stands, access, refresh, jkt)


def _misused(db: Connection, login: ServiceLogin, outcome: str, now: int) -> Exception:
    """End a login and all its tokens: somebody else may have what it came from. (RFC 9700 4.14)"""
    service_logins.end(db, login.id)
    facts = {"service": login.service, "outcome": outcome}
    log.append(db, Entry("service-login-misused", facts, {LEAF: login.person}), now)
    return _invalid()


def _proves(verifier: str, challenge: str) -> bool:
    if CODE_VERIFIER_PATTERN.match(verifier) is None or not verifier.isascii():
        return False
    return secrets.compare_digest(create_s256_code_challenge(verifier), challenge)


def _invalid() -> Exception:
    """Refuse a code or a token, the same whatever is wrong with it."""
    return _wrong("invalid_grant", "the code or token is not valid (any more)")


def _wrong(error: str, why: str) -> Exception:
    refused: Exception = OAuth2Error(why, error=error)
    return refused
