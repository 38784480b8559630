"""A request as an operation sees it, free of the transport, and what the operation answers. (DESIGN 2.1)"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from base.access import ANONYMOUS, Caller
from base.access.doors import Doors
from base.jsonld import Context
from base.recent import Recent
from broker.access.policies import Policies
from broker.access.rights import Rights
from broker.contexts import Contexts
from broker.federation import Federation
from broker.federation.memory import Holder
from broker.federation.subscribing import Subscribing
from broker.language.selection import Selection, Window
from broker.notify import Notifier
from broker.operations.cache import Cache
from broker.operations.running import Running
from broker.registry import Registry
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue, Mark, Page

JSON = "application/json"
LD_JSON = "application/ld+json"
GEO_JSON = "application/geo+json"
TEXT = "text/plain"
TURTLE = "text/turtle"
N_TRIPLES = "application/n-triples"
EXPANDED = 'application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded"'
RDF = (TURTLE, N_TRIPLES, EXPANDED)
"""Forms of RDF: given to those who name them, never to a wildcard."""


class Params(dict[str, str]):
    """The parameters of a request; hashable, so that what is derived from them can be kept."""

    __slots__ = ("_hash",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hash = hash(tuple(self.items()))

    def __hash__(self) -> int:  # type: ignore[override]  # a dict is not hashable, this one is never changed
        return self._hash


@dataclass(slots=True)  # frozen, it would cost five times as much to make
class Call:
    """One request, each part parsed once. `params` holds only parameters the operation declares."""

    method: str
    target: str  # path and query string as sent
    path: Mapping[str, str]
    params: Params
    tenant: str  # '' is the default tenant
    context: Context
    accept: str  # JSON, LD_JSON, GEO_JSON, or another media type the operation offers
    body: Any
    now: int
    headers: Mapping[str, str] = field(default_factory=dict)
    embedded: bool = False  # whether the @context came in the body (ld+json)
    local_caller: bool = False  # whether anonymous callers have the permissions of a loopback binding
    reached: Callable[[], str] = str  # gives scheme://host:port under which the caller reached us
    caller: Caller = ANONYMOUS
    rights: Rights | None = None  # what the caller may do and see here; None: everything
    holder: Holder | None = None  # of what sources answer; None: there are none

    def at(self, now: int) -> "Call":
        """Give the same request at another moment: what was understood of it once serves again."""
        return Call(
            self.method,
            self.target,
            self.path,
            self.params,
            self.tenant,
            self.context,
            self.accept,
            self.body,
            now,
            self.headers,
            self.embedded,
            self.local_caller,
            self.reached,
            self.caller,
            self.rights,
            self.holder,
        )

    @property
    def origin(self) -> str:
        """Give scheme://host:port under which the caller reached us; '' from within this process."""
        return self.reached()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers; `body` is finished bytes, or None. Context links and tenant echo are added outside."""

    status: int = 200
    body: bytes | None = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    context: Context | None = None  # set: a Link header names it (JSON, GeoJSON)


@dataclass(frozen=True, slots=True)
class Broker:
    """What operations work with. `converting`: how many answers may be written as RDF at once."""

    settings: BrokerSettings
    catalogue: Catalogue
    contexts: Contexts
    registry: Registry
    federation: Federation
    notifier: Notifier
    subscribing: Subscribing
    cache: Cache
    alias: str = ""  # by which other brokers know this one
    started: int = 0  # µs
    running: Running = field(default_factory=Running)
    policies: Policies | None = None  # who may do what; None: everybody everything
    pages: Recent[tuple[Selection, Window, str, Rights | None], tuple[Mark, Page]] = field(
        default_factory=lambda: Recent(4_096)
    )
    doors: Doors = field(default_factory=Doors)
    converting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def address(self, call: Call) -> str:
        """Give the URL under which others reach this broker: the one from the settings, or that of the request."""
        return self.settings.public_url.rstrip("/") or call.origin


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A row of the table of operations: what is served where, by which function, with which parameters."""

    method: str
    path: str  # below /ngsi-ld/v1; {name} stands for one segment
    run: Callable[[Call, Broker], Coroutine[Any, Any, Answer]]
    clause: str
    params: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()  # values the parameter `options` may hold
    body: bool = False
    merge_patch: bool = False
    bare: bool = False  # the body is a value, in JSON or text, and no document with an @context
    accept: tuple[str, ...] = (JSON, LD_JSON)
    creates_tenant: bool = False
    tenantless: bool = False
    admit: Callable[[Caller, str, bool], None] | None = (
        None  # refuses a caller on a tenant (in a snapshot of it)
    )
    changes: bool = False  # a GET that changes something: never answered from what was understood before


NO_CONTENT = Answer(204)
