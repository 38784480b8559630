"""The grammar of the NGSI-LD Query Language, read by recursive descent. (4.9)

Read more widely than the clause where clients do so and no meaning gets lost: spaces around operators, prefixed names
and IRIs as names, unquoted words and lists of URIs after == and !=, quoted patterns, !name for absence.
"""

import json
import re
from typing import NoReturn

from base.errors import BadRequestData, TooComplexQuery
from broker.language import literals, patterns
from broker.language.names import Vocabulary, refuse
from broker.language.tree import (
    And,
    Hop,
    Kind,
    Literal,
    Node,
    Op,
    Operand,
    Or,
    Path,
    Pattern,
    Range,
    Term,
    Values,
)

LONGEST = 65_536
DEEPEST = 32
MOST_HOPS = 10
VALUES_PER_TERM = 10

_SPACE = re.compile(r"\s*")
_OPERATOR = re.compile(r"!~=|~=|==|!=|>=|<=|>|<")
_NAMES = re.compile(r'[^\s=!<>~;|(){}\[\]",]+')
_TYPED_NAMES = re.compile(r'[^\s=!<>~;|(){}\[\]"]+')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d+)?Z?", re.ASCII)
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_PLAIN = re.compile(r'(?:[^\s;|,"()\[\]{}.]|\.(?!\.))+')
_WORD = re.compile(r"[^\W\d_][\w.-]*\Z")
_URI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^\s"<>\\^`{}]+\Z')
_LOGIC = (";", "|", ")")
_COMPARABLE = "a number, a quoted string, a DateTime, a Date or a Time"
_ORDERED = (Op.GREATER, Op.GREATER_EQ, Op.LESS, Op.LESS_EQ)


