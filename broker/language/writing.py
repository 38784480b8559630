"""Queries and orders written as text again, with the names of another @context; reading undoes it. (4.9, 4.23)"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from base import clock
from base.errors import BadRequestData
from broker.language import grammar, names, ordering
from broker.language.tree import And, Hop, Kind, Literal, Node, Op, Operand, Or, Path, Pattern, Range, Term
from broker.language.types import Names

_PLAIN_NAME = re.compile(r"[^\W\d_][\w-]*\Z")
_SIGN = r"(?:[^\s\"<>\\^`{}|;,()\[\].]|\.(?!\.))"
_PLAIN_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_SIGN}(?:{_SIGN}|\({_SIGN}+\))*\Z")
_PLAIN_PATTERN = re.compile(r"[^\s;|()\"]+\Z")
_ESCAPED = re.compile(r"\\.|\"", re.DOTALL)
_MOST_TERMS = 10_000  # the settings limit what comes here
_MINUTE, _HOUR = 60 * clock.SECOND, 3_600 * clock.SECOND


class Terms(Names, Protocol):
    """What expands terms and compacts IRIs: a term table. (5.5.7)"""

    def term(self, iri: str, /) -> str:
        """Give the shortest name of a type or an attribute."""


def translated(
    text: str,
    read: Names,
    write: Terms,
    *,
    expand_values: frozenset[str] = frozenset(),
    json_keys: frozenset[str] = frozenset(),
) -> str:
    """Write a query with the names of another @context; BadRequestData if one of them has no name there. (4.3.6.6)"""
    raw = frozenset(map(read.iri, expand_values)), frozenset(map(read.iri, json_keys))
    tree = grammar.read(text, names.Vocabulary(read, *raw), _MOST_TERMS)
    written = _node(tree, _named(write))
    if meant(grammar.read(written, names.Vocabulary(write, *raw), _MOST_TERMS)) != meant(tree):
        raise BadRequestData("q names an attribute that cannot be named to this context source; rename it.")
    return written


def meant(node: Node) -> Node:
    """Give what a tree means, however it was written: names in values by their IRIs only, bare quotes in patterns."""
    if isinstance(node, Term):
        operand = node.operand
        if isinstance(operand, Pattern):
            operand = Pattern(_ESCAPED.sub(_bare, operand.expression))
        return replace(node, path=replace(node.path, trailing=()), operand=operand)
    return replace(node, parts=tuple(map(meant, node.parts)))


def _bare(sign: re.Match[str]) -> str:
    return '"' if sign[0] == '\\"' else sign[0]


def translated_order(text: str, read: Names, write: Terms) -> str:
    """Write an order with the names of another @context. (4.3.6.6)"""
    name = _named(write)
    terms = []
    for term in ordering.read(text, read):
        direction = ("dist-" if term.by_distance else "") + ("desc" if term.descending else "asc")
        terms.append(_path(term.path, name) + (f";{direction}" if direction != "asc" else ""))
    return ",".join(terms)


def _named(table: Terms) -> Callable[[str], str]:
    """Make what names an IRI: by a term where it is a plain one, since dots and colons mean something here."""

    def name(iri: str) -> str:
        term = table.term(iri)
        return term if _PLAIN_NAME.match(term) else iri

    return name


def _node(node: Node, name: Callable[[str], str]) -> str:
    if isinstance(node, Term):
        return _term(node, name)
    inner = [text if isinstance(part, Term) else f"({text})" for part, text in _parts(node, name)]
    return (";" if isinstance(node, And) else "|").join(inner)


def _parts(node: And | Or, name: Callable[[str], str]) -> list[tuple[Node, str]]:
    return [(part, _node(part, name)) for part in node.parts]


def _term(term: Term, name: Callable[[str], str]) -> str:
    path = _path(term.path, name)
    if term.op is Op.ABSENT:
        return "!" + path
    if term.operand is None:
        return path
    return path + term.op.value + _operand(term.operand)


def _path(path: Path, name: Callable[[str], str]) -> str:
    text = ".".join([*map(name, path.names), *([path.member] if path.member else [])])
    if path.trailing:
        raw = path.trailing == path.expanded
        text += f"[{'.'.join(path.trailing if raw else map(name, path.expanded))}]"
    for hop in reversed(path.hops):
        text = _hop(hop, name, text)
    return text


def _hop(hop: Hop, name: Callable[[str], str], inner: str) -> str:
    types = ",".join(map(name, hop.types)) + ":" if hop.types else ""
    return f"{'.'.join(map(name, hop.names))}{{{types}{inner}}}"


def _operand(operand: Operand) -> str:
    if isinstance(operand, Pattern):
        return _pattern(operand.expression)
    if isinstance(operand, Range):
        return f"{_literal(operand.low)}..{_literal(operand.high)}"
    return ",".join(map(_literal, (operand,) if isinstance(operand, Literal) else operand.literals))


def _literal(literal: Literal) -> str:
    value = literal.value
    if literal.kind is Kind.INSTANT:
        return clock.show(int(value))
    if literal.kind is Kind.TIME:
        return _time(int(value))
    if literal.kind is Kind.DATE or (literal.kind is Kind.URI and _PLAIN_URI.match(str(value))):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _time(micros: int) -> str:
    hours, rest = divmod(micros, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds, fraction = divmod(rest, clock.SECOND)
    return f"{hours:02}:{minutes:02}:{seconds:02}" + (f".{fraction:06}" if fraction else "") + "Z"


def _pattern(expression: str) -> str:
    if _PLAIN_PATTERN.match(expression):
        return expression
    inner = _ESCAPED.sub(lambda sign: '\\"' if sign[0] == '"' else sign[0], expression)
    return f'"{inner}"'
