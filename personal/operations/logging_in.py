"""A login begins: whoever proved who they are gets a session, another one than any before. (ASVS 5.0 7.2.4)"""

import secrets
from dataclasses import dataclass, field, replace
from typing import Final

from base import clock
from base.database import Connection
from base.errors import Problem, Unauthorized
from personal.audit import log
from personal.audit.log import Entry
from personal.operations import resident_notices
from personal.operations.actors import Who
from personal.operations.town import Town
from personal.rules.identifiers import blind, fresh
from personal.rules.levels import Level
from personal.settings import PersonalSettings
from personal.store import identifiers, sessions, staff
from personal.store.identifiers import Means
from personal.store.sessions import Outside, Session

OUTSIDE: Final = "login"
"""Which key of the municipality hashes what providers call logins and people."""
DEMO: Final = "demo"
"""The method of logins that prove nothing, where everybody is made up."""
UNKNOWN: Final = 0
"""When somebody proved who they are whose provider does not say; nothing that has to be new rests on that login."""
FACTOR: Final = "factor"
"""Missing from the login of a member of staff until they gave their second factor."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who proved who they are, how, how surely, when (µs; None: just now); `device`: the desk at which they sit."""

    who: Who
    actor: str
    level: Level
    method: str
    roles: tuple[str, ...] = ()
    at: int | None = None
    device: str = ""
    outside: Outside | None = field(default=None, repr=False)
    means: Means | None = field(default=None, repr=False)


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

    A member of staff who gave no second factor may do nothing but give one, unless everybody is made up. Who logs in
    again as surely keeps acting for whom they act for, so that a form they had begun is about nobody else.
    """
    former = sessions.by_hash(db, replaces, now) if replaces else None
    same = former is not None and (former.kind, former.actor) == (login.who, login.actor)
    session = _session(login, settings, now, agent)
    if login.who is Who.STAFF:
        session = _of_staff(db, session, now)
    if login.means is not None:
        session = replace(session, identifier=identifiers.use(db, login.means, now))
    secret = f"{login.who}_{secrets.token_urlsafe(32)}"
    if former is not None and same:
        kept = former.subject if login.level >= former.level else session.subject
        session = replace(session, id=former.id, subject=kept)
        sessions.renew(db, replaces, secret, session, login.outside)
    else:
        sessions.end(db, replaces)
        sessions.end_oldest(db, login.who, login.actor, settings.most_sessions - 1)
        sessions.keep(db, secret, session, login.outside)
    facts = {"as": login.who, "level": int(login.level), "method": login.method}
    by, people = ({"by": login.actor}, {}) if login.who is Who.STAFF else ({}, {"subject": login.actor})
    log.append(db, Entry("login", {**facts, **by}, people), now)
    if login.who is Who.RESIDENT:
        resident_notices.logged_in(db, login.actor, login.method, login.device or agent, now)
    return secret


def surer(db: Connection, hash: bytes, now: int, roles: tuple[str, ...]) -> str:
    """Note that a member of staff gave their second factor: the session gets their roles and another secret."""
    found = sessions.by_hash(db, hash, now)
    if found is None:
        raise unknown()
    secret = f"{found.kind}_{secrets.token_urlsafe(32)}"
    sessions.change(db, hash, secret, replace(found, roles=roles, wanted="", factor=now))
    return secret


def unknown() -> Problem:
    """Refuse a login, the same for everybody who is not known here."""
    return Unauthorized("This login is not known here.")


def _session(login: Login, settings: PersonalSettings, now: int, agent: str) -> Session:
    wanted = _wanted(login, settings)
    last = now + longest(login.device, settings)
    return Session(
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
        proven=now if login.at is None else login.at,
        wanted=wanted,
        device=login.device,
        agent=agent,
        last=last,
    )


def _of_staff(db: Connection, session: Session, now: int) -> Session:
    """Let a member of staff in who may log in, no longer than they stay."""
    member = staff.find(db, session.actor)
    if member is None or not member.present(now):
        raise unknown()
    staff.note_login(db, member.id, now)
    end = session.last if member.until is None else min(session.last, member.until)
    return replace(session, last=end, until=min(session.until, end))


def idle(device: str, settings: PersonalSettings) -> int:
    """Say how long a session lasts without being used (µs)."""
    return int((settings.kiosk_seconds if device else settings.session_seconds) * clock.SECOND)


def longest(device: str, settings: PersonalSettings) -> int:
    """Say how long a session lasts in any case (µs)."""
    minutes = settings.kiosk_minutes if device else settings.session_hours * 60
    return int(minutes * 60 * clock.SECOND)


def _wanted(login: Login, settings: PersonalSettings) -> str:
    asked = settings.staff_second_factor and login.who is Who.STAFF and login.method != DEMO
    return FACTOR if asked else ""
