"""The term table of a processed @context: names to IRIs and back by dict look-ups. (JSON-LD 1.1 §5.2, NGSI-LD 5.5.7)"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

_ABSOLUTE: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+\-.]*|_):[^\s]*\Z")
_REMEMBERED: Final = 2_000
_LONGEST: Final = 128

_KEYWORDS: Final = """
    @base @container @context @default @direction @embed @explicit @first @graph @id @import @included @index @json
    @language @list @nest @none @omitDefault @preserve @propagate @protected @requireAll @reverse @set
    @type @value @version @vocab
"""
KEYWORDS: Final = frozenset(_KEYWORDS.split())


class Definition(NamedTuple):
    """What a context says of a term. Without an IRI the term means nothing (null, @reverse, alias of a keyword)."""

    iri: str | None
    coercion: str | None = None
    prefix: bool = False


class _Memo(dict[str, str]):
    """Answers already given. It forgets all of them when full, so that no caller can make it grow."""

    __slots__ = ("_find", "_most")

    def __init__(self, find: Callable[[str], str], terms: int) -> None:
        super().__init__()
        self._find = find
        self._most = max(_REMEMBERED, 2 * terms)

    def __missing__(self, name: str) -> str:
        found = self._find(name)
        if len(name) <= _LONGEST:
            if len(self) >= self._most:
                self.clear()
            self[name] = found
        return found


class TermTable:
    """Terms and IRIs of one @context with the core on top. Immutable for its users, safe to read from any thread."""

    __slots__ = ("_by_iri", "_defined", "_prefixes", "_vocab", "iri", "key", "term")

    key: str
    """A hash of the content: equal tables have equal keys."""
    iri: Callable[[str], str]
    """Expand a term, compact IRI or IRI of a type or attribute name into an IRI. (5.5.7)"""
    term: Callable[[str], str]
    """Compact an IRI into the shortest term or compact IRI that means it, else give it as it is. (5.5.7)"""

    def __init__(self, core: Mapping[str, Definition], user: Mapping[str, Definition], vocab: str) -> None:
        self._defined = {**user, **core}
        self._vocab = vocab
        own = {term: what for term, what in user.items() if term not in core}
        self._by_iri = {**_shortest(own.items()), **_shortest(core.items())}
        self._prefixes = tuple(
            (what.iri, term) for term, what in self._defined.items() if what.prefix and what.iri
        )
        self.key = _hash(self._defined, vocab)
        self.iri = _Memo(self._expand, len(self._defined)).__getitem__
        self.term = _Memo(self._compact, len(self._defined)).__getitem__

    def definitions(self) -> dict[str, Definition]:
        """Give what every term means, the core's included."""
        return dict(self._defined)

    def coercion(self, term: str) -> str | None:
        """Say how values of a term are typed: @id, @vocab, @json, @list, a datatype IRI, or None."""
        what = self._defined.get(term)
        return what.coercion if what else None

    def value(self, json: Any) -> Any:
        """Expand the member names inside a value, at any depth. (4.5.2, 5.5.7)"""
        if isinstance(json, dict):
            return self._rename(json, self.iri, self.value)
        if isinstance(json, list):
            return [self.value(item) for item in json]
        return json

    def compact_value(self, json: Any) -> Any:
        """Compact the member names inside a value, at any depth. (4.5.2, 5.5.7)"""
        if isinstance(json, dict):
            return self._rename(json, self._kept if "@value" in json else self.term, self.compact_value)
        if isinstance(json, list):
            return [self.compact_value(item) for item in json]
        return json

    def _kept(self, name: str) -> str:
        # a JSON-LD value object is written with @type beside @value, never with one alias and one keyword
        return name if name in KEYWORDS else self.term(name)

    @staticmethod
    def _rename(
        json: dict[str, Any], name: Callable[[str], str], inner: Callable[[Any], Any]
    ) -> dict[str, Any]:
        renamed: dict[str, Any] = {}
        for member, value in json.items():
            new = name(member) if member else member
            # two names of one IRI: one of them stays as it is, so that no member is lost
            taken = new in renamed or (new != member and new in json)
            renamed[member if taken else new] = inner(value)
        return renamed

    def _expand(self, name: str) -> str:
        what = self._defined.get(name)
        if what is not None and (what.iri or name in KEYWORDS):
            return what.iri or name
        if name in KEYWORDS:
            return name
        head, colon, tail = name.partition(":")
        if colon and head:
            if head == "_" or tail.startswith("//"):
                return name
            prefix = self._defined.get(head)
            if prefix and prefix.prefix and prefix.iri:
                return prefix.iri + tail
            if _ABSOLUTE.match(name):
                return name
        return self._vocab + name

    def _compact(self, iri: str) -> str:
        term = self._by_iri.get(iri)
        if term is not None:
            return term
        if iri.startswith(self._vocab):
            tail = iri[len(self._vocab) :]
            if tail and tail not in self._defined and self._expand(tail) == iri:
                return tail
        short = [
            f"{term}:{iri[len(start) :]}"
            for start, term in self._prefixes
            if iri.startswith(start) and iri != start
        ]
        usable = [curie for curie in short if curie not in self._defined and self._expand(curie) == iri]
        return min(usable, key=lambda curie: (len(curie), curie), default=iri)


def _shortest(defined: Iterable[tuple[str, Definition]]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for term, what in sorted(defined, key=lambda item: (len(item[0]), item[0])):
        if what.iri:
            chosen.setdefault(what.iri, term)
    return chosen


def _hash(defined: Mapping[str, Definition], vocab: str) -> str:
    digest = hashlib.sha256(vocab.encode())
    for term, what in sorted(defined.items()):
        digest.update(repr((term, *what)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """An @context ready for use: its table, how it stands in an ld+json answer, and the URL for a Link header.

    `link` is empty where no single URL names the context (an object or a list): it must first be given one."""

    table: TermTable
    source: Any
    link: str
