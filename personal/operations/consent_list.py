"""Everything a resident may decide on, with where it stands: per service, purpose and item. (personal-data.md 3.4)"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from base import clock
from base.database import Connection
from personal.operations.deciding import place
from personal.operations.preparing import service_changes
from personal.rules import consent, decisions
from personal.rules.catalogue import CONSENT
from personal.rules.consent import HOLDING, Consent, Kind
from personal.store import consents, items, records, services
from personal.store.consents import Key
from personal.store.services import Service
from schemas.personal.catalogue import Item

SOON: Final = 30 * 86_400 * clock.SECOND
"""How long before its end a consent is on the list of those to renew."""
_TOLD: Final = ("id", "name", "description", "registeredPurpose", "legalClass", "basis")

Sees = Callable[[str, str], bool]
"""Says whether who asks may see what is decided for a service about an item."""


def everything(_: str, __: str) -> bool:
    """See all of it."""
    return True


def listed(
    db: Connection,
    person: str,
    now: int,
    sees: Sees = everything,
    unseen: Collection[Key] = (),
) -> dict[str, Any]:
    """List all services, those too that are suspended or gone and still have a consent; not what is `unseen`."""
    found = services.listed(db)
    standing = {
        key: one
        for key, one in consents.of(db, person).items()
        if sees(one.service, one.item) and key not in unseen
    }
    view = _View(db, person, now, sees, standing, items.listed(db))
    with_consent = {service for _, service, _, _ in standing}
    return {
        "services": [view.service(one) for one in found if one.active or one.id in with_consent],
        "former": _former(found, standing, now),
        "endsSoon": [
            {**_named(key), "until": clock.show(one.until)}
            for key, one in standing.items()
            if consent.holds(one, now, 0) and one.until is not None and one.until - now <= SOON
        ],
    }


@dataclass(frozen=True, slots=True)
class _View:
    """What the list of one resident is made of."""

    db: Connection
    person: str
    now: int
    sees: Sees
    standing: Mapping[Key, Consent]
    known: Mapping[str, Item]

    def service(self, service: Service) -> dict[str, Any]:
        told = service.description
        return {
            "id": service.id,
            "name": told["name"],
            "operator": told["operator"],
            "version": service.version,
            "active": service.active,
            "purposes": [self.purpose(service, purpose) for purpose in told["purposes"]],
        }

    def purpose(self, service: Service, purpose: Mapping[str, Any]) -> dict[str, Any]:
        labels = {code: item.label for code, item in self.known.items()}
        agreed = max(
            (
                one.version
                for one in self.standing.values()
                if (one.service, one.purpose) == (service.id, purpose["id"]) and one.state in HOLDING
            ),
            default=service.version,
        )
        shown = [one for one in purpose["items"] if self.sees(service.id, one["item"])]
        return {
            **{name: purpose[name] for name in _TOLD if name in purpose},
            "items": [self.item(service, purpose, asked) for asked in shown],
            "changes": service_changes(self.db, service, agreed, purpose["id"], labels),
        }

    def item(self, service: Service, purpose: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
        code = asked["item"]
        item = self.known.get(code)
        law = decisions.law(purpose, CONSENT if item is None else item.basis)
        told: dict[str, Any] = {
            "item": code,
            "label": {"ja": code, "en": code} if item is None else item.label,
            "class": None if item is None else item.item_class,
            **{name: asked[name] for name in ("need", "retentionDays", "recipients")},
            "location": place(self.db, self.person, code),
            "held": records.find(self.db, self.person, code) is not None,
            "decidable": law is None and service.active,
        }
        if law is not None:
            told["law"] = law
        for kind in Kind:
            one = self.standing.get((kind, service.id, purpose["id"], code))
            told[str(kind)] = None if one is None else _shown(one, service.least, self.now)
        return told


def _shown(one: Consent, least: int, now: int) -> dict[str, Any]:
    return {
        "state": consent.state_at(one, now),
        "holds": consent.holds(one, now, least),
        "since": clock.show(one.since),
        "until": None if one.until is None else clock.show(one.until),
        "version": one.version,
        "renewalNeeded": one.state in HOLDING and one.version < least,
    }


def _former(found: list[Service], standing: Mapping[Key, Consent], now: int) -> list[dict[str, Any]]:
    """List what is agreed and no service asks for any more, so that it can be withdrawn."""
    asked = {
        (service.id, purpose["id"], one["item"])
        for service in found
        for purpose in service.description["purposes"]
        for one in purpose["items"]
    }
    return [
        {**_named(key), **_shown(one, 0, now)}
        for key, one in standing.items()
        if key[1:] not in asked and one.state in HOLDING
    ]


def _named(key: Key) -> dict[str, str]:
    kind, service, purpose, item = key
    return {"kind": kind, "service": service, "purpose": purpose, "item": item}
