"""Logging out at both ends: what a provider tells that it ended, and where a browser ends its login there.

(OIDC Back-Channel Logout 1.0, RP-Initiated Logout 1.0)
"""

import hashlib
from typing import Final

import structlog

from base import clock
from base.database import Connection
from base.oidc.faults import Fault, LoginFailed
from base.oidc.logout import LogoutToken
from base.oidc.signed import unverified
from personal.audit import log as audit_log
from personal.audit.log import Entry
from personal.operations import logging_in
from personal.operations.actors import Who
from personal.operations.call import Module
from personal.operations.town import Town
from personal.providers import LoginProvider
from personal.rules.identifiers import framed
from personal.store import sessions

BACK: Final = "/login/oidc/goodbye/"
METHOD: Final = "oidc."
"""How the method of a login at a provider begins."""
log = structlog.get_logger("engawa.personal")


async def address(module: Module, provider: LoginProvider) -> str:
    """Give where a browser ends its login at the provider, too; empty if there is no such place or no answer."""
    try:
        return await provider.client.logout_address(module.address() + BACK + provider.name)
    except LoginFailed as failed:
        log.warning("a provider cannot be told of a logout", provider=provider.name, fault=failed.fault)
        return ""


def provider_of(module: Module, method: str) -> LoginProvider | None:
    """Say at which provider somebody logged in, by how they did; None if at none."""
    return module.providers.get(method.removeprefix(METHOD)) if method.startswith(METHOD) else None


async def told(module: Module, token: str, now: int) -> bool:
    """End what a provider says has ended, in every municipality; False if its token is not accepted, or was before."""
    name = ""
    try:
        provider = _provider(module, token)
        name = provider.name
        found = await provider.client.logged_out(token, now)
        new = [await _end(town, provider, found, now) for town in module.towns.values()]
        if not any(new):
            raise LoginFailed(Fault.REPLAYED)
    except LoginFailed as failed:
        log.warning("a logout that a provider told is not accepted", provider=name, fault=failed.fault)
        return False
    return True


def _provider(module: Module, token: str) -> LoginProvider:
    """Say which registration a token is for, unverified."""
    _, claims = unverified(token)
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    known = [one for one in module.providers.listed if one.client.registration.issuer == claims.get("iss")]
    if not known:
        raise LoginFailed(Fault.ISSUER)
    found = next((one for one in known if one.client.registration.client in named), None)
    if found is None:
        raise LoginFailed(Fault.AUDIENCE)
    return found


async def _end(town: Town, provider: LoginProvider, found: LogoutToken, now: int) -> bool:
    """End the logins a token tells of in one municipality; False if it took effect there before."""
    outside = await logging_in.outside(town, found.issuer, found.sid, found.subject)
    mark = hashlib.sha256(framed("logout", found.issuer, found.client, found.id)).digest()

    def work(db: Connection) -> bool:
        if not sessions.spend(db, mark, found.until * clock.SECOND, now):
            return False
        for one in sessions.outside(db, outside, now):
            if one.method != METHOD + provider.name:
                continue
            sessions.end_named(db, one.kind, one.actor, one.id)
            facts = {"method": one.method, "told": "provider"}
            by, people = ({"by": one.actor}, {}) if one.kind == Who.STAFF else ({}, {"subject": one.actor})
            audit_log.append(db, Entry("logout", {**facts, **by}, people), now)
        return True

    return await town.store.write(work)
