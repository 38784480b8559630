"""Terms of q as conditions on the value rows of indexed attributes. (4.9)"""

from collections.abc import Callable
from typing import Final

from base.database import Connection
from broker.language.tree import And, Literal, Node, Op, Range, Term, Values
from broker.language.visibility import Visibility
from broker.store.sqlite.conditions import NOTHING, Condition, both, either, loosened
from broker.store.sqlite.names import Names
from broker.store.sqlite.values import IN_LIST, KINDS, ODD, PRESENT, sayable

Counted = Callable[[str, str, tuple[object, ...]], Condition]

ORDERINGS: Final = frozenset((Op.GREATER, Op.GREATER_EQ, Op.LESS, Op.LESS_EQ))


class TermTranslator:
    """Turns the tree of q into a condition, as far as the values it asks for are indexed."""

    def __init__(
        self, connection: Connection, names: Names, counted: Counted, visibility: Visibility | None = None
    ) -> None:
        self._visibility = visibility
        self._connection = connection
        self._names = names
        self._counted = counted

    def node(self, node: Node) -> Condition | None:
        """Translate a tree; None: SQL can say nothing about it."""
        if isinstance(node, Term):
            return self._term(node)
        parts = [self.node(part) for part in node.parts]
        return both(parts) if isinstance(node, And) else either(parts)

    def present(self, iri: str) -> Condition | None:
        """Require that the attribute is there."""
        attr = self._complete(iri)
        return self._rows(attr, "kind = ?", PRESENT) if attr else None

    def _term(self, term: Term) -> Condition | None:
        path = term.path
        first = (path.hops[0].names if path.hops else path.names)[:1]
        attr = self._complete(first[0]) if first else None
        if not attr or term.op is Op.ABSENT:
            return None
        simple = len(path.names) == 1 and not (path.hops or path.member or path.trailing)
        found = self._simple(attr, term) if simple else None
        return found or loosened(self._rows(attr, "kind = ?", PRESENT))

    def _simple(self, attr: int, term: Term) -> Condition | None:
        operand = term.operand
        if operand is None:
            return self._rows(attr, "kind = ?", PRESENT)
        found = None
        if term.op is Op.EQUAL:
            found = self._equal(attr, operand)
        elif term.op in ORDERINGS and isinstance(operand, Literal) and sayable(operand.value):
            found = self._rows(attr, f"kind = ? AND value {term.op} ?", KINDS[operand.kind], operand.value)
        if found is None:
            return None
        odd = self._rows(attr, "kind = ?", ODD)
        return found if odd is NOTHING else either([found, loosened(odd)])

    def _equal(self, attr: int, operand: object) -> Condition | None:
        if isinstance(operand, Literal):
            return self._between(attr, operand, "value = ?", operand.value)
        if isinstance(operand, Range):
            return self._between(
                attr, operand.low, "value >= ? AND value <= ?", operand.low.value, operand.high.value
            )
        if isinstance(operand, Values):
            return either([self._equal(attr, literal) for literal in operand.literals])
        return None

    def _between(self, attr: int, literal: Literal, clause: str, *values: object) -> Condition | None:
        if not all(map(sayable, values)):
            return None
        kind = KINDS[literal.kind]
        return self._rows(attr, f"kind IN (?, ?) AND {clause}", kind, kind + IN_LIST, *values)

    def _rows(self, attr: int, clause: str, *bindings: object) -> Condition:
        found = self._counted("value", f"attr = ? AND {clause}", (attr, *bindings))
        return found if found.estimate else NOTHING

    def _complete(self, iri: str) -> int | None:
        """Give the number of an attribute that is visible wherever it is, and all of whose values are indexed."""
        if self._visibility and not self._visibility.always(iri):
            return None
        attr = self._names.find(iri)
        if attr is None:
            return None
        complete = self._connection.execute(
            "SELECT reached IS NULL FROM value_index WHERE attr = ?", (attr,)
        ).get
        return attr if complete else None
