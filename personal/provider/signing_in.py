"""A resident logs in at a service: a code for it, under the name by which it knows them, and an entry in the log."""

import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from base.clock import SECOND
from base.database import Connection
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Actor
from personal.operations.logging_in import UNKNOWN
from personal.operations.naming import deriving_of
from personal.provider.city import City
from personal.provider.deciding import SKEW
from personal.rules.authorization import OFFLINE, Request
from personal.rules.identifiers import blind, fingerprint, fresh
from personal.rules.notice import QUARTER
from personal.store import connections, pseudonyms, service_logins
from personal.store.pseudonyms import Deriving
from personal.store.service_logins import ServiceLogin
from personal.store.services import Service
from personal.store.sessions import Session

CODE_SECONDS: Final = 60
LOGINS: Final = "service-logins"
"""The named key from which services' names of logins here are derived."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A request of which every step is done; began: when it came (µs)."""

    service: Service
    request: Request
    actor: Actor = field(repr=False)
    session: Session = field(repr=False)
    began: int


@dataclass(frozen=True, slots=True)
class Names:
    """From what services' names of residents, and of logins here, are derived."""

    residents: Deriving
    logins: bytes = field(repr=False)


async def names_of(city: City) -> Names:
    """Give from what services' names are derived in a municipality."""
    return Names(await deriving_of(city.town), await city.town.keys.named(LOGINS))


def sid(names: Names, login: str, service: str) -> str:
    """Give how a service calls a login here: the same at each visit of it there, and another one at each service."""
    return f"s_{fingerprint(blind(names.logins, service, login))}"


def enter(db: Connection, ready: Ready, city: City, names: Names, now: int) -> str:
    """Log a resident in at a service, and give the code by which it gets its tokens."""
    service, request, person = ready.service, ready.request, ready.actor.id
    found = connections.find(db, person, service.id)
    offline = found is not None and found.offline and OFFLINE in request.scope and not ready.actor.device
    settings = city.module.settings
    hours = settings.common_login_days * 24 if offline else settings.session_hours
    code = secrets.token_urlsafe(32)
    login = ServiceLogin(
        fresh("g_"),
        sid(names, ready.session.id, service.id),
        service.id,
        person,
        pseudonyms.given(db, names.residents, service.id, person, now),
        ready.session.id,
        _asked(request),
        int(ready.actor.level),
        ready.session.method,
        told(ready, now),
        offline,
        made=now,
        until=now + int(hours * 3_600 * SECOND),
        code_until=now + CODE_SECONDS * SECOND,
    )
    service_logins.add(db, login, code)
    connections.use(db, person, service.id, now)
    facts = {"by": "resident", "service": service.id, "level": int(ready.actor.level)}
    log.append(db, Entry("service-login", facts, {"subject": person}), now)
    return code


def told(ready: Ready, now: int) -> int:
    """Give the moment of a login as a service is told it: a full quarter hour, unless it happened for this service.

    Two services at which somebody logs in by one login here would otherwise have an equal moment to join them by.
    Never later than it was; with max_age as early as the service takes it. What is not known stays so.
    """
    proven, asked = ready.actor.proven, ready.request
    if proven == UNKNOWN:
        return UNKNOWN
    if ready.session.made >= ready.began and proven >= ready.began - SKEW:
        return proven
    whole = proven // QUARTER * QUARTER
    if asked.max_age is None:
        return whole
    return min(proven, max(whole, now + (CODE_SECONDS - asked.max_age) * SECOND))


def _asked(request: Request) -> dict[str, Any]:
    return {
        "scope": list(request.scope),
        "wanted": [asdict(one) for one in request.wanted],
        "nonce": request.nonce,
        "redirect_uri": request.redirect_uri,
        "challenge": request.challenge,
        "dpop_jkt": request.dpop_jkt,
    }
