"""JSON-LD documents expanded by PyLD, which sees the contexts it is handed and loads none. (JSON-LD 1.1 API §5)"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pyld import jsonld
from pyld.context_resolver import ContextResolver

from base.errors import BadRequestData
from base.jsonld.table import KEYWORDS, Definition

BuiltIn = Callable[[str], Any]
"""Gives the document of a context that is referred to by its URL; KeyError if it is none of the built-in ones."""


def written(definitions: Mapping[str, Definition]) -> dict[str, Any]:
    """Write definitions as the JSON-LD context that means the same."""
    return {term: _written(what) for term, what in definitions.items() if what.iri not in KEYWORDS}


def _written(what: Definition) -> Any:
    if what.iri is None:
        return None
    terms: dict[str, Any] = {"@id": what.iri}
    if what.coercion == "@list":
        terms["@container"] = "@list"
    elif what.coercion is not None:
        terms["@type"] = what.coercion
    if what.prefix:
        terms["@prefix"] = True
    return terms


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what PyLD stumbles over, in whatever way, into BadRequestData."""
    try:
        yield
    except (jsonld.JsonLdError, RecursionError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise BadRequestData(
            "The entities hold something that cannot be written as RDF; ask for application/json."
        ) from error


def expand(documents: Sequence[Any], contexts: Sequence[Any], built_in: BuiltIn) -> list[Any]:
    """Expand documents that are all written in one context."""
    document = {"@context": list(contexts), "@graph": list(documents)}
    expanded: list[Any] = jsonld.expand(document, _options(built_in))
    return expanded


def _options(built_in: BuiltIn) -> dict[str, Any]:
    def load(url: str, _options: Any) -> Any:
        try:
            document = built_in(url)
        except KeyError as error:
            raise jsonld.JsonLdError(f"{url} is not built in", "jsonld.LoadDocumentError") from error
        return {"contextUrl": None, "documentUrl": url, "document": document}

    return {
        "processingMode": "json-ld-1.1",
        "contextResolver": ContextResolver({}, load),
        "documentLoader": load,
        "base": "",
    }
