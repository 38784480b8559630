"""The Attribute Projection Language of pick and omit. (4.21)"""

import re
from typing import NoReturn

from base.errors import BadRequestData, TooComplexQuery
from broker.language.types import Names
from broker.model.projection import Projection

MOST_NAMES = 1_000
DEEPEST = 10
CORE_MEMBERS = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})

_TOKEN = re.compile(r"\s*([{},|]|[^\s{},|]+)")
_NAME = re.compile(r"(?:[^\W\d_]\w*|[^\W\d_][\w+.-]*:\S+)\Z")


def parse(text: str, table: Names) -> Projection:
    """Read names separated by , or |, with names of the linked entity in braces. (4.21)"""
    reader = _Reader(text, table)
    projection = reader.names(0)
    if reader.sign:
        reader.refuse("',' or the end")
    return projection


def depth(projection: Projection) -> int:
    """Say how many levels of linked entities a projection reaches. (5.7.2.4)"""
    return max((1 + depth(linked) for _, linked in projection.members if linked), default=0)


class _Reader:
    """One reading of one text; `sign` is the token to take next, '' at the end."""

    def __init__(self, text: str, table: Names) -> None:
        self.text, self.table = text, table
        self.at = self.start = self.count = 0
        self.sign = ""
        self.advance()

    def names(self, depth: int) -> Projection:
        if depth > DEEPEST:
            raise BadRequestData(
                f"The projection nests braces more than {DEEPEST} deep; follow fewer Relationships."
            )
        members: dict[str, Projection | None] = {}
        while True:
            name = self.name()
            linked = self.linked(depth)
            if members.setdefault(name, linked) != linked:
                raise BadRequestData(f"The projection names '{name[:60]}' twice, in two ways; name it once.")
            if self.sign not in (",", "|"):
                return Projection(tuple(members.items()))
            self.advance()

    def linked(self, depth: int) -> Projection | None:
        if self.sign != "{":
            return None
        self.advance()
        projection = self.names(depth + 1)
        if self.sign != "}":
            self.refuse("'}'")
        self.advance()
        return projection

    def name(self) -> str:
        name = self.sign
        if not _NAME.match(name):
            self.refuse("the name of a member")
        self.count += 1
        if self.count > MOST_NAMES:
            raise TooComplexQuery(f"The projection has more than {MOST_NAMES} names.")
        self.advance()
        return name if name in CORE_MEMBERS else self.table.iri(name)

    def advance(self) -> None:
        token = _TOKEN.match(self.text, self.at)
        self.sign = token[1] if token else ""
        self.start = token.start(1) if token else len(self.text)
        self.at = token.end() if token else len(self.text)

    def refuse(self, expected: str) -> NoReturn:
        found = f"'{self.sign[:20]}'" if self.sign else "the end"
        raise BadRequestData(
            f"The projection is wrong at position {self.start}: expected {expected}, found {found}."
        )
