"""Requests understood before: the like of them need not be understood again. (DESIGN 2.1)

Requests that differ only in the entity they name are alike: what one means, the others mean for their entity. What is
kept is the understanding of a request, never its answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from base.access import Caller
from base.recent import Recent
from broker.api import request as heads
from broker.operations import entity_maps, snapshots
from broker.operations.call import Broker, Call, Operation

MOST: Final = 8_192
LONGEST: Final = 512
NO_HEADERS: Mapping[str, str] = {}
WRITES: Final = ("/entities", "/entityOperations/")
_ENTITY: Final = re.compile(rb"/ngsi-ld/v1/entities/([A-Za-z0-9:._~-]+)(?=[/? ]|\Z)")
Key = bytes | tuple[Caller | bytes | str | None, ...]


class Like(NamedTuple):
    """What a request has in common with others that are alike, and what is its own: its target and its entity."""

    key: Key
    target: str
    entity: str | None


def of_head(head: bytes) -> Like:
    """Look at the exact bytes of the head of an anonymous request."""
    start = head.index(b" ") + 1
    target = head[start : head.index(b" ", start)].decode("latin-1")
    named = _ENTITY.match(head, start)
    if named is None:
        return Like(head, target, None)
    return Like(head[: named.start(1)] + b"\n" + head[named.end(1) :], target, named[1].decode())


def of_read(method: str, target: str, headers: Mapping[str, str], caller: Caller) -> Like | None:
    """Look at all that a read depends on; None for requests that change something or are not worth keeping."""
    if method not in ("GET", "HEAD") or len(target) > LONGEST or is_particular(headers):
        return None
    raw = target.encode("utf-8", "surrogateescape")
    named = _ENTITY.match(raw)
    common = raw if named is None else raw[: named.start(1)] + b"\n" + raw[named.end(1) :]
    get = headers.get
    depends = (get("accept"), get("link"), get("ngsild-tenant"), get("prefer"), get("host"))
    return Like((caller, common, *depends), target, None if named is None else named[1].decode())


def is_particular(headers: Mapping[str, str]) -> bool:
    """Say whether a request goes beyond what is kept: through an entity map, or into a snapshot."""
    return entity_maps.HEADER in headers or snapshots.HEADER in headers


@dataclass(slots=True)
class Known:
    """A request understood: the @context it named, what serves it, with what; whether it had to wait for the store."""

    source: str | None
    operation: Operation
    call: Call
    waits: bool = False

    def call_of(self, like: Like, now: int) -> Call:
        """Give the call of a request that is alike."""
        call = self.call.at(now)
        if like.entity is not None:
            call.path = {**call.path, "entityId": like.entity}
            call.target = like.target
        return call


class Understood:
    """What was understood lately, of reads and of writes."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._known: Recent[Key, Known] = Recent(MOST)

    def find(self, like: Like) -> Known | None:
        """Find what was understood of a request that is alike; not if its @context has changed meanwhile.

        Nor if sources may be asked: what they are asked depends on headers that are not kept.
        """
        known = self._known.get(like.key)
        if known is None or self._broker.contexts.known(known.source) is not known.call.context:
            return None
        return None if self._broker.registry.has_sources(known.call.tenant) else known

    def keep(self, like: Like, operation: Operation, call: Call, headers: Mapping[str, str]) -> None:
        """Keep what was understood of a request."""
        if operation.changes or "entityMap" in call.params or call.holder or is_particular(headers):
            return
        if like.entity is not None and call.path.get("entityId") != like.entity:
            return
        prefer = headers.get("Prefer")
        kept = {"prefer": prefer} if prefer else NO_HEADERS
        self._known[like.key] = Known(
            heads.context_link(headers.get("Link")),
            operation,
            replace(call, body=None, headers=kept, reached=call.origin.__str__),
        )


def is_kept_write(operation: Operation, call: Call) -> bool:
    """Say whether a write is of a kind worth keeping: of entities, in plain JSON with its @context outside."""
    return operation.body and not (operation.bare or call.embedded) and operation.path.startswith(WRITES)
