"""What an @context may look like: its elements, checked; remote ones put in place. (JSON-LD 1.1 §4.1, NGSI-LD 5.5.7)"""

import re
from collections.abc import Callable, Collection
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from base.errors import BadRequestData
from base.jsonld.table import KEYWORDS

_KEYWORD_LIKE: Final = re.compile(r"@[A-Za-z]+$")
# they say nothing about names
_DROPPED: Final = frozenset(("@base", "@language", "@direction", "@version", "@type"))
_REFUSED: Final = {
    "@import": "imports another one with @import: name it in the @context array instead",
    "@propagate": "uses @propagate, which belongs to scoped contexts: remove it",
    "@context": "holds an @context inside the @context: unwrap it",
}
_MOST_ELEMENTS: Final = 100


def elements(source: Any, base: str = "") -> list[str | dict[str, Any] | None]:
    """Give the elements of an @context in order, checked: absolute URLs, definitions, None for null. (5.5.7)"""
    listed = source if isinstance(source, list) else [source]
    if len(listed) > _MOST_ELEMENTS:
        raise BadRequestData(f"The @context has {len(listed)} elements; at most {_MOST_ELEMENTS} are taken.")
    return [_element(item, base) for item in listed]


def flatten(
    source: Any, remote: Callable[[str], Any], ignored: Collection[str], depth: int, base: str = ""
) -> list[dict[str, Any]]:
    """Put remote contexts in the place of their URLs, so that only definitions remain; skip `ignored` URLs."""
    flat: list[dict[str, Any]] = []
    _flatten(source, remote, ignored, depth, base, flat, ())
    return flat


def _flatten(
    source: Any,
    remote: Callable[[str], Any],
    ignored: Collection[str],
    depth: int,
    base: str,
    flat: list[dict[str, Any]],
    above: tuple[str, ...],
) -> None:
    for element in elements(source, base):
        if element is None:
            flat.clear()
        elif isinstance(element, dict):
            flat.append(element)
        elif element not in ignored:
            if element in above:
                raise BadRequestData(
                    "The @context refers to itself in a circle; remove one of the references."
                )
            if len(above) >= depth:
                raise BadRequestData(f"The @context refers to others more than {depth} levels deep.")
            if len(flat) >= _MOST_ELEMENTS:
                raise BadRequestData(f"The @context is made of more than {_MOST_ELEMENTS} others.")
            _flatten(remote(element), remote, ignored, depth, element, flat, (*above, element))


def _element(item: Any, base: str) -> str | dict[str, Any] | None:
    if item is None:
        return None
    if isinstance(item, str):
        return _url(item, base)
    if isinstance(item, dict):
        return _definitions(item)
    raise BadRequestData("The @context holds something that is neither a URL nor an object: use only these.")


def _url(text: str, base: str) -> str:
    try:
        url = urljoin(base, text) if base else text
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not url.isprintable() or " " in url:
        raise BadRequestData("The @context names something that is not an absolute http or https URL.")
    return url


def _definitions(source: dict[str, Any]) -> dict[str, Any]:
    for keyword, reason in _REFUSED.items():
        if keyword in source:
            raise BadRequestData(f"The @context {reason}.")
    if source.get("@version", 1.1) != 1.1:
        raise BadRequestData("The @context asks for another @version than 1.1.")
    kept: dict[str, Any] = {}
    for term, what in source.items():
        if term in _DROPPED or (term not in KEYWORDS and _KEYWORD_LIKE.match(term)):
            continue
        if term in KEYWORDS or _means_something(term, what):
            kept[term] = what
    return kept


def _means_something(term: str, what: Any) -> bool:
    """Check the definition of a term; False: JSON-LD ignores it."""
    if isinstance(what, dict):
        if "@context" in what:
            raise BadRequestData(
                f"The @context gives the term '{term[:60]}' a scoped context: not allowed. (5.5.7)"
            )
        names = [what.get("@id"), what.get("@reverse")]
    elif what is None or isinstance(what, str):
        names = [what]
    else:
        raise BadRequestData(
            f"The @context defines the term '{term[:60]}' by neither a string nor an object."
        )
    return not any(isinstance(n, str) and n not in KEYWORDS and _KEYWORD_LIKE.match(n) for n in names)
