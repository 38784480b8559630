"""Expanded JSON-LD as RDF: N-Triples and Turtle. (JSON-LD 1.1 API §8, RDF 1.1)"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pyld import jsonld

if TYPE_CHECKING:
    from rdflib.term import Identifier, Node

_OPTIONS: Final = {"processingMode": "json-ld-1.1", "base": ""}
_NO_IRI: Final = re.compile(r"[\x00-\x20<>\"{}|^`\\]")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_STRING: Final = "http://www.w3.org/2001/XMLSchema#string"
_PLAIN: Final = {
    "http://www.w3.org/2001/XMLSchema#double": re.compile(r"[+-]?\d+\.\d+E[+-]?\d+", re.ASCII),
    "http://www.w3.org/2001/XMLSchema#integer": re.compile(r"[+-]?\d+", re.ASCII),
    "http://www.w3.org/2001/XMLSchema#decimal": re.compile(r"[+-]?\d*\.\d+", re.ASCII),
    "http://www.w3.org/2001/XMLSchema#boolean": re.compile("true|false"),
}
"""What Turtle lets stand without quotes and datatype, to the letter. (Turtle 2.5.2)"""


Triple = dict[str, dict[str, str]]


def n_triples(expanded: list[Any]) -> str:
    """Write an expanded document as N-Triples."""
    text: str = jsonld.JsonLdProcessor.to_nquads({"@default": _triples(expanded)})
    return text


def _triples(expanded: list[Any]) -> list[Triple]:
    """Give the triples: characters no IRI may hold are percent-encoded, ill-formed languages left out. (RDF 1.1 3.2)"""
    found: list[Triple] = jsonld.to_rdf(expanded, _OPTIONS)["@default"]
    for triple in found:
        for term in triple.values():
            if term["type"] == "IRI":
                term["value"] = _iri(term["value"])
            elif "datatype" in term:
                term["datatype"] = _iri(term["datatype"])
    return [one for one in found if _LANGUAGE.fullmatch(one["object"].get("language", "en"))]


def _iri(text: str) -> str:
    return _NO_IRI.sub(lambda bad: quote(bad[0]), text)


def turtle(expanded: list[Any], prefixes: Mapping[str, str]) -> str:
    """Write an expanded document as Turtle."""
    from rdflib import Graph  # loaded when it is first asked for: most brokers never are
    from rdflib.plugins.serializers.turtle import OBJECT, TurtleSerializer

    class Exact(TurtleSerializer):
        """Writes numbers as they are: the serializer's own way keeps six digits of a double."""

        def label(self, node: Node, position: int) -> str:
            plain = _PLAIN.get(str(getattr(node, "datatype", None)))
            if position != OBJECT or plain is None:
                return str(super().label(node, position))
            return str(node) if plain.fullmatch(str(node)) else node.n3()

    graph = Graph(bind_namespaces="none")
    for prefix, start in prefixes.items():
        graph.bind(prefix, start)
    for triple in _triples(expanded):
        graph.add((_term(triple["subject"]), _term(triple["predicate"]), _term(triple["object"])))
    written = io.BytesIO()
    Exact(graph).serialize(written, encoding="utf-8")
    return written.getvalue().decode()


def _term(term: Mapping[str, str]) -> Identifier:
    from rdflib import BNode, Literal, URIRef

    if term["type"] == "IRI":
        return URIRef(term["value"])
    if term["type"] == "blank node":
        return BNode(term["value"][2:])
    if "language" in term:
        return Literal(term["value"], lang=term["language"], normalize=False)
    datatype = None if term["datatype"] == _STRING else URIRef(term["datatype"])
    return Literal(term["value"], datatype=datatype, normalize=False)
