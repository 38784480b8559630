"""What the tests of the query languages share: a term table of our own and documents made from written entities."""

from functools import cache
from typing import Any

from base.jsonld import TermTable, core_of, table_of
from broker.language import q
from broker.model import expand
from broker.model.document import Document
from schemas import core_contexts

NOW = 1_790_000_000_000_000
OWN = "https://city.example/terms/"
CONTEXT = {
    "ex": "https://example.org/ns#",
    "temperature": OWN + "temperature",
    "Shelter": OWN + "Shelter",
    "flooded": OWN + "flooded",
    "category": {"@id": OWN + "category", "@type": "@vocab"},
}


@cache
def table() -> TermTable:
    """Process the context of the tests once."""
    return table_of(core_of(core_contexts.document()["@context"]), [CONTEXT])


def iri(name: str) -> str:
    """Expand a name."""
    return table().iri(name)


def entity(**members: Any) -> Document:
    """Make a document of written attributes, normalized or concise."""
    return expand.entity({"id": "urn:ngsi-ld:Shelter:1", "type": "Shelter", **members}, table(), NOW)


def holds(text: str, document: Document, *linked: Document, **options: Any) -> bool:
    """Say whether a document meets a query written as text."""
    query = q.parse(text, table(), **options)
    return q.matches(query, document, {d["id"]: d for d in linked}.get)
