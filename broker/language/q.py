"""The NGSI-LD Query Language: text to Query, Query against a document. (4.9)"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from broker.language import conditions, grammar, patterns
from broker.language.names import Vocabulary
from broker.language.tree import Node, Path, Term
from broker.language.types import MOST_TERMS, Names

Resolve = Callable[[str], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: its tree, and the condition made of it once. (4.9)"""

    tree: Node
    holds: conditions.Condition = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", conditions.compiled(self.tree))

    def terms(self) -> Iterator[Term]:
        """Give the terms from left to right."""
        waiting: list[Node] = [self.tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Term):
                yield node
            else:
                waiting.extend(reversed(node.parts))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Give the attribute paths of all terms."""
        return tuple(term.path for term in self.terms())

    @property
    def attributes(self) -> frozenset[str]:
        """Name the entity's own attributes (IRIs) that occur; none if there are only members. (5.7.2.4)"""
        return frozenset(first for path in self.paths if (first := _first(path)))

    @property
    def depth(self) -> int:
        """Say how many Relationships the query follows at most. (5.7.2.4)"""
        return max(len(path.hops) for path in self.paths)


def parse(
    text: str,
    table: Names,
    *,
    expand_values: frozenset[str] = frozenset(),
    json_keys: frozenset[str] = frozenset(),
    most_terms: int = MOST_TERMS,
) -> Query:
    """Read a query (percent-decoded); BadRequestData names the position and what was expected there. (4.9)"""
    names = Vocabulary(table, frozenset(map(table.iri, expand_values)), frozenset(map(table.iri, json_keys)))
    return Query(grammar.read(text, names, most_terms))


def pattern(text: str) -> str:
    """Give back a pattern of entity ids that can be used; BadRequestData says why it cannot. (5.7.2.4)"""
    return patterns.check(text, "The pattern of entity ids")


def matches(query: Query, document: dict[str, Any], resolve: Resolve) -> bool:
    """Say whether a document meets the query; `resolve` gives linked entities by id. (4.9)"""
    return query.holds(document, resolve)


def _first(path: Path) -> str:
    names = path.hops[0].names if path.hops else path.names
    return names[0] if names else ""
