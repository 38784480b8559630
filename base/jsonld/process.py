"""Contexts processed by PyLD into term tables. PyLD sees definitions only, never a URL. (JSON-LD 1.1 §5.1)"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyld import jsonld
from pyld.context_resolver import ContextResolver

from base.errors import BadRequestData
from base.jsonld.table import KEYWORDS, Definition, TermTable


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """A context under and over every other: its terms can be used by all and redefined by none."""

    definitions: Mapping[str, Definition]
    vocab: str
    active: Any
    table: TermTable


def core_of(definitions: Mapping[str, Any]) -> Core:
    """Process the core context, given as the object under @context."""
    # not protected for PyLD: precedence of the core is ours, and its scoped contexts concern no name
    plain = {
        term: _unscoped(what) for term, what in definitions.items() if term not in ("@protected", "@version")
    }
    active = _process(_initial(), [plain])
    vocab: str = plain["@vocab"]
    terms = {term: _definition(what, aliases=True) for term, what in active["mappings"].items()}
    return Core(terms, vocab, active, TermTable(terms, {}, vocab))


def table_of(core: Core, contexts: Sequence[Mapping[str, Any]]) -> TermTable:
    """Process contexts, in order, into a term table with the core on top; BadRequestData if invalid."""
    if not contexts:
        return core.table
    plain = [
        {**c, "@vocab": core.vocab} if c.get("@vocab", core.vocab) is None else dict(c) for c in contexts
    ]
    names = frozenset(term for c in plain for term in c)
    try:
        active = _process(core.active, plain)
    except jsonld.JsonLdError as error:
        raise BadRequestData(f"The @context is no valid JSON-LD: {_reason(error)}") from error
    except RecursionError as error:
        raise BadRequestData("The @context has terms that build on each other too deeply.") from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadRequestData(
            "The @context is no valid JSON-LD: check the definitions of its terms."
        ) from error
    mappings = active["mappings"]
    user = {term: _definition(mappings[term], aliases=False) for term in names if term in mappings}
    return TermTable(core.definitions, user, core.vocab)


def _unscoped(what: Any) -> Any:
    return {k: v for k, v in what.items() if k != "@context"} if isinstance(what, dict) else what


def _initial() -> Any:
    return jsonld.JsonLdProcessor().process_context({}, None, {"processingMode": "json-ld-1.1"})


def _process(active: Any, contexts: list[dict[str, Any]]) -> Any:
    options = {
        "processingMode": "json-ld-1.1",
        "contextResolver": ContextResolver({}, _refuse),
        "documentLoader": _refuse,
    }
    return jsonld.JsonLdProcessor().process_context(active, contexts, options)


def _refuse(url: str, _options: Any) -> Any:
    raise jsonld.JsonLdError(f"{url} was not loaded beforehand", "jsonld.LoadDocumentError")


def _reason(error: jsonld.JsonLdError) -> str:
    cause: BaseException = error
    while isinstance(cause.__cause__, jsonld.JsonLdError):
        cause = cause.__cause__
    code = getattr(cause, "code", None) or "invalid context"
    term = (getattr(cause, "details", None) or {}).get("term")
    return f"{code} at the term '{str(term)[:60]}'." if term else f"{code}."


def _definition(mapping: Any, *, aliases: bool) -> Definition:
    iri = mapping["@id"] if mapping else None
    if iri is None or mapping["reverse"]:
        return Definition(None)
    if iri in KEYWORDS:
        # aliases of keywords are the core's own: no user term may pass for an id, a type or a graph
        return Definition(iri if aliases else None)
    coercion = mapping.get("@type")
    if coercion is None and "@list" in (mapping.get("@container") or ()):
        coercion = "@list"
    return Definition(iri, coercion, bool(mapping["_prefix"]))
