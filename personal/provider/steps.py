"""A request of a service under way in a browser: what comes next, decided and written down in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import OAuth2Error

from base.clock import SECOND
from base.database import Connection
from base.errors import InvalidRequest, NotPermitted, ResourceNotFound
from personal.audit import log
from personal.audit.log import Entry
from personal.operations.actors import Actor
from personal.provider.city import City
from personal.provider.deciding import Progress, Step, following, progress
from personal.provider.signing_in import Names, Ready, enter, names_of
from personal.rules import authorization
from personal.rules.authorization import OFFLINE, Request
from personal.store import attempts, connections, services, sessions
from personal.store.attempts import Attempt
from personal.store.services import Service
from personal.store.sessions import Session

KIND: Final = "authorize"
MINUTES: Final = 10
LOGIN: Final = "/me/login"
ASK: Final = "/me/ask"
_ID: Final = "{id}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a browser goes on: a URL of the service, or a page here."""

    url: str
    service: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """Whoever sits at the browser: as whom they are logged in, the secret of that login, the hash of the browser's."""

    actor: Actor = field(repr=False)
    secret: str = field(repr=False)
    browser: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a step is done with: the key that seals what is under way, and from what names are derived."""

    sealing: bytes = field(repr=False)
    names: Names


async def begin(city: City, guest: Guest, params: Mapping[str, str], now: int) -> Place:
    """Take a request, and say where the browser goes on; what is not finished at once is kept for it."""
    keys = await _keys(city)

    def work(db: Connection) -> Place:
        under_way, place = _decide(db, city, guest, Progress(params, now), keys.names, now)
        if place.service:
            return place
        made = Attempt(KIND, guest.browser, under_way.body(), now + MINUTES * 60 * SECOND)
        return Place(place.url.replace(_ID, attempts.keep(db, keys.sealing, made, now)))

    return await city.town.store.write(work)


async def go_on(city: City, guest: Guest, id: str, now: int) -> Place:
    """Go on with a request that this browser began."""
    keys = await _keys(city)

    def work(db: Connection) -> Place:
        under_way, place = _decide(db, city, guest, _found(db, keys, guest, id, now), keys.names, now)
        if place.service:
            attempts.take(db, keys.sealing, id, KIND, guest.browser, now)
            return place
        attempts.change(db, keys.sealing, id, KIND, under_way.body())
        return Place(place.url.replace(_ID, id))

    return await city.town.store.write(work)


async def answer(city: City, guest: Guest, id: str, now: int, *, agrees: bool) -> Place:
    """Note whether a resident lets a service learn a name for them, and say where the browser goes on."""
    keys = await _keys(city)

    def work(db: Connection) -> Place:
        under_way = _found(db, keys, guest, id, now)
        service, here = in_force(db, under_way.params["client_id"]), city.path(f"continue/{id}")
        session = _session(db, guest, now)
        if session is None:
            raise NotPermitted(
                "The form is too old, or was not made for this login. Check it and send it again."
            )
        if not _may_answer(db, service, guest, under_way, session, now):
            return Place(here)
        facts = {"by": "resident", "service": service.id, "outcome": "agree" if agrees else "refused"}
        log.append(db, Entry("service-connection", facts, {"subject": guest.actor.id}), now)
        if agrees:
            offline = OFFLINE in under_way.params.get("scope", "").split() and not guest.actor.device
            connections.agree(db, guest.actor.id, service.id, offline=offline, now=now)
            attempts.change(db, keys.sealing, id, KIND, replace(under_way, agreed=session.id).body())
            return Place(here)
        attempts.take(db, keys.sealing, id, KIND, guest.browser, now)
        error = OAuth2Error("the resident does not want to log in there", error="access_denied")
        return Place(back(city, under_way.params, error=error), service=True)

    return await city.town.store.write(work)


async def asked(city: City, guest: Guest, id: str, now: int) -> tuple[Service, Request]:
    """Give which service asks, and for what."""
    keys = await _keys(city)

    def look(db: Connection) -> tuple[Service, Request]:
        params = _found(db, keys, guest, id, now).params
        service = in_force(db, params["client_id"])
        return service, authorization.read(params, service.description)

    return city.town.store.read(look)


def in_force(db: Connection, id: str) -> Service:
    """Find a service that uses the common login now."""
    service = services.find(db, id)
    if service is None or not service.active or authorization.login_of(service.description) is None:
        raise InvalidRequest("The service that sent you here is not one of this municipality's common login.")
    return service


def back(city: City, params: Mapping[str, str], *, code: str = "", error: Any = None) -> str:
    """Write the URL by which an answer goes to a service; it says from whom it comes. (RFC 9207)"""
    told = {"code": code} if error is None else dict(error.get_body())
    if "state" in params:
        told["state"] = params["state"]
    mark = "&" if "?" in params["redirect_uri"] else "?"
    return f"{params['redirect_uri']}{mark}{urlencode({**told, 'iss': city.issuer})}"


async def _keys(city: City) -> _Keys:
    return _Keys(await city.town.keys.named(attempts.KEY), await names_of(city))


def _found(db: Connection, keys: _Keys, guest: Guest, id: str, now: int) -> Progress:
    found = attempts.peek(db, keys.sealing, id, KIND, guest.browser, now)
    if found is None:
        raise ResourceNotFound(
            "This login was begun too long ago or in another browser: begin again at the service."
        )
    return progress(found)


def _session(db: Connection, guest: Guest, now: int) -> Session | None:
    return sessions.find(db, guest.secret, now) if guest.secret else None


def _may_answer(
    db: Connection, service: Service, guest: Guest, under_way: Progress, session: Session, now: int
) -> bool:
    """Say whether the question is being asked: of who logged in as surely as the service wants, for themselves."""
    params = under_way.params
    if authorization.target(params, service.description) is None:
        return False
    try:
        request = authorization.read(params, service.description)
        step, _ = following(db, service, request, under_way, guest.actor, session, now)
    except OAuth2Error:
        return False
    return step is Step.AGREE


def _decide(
    db: Connection, city: City, guest: Guest, under_way: Progress, names: Names, now: int
) -> tuple[Progress, Place]:
    """Say where a browser goes on; what a service asks for is read anew each time, as it may have changed."""
    params, actor = under_way.params, guest.actor
    service, session = in_force(db, params["client_id"]), _session(db, guest, now)
    if authorization.target(params, service.description) is None:
        raise InvalidRequest("The service sent you here with an address to return to that is not registered.")
    here = city.path(f"continue/{_ID}")
    try:
        request = authorization.read(params, service.description)
        step, purpose = following(db, service, request, under_way, actor, session, now)
    except OAuth2Error as error:
        if error.error == "access_denied":
            facts = {"service": service.id, "outcome": "refused"}
            log.append(db, Entry("service-login-refused", facts, {"subject": actor.id}), now)
        return under_way, Place(back(city, params, error=error), service=True)
    if step is Step.LOG_IN:
        age = {} if request.age is None else {"age": request.age}
        query = urlencode({"next": here, "level": request.level, **age}, safe="/{}")
        return replace(under_way, logins=under_way.logins + 1), Place(f"{LOGIN}?{query}")
    if step is Step.DECIDE:
        query = urlencode({"service": service.id, "purpose": purpose, "then": here}, safe="/{}")
        return replace(under_way, asked=(*under_way.asked, purpose)), Place(f"{ASK}?{query}")
    if step is not Step.DONE or session is None:
        return under_way, Place(here)
    code = enter(db, Ready(service, request, actor, session, under_way.began), city, names, now)
    return under_way, Place(back(city, params, code=code), service=True)
