"""Registering a neighbour: who it is, what it is asked for, and that twice is once. (5.9.2, 5.2.9)"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from broker.neighbours.talk import Refused, Talk, Unusable
from schemas import catalogue

SHELTERS: Final = ("EvacuationShelter", "EvacuationSite", "DesignatedShelter")
TIMEOUT: Final = 5_000
COOLDOWN: Final = 5_000
Body = dict[str, Any]

_KEPT: Final = ("registrationName", "description")
_COUNTED: Final = frozenset({"status", "timesSent", "timesFailed", "lastSuccess", "lastFailure"})


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What a registration of a neighbour says; times in milliseconds. (5.2.9, 5.2.34)"""

    endpoint: str
    types: Sequence[str] = SHELTERS
    alias: str = ""
    name: str = ""
    tenant: str = ""
    mode: str = "inclusive"
    timeout: int = TIMEOUT
    cooldown: int = COOLDOWN
    local_only: bool = True
    info: Sequence[Body] = ()

    @property
    def id(self) -> str:
        """Give the same registration the same id each time."""
        named = self.alias or "".join(urlsplit(self.endpoint)[1:3])
        return f"urn:ngsi-ld:ContextSourceRegistration:neighbour:{quote(named, safe='')}"

    def registration(self) -> Body:
        """Write the registration, with the types as IRIs."""
        body: Body = {
            "id": self.id,
            "type": "ContextSourceRegistration",
            "endpoint": self.endpoint,
            "mode": self.mode,
            "information": [{"entities": [{"type": type_iri(name)} for name in self.types]}],
            "management": {
                "timeout": self.timeout,
                "cooldown": self.cooldown,
                "localOnly": self.local_only,
            },
        }
        if self.alias:
            body["contextSourceAlias"] = self.alias
        if self.name:
            body["registrationName"] = self.name
        if self.tenant:
            body["tenant"] = self.tenant
        if self.info:
            body["contextSourceInfo"] = list(self.info)
        return body


def type_iri(name: str) -> str:
    """Expand a type of the city's @context; another name stays as it is."""
    try:
        return catalogue.iri(name)
    except KeyError:
        return name


async def identity(neighbour: Talk) -> str:
    """Ask a neighbour for its alias; empty if it is a broker that tells none. Unusable if it is no broker. (5.15.1)"""
    reply = await neighbour.ask("GET", "/info/sourceIdentity")
    if reply.status == 200 and isinstance(reply.body, dict):
        alias = reply.body.get("contextSourceAlias")
        return alias if isinstance(alias, str) else ""
    reply = await neighbour.ask("GET", "/types", params={"local": "true"})
    if reply.status != 200 or not isinstance(reply.body, dict | list):
        raise Unusable(f"it is no NGSI-LD broker, or refuses us: {reply.reason}")
    return ""


async def join(here: Talk, neighbour: Neighbour) -> str:
    """Register a neighbour with a broker, or bring its registration up to date: 'joined', 'changed', 'unchanged'."""
    body = neighbour.registration()
    path = f"/csourceRegistrations/{quote(neighbour.id, safe=':')}"
    reply = await here.ask("GET", path)
    if reply.status == 200 and isinstance(reply.body, dict):
        there = _told(reply.body)
        body = {name: there[name] for name in _KEPT if name in there} | body
        if there == body:
            return "unchanged"
        gone = {name: None for name in there if name not in body}
        reply = await here.ask("PATCH", path, {**body, **gone})
        done = "changed"
    else:
        reply = await here.ask("POST", "/csourceRegistrations", body)
        done = "joined"
    if reply.status not in (201, 204):
        raise Refused(f"the registration of {neighbour.endpoint} is refused: {reply.reason}")
    return done


def _told(body: Body) -> Body:
    return {name: value for name, value in body.items() if name not in _COUNTED}
