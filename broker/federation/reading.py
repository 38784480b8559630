"""What sources answer to a question for entities: usable or not, and as documents. (4.3.6.1, 4.3.6.8, 6.3.17)"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import orjson

from base.errors import BadGateway, BadRequestData, Problem, ResourceNotFound
from base.jsonld import TermTable
from broker.federation import narrowing
from broker.federation.asking import ERROR_RESPONSE, INVALID, Failure, Outcome
from broker.federation.joining import UNKNOWN
from broker.language import evaluation
from broker.language.selection import EntitySelector
from broker.language.sources import Match
from broker.model import expand, told, validate
from broker.model.document import Document

_WARNING: Final = re.compile(r'(?:110|111|199|299) [!-~]{1,200} "[ !#-\[\]-~]{0,300}"')
LARGEST: Final = 1_000_000
"""Bytes of an entity that is read; others wait while it is."""
_SMALL: Final = 4_000  # bytes of an entity worth remembering
_MOST_WARNINGS: Final = 20
_NEXT: Final = re.compile(r'>[^,<]*;\s*rel="?next"?', re.IGNORECASE)


def failure(outcome: Outcome) -> Failure | None:
    """Say why an answer cannot be used; 404 is an answer: there is nothing. (6.3.17)"""
    if outcome.failure is not None or outcome.status // 100 == 2 or outcome.status == 404:
        return outcome.failure
    return Failure(BadGateway(f"The context source answered {outcome.status}."), ERROR_RESPONSE)


def invalid(detail: str = "The context source answered with what is no NGSI-LD.") -> Failure:
    """Say that the content of an answer cannot be used. (6.3.17)"""
    return Failure(BadGateway(detail), INVALID)


def unasked() -> ResourceNotFound:
    """Say that a source told of what was not asked of it. (4.3.6.1)"""
    return ResourceNotFound("The context source told of entities it was not asked for.")


def left_out(problem: Problem) -> Failure:
    """Say why an entity of an answer was left out. (6.3.17)"""
    if isinstance(problem, ResourceNotFound):
        return Failure(problem, INVALID)
    return invalid("The context source gave an entity that is no NGSI-LD.")


def items(outcome: Outcome) -> Sequence[dict[str, Any]] | None:
    """Give the entities of an answer with a list; None if it is none. A source without any may say 404."""
    if outcome.status == 404:
        return ()
    body = outcome.body
    if not isinstance(body, list):
        return None
    return [one for one in body if isinstance(one, dict) and isinstance(one.get("id"), str)]


def one(outcome: Outcome, id: str) -> Sequence[dict[str, Any]] | None:
    """Give the entity of an answer with one entity; some sources answer with a list."""
    if outcome.status == 404:
        return ()
    body = outcome.body
    found = body[0] if isinstance(body, list) and len(body) == 1 else body
    if body == []:
        return ()
    return [found] if isinstance(found, dict) and found.get("id") == id else None


def mapped(outcome: Outcome) -> tuple[str, list[str]] | None:
    """Give the id of a map that a source made, and those of its entities; None: it made none. (5.2.39)"""
    body = outcome.body
    if failure(outcome) is not None or not isinstance(body, dict) or not validate.is_uri(body.get("id")):
        return None
    entities = body.get("entityMap")
    if not isinstance(entities, dict):
        return None
    return body["id"], list(entities)


def goes_on(outcome: Outcome) -> bool:
    """Say whether the source tells of a further page. (6.3.10)"""
    return _NEXT.search(_header(outcome.headers, "link")) is not None


def in_order(outcome: Outcome, preference: str) -> bool:
    """Say whether the source followed a preference. (RFC 7240)"""
    applied = _header(outcome.headers, "preference-applied").lower()
    return preference in [one.strip() for one in applied.split(",")]


def warned(outcome: Outcome) -> list[str]:
    """Give the warnings that came with an answer: what its source could not have of its own sources. (6.3.17)"""
    return [
        found[0]
        for found in islice(_WARNING.finditer(_header(outcome.headers, "ngsild-warning")), _MOST_WARNINGS)
    ]


def _header(headers: Mapping[str, str], name: str) -> str:
    return ", ".join(value for key, value in headers.items() if key.lower() == name)


def likely(body: Any, names: TermTable, match: Match, selectors: Sequence[EntitySelector]) -> bool:
    """Say whether an entity counts, by what names it alone."""
    try:
        frame = expand.frame(body, names)
    except Problem:
        return False
    if "id" not in frame or "type" not in frame:
        return False
    if selectors and not any(evaluation.chosen(selector, frame) for selector in selectors):
        return False
    return any(narrowing.concerns(info, frame) for info in match.information)


def document(
    body: Any, names: TermTable, match: Match, selectors: Sequence[EntitySelector]
) -> Document | None:
    """Read an entity, no more of it than its source registered; Problem if it is invalid or was not asked for."""
    if "deletedAt" in body:
        return None
    return asked_for(_read(body, names), match, selectors)


def asked_for(read: Document, match: Match, selectors: Sequence[EntitySelector]) -> Document | None:
    """Give what a source registered of an entity; Problem if the entity was not asked for. (4.3.6.1)"""
    if selectors and not any(evaluation.chosen(selector, read) for selector in selectors):
        raise unasked()
    covered = narrowing.covered(match.source, match.information, read)
    if covered is None and not any(narrowing.concerns(info, read) for info in match.information):
        raise unasked()
    return covered


def _read(body: Any, names: TermTable) -> Document:
    try:
        content = orjson.dumps(body)
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return told.entity(body, names, UNKNOWN)
    if len(content) > LARGEST:
        raise BadRequestData(f"An entity of a context source may have {LARGEST} bytes.")
    if len(content) > _SMALL:
        return told.entity(body, names, UNKNOWN)
    return _read_before(content, names)


@lru_cache(512)
def _read_before(content: bytes, names: TermTable) -> Document:
    """Read an entity. Sources are often asked for what has not changed: the same bytes in the same words again."""
    return told.entity(orjson.loads(content), names, UNKNOWN)
