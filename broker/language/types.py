"""The Entity Type Selection Language. (4.17)"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from base.errors import BadRequestData, TooComplexQuery

EVERY_TYPE = "*"
MOST_TERMS = 100
_SEPARATOR = re.compile(r"[();|,\s]")
_OR = re.compile(r"[|,]")
_TYPE = re.compile(r"[^\W\d_](?:\w*|[\w.-]*:[^\s\"<>\\^`{}]+)\Z")


class Names(Protocol):
    """What expands a term, a prefixed name or an IRI to an IRI: a term table. (5.5.7)"""

    def iri(self, term: str, /) -> str:
        """Give the IRI of a type or an attribute name."""


@dataclass(frozen=True, slots=True)
class TypeSelection:
    """The entity types wanted: any of the alternatives, each a conjunction of IRIs; none: every type. (4.17)"""

    alternatives: tuple[tuple[str, ...], ...] = ()

    @property
    def everything(self) -> bool:
        """Say whether entities of every type are selected ('*')."""
        return not self.alternatives

    @property
    def types(self) -> frozenset[str]:
        """Name all types that occur."""
        return frozenset(name for alternative in self.alternatives for name in alternative)


def parse(text: str, table: Names, *, most_terms: int = MOST_TERMS) -> TypeSelection:
    """Read a type selection; BadRequestData says where it is wrong. (4.17)"""
    if text.strip() == EVERY_TYPE:
        return TypeSelection()
    alternatives = split_alternatives(text, "type selection")
    if sum(map(len, alternatives)) > most_terms:
        raise TooComplexQuery(f"The type selection names more than {most_terms} types; select fewer at once.")
    return TypeSelection(tuple(tuple(_type(n, table) for n in names) for names in alternatives))


def matches(selection: TypeSelection, types: Collection[str]) -> bool:
    """Say whether an entity of these types (IRIs) is selected. (4.17)"""
    alternatives = selection.alternatives
    return not alternatives or any(all(name in types for name in names) for names in alternatives)


def split_alternatives(text: str, what: str) -> list[list[str]]:
    """Split into a disjunction (| or ,) of conjunctions (;, with or without parentheses). (4.17, 4.19)

    The grammar wants parentheses around a conjunction; without them, as many clients write it, ; binds closer.
    """
    found: list[list[str]] = []
    for start, part in _outside(text, 0, "|,", what):
        if _is_disjunction(part):
            found += split_alternatives(part[1:-1], what)
            continue
        names: list[str] = []
        for at, group in _outside(part, start, ";", what):
            grouped = group.startswith("(") and group.endswith(")")
            inner = group[1:-1].split(";") if grouped else [group]
            inner = [name.strip() for name in inner]
            if not all(inner) or any(_SEPARATOR.search(name) for name in inner):
                raise BadRequestData(
                    f"The {what} is wrong at position {at}: expected a name or (name;name), "
                    f"found '{group[:40]}'."
                )
            names += inner
        found.append(names)
    return found


def _is_disjunction(part: str) -> bool:
    """Say whether this is (A|B): parentheses the grammar does not need, but clients and the public suite write."""
    return part.startswith("(") and part.endswith(")") and part.count("(") == 1 and bool(_OR.search(part))


def _outside(text: str, offset: int, signs: str, what: str) -> list[tuple[int, str]]:
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth not in (0, 1):
            raise BadRequestData(f"The {what} is wrong at position {offset + at}: '{sign}' is one too many.")
        if sign in signs and depth == 0:
            parts.append((offset + start, text[start:at].strip()))
            start = at + 1
    if depth:
        raise BadRequestData(f"The {what} is wrong at position {offset + len(text)}: expected ')'.")
    return [*parts, (offset + start, text[start:].strip())]


def _type(name: str, table: Names) -> str:
    if not _TYPE.match(name):
        raise BadRequestData(f"'{name[:60]}' in the type selection is no entity type; give a name or a URI.")
    return table.iri(name)
