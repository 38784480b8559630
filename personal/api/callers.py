"""Who sends a request: by the access token or certificate of a service, or by the login of a resident or of staff."""

import structlog
from aiohttp import web

from base import clock
from base.access.certificates import certificate_of, pins
from base.errors import InvalidRequest, NotPermitted, Unauthorized
from personal.operations import logging_in
from personal.operations.actors import NOBODY, Actor, Role, Who
from personal.operations.town import Town
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from personal.store import delegations, services, sessions
from personal.store.sessions import Session

log = structlog.get_logger("engawa.personal")


async def actor_of(request: web.Request, town: Town, settings: PersonalSettings, now: int) -> Actor:
    """Say who asks; Unauthorized if a credential is given that proves nothing here (any more)."""
    secret = _secret(request)
    if secret is None:
        return _by_certificate(request, town, now)
    actor = await holder_of(secret, town, settings, now)
    if actor.who is Who.AGENT:
        _check_agent(request, settings, now)
    return actor


async def holder_of(secret: str, town: Town, settings: PersonalSettings, now: int) -> Actor:
    """Say whose token or login a secret is; Unauthorized if it is nobody's (any more)."""
    session = town.store.read(lambda db: sessions.find(db, secret, now))
    if session is None or not await _may_act(town, session, now):
        raise Unauthorized(
            "The token or login is not valid here (any more). Get a new one.",
            headers={"WWW-Authenticate": 'Bearer realm="engawa", error="invalid_token"'},
        )
    ends = session.until
    if session.kind not in (Who.SERVICE, Who.DESK, Who.AGENT, Who.PEER):
        ends = await _keep_alive(town, secret, session, settings, now)
    return Actor(
        Who.ENTRANT if session.wanted else Who(session.kind),
        session.actor,
        session.subject,
        frozenset(map(Role, session.roles)),
        Level(session.level),
        sessions.digest(secret),
        session.id,
        session.method,
        session.proven,
        session.factor,
        session.device,
        ends,
        session.last,
    )


def _by_certificate(request: web.Request, town: Town, now: int) -> Actor:
    """Know a service by the client certificate that the catalogue names; any other proves nothing. (RFC 8705)"""
    found = certificate_of(request.transport)
    if found is None or found.until <= now:
        return NOBODY
    service = town.store.read(lambda db: services.by_certificate(db, found.thumbprint))
    return Actor(Who.SERVICE, service.id) if service is not None and service.active else NOBODY


def _check_agent(request: web.Request, settings: PersonalSettings, now: int) -> None:
    """Refuse the agent inside LGWAN unless it shows the certificate that is pinned here. (RFC 8705)"""
    if settings.lgwan_certificates is None:
        return
    found = certificate_of(request.transport)
    if found is None or found.until <= now or found.thumbprint not in pins(settings.lgwan_certificates):
        log.error("somebody asked as the agent inside without its certificate")
        raise NotPermitted("The agent has to show the client certificate that is pinned here.")


async def _may_act(town: Town, session: Session, now: int) -> bool:
    """Say whether a login is about its resident, or about somebody whom they may act for still."""
    other = session.subject
    if other is None or other == session.actor:
        return True
    key = await town.keys.named(delegations.KEY)
    return town.store.read(lambda db: delegations.active(db, key, session.actor, other, now)) is not None


async def _keep_alive(town: Town, secret: str, session: Session, settings: PersonalSettings, now: int) -> int:
    """Let a login that is used last on, but not for ever, and say until when; written down now and then only."""
    idle = logging_in.idle(session.device, settings)
    until = min(now + idle, session.last)
    rarely = clock.SECOND if session.device else idle // 10
    if now - session.used <= rarely or until <= session.until:
        return session.until
    hash = sessions.digest(secret)
    await town.store.write(lambda db: sessions.touch(db, hash, now, until))
    return until


def _secret(request: web.Request) -> str | None:
    given = request.headers.getall("Authorization", [])
    if len(given) > 1:
        raise InvalidRequest("The request has more than one credential; send one.")
    if not given:
        return None
    scheme, _, text = given[0].strip().partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthorized(
            "Send 'Bearer' and a token.", headers={"WWW-Authenticate": 'Bearer realm="engawa"'}
        )
    return text.strip()
