"""Everything a resident may decide on, with where it stands: per service, purpose and item. (personal-data.md 3.4)"""

from collections.abc import Mapping
from typing import Any, Final

from base import clock
from base.database import Connection
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


def listed(db: Connection, person: str, now: int) -> dict[str, Any]:
    """List all services, those too that are suspended or gone and still have a consent."""
    standing, known = consents.of(db, person), items.listed(db)
    found = services.listed(db)
    shown = [
        _service(db, service, person, standing, known, now)
        for service in found
        if service.active or any(key[1] == service.id for key in standing)
    ]
    return {
        "services": shown,
        "former": _former(found, standing, now),
        "endsSoon": [
            {**_named(key), "until": clock.show(one.until or 0)}
            for key, one in standing.items()
            if consent.holds(one, now, 0) and one.until is not None and one.until - now <= SOON
        ],
    }


def _service(
    db: Connection,
    service: Service,
    person: str,
    standing: Mapping[Key, Consent],
    known: Mapping[str, Item],
    now: int,
) -> dict[str, Any]:
    told = service.description
    return {
        "id": service.id,
        "name": told["name"],
        "operator": told["operator"],
        "version": service.version,
        "active": service.active,
        "purposes": [
            _purpose(db, service, purpose, person, standing, known, now) for purpose in told["purposes"]
        ],
    }


def _purpose(
    db: Connection,
    service: Service,
    purpose: Mapping[str, Any],
    person: str,
    standing: Mapping[Key, Consent],
    known: Mapping[str, Item],
    now: int,
) -> dict[str, Any]:
    about = {key: one for key, one in standing.items() if key[1] == service.id and key[2] == purpose["id"]}
    labels = {code: item.label for code, item in known.items()}
    agreed = max((one.version for one in about.values() if one.state in HOLDING), default=service.version)
    return {
        **{name: purpose[name] for name in _TOLD if name in purpose},
        "items": [
            _item(db, service, purpose, asked, person, about, known.get(asked["item"]), now)
            for asked in purpose["items"]
        ],
        "changes": service_changes(db, service, agreed, purpose["id"], labels),
    }


_TOLD: Final = ("id", "name", "description", "registeredPurpose", "legalClass", "basis")


def _item(
    db: Connection,
    service: Service,
    purpose: Mapping[str, Any],
    asked: Mapping[str, Any],
    person: str,
    about: Mapping[Key, Consent],
    item: Item | None,
    now: int,
) -> dict[str, Any]:
    code = asked["item"]
    law = decisions.law(purpose, CONSENT if item is None else item.basis)
    record = records.find(db, person, code)
    told: dict[str, Any] = {
        "item": code,
        "label": {"ja": code, "en": code} if item is None else item.label,
        "class": None if item is None else item.item_class,
        **{name: asked[name] for name in ("need", "retentionDays", "recipients")},
        "location": records.place_of(db, person, code) if record is None else record.location,
        "held": record is not None,
        "decidable": law is None and service.active,
    }
    if law is not None:
        told["law"] = law
    for kind in Kind:
        one = about.get((kind, service.id, purpose["id"], code))
        told[str(kind)] = None if one is None else _shown(one, service.least, now)
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
