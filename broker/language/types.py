"""The Entity Type Selection Language. (4.17)"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from base.errors import BadRequestData, TooComplexQuery

EVERY_TYPE = "*"
MOST_TERMS = 100


class Names(Protocol):
    """What expands a term, a prefixed name or an IRI to an IRI: a term table. (5.5.7)"""

    def iri(self, term: str, /) -> str:
        """Give the IRI of a type or an attribute name."""


@dataclass(frozen=True, slots=True)
class TypeSelection:
    """The entity types wanted: any of the alternatives, each a conjunction of IRIs; none at all means every type. (4.17)"""

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
    """Split at | and , outside parentheses, and at ; inside them: a disjunction of conjunctions. (4.17, 4.19)"""
    found: list[list[str]] = []
    for start, part in _parts(text, what):
        grouped = part.startswith("(") and part.endswith(")")
        names = part[1:-1].split(";") if grouped else [part]
        names = [name.strip() for name in names]
        if not all(names) or any(c in name for name in names for c in "();|, \t\n"):
            raise BadRequestData(
                f"The {what} is wrong at position {start}: expected a name or (name;name), found '{part[:40]}'."
            )
        found.append(names)
    return found


def _parts(text: str, what: str) -> list[tuple[int, str]]:
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth not in (0, 1):
            raise BadRequestData(f"The {what} is wrong at position {at}: '{sign}' does not belong here.")
        if sign in "|," and depth == 0:
            parts.append((start, text[start:at].strip()))
            start = at + 1
    if depth:
        raise BadRequestData(f"The {what} is wrong at position {len(text)}: expected ')'.")
    return [*parts, (start, text[start:].strip())]


def _type(name: str, table: Names) -> str:
    if not name[0].isalpha() or any(c in '"<>\\^`{}#=!' for c in name.split("://", 1)[0]):
        raise BadRequestData(
            f"'{name[:60]}' in the type selection is not an entity type; give a name or a URI."
        )
    return table.iri(name)
