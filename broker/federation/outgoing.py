"""A request to a source as it goes over the wire: URL, headers, payload, and in whose names. (4.3.6.4 to 4.3.6.6)"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson
from yarl import URL

from base.credentials import Credentials
from base.jsonld import Context
from broker.contexts import Contexts
from broker.federation import older, via
from broker.federation.asking import Asking, Directed, Request
from broker.federation.conveyed import Conveyed, conveyed
from broker.federation.wording import Wording
from broker.model.tenancy import alias_of

ROOT: Final = "/ngsi-ld/v1"
JSON: Final = "application/json"
LD_JSON: Final = "application/ld+json"
MERGE_PATCH: Final = "application/merge-patch+json"
_SAFE: Final = ":/,@!*'()$~?"
_NEVER_CASCADING: Final = ("/entityMaps/", "/info", "/subscriptions")
"""What is local anyway, or says so in its body. (6.3.18, 5.2.12)"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request ready to be sent. `context`: in whose names it is written, and its answer read if it says no other."""

    method: str
    url: URL
    path: str
    headers: Mapping[str, str]
    data: bytes | None
    context: Context
    conveyed: Conveyed

    @property
    def reads(self) -> bool:
        """Say whether it changes nothing at the source: a GET, or a query whose parameters are in a body."""
        return self.method in ("GET", "HEAD") or self.path.endswith("/query")


class Composer:
    """Writes requests to sources for one broker."""

    def __init__(self, alias: str, contexts: Contexts, credentials: Credentials) -> None:
        self._alias = alias
        self._contexts = contexts
        self._credentials = credentials
        self.core = frozenset(contexts.core.table.definitions())

    async def compose(self, asking: Asking, directed: Directed) -> Outgoing:
        """Write a request as its registration wants it; Problem if that cannot be done. (4.3.6.5, 4.3.6.6)"""
        source, request = directed.source, directed.request
        extra = conveyed(source, asking.headers, self._credentials)
        if extra.version is not None:
            request = older.amended(request, extra.version)
        embedded = _embeddable(request.body) and _embeds(asking.context, extra)
        context = asking.context if embedded else await self._context(asking, extra)
        wording = Wording(asking.context.table, context.table, self.core)
        if context is not asking.context and not wording.same:
            request = wording.request(request)
        headers = {
            "Via": via.extended(asking.via, alias_of(self._alias, asking.tenant)),
            "Accept": extra.accept,
            **extra.headers,
            **request.headers,
        }
        if source.body.get("tenant"):
            headers["NGSILD-Tenant"] = source.body["tenant"]
        body = request.body
        if body is not None:
            headers["Content-Type"] = _content_type(request, extra, embedded=embedded)
        if embedded:
            body = _with_context(body, context.source)
        else:
            headers["Link"] = via.link(context.link)
        data = None if body is None else orjson.dumps(body)
        url = _url(source.body["endpoint"], request, local=_stays_local(source.body, request))
        return Outgoing(request.method, url, directed.request.path, headers, data, context, extra)

    async def _context(self, asking: Asking, extra: Conveyed) -> Context:
        """Choose the @context to write names with: the source's own, that of the request, or the core's.

        The names of a context without a URL that others can follow are written as IRIs: no source has to come back
        to this broker to learn what they mean."""
        if extra.context:
            return await self._contexts.resolve(extra.context, asking.tenant)
        if asking.context.link.startswith(("http://", "https://")):
            return asking.context
        return self._contexts.core


def _embeds(context: Context, extra: Conveyed) -> bool:
    """Say whether the @context goes into the payload: as the registration says, else where it has no URL. (4.3.6.6)"""
    if extra.context or extra.content_type == JSON:
        return False
    return extra.content_type == LD_JSON or not context.link.startswith(("http://", "https://"))


def _embeddable(body: Any) -> bool:
    """Say whether a payload has a place for an @context: objects have, lists of identifiers have not."""
    elements = body if isinstance(body, list) else [body]
    return bool(elements) and all(isinstance(one, dict) for one in elements)


def _with_context(body: Any, context: Any) -> Any:
    if isinstance(body, list):
        return [{**one, "@context": context} for one in body]
    return {**body, "@context": context}


def _content_type(request: Request, extra: Conveyed, *, embedded: bool) -> str:
    if embedded:
        return LD_JSON
    return MERGE_PATCH if request.merge_patch and not (extra.context or extra.content_type) else JSON


def _stays_local(registration: Mapping[str, Any], request: Request) -> bool:
    """Say whether the source shall ask no others in its turn. (4.3.6.4, 5.5.13)"""
    only = registration.get("management", {}).get("localOnly") is True
    return only and not request.path.startswith(_NEVER_CASCADING)


def _url(endpoint: str, request: Request, *, local: bool) -> URL:
    """Put an endpoint, with or without a path, and a request together; parameters in the order of their names."""
    parts = urlsplit(endpoint)
    path = parts.path.rstrip("/")
    if not path.endswith(ROOT):
        path += ROOT
    params = {**request.params, **({"local": "true"} if local else {})}
    pairs = [f"{quote(name, safe=_SAFE)}={quote(params[name], safe=_SAFE)}" for name in sorted(params)]
    query = "&".join([*([parts.query] if parts.query else []), *pairs])
    base = URL(f"{parts.scheme}://{parts.netloc}{path}{request.path}")
    return URL(f"{base}?{query}", encoded=True) if query else base
