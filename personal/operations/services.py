"""The catalogue of services: read by everybody, changed by two members of staff, suspended at once by one."""

from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from base import clock
from base.access.reach import is_loopback
from base.database import Connection
from base.errors import AlreadyExists, BadRequestData, Conflict, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.locations.lgwan import GATEWAY
from personal.operations.actors import Role, Who
from personal.operations.call import NO_CONTENT, Answer, Call, Module
from personal.operations.tables import Decision, Kind
from personal.rules import catalogue, service_keys
from personal.store import connections, consents, items, resident_notices, services, sessions
from personal.store.services import Service, Version
from schemas.personal.catalogue import check_service

events = structlog.get_logger("engawa.personal")

ID: Final = {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64}
KEYS: Final[dict[str, Any]] = {
    "keys": service_keys.SCHEMA,
    "certificate": {"anyOf": [service_keys.CERTIFICATE, {"type": "null"}]},
}
SUSPEND: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["active"],
    "properties": {"active": {"type": "boolean"}},
    "additionalProperties": False,
}


async def list_public(call: Call, _: Module) -> Answer:
    """List the services that work now: who runs them, and for what they ask which items."""
    found = call.town.store.read(services.listed)
    return Answer(body={"services": [public(service) for service in found if service.active]})


async def show_public(call: Call, _: Module) -> Answer:
    """Show a service that works now."""
    service = call.town.store.read(lambda db: services.find(db, call.path["id"]))
    if service is None or not service.active:
        raise _missing()
    return Answer(body=public(service))


async def show_changes(call: Call, _: Module) -> Answer:
    """Show what a service asks for now and did not in an older version, and the other way round."""
    older = call.path["version"]

    def work(db: Connection) -> tuple[Service | None, Version | None]:
        number = int(older) if older.isascii() and older.isdigit() and len(older) < 10 else 0
        return services.find(db, call.path["id"]), services.version(db, call.path["id"], number)

    service, version = call.town.store.read(work)
    if service is None or version is None or not service.active:
        raise _missing()
    found = catalogue.differences(version.description, service.description)
    return Answer(
        body={
            "service": service.id,
            "from": version.version,
            "to": service.version,
            "consentHolds": version.version >= service.least,
            "differences": [difference.shown() for difference in found],
        }
    )


async def list_all(call: Call, _: Module) -> Answer:
    """List all services for staff."""
    return Answer(body={"services": [_for_staff(one) for one in call.town.store.read(services.listed)]})


async def show_all(call: Call, _: Module) -> Answer:
    """Show a service to staff, with every version of its description that was in force, and how many use it."""
    id = call.path["id"]

    def work(db: Connection) -> tuple[Service | None, list[Version], dict[str, int]]:
        found = services.find(db, id)
        residents, held = consents.standing(db, id, 0 if found is None else found.least)
        used = {"residents": residents, "consents": held, "connected": connections.count(db, id)}
        return found, services.versions(db, id), used

    service, versions, used = call.town.store.read(work)
    if service is None:
        raise _missing()
    told = [
        {
            "version": one.version,
            "since": clock.show(one.since),
            "wider": one.wider,
            "description": one.description,
        }
        for one in versions
    ]
    return Answer(body={**_for_staff(service), "versions": told, "used": used})


async def set_active(call: Call, _: Module) -> Answer:
    """Suspend a service at once, or let it go on: one person is enough, and everybody sees it in the audit log."""
    id, active = call.path["id"], call.body["active"]

    def work(db: Connection) -> None:
        service = services.find(db, id)
        if service is None:
            raise _missing()
        if service.active is active:
            raise Conflict(f"The service is {'active' if active else 'suspended'} already.")
        services.set_active(db, id, active)
        ended = sessions.end_all(db, Who.SERVICE, id)
        kind = "service-resumed" if active else "service-suspended"
        facts = {"by": call.actor.id, "service": id, "tokens-ended": ended}
        log.append(db, Entry(kind, facts), call.now)
        if not active:
            resident_notices.announce(db, kind, id, call.now)

    await call.town.store.write(work)
    events.warning("service resumed" if active else "service suspended", service=id, by=call.actor.id)
    return NO_CONTENT


def public(service: Service) -> dict[str, Any]:
    """Show a service to everybody."""
    told = service.description
    shown = {"id": service.id, "version": service.version, "leastVersion": service.least}
    return {**shown, **{name: told[name] for name in _PUBLIC if name in told}}


_PUBLIC: Final = ("name", "description", "operator", "purposes")


def _for_staff(service: Service) -> dict[str, Any]:
    return {
        **public(service),
        "notify": service.description.get("notify"),
        "login": service.description.get("login"),
        "active": service.active,
        "keys": [{name: key[name] for name in ("kid", "kty", "alg")} for key in service.keys["keys"]],
        "certificate": None if service.certificate is None else service.certificate.hex(),
    }


def _missing() -> ResourceNotFound:
    return ResourceNotFound("There is no such service.")


# -- what two members of staff do together


