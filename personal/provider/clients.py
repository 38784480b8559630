"""Who calls: a service, proven by its own key each time, and the key a token is bound to. (RFC 7523, RFC 9449)"""

import hashlib
from typing import Final

from authlib.oauth2.rfc6749 import OAuth2Error

from base.clock import SECOND
from base.database import Connection
from base.errors import Unauthorized
from personal.provider.front import Asked, take
from personal.rules import assertion, dpop
from personal.rules.authorization import login_of
from personal.rules.dpop import Proof
from personal.rules.identifiers import framed
from personal.store import services, sessions
from personal.store.services import Service

BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def authenticated(asked: Asked, *, logs_in: bool = True) -> Service:
    """Give the service that proves by its key that it calls; logs_in: it has to use the common login itself."""
    given = asked.form.get("client_assertion", "")
    if asked.form.get("client_assertion_type") != BEARER or not given:
        raise Unauthorized(
            "Prove who you are by private_key_jwt: client_assertion_type and client_assertion."
        )
    client = assertion.client_of(given)
    if asked.form.get("client_id", client) != client:
        raise Unauthorized("client_id is another one than the assertion's.")
    store, city = asked.city.town.store, asked.city
    service = store.read(lambda db: _known(db, client, logs_in=logs_in))
    places = (city.issuer, city.url("token"), f"{city.module.address()}{asked.request.path}")
    proven = assertion.verified(given, service.keys, places, asked.seconds)
    used = hashlib.sha256(framed(client, proven.id)).digest()

    def work(db: Connection) -> Service:
        now = _known(db, client, logs_in=logs_in)
        if now.keys != service.keys:
            raise Unauthorized("The client assertion is not valid here: its client was changed meanwhile.")
        # longer than it is good for, by the leeway for clocks that differ
        if not sessions.spend(db, used, (proven.until + 2 * assertion.LEEWAY) * SECOND, asked.now):
            raise Unauthorized("The client assertion is not valid here: it was used before.")
        return now

    found = await store.write(work)
    take(city.module, city, client)
    return found


async def proof(asked: Asked, token: str = "") -> Proof | None:
    """Give the key that whoever calls proves to hold; None if no proof comes along. Each proof is good once."""
    given = asked.request.headers.getall("DPoP", [])
    if not given:
        return None
    if len(given) > 1:
        raise OAuth2Error("more than one DPoP proof", error="invalid_dpop_proof")
    url = f"{asked.city.module.address()}{asked.request.path}"
    found = dpop.verified(given[0], asked.request.method, url, asked.seconds, token)
    used = hashlib.sha256(framed("dpop", found.jkt, found.id)).digest()
    if not await asked.city.town.store.write(
        lambda db: sessions.spend(db, used, found.until * SECOND, asked.now)
    ):
        raise OAuth2Error("the DPoP proof was used before", error="invalid_dpop_proof")
    return found


def _known(db: Connection, client: str, *, logs_in: bool) -> Service:
    service = services.find(db, client)
    if service is None or not service.active or (logs_in and login_of(service.description) is None):
        raise Unauthorized("The client assertion is not valid here: its client is not known.")
    return service
