"""A request as an operation sees it, free of the transport, and what the operation answers. (DESIGN 2.1)"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from base.jsonld import Context
from broker.contexts import Contexts
from broker.notify import Notifier
from broker.settings import BrokerSettings
from broker.store.contract import Catalogue

JSON = "application/json"
LD_JSON = "application/ld+json"
GEO_JSON = "application/geo+json"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, each part parsed once. `params` holds only parameters the operation declares."""

    method: str
    target: str  # path and query string as sent
    path: Mapping[str, str]
    params: Mapping[str, str]
    tenant: str  # '' is the default tenant
    context: Context
    accept: str  # JSON, LD_JSON or GEO_JSON
    body: Any
    now: int
    headers: Mapping[str, str] = field(default_factory=dict)
    local_caller: bool = False  # whether anonymous callers have the permissions of a loopback binding
    origin: str = ""  # scheme://host:port under which the caller reached us


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
    """What operations work with."""

    settings: BrokerSettings
    catalogue: Catalogue
    contexts: Contexts
    notifier: Notifier
