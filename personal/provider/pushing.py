"""Requests that services push before they send anybody here. (RFC 9126)"""

from typing import Final

from aiohttp import web
from authlib.oauth2.rfc6749 import OAuth2Error

from base.clock import SECOND
from personal.provider.clients import authenticated, proof
from personal.provider.front import Asked, told
from personal.rules import authorization
from personal.rules.authorization import REQUEST_URI
from personal.store import pushed

SECONDS: Final = 90


async def push(asked: Asked) -> web.Response:
    """Keep a request of a service that would be taken, for one use within a minute and a half."""
    service = await authenticated(asked)
    if "request_uri" in asked.form:
        raise OAuth2Error("a request that is pushed cannot name another one", error="invalid_request")
    shown = await proof(asked)
    params = {**authorization.kept(asked.form), "client_id": service.id}
    if shown is not None and params.setdefault("dpop_jkt", shown.jkt) != shown.jkt:
        raise OAuth2Error("dpop_jkt is not the key of the proof", error="invalid_dpop_proof")
    if authorization.target(params, service.description) is None:
        raise OAuth2Error("redirect_uri is not registered", error="invalid_request")
    authorization.read(params, service.description)
    until = asked.now + SECONDS * SECOND
    name = await asked.city.town.store.write(lambda db: pushed.keep(db, service.id, params, asked.now, until))
    return told({"request_uri": REQUEST_URI + name, "expires_in": SECONDS}, 201)