def read(text: str, names: Vocabulary, most_terms: int) -> Node:
    """Read a query into its tree; BadRequestData names the position and what was expected there. (4.9)"""
    if len(text) > LONGEST:
        raise TooComplexQuery(f"q has more than {LONGEST} characters; ask for less at once.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequestData("q is not Unicode text; send it in UTF-8.") from None
    return _Reader(text, names, most_terms).query()


class _Reader:
    """One reading of one text."""

    def __init__(self, text: str, names: Vocabulary, most_terms: int) -> None:
        self.text, self.names, self.most_terms = text, names, most_terms
        self.at = self.terms = 0

    def query(self) -> Node:
        tree = self.disjunction(0)
        if self.at < len(self.text):
            self.refuse("';', '|' or the end")
        return tree

    def disjunction(self, depth: int) -> Node:
        parts = [self.conjunction(depth)]
        while self.take("|"):
            parts.append(self.conjunction(depth))
        flat = tuple(p for part in parts for p in (part.parts if isinstance(part, Or) else (part,)))
        return Or(flat) if len(flat) > 1 else flat[0]

    def conjunction(self, depth: int) -> Node:
        parts = [self.association(depth)]
        while self.take(";"):
            parts.append(self.association(depth))
        flat = tuple(p for part in parts for p in (part.parts if isinstance(part, And) else (part,)))
        return And(flat) if len(flat) > 1 else flat[0]

    def association(self, depth: int) -> Node:
        if not self.take("("):
            return self.term()
        if depth == DEEPEST:
            raise TooComplexQuery(f"q nests parentheses more than {DEEPEST} deep; write it flatter.")
        tree = self.disjunction(depth + 1)
        self.need(")")
        return tree

    def term(self) -> Term:
        self.terms += 1
        if self.terms > self.most_terms:
            raise TooComplexQuery(f"q has more than {self.most_terms} terms; ask for less at once.")
        absent = self.take("!")
        path = self.path()
        shape = _OPERATOR.match(self.text, self.at)
        if absent or not shape:
            if not self.ends():
                self.refuse("';', '|' or the end" if absent else "an operator, ';', '|' or the end")
            return Term(path, Op.ABSENT if absent else Op.EXISTS)
        self.at = shape.end()
        self.space()
        op = Op(shape[0])
        term = Term(path, op, self.operand(op, self.names.to_expand(path)))
        if not self.ends():
            self.refuse("';', '|' or the end")
        return term

    def path(self) -> Path:
        hops: list[Hop] = []
        while True:
            start = self.at
            shape = (_TYPED_NAMES if hops else _NAMES).match(self.text, start)
            if not shape:
                self.refuse("an attribute name")
            self.at = shape.end()
            types, names = self.names.split(shape[0], start, typed=bool(hops))
            if hops:
                hops[-1] = Hop(hops[-1].names, types)
            if not self.take("{"):
                break
            hops.append(Hop(self.names.attributes(names, start)))
            if len(hops) > MOST_HOPS:
                raise BadRequestData(
                    f"q follows more than {MOST_HOPS} Relationships in one term; follow fewer."
                )
        path = self.names.path(names, start, self.trailing(), tuple(hops))
        for _ in hops:
            self.need("}")
        self.space()
        return path

    def trailing(self) -> tuple[str, ...]:
        start = self.at
        if not self.take("["):
            return ()
        end = self.text.find("]", self.at)
        if end < 0:
            self.at = len(self.text)
            self.refuse("']'")
        names = self.text[self.at : end]
        self.at = end + 1
        return self.names.members(names, start + 1)

    def operand(self, op: Op, expand: bool) -> Operand:
        if op in (Op.PATTERN, Op.NOT_PATTERN):
            return Pattern(patterns.check(self.pattern(), "q"))
        if op in _ORDERED:
            return self.comparable()
        first = self.literal(expand)
        if self.take(".."):
            return self.range(first)
        found = [first]
        while self.take(","):
            found.append(self.literal(expand))
            if len(found) > VALUES_PER_TERM * self.most_terms:
                raise TooComplexQuery(
                    f"q lists more than {VALUES_PER_TERM * self.most_terms} values in one term."
                )
        return Values(tuple(found)) if len(found) > 1 else first

    def range(self, low: Literal) -> Range:
        start = self.at
        high = self.comparable()
        if low.kind is not high.kind or low.kind in (Kind.BOOLEAN, Kind.URI):
            self.at = start
            self.refuse("the end of the range, of the same data type as its beginning")
        return Range(low, high)

    def comparable(self) -> Literal:
        start = self.at
        literal = self.literal(False)
        if literal.kind in (Kind.BOOLEAN, Kind.URI) or (
            literal.kind is Kind.TEXT and self.text[start] != '"'
        ):
            self.at = start
            self.refuse(_COMPARABLE)
        return literal

    def literal(self, expand: bool) -> Literal:
        start = self.at
        literal = self.string() if self.text.startswith('"', start) else self.plain()
        self.space()
        if expand and literal.kind in (Kind.TEXT, Kind.URI):
            literal = Literal(Kind.URI, self.names.iri(str(literal.value)))
        return literal

    def string(self) -> Literal:
        start = self.at
        shape = _STRING.match(self.text, start)
        if not shape:
            self.at = len(self.text)
            self.refuse("'\"' at the end of the string")
        try:
            text = json.loads(shape[0], strict=False)
            text.encode()
        except ValueError:
            self.refuse("a string with the escapes of JSON")
        self.at = shape.end()
        return literals.quoted(text)

    def plain(self) -> Literal:
        start = self.at
        shape = _DATETIME.match(self.text, start) or _TIME.match(self.text, start)
        shape = shape if shape and self.delimited(shape.end()) else _PLAIN.match(self.text, start)
        if not shape:
            self.refuse("a value")
        text = self.balanced(shape.end()) if _URI.match(shape[0]) else shape[0]
        literal = literals.unquoted(text)
        if literal is None and _URI.match(text):
            literal = Literal(Kind.URI, text)
        elif literal is None and _WORD.match(text):
            literal = Literal(Kind.TEXT, text)
        if literal is None:
            self.refuse(f"{_COMPARABLE}, true, false or a URI")
        self.at = start + len(text)
        return literal

    def balanced(self, end: int) -> str:
        """Take a URI to its end: parentheses that it opens itself belong to it."""
        start = self.at
        while self.text.startswith("(", end):
            close = self.text.find(")", end)
            inner = _PLAIN.match(self.text, end + 1)
            if not inner or inner.end() != close:
                break
            rest = _PLAIN.match(self.text, close + 1)
            end = rest.end() if rest else close + 1
        return self.text[start:end]

    def pattern(self) -> str:
        start = self.at
        if self.text.startswith('"', start):
            shape = _STRING.match(self.text, start)
            if not shape:
                self.at = len(self.text)
                self.refuse("'\"' at the end of the pattern")
            self.at = shape.end()
            self.space()
            return re.sub(
                r"\\(.)", lambda pair: pair[1] if pair[1] == '"' else pair[0], shape[0][1:-1], flags=re.DOTALL
            )
        depth = 0
        while atom := _ATOM.match(self.text, self.at):
            if depth == 0 and atom[0] in _LOGIC:
                break
            depth += (atom[0] == "(") - (atom[0] == ")")
            self.at = atom.end()
        if self.at == start:
            self.refuse("a pattern")
        return self.text[start : self.at].strip()

    def refuse(self, expected: str) -> NoReturn:
        refuse("q", self.at, expected, self.text[self.at :])

    def delimited(self, at: int) -> bool:
        return at == len(self.text) or self.text[at] in ";|),} \t" or self.text.startswith("..", at)

    def ends(self) -> bool:
        return self.at == len(self.text) or self.text[self.at] in _LOGIC

    def take(self, sign: str) -> bool:
        self.space()
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        self.space()
        return True

    def need(self, sign: str) -> None:
        if not self.take(sign):
            self.refuse(f"'{sign}'")

    def space(self) -> None:
        shape = _SPACE.match(self.text, self.at)
        assert shape
        self.at = shape.end()
