"""Access tokens of services: client credentials, proven by the service's own key. (RFC 6749 4.4, RFC 7523 2.2)"""

import hashlib
import secrets
from typing import Any, Final

from base.database import Connection
from base.errors import InvalidRequest, Unauthorized
from personal.operations.actors import Who
from personal.operations.call import Answer, Call, Module
from personal.rules import assertion
from personal.rules.identifiers import framed
from personal.store import agent_orders, desks, exchange, services, sessions
from personal.store.sessions import Session

TOKEN_PATH: Final = "/personal/v1/token"  # noqa: S105  # a path, no secret
AGENT: Final = "lgwan.agent"
"""As which client the agent inside LGWAN asks; no service can have this id."""
DESK: Final = "desk."
"""How the names of desks as clients begin; no service can have such an id."""
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["grant_type", "client_assertion_type", "client_assertion"],
    "properties": {
        "grant_type": {"const": "client_credentials"},
        "client_assertion_type": {"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
        "client_assertion": {"type": "string"},
        "client_id": {"type": "string"},
        "scope": {"type": "string"},
    },
    "additionalProperties": False,
}


async def issue_token(call: Call, module: Module) -> Answer:
    """Give a service, a desk, the agent inside or another town's module an access token for its assertion."""
    proof = call.body["client_assertion"]
    client = assertion.client_of(proof)
    if call.body.get("client_id", client) != client:
        raise InvalidRequest("client_id is another one than the assertion's.")
    who, keys = call.town.store.read(lambda db: _known(db, client, call.now))
    address = module.address()
    seconds = call.now // 1_000_000
    proven = assertion.verified(proof, keys, (address, address + TOKEN_PATH), seconds)
    life = int(module.settings.token_seconds)
    secret = f"st_{secrets.token_urlsafe(32)}"
    actor = client.removeprefix(DESK) if who is Who.DESK else client
    session = Session(who, actor, None, (), 0, call.now, call.now, call.now + life * 1_000_000)
    used = hashlib.sha256(framed(client, proven.id)).digest()

    def work(db: Connection) -> None:
        if _known(db, client, call.now) != (who, keys):
            raise Unauthorized("The client assertion is not valid here: its client was changed meanwhile.")
        # longer than it is good for, by the leeway for clocks that differ
        if not sessions.spend(db, used, (proven.until + 2 * assertion.LEEWAY) * 1_000_000, call.now):
            raise Unauthorized("The client assertion is not valid here: it was used before.")
        sessions.keep(db, secret, session)

    await call.town.store.write(work)
    return Answer(body={"access_token": secret, "token_type": "Bearer", "expires_in": life})


def _known(db: Connection, client: str, now: int) -> tuple[Who, dict[str, Any]]:
    """Say who a client is, and by which keys it proves that."""
    if client == AGENT:
        known = agent_orders.agents(db, now)
        if known:
            return Who.AGENT, {"keys": [one["signing"] for one in known]}
    if client.startswith(DESK):
        desk = desks.find(db, client.removeprefix(DESK))
        if desk is not None:
            return Who.DESK, dict(desk.keys)
    if client.isdigit():
        peer = exchange.find(db, client)
        if peer is not None and peer.active:
            return Who.PEER, peer.keys
    service = services.find(db, client)
    if service is None or not service.active:
        raise Unauthorized("The client assertion is not valid here: its client is not known.")
    return Who.SERVICE, service.keys
