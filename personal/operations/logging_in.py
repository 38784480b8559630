"""A login begins: whoever proved who they are gets a session, another one than any before. (ASVS 5.0 7.2.4)"""

import secrets
from dataclasses import dataclass, field
from typing import Final

from base import clock
from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Level, Who
from personal.operations.town import Town
from personal.rules.identifiers import blind, fresh
from personal.settings import PersonalSettings
from personal.store import sessions
from personal.store.sessions import Outside, Session

OUTSIDE: Final = "login"
"""Which key of the municipality hashes what providers call logins and people."""
DEMO: Final = "demo"
"""The method of logins that prove nothing, where everybody is made up."""
FACTOR: Final = "factor"
"""Missing from the login of a member of staff until they gave their second factor."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who proved who they are, how, how surely, when (µs); `device`: the desk at which they sit."""

    who: Who
    actor: str
    level: Level
    method: str
    roles: tuple[str, ...] = ()
    at: int = 0
    device: str = ""
    outside: Outside | None = field(default=None, repr=False)


async def outside(town: Town, issuer: str, sid: str, subject: str) -> Outside:
    """Hash what a provider calls itself, a login there (empty: it does not say) and the person there."""
    key = await town.keys.named(OUTSIDE)
    named = blind(key, "sid", sid) if sid else None
    return Outside(blind(key, "issuer", issuer), named, blind(key, "subject", subject))


def begin(
    db: Connection,
    login: Login,
    settings: PersonalSettings,
    now: int,
    *,
    agent: str = "",
    replaces: bytes = b"",
) -> str:
    """Begin a session in place of the one the browser had, write it down, and give its secret.

    A member of staff who gave no second factor may do nothing but give one, unless everybody is made up.
    """
    if replaces:
        sessions.end(db, replaces)
    wanted = _wanted(login, settings)
    last = now + _longest(login.device, settings)
    session = Session(
        login.who,
        login.actor,
        login.actor if login.who is Who.RESIDENT else None,
        () if wanted else login.roles,
        login.level,
        made=now,
        used=now,
        until=min(now + idle(login.device, settings), last),
        id=fresh("l_"),
        method=login.method,
        proven=login.at or now,
        wanted=wanted,
        device=login.device,
        agent=agent,
        last=last,
    )
    secret = f"{login.who}_{secrets.token_urlsafe(32)}"
    sessions.end_oldest(db, login.who, login.actor, settings.most_sessions - 1)
    sessions.keep(db, secret, session, login.outside)
    facts = {"as": login.who, "level": int(login.level), "method": login.method}
    by, people = ({"by": login.actor}, {}) if login.who is Who.STAFF else ({}, {"subject": login.actor})
    log.append(db, Entry("login", {**facts, **by}, people), now)
    return secret


def idle(device: str, settings: PersonalSettings) -> int:
    """Say how long a session lasts without being used (µs)."""
    return int((settings.kiosk_seconds if device else settings.session_seconds) * clock.SECOND)


def _longest(device: str, settings: PersonalSettings) -> int:
    minutes = settings.kiosk_minutes if device else settings.session_hours * 60
    return int(minutes * 60 * clock.SECOND)


def _wanted(login: Login, settings: PersonalSettings) -> str:
    asked = settings.staff_second_factor and login.who is Who.STAFF and login.method != DEMO
    return FACTOR if asked else ""
