"""Entities as RDF, an extension: the JSON-LD of an answer expanded, or written as triples. (DESIGN 8)"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import wraps
from typing import Any, Final

import orjson

from base.errors import InvalidRequest, TooManyResults
from base.jsonld import TermTable
from base.jsonld.expansion import expand, refusing, written
from base.jsonld.triples import n_triples, turtle
from broker.operations.call import EXPANDED, LD_JSON, N_TRIPLES, RDF, Answer, Broker, Call
from schemas import core_contexts

Run = Callable[[Call, Broker], Coroutine[Any, Any, Answer]]

MOST_BYTES: Final = 500_000  # of JSON-LD; about six seconds of one processor
PREFIXES: Final = {
    "ngsi-ld": "https://uri.etsi.org/ngsi-ld/",
    "geojson": "https://purl.org/geojson/vocab#",
    "default": core_contexts.DEFAULT_VOCAB,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def also_rdf(run: Run) -> Run:
    """Let an operation that answers with JSON-LD answer with RDF as well."""

    @wraps(run)
    async def either(call: Call, broker: Broker) -> Answer:
        if call.accept not in RDF:
            return await run(call, broker)
        _refuse_short_forms(call)
        answer = await run(replace(call, accept=LD_JSON), broker)
        if answer.body is None:
            return answer
        if len(answer.body) > MOST_BYTES:
            raise TooManyResults(
                f"The answer has {len(answer.body)} bytes of JSON-LD and may have {MOST_BYTES} to be written "
                "as RDF; give a smaller limit, pick fewer attributes, or ask for application/ld+json."
            )
        async with broker.converting:
            body = await asyncio.to_thread(convert, answer.body, call.context.table, call.accept)
        headers = dict(answer.headers)
        if "Link" in headers:
            kind = call.accept.partition(";")[0]
            headers["Link"] = headers["Link"].replace(f'type="{LD_JSON}"', f'type="{kind}"')
        return Answer(answer.status, body, _labelled(call.accept), headers)

    return either


_SHORT: Final = frozenset({"simplified", "keyValues", "concise", "temporalValues", "aggregatedValues"})


def _refuse_short_forms(call: Call) -> None:
    """Only the normalized representation says of each value what it is. (4.5.2.2, 4.5.4)"""
    asked = {call.params.get("format"), *call.params.get("options", "").split(",")}
    if not asked.isdisjoint(_SHORT):
        raise InvalidRequest(
            "RDF is made of the normalized representation; leave out format, or ask for JSON."
        )


def convert(body: bytes, table: TermTable, kind: str) -> bytes:
    """Write JSON-LD whose names are those of a table in a form of RDF."""
    found = orjson.loads(body)
    entities = found if isinstance(found, list) else [found]
    for entity in entities:
        entity.pop("@context", None)
    core = core_contexts.document()["@context"]
    own = {term: what for term, what in table.definitions().items() if term not in core}
    with refusing():
        expanded = expand(entities, [written(own), core], _built_in)
        if kind == EXPANDED:
            return orjson.dumps(expanded)
        if kind == N_TRIPLES:
            return n_triples(expanded).encode()
        prefixes = {term: what.iri for term, what in own.items() if what.prefix and what.iri}
        return turtle(expanded, {**prefixes, **PREFIXES}).encode()


def _built_in(url: str) -> Any:
    if url == core_contexts.PROOF_URL:
        return core_contexts.proof_document()
    return core_contexts.document(core_contexts.URLS[url])


def _labelled(kind: str) -> str:
    return kind if kind == EXPANDED else f"{kind}; charset=utf-8"
