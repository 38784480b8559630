"""Which changes are passed on for a caller with limited rights. (docs/access.md)

What a source holds is not known here: a change goes there only for those who may write whatever it is registered for.
"""

from typing import Any, Final
from urllib.parse import unquote

from base.errors import Problem
from broker.access.rights import TYPE, refused
from broker.federation.asking import Asking, Directed, Request
from broker.language.visibility import EVERY_ATTRIBUTE, Attributes, Visibility
from broker.model.document import SCOPE, Document

_PURGED: Final = "/entities"
_CREATING: Final = frozenset({"/entities", "/entityOperations/create"})
_WHOLE: Final = frozenset({"/entityOperations/delete", "/entityOperations/upsert"})
_CHANGING: Final = ("/entities", "/temporal/entities", "/entityOperations")
_FRAME: Final = frozenset({"id", "@id", "@context", "type", "@type", "scope", "expiresAt"})
_ANY_TYPE: Final = "*"  # no name of a type: only what is granted of all types takes it


def refusal(asking: Asking, directed: Directed) -> Problem | None:
    """Say why a change is not passed on to a source; None: it is, or is none."""
    rights, request = asking.rights, directed.request
    if rights is None or not _changes(request):
        return None
    if request.path == _PURGED and request.method == "DELETE" and rights.reading and rights.reading.limited:
        return refused(asking.caller, "purge by what may be hidden at a context source")
    if rights.writing is None:
        return None
    if all(_allowed(asking, directed, rights.writing, one) for one in _elements(request.body)):
        return None
    return refused(asking.caller, "change what this context source may hold")


def _changes(request: Request) -> bool:
    if request.method == "GET" or request.path.endswith("/query"):
        return False
    return any(request.path == start or request.path.startswith(start + "/") for start in _CHANGING)


def _elements(body: Any) -> list[Any]:
    return body if isinstance(body, list) else [body]


def _allowed(asking: Asking, directed: Directed, writing: Visibility, element: Any) -> bool:
    request, iri = directed.request, asking.context.table.iri
    fragment: dict[str, Any] = (
        element if isinstance(element, dict) and "/attrs/" not in _tail(request) else {}
    )
    given = fragment.get("type", fragment.get("@type", []))
    types = [iri(name) for name in ([given] if isinstance(given, str) else given)]
    creating = request.method == "POST" and request.path in _CREATING
    scope = fragment.get("scope", [])
    documents: list[Document] = []
    if creating or types or "scope" in fragment:
        documents.append({"type": types, "scope": scope, "attrs": {}})
    if not creating:
        documents += _held(directed)
    allowed = EVERY_ATTRIBUTE
    for document in documents:
        covered = writing.covered(document)
        if covered is None:
            return False
        allowed = allowed.shared(covered)
    return _within(asking, request, fragment, allowed, creating=creating)


def _held(directed: Directed) -> list[Document]:
    """Give what a source may hold, as entities without attributes."""
    scope = directed.source.body.get("scope") or []
    return [
        {"type": sorted(types), "scope": scope, "attrs": {}}
        for information in directed.source.information
        for types in [entity.types or {_ANY_TYPE} for entity in information.entities] or [{_ANY_TYPE}]
    ]


def _within(
    asking: Asking, request: Request, fragment: dict[str, Any], allowed: Attributes, *, creating: bool
) -> bool:
    iri, tail = asking.context.table.iri, _tail(request)
    if "/attrs/" in tail:
        return iri(unquote(tail.rpartition("/attrs/")[2].partition("/")[0])) in allowed
    whole = request.path in _WHOLE or (not tail.endswith("/attrs") and request.method in ("DELETE", "PUT"))
    if whole or ("expiresAt" in fragment and not creating):
        return allowed.every
    framed = {} if creating else {"scope": SCOPE, "type": TYPE, "@type": TYPE}
    names = {iri(name) for name in fragment if name not in _FRAME}
    names |= {framed[name] for name in fragment if name in framed}
    return all(name in allowed for name in names)


def _tail(request: Request) -> str:
    """Give the path without a slash at its end."""
    return request.path.rstrip("/")
