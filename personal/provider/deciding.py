"""What still has to happen before a resident is sent back to a service: logging in, agreeing, deciding on items."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error

from base.clock import SECOND
from base.database import Connection
from personal.operations import acting
from personal.operations.actors import Actor, Who
from personal.operations.logging_in import UNKNOWN
from personal.provider import standing
from personal.rules.authorization import OFFLINE, Request
from personal.store import connections
from personal.store.services import Service
from personal.store.sessions import Session

SKEW: Final = 60 * SECOND
"""How much older a login that was made just now may seem by the clock of the provider that vouched for it."""
MOST_LOGINS: Final = 3
"""How often somebody is sent to log in for one request, before the service hears that it did not work."""


class Step(StrEnum):
    """What comes next."""

    LOG_IN = "log-in"
    END_ACTING = "end-acting"  # who acts for somebody else logs in at services as themselves
    AGREE = "agree"  # that this service learns a name for them at all
    DECIDE = "decide"  # on items for a purpose, in the portal
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """A request of a service that is under way in a browser; times in µs.

    began: when it came; asked: purposes decided on; agreed: in which login it was (empty: not yet).
    """

    params: Mapping[str, str] = field(repr=False)
    began: int
    asked: tuple[str, ...] = ()
    agreed: str = ""
    logins: int = 0

    def body(self) -> dict[str, Any]:
        """Give it as it is kept."""
        return {
            "params": dict(self.params),
            "began": self.began,
            "asked": list(self.asked),
            "agreed": self.agreed,
            "logins": self.logins,
        }


def progress(body: Mapping[str, Any]) -> Progress:
    """Read what was kept."""
    return Progress(body["params"], body["began"], tuple(body["asked"]), body["agreed"], body["logins"])


def following(
    db: Connection, service: Service, request: Request, under_way: Progress, actor: Actor,
    session: Session | None, now: int,
) -> tuple[Step, str]:  # fmt: skip
    """Say what comes next, and for which purpose; OAuth2Error says why the service gets nobody."""
    if actor.who is not Who.RESIDENT or session is None or not _sure(request, under_way, actor, session):
        _may_ask(request, "interaction_required" if _is_weaker(request, actor) else "login_required")
        if under_way.logins >= MOST_LOGINS:
            raise OAuth2Error("nobody logged in as surely", error=_why(request, actor))
        return Step.LOG_IN, ""
    if acting.for_another(actor):
        _may_ask(request, "interaction_required")
        return Step.END_ACTING, ""
    if not _connected(db, service, request, under_way, actor, session):
        _may_ask(request, "consent_required")
        return Step.AGREE, ""
    for one in request.wanted:
        if one.purpose not in under_way.asked and standing.undecided(db, actor.id, service, one, now):
            _may_ask(request, "consent_required")
            return Step.DECIDE, one.purpose
    _check_needs(db, service, request, actor, now)
    return Step.DONE, ""


def _sure(request: Request, under_way: Progress, actor: Actor, session: Session) -> bool:
    """Say whether a login is as sure and as new as a service asks for. (OpenID Connect Core 3.1.2.1)"""
    fresh = session.made >= under_way.began and actor.proven >= under_way.began - SKEW
    if request.age is not None and actor.proven == UNKNOWN:
        return False
    if actor.level < request.level or (request.age == 0 and not fresh):
        return False
    if request.max_age is None:
        return True
    return fresh or actor.proven >= under_way.began - request.max_age * SECOND


def _is_weaker(request: Request, actor: Actor) -> bool:
    return actor.who is Who.RESIDENT and actor.level < request.level


def _why(request: Request, actor: Actor) -> str:
    return "unmet_authentication_requirements" if _is_weaker(request, actor) else "login_required"


def _connected(
    db: Connection, service: Service, request: Request, under_way: Progress, actor: Actor, session: Session
) -> bool:
    found = connections.find(db, actor.id, service.id)
    if found is None:
        return False
    if under_way.agreed == session.id:
        return True
    further = OFFLINE in request.scope and not found.offline and not actor.device
    return not (further or "consent" in request.prompt)


def _check_needs(db: Connection, service: Service, request: Request, actor: Actor, now: int) -> None:
    """Refuse a login of which the service said that it wants it with these items only."""
    for one in request.wanted:
        needs = standing.needed(service, one)
        held = standing.agreed(db, actor.id, service, [one], now).get(one.purpose, ())
        if needs - set(held):
            raise OAuth2Error("the resident does not share what is needed", error="access_denied")


def _may_ask(request: Request, otherwise: str) -> None:
    if request.silent:
        raise OAuth2Error("the resident would have to be asked", error=otherwise)
