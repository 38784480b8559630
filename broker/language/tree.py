"""The frozen tree of an NGSI-LD query: terms joined by And and Or, names already expanded. (4.9)

    temperature.observedAt>=2017-12-24T12:00:00Z
        Term(Path(names=(…/temperature,), member="observedAt"), Op.GREATER_EQ, Literal(Kind.INSTANT, …))
    sensor{Device:humidity}==40..50
        Term(Path(hops=(Hop((…/sensor,), (…/Device,)),), names=(…/humidity,)), Op.EQUAL, Range(…, …))

A store may translate what it can say exactly; a Path without hops and trailing is the simple case.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Op(StrEnum):
    """How a term compares; EXISTS and ABSENT take no operand. (4.9)"""

    EXISTS = ""
    ABSENT = "!"
    EQUAL = "=="
    UNEQUAL = "!="
    GREATER = ">"
    GREATER_EQ = ">="
    LESS = "<"
    LESS_EQ = "<="
    PATTERN = "~="
    NOT_PATTERN = "!~="


class Kind(StrEnum):
    """The data type of a literal; values of another type are never equal to it. (4.6.3, 4.9)"""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    DATE = "date"
    TIME = "time"
    URI = "uri"


@dataclass(frozen=True, slots=True)
class Literal:
    """One value of a query term. (4.9)

    `value` by kind: NUMBER int or float (finite) · TEXT and URI str · BOOLEAN bool · DATE "YYYY-MM-DD" ·
    INSTANT int (µs since 1970, UTC; also for a quoted DateTime) · TIME int (µs since midnight, UTC).
    """

    kind: Kind
    value: int | float | str | bool


@dataclass(frozen=True, slots=True)
class Range:
    """An interval, both ends included and of one kind; only with EQUAL and UNEQUAL. (4.9)"""

    low: Literal
    high: Literal


@dataclass(frozen=True, slots=True)
class Values:
    """A list of literals: any of them for EQUAL, none of them for UNEQUAL. (4.9)"""

    literals: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression in RE2's syntax, searched for anywhere in the text. (4.9)"""

    expression: str


Operand: TypeAlias = Literal | Range | Values | Pattern


@dataclass(frozen=True, slots=True)
class Hop:
    """A Relationship to follow, by the names that lead to it; linked entities have one of `types`, if any. (4.9)"""

    names: tuple[str, ...]
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """Where the target value of a term is. (4.9)

    hops      Relationships followed first; the rest applies to the entities reached
    names     IRIs: the attribute, then sub-attributes; empty when `member` belongs to the entity itself
    member    a member that is no attribute (observedAt, unitCode, datasetId, createdAt, …; id, scope of the
              entity); or ""
    trailing  names in square brackets as written: JSON members, or a language ("*": any) of a LanguageProperty
    expanded  the same as IRIs, as they stand inside a Property's value (equal to `trailing` under jsonKeys)
    """

    names: tuple[str, ...]
    member: str = ""
    trailing: tuple[str, ...] = ()
    expanded: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on an entity. (4.9)

    The operand is None for EXISTS and ABSENT, a Pattern for the pattern operators, a single Literal (never BOOLEAN
    or URI) for the ordering ones.
    """

    path: Path
    op: Op = Op.EXISTS
    operand: Operand | None = None


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; there are at least two, none of them an And. (4.9)"""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any part holds; there are at least two, none of them an Or. (4.9)"""

    parts: tuple["Node", ...]


Node: TypeAlias = And | Or | Term
