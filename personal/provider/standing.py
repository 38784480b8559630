"""Whether a login at a service still stands, and what its resident lets the service have: asked anew each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from base.database import Connection
from personal.rules import consent
from personal.rules.authorization import DETAIL, OFFLINE, OPENID, PURPOSE, Wanted, least, login_of
from personal.rules.catalogue import CONSENT, purpose_of
from personal.rules.consent import OPEN, Consent, State
from personal.rules.residents import State as Life
from personal.store import connections, consents, people, pseudonyms, service_logins, services
from personal.store.service_logins import ServiceLogin
from personal.store.services import Service

_ANEW: Final = OPEN | {State.EXPIRED, State.INVALIDATED, State.REVOKED}
"""States in which a resident is asked (again); who refused or withdrew is not."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A login at a service that stands, the service, and the items agreed to of each purpose that was asked for."""

    login: ServiceLogin
    service: Service
    agreed: dict[str, tuple[str, ...]]

    @property
    def scope(self) -> str:
        """Give what the tokens are good for now."""
        asked = self.login.asked["scope"]
        purposes = [
            one for one in asked if one.removeprefix(PURPOSE) in self.agreed and one.startswith(PURPOSE)
        ]
        offline = [OFFLINE] if self.login.offline else []
        return " ".join([OPENID, *offline, *purposes])

    @property
    def details(self) -> list[dict[str, Any]]:
        """Give the items that the service may see now, by purpose. (RFC 9396 7)"""
        return [
            {"type": DETAIL, "purpose": purpose, "items": list(items)}
            for purpose, items in self.agreed.items()
        ]


def standing(db: Connection, login: ServiceLogin, now: int) -> Standing | None:
    """Give a login at a service with what it lets the service have; None if it does not stand any more."""
    service = services.find(db, login.service)
    if service is None or not service.active or login_of(service.description) is None:
        return None
    if login.level < least(service.description):
        return None
    person = people.find(db, login.person)
    if person is None or person.state in (Life.DEAD, Life.MERGED):
        return None
    if connections.find(db, login.person, login.service) is None or not service_logins.lives(db, login, now):
        return None
    if pseudonyms.known(db, login.service, login.person) != login.subject:
        return None
    wanted = [Wanted(one["purpose"], tuple(one["items"])) for one in login.asked["wanted"]]
    return Standing(login, service, agreed(db, login.person, service, wanted, now))


def agreed(
    db: Connection, person: str, service: Service, wanted: Sequence[Wanted], now: int
) -> dict[str, tuple[str, ...]]:
    """Give the items that a resident lets a service have, of each purpose of which there are any."""
    found = people.current(db, person)
    if found is None or found.protected:
        return {}
    held = {}
    for one in wanted:
        consented = _consents(db, person, service, one)
        items = tuple(item for item in one.items if consent.holds(consented.get(item), now, service.least))
        if items:
            held[one.purpose] = items
    return held


def undecided(db: Connection, person: str, service: Service, one: Wanted, now: int) -> bool:
    """Say whether a resident has to be asked: they never decided, what they agreed to has ended, or it is needed."""
    consented = _consents(db, person, service, one)
    missing = [item for item in one.items if not consent.holds(consented.get(item), now, service.least)]
    if one.required:
        return bool(missing)
    return any(_open(consented.get(item), now) for item in missing)


def needed(service: Service, one: Wanted) -> frozenset[str]:
    """Name the items without which a service that marked a purpose as required does not want a login."""
    purpose = purpose_of(service.description, one.purpose)
    if not one.required or purpose is None:
        return frozenset()
    musts = {asked["item"] for asked in purpose["items"] if asked["need"] == "required"}
    return frozenset(one.items) & musts or frozenset(one.items)


def _open(found: Consent | None, now: int) -> bool:
    if found is None:
        return True
    state = consent.state_at(found, now)
    return state in _ANEW or state in consent.HOLDING  # which does not hold: to a version that asked for less


def _consents(db: Connection, person: str, service: Service, one: Wanted) -> dict[str, Consent]:
    purpose = purpose_of(service.description, one.purpose)
    if purpose is None or purpose["basis"] != CONSENT:
        return {}
    asked = {row["item"] for row in purpose["items"]}
    return consents.for_disclosure(db, person, service.id, one.purpose, asked & set(one.items))
