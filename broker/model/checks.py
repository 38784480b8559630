"""Checks of JSON members that several data types share: each gives the value back or says what it must be."""

import re
from typing import Any, Final

from base.errors import BadRequestData
from base.jsonld import TermTable
from broker.model import validate
from broker.model.document import NULL

MOST: Final = 1_000_000_000


def text(value: Any, name: str) -> str:
    """Check for a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise BadRequestData(f"{name} must be a string that is not empty.")
    return value


def boolean(value: Any, name: str) -> bool:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise BadRequestData(f"{name} must be true or false.")
    return value


def positive(value: Any, name: str) -> int | float:
    """Check for a number greater than 0 that a clock can count to."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST:
        raise BadRequestData(f"{name} must be a number greater than 0, at most {MOST}.")
    return value


def one_of(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    """Check for one of some words."""
    if not isinstance(value, str) or value not in allowed:
        raise BadRequestData(f"{name} must be one of {', '.join(allowed)}.")
    return value


def elements(value: Any, name: str) -> list[Any]:
    """Check for a list with at least one element."""
    if not isinstance(value, list) or not value:
        raise BadRequestData(f"{name} must be a list with at least one element.")
    return value


def texts(value: Any, name: str) -> list[str]:
    """Check for a list of strings with at least one element."""
    return [text(one, f"Each element of {name}") for one in elements(value, name)]


def uri(value: Any, name: str) -> str:
    """Check for an absolute URI. (4.6.3)"""
    if not validate.is_uri(value) or value == NULL:
        raise BadRequestData(f"{name} must be a URI such as urn:ngsi-ld:Shelter:1.")
    return str(value)


def iri(value: Any, name: str, table: TermTable) -> str:
    """Check for an attribute name and expand it. (5.5.7)"""
    return table.iri(validate.name(value, name))


def iris(value: Any, name: str, table: TermTable) -> list[str]:
    """Check for a list of attribute names and expand them. (5.5.7)"""
    return [iri(one, name, table) for one in texts(value, name)]


def expand(names: re.Pattern[str], expression: str, kept: frozenset[str], table: TermTable) -> str:
    """Expand the names in an expression, all but some words; IRIs that would break its syntax are refused. (5.5.7)"""

    def one(match: re.Match[str]) -> str:
        if match[0] in kept:
            return match[0]
        found = table.iri(match[0])
        if not names.fullmatch(found):
            raise BadRequestData(
                f"{match[0][:60]} stands for an IRI with a sign that separates names; rename it."
            )
        return found

    return names.sub(one, expression)


def compact(names: re.Pattern[str], expression: str, kept: frozenset[str], table: TermTable) -> str:
    """Shorten the names in an expression, all but some words. (5.5.7)"""
    return names.sub(lambda match: match[0] if match[0] in kept else table.term(match[0]), expression)