def _check_description(db: Connection, body: dict[str, Any], now: int) -> dict[str, Any]:
    """Note on which version a proposed description stands: it may not take effect on another one."""
    check_service(body["description"])
    _check_urls(body["description"])
    catalogue.check(body["description"], items.listed(db))
    if body["service"] == GATEWAY:
        raise BadRequestData("This id stands for the module itself inside LGWAN: choose another one.")
    service = services.find(db, body["service"])
    if service is None and "keys" not in body:
        raise BadRequestData("A new service needs keys, which may be none if it has a certificate.")
    if service is not None and body.keys() & KEYS.keys():
        raise BadRequestData("The keys of a service that there is are changed by a proposal of their own.")
    kept = {"service": body["service"], "description": body["description"]}
    if service is not None:
        if service.description == body["description"]:
            raise Conflict("The description is the one in force: there is nothing to approve.")
        return {**kept, "base": service.version}
    return {**kept, "base": 0, **_checked_keys(db, body, now)}


def _check_urls(description: dict[str, Any]) -> None:
    """Refuse a URL that could not be told anything, or where others could read along."""
    login = description.get("login", {})
    _check_url("notify", description.get("notify"))
    _check_url("backchannelLogoutUri", login.get("backchannelLogoutUri"))
    for name in ("redirectUris", "postLogoutRedirectUris"):
        for url in login.get(name, []):
            _check_url(name, url)


def _check_url(name: str, url: str | None) -> None:
    try:
        where = urlsplit(url or "https://none")
        safe = where.scheme == "https" or is_loopback(where.hostname or "")
    except ValueError:
        raise BadRequestData(f"{name} is no URL.") from None
    if not safe:
        raise BadRequestData(f"{name} has to begin with https, unless it is on this machine.")


def _approve_description(db: Connection, body: dict[str, Any], decision: Decision) -> dict[str, Any]:
    id, description = body["service"], body["description"]
    service = services.find(db, id)
    if body["base"] != (0 if service is None else service.version):
        raise Conflict("Another version of this service was approved meanwhile: propose it again.")
    catalogue.check(description, items.listed(db))
    old = None if service is None else service.description
    more = catalogue.wider(old, description)
    number = services.put_version(
        db, id, description, wider=more, proposal=decision.proposal, now=decision.now
    )
    if service is None:
        _set_keys(db, id, body)
    elif more:
        resident_notices.announce(db, "terms-changed", id, decision.now)
    return {"service": id, "version": number, "wider": more}


def _shown_description(db: Connection, body: dict[str, Any]) -> dict[str, Any]:
    version = services.version(db, body["service"], body["base"])
    if version is None:
        return {"wider": True, "differences": []}
    found = catalogue.differences(version.description, body["description"])
    more = any(difference.wider for difference in found)
    told = {"wider": more, "differences": [difference.shown() for difference in found]}
    service = services.find(db, body["service"])
    if not more or service is None:
        return told
    people, held = consents.standing(db, service.id, service.least)
    return {**told, "toRenew": {"residents": people, "consents": held}}


def _check_keys(db: Connection, body: dict[str, Any], now: int) -> dict[str, Any]:
    if services.find(db, body["service"]) is None:
        raise _missing()
    return {"service": body["service"], **_checked_keys(db, body, now)}


def _approve_keys(db: Connection, body: dict[str, Any], _: Decision) -> dict[str, Any]:
    if services.find(db, body["service"]) is None:
        raise _missing()
    _set_keys(db, body["service"], body)
    # a token that was got with a former key is no longer worth anything
    ended = sessions.end_all(db, Who.SERVICE, body["service"])
    return {"service": body["service"], "keys": len(body["keys"]["keys"]), "tokens-ended": ended}


def _checked_keys(db: Connection, body: dict[str, Any], now: int) -> dict[str, Any]:
    keys, pem = service_keys.checked(body["keys"]), body.get("certificate")
    if not keys["keys"] and pem is None:
        raise BadRequestData("A service needs a key or a certificate, or nobody can tell that it is the one.")
    mark = None if pem is None else service_keys.thumbprint(pem, now)
    _refuse_shared(db, body["service"], mark)
    return {"keys": keys, "certificate": None if mark is None else mark.hex()}


def _set_keys(db: Connection, id: str, body: dict[str, Any]) -> None:
    mark = None if body["certificate"] is None else bytes.fromhex(body["certificate"])
    _refuse_shared(db, id, mark)
    services.set_keys(db, id, body["keys"], mark)


def _refuse_shared(db: Connection, id: str, mark: bytes | None) -> None:
    holder = None if mark is None else services.by_certificate(db, mark)
    if holder is not None and holder.id != id:
        raise AlreadyExists("Another service has this certificate: each needs its own.")


DESCRIPTION: Final = Kind(
    frozenset({Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["service", "description"],
        "properties": {"service": ID, "description": {"type": "object"}, **KEYS},
        "additionalProperties": False,
    },
    _check_description,
    _approve_description,
    _shown_description,
)
NEW_KEYS: Final = Kind(
    frozenset({Role.CATALOGUE}),
    {
        "type": "object",
        "required": ["service", "keys"],
        "properties": {"service": ID, **KEYS},
        "additionalProperties": False,
    },
    _check_keys,
    _approve_keys,
    days=7,
)
