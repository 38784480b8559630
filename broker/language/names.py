"""Names in a query: dotted paths, IRIs among them, types before a colon, members besides attributes. (4.9, 5.5.7)"""

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from base.errors import BadRequestData
from broker.language.tree import Hop, Path
from broker.language.types import Names
from broker.model.document import NGSI_LD, VALUE_MEMBER

ENTITY_MEMBERS: Final = frozenset({"id", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})
MEMBERS: Final = frozenset(
    {
        *("observedAt", "createdAt", "modifiedAt", "deletedAt", "expiresAt"),
        *("unitCode", "datasetId", "valueType", "objectType", "type"),
        *VALUE_MEMBER.values(),
    }
)
NAMES_OF_TYPES: Final = frozenset({"valueType", "objectType"})
LONGEST = 2_000

_NAME = re.compile(r"[^\W\d_](?:[\w-]*|[\w+.-]*:[^\s:]\S*)\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+-]*://")
_NEXT_IRI = re.compile(r"\.[A-Za-z][A-Za-z0-9+-]*://")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How the names and words of one query become IRIs; expand_values and json_keys are IRIs. (4.9)"""

    table: Names
    expand_values: frozenset[str]
    json_keys: frozenset[str]

    def iri(self, word: str) -> str:
        """Expand a value, as expandValues asks for. (4.9)"""
        return self.table.iri(word)

    def to_expand(self, path: Path) -> bool:
        """Say whether values compared with this target are to be expanded; names always are. (4.9, 4.5.2.2)"""
        named = bool(path.names) and path.names[-1] in self.expand_values
        return named or path.member in NAMES_OF_TYPES

    def attributes(self, names: str, at: int) -> tuple[str, ...]:
        """Expand a dotted path of attribute names."""
        return self._attributes(_dotted(names), at)

    def members(self, names: str, at: int) -> tuple[str, ...]:
        """Split the names in square brackets."""
        found = tuple(name.strip() for name in _dotted(names))
        if not all(found) or len(names) > LONGEST:
            refuse("q", at, "names joined by dots, a language or '*'", names)
        return found

    def path(self, names: str, at: int, trailing: tuple[str, ...], hops: tuple[Hop, ...]) -> Path:
        """Make the path of a term, telling attributes from members that are none. (4.9)"""
        found, member = _dotted(names), ""
        if found in (["type"], ["@type"]):
            raise BadRequestData("q cannot select the type of entities; use the parameter 'type'.")
        if found[0] in ENTITY_MEMBERS and len(found) == 1:
            member = found.pop()
        elif _local(found[-1]) in MEMBERS and len(found) > 1:
            member = _local(found.pop())
        if member and trailing:
            refuse("q", at, f"nothing in square brackets after '{member}'", names)
        attributes = self._attributes(found, at)
        raw = bool(attributes) and attributes[-1] in self.json_keys
        expanded = trailing if raw else tuple(map(self.table.iri, trailing))
        return Path(attributes, member, trailing, expanded, hops)

    def split(self, text: str, at: int, *, typed: bool) -> tuple[tuple[str, ...], str]:
        """Split 'Type,Type:names' (only where `typed`) into expanded types and names. (4.9)"""
        if len(text) > LONGEST:
            refuse("q", at, f"names of at most {LONGEST} characters", text)
        if not typed or ":" not in text or all(map(self._known, _dotted(text))):
            return (), text
        for colon in re.finditer(":(?!//)", text):
            types, names = text[: colon.start()].split(","), text[colon.end() :]
            if all(map(self._known, (*types, *_dotted(names)))):
                return self._attributes(types, at), names
        return (), text

    def _known(self, name: str) -> bool:
        """Say whether a text is surely one name: a term, a prefixed name with a known prefix, an IRI with ://."""
        colons = name.count(":")
        if colons > 1 or "," in name or not _NAME.match(name):
            return False
        return colons == 0 or bool(_SCHEME.match(name)) or not self.table.iri(name).endswith(name)

    def _attributes(self, names: list[str], at: int) -> tuple[str, ...]:
        if not all(map(_NAME.match, names)):
            refuse(
                "q",
                at,
                "names that begin with a letter and go on with letters, digits or '_'",
                ".".join(names),
            )
        return tuple(map(self.table.iri, names))


def refuse(what: str, at: int, expected: str, found: str) -> NoReturn:
    """Refuse a text, naming the position and what was expected there."""
    found = f"'{found[:20]}'" if found else "the end"
    raise BadRequestData(f"{what} is wrong at position {at}: expected {expected}, found {found}.")


def _local(name: str) -> str:
    return name.removeprefix(NGSI_LD)


def _dotted(text: str) -> list[str]:
    """Split at dots; those inside an IRI with an authority, up to its last '/' or '#', belong to it."""
    names: list[str] = []
    rest = text
    while True:
        start = 0
        if _SCHEME.match(rest):
            limit = _NEXT_IRI.search(rest)
            end = limit.start() if limit else len(rest)
            start = max(rest.rfind("/", 0, end), rest.rfind("#", 0, end))
        dot = rest.find(".", start)
        if dot < 0:
            return [*names, rest]
        names.append(rest[:dot])
        rest = rest[dot + 1 :]
